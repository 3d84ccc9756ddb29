/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>

#include "base/str.h"
#include "listener/feed-auto.h"
#include "listener/feed-dirsync.h"
#include "listener/feed-psearch.h"
#include "listener/feed-replay.h"
#include "listener/feed-syncrepl.h"
#include "listener/feed-usn.h"
#include "listener/feed.h"
#include "listener/ldap-config.h"

/* The names are the choices in ldap-config.c, in the same order. What fits which server: feed-auto.c. */
const FeedOps *const feed_registry[] = {
        &feed_dirsync_ops, &feed_usn_ops, &feed_syncrepl_ops, &feed_psearch_ops, &feed_replay_ops, NULL,
};

static const char *const state_names[] = {
        [FEED_CONNECTING] = "connecting", [FEED_WATCHING] = "watching", [FEED_CATCHING_UP] = "catching up",
        [FEED_BROKEN] = "broken",         [FEED_STOPPED] = "stopped",
};

/**
 * feed_find() - a feed by name
 *
 * "auto" is none of the registry: it becomes one of them when it knows the server.
 *
 * Return: NULL if there is none of this name.
 */
const FeedOps *feed_find(const char *name)
{
        if (str_is(name, "auto"))
                return &feed_auto_ops;
        for (size_t i = 0; feed_registry[i]; i++)
                if (str_is(feed_registry[i]->name, name))
                        return feed_registry[i];
        return NULL;
}

int feed_new(const FeedOps *ops, Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
             const Log *log, Diag *diag)
{
        assert(ops && ret_feed && config && base && sink);
        return (ops->new)(ret_feed, config, base, sink, log, diag);
}

/**
 * feed_start() - begin; returns at once, the rest happens in the event loop
 *
 * Return: 0, -errno.
 */
int feed_start(Feed *f, const Position *from)
{
        assert(f && (!from || from->data));
        return f->ops->start(f, from);
}

void feed_pause(Feed *f, bool paused)
{
        f->ops->pause(f, paused);
}

void feed_stop(Feed *f)
{
        f->ops->stop(f);
}

Feed *feed_free(Feed *f)
{
        return f ? f->ops->free(f) : NULL;
}

const char *feed_state_name(FeedState s)
{
        return (size_t)s < N_ELEMENTS(state_names) ? state_names[s] : "?";
}
