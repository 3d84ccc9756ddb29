/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/feed-auto.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-dirsync.h"
#include "listener/feed-psearch.h"
#include "listener/feed-syncrepl.h"
#include "listener/feed-usn.h"
#include "listener/ldap-dialect.h"

static FeedAuto *of_feed(Feed *f)
{
        return (FeedAuto *)f;
}

static FeedAuto *of_link(FeedLink *l)
{
        return (FeedAuto *)((char *)l - offsetof(FeedAuto, link));
}

/* -- choosing -------------------------------------------------------------------------------------------- */

typedef struct Choice {
        bool is_ad;
        const char *control; /* NULL: any */
        const FeedOps *ops;
} Choice;

/* Preferred first. */
static const Choice choices[] = {
        { true, CONTROL_DIRSYNC, &feed_dirsync_ops },
        { true, NULL, &feed_usn_ops },
        { false, CONTROL_SYNC, &feed_syncrepl_ops },
        { false, CONTROL_PSEARCH, &feed_psearch_ops },
};

const FeedOps *feed_auto_choose(const Conn *c, Diag *diag)
{
        bool is_ad = dialect_of(c->dse.vendor)->is_ad;

        for (size_t i = 0; i < N_ELEMENTS(choices); i++)
                if (choices[i].is_ad == is_ad &&
                    (!choices[i].control || conn_supports(c, choices[i].control)))
                        return choices[i].ops;
        diag_set(diag,
                 "%s: no way to follow the changes of this server: it is no Active Directory and does not "
                 "offer content synchronization (" CONTROL_SYNC
                 "; OpenLDAP: overlay syncprov) or persistent search (" CONTROL_PSEARCH ")",
                 c->uri.text);
        return NULL;
}

static int auto_connected(FeedLink *l, Diag *diag)
{
        FeedAuto *f = of_link(l);

        f->ops = feed_auto_choose(l->conn, diag);
        if (!f->ops)
                return CONN_E_UNSUITABLE;
        event_active(f->decided, EV_TIMEOUT, 0);
        return 0;
}

static int auto_message(FeedLink *l, LDAPMessage *message, Diag *diag)
{
        return 0;
}

static int auto_tick(FeedLink *l, Mono now, Diag *diag)
{
        return 0;
}

static Mono auto_next(const FeedLink *l)
{
        return MONO_NEVER;
}

static void auto_lost(FeedLink *l)
{
}

static const FeedLinkOps link_ops = {
        .connected = auto_connected,
        .message = auto_message,
        .tick = auto_tick,
        .next = auto_next,
        .lost = auto_lost,
};

static void drop_link(FeedAuto *f)
{
        link_deinit(&f->link);
        memset(&f->link, 0, sizeof(f->link));
        f->link.wake_fd = -1;
}

static int begin_chosen(FeedAuto *f, Diag *diag)
{
        int r = 0;

        log_info(f->log, "feed chosen", LOG_STR("feed", f->ops->name),
                 LOG_STR("uri", f->link.conn->uri.text));
        pthread_mutex_lock(&f->lock);
        if (!f->stopped) {
                link_give(&f->link, &f->first);
                drop_link(f);
                r = feed_new(f->ops, &f->chosen, &f->config, f->base, f->sink, f->log, diag);
                if (r == 0)
                        r = feed_start(f->chosen, f->from.data ? &f->from : NULL);
                if (r == 0 && f->paused)
                        feed_pause(f->chosen, true);
        }
        pthread_mutex_unlock(&f->lock);
        return r;
}

static void on_decided(evutil_socket_t fd, short what, void *context)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        FeedAuto *f = context;

        /* The connection may have been lost in between: then it is decided again. */
        if (f->chosen || !f->link.conn || begin_chosen(f, &diag) == 0)
                return;
        log_error(f->log, "the feed cannot begin", LOG_STR("reason", diag_text(&diag)));
        event_base_loopbreak(f->base);
}

/* -- life ------------------------------------------------------------------------------------------------ */

static Feed *auto_free(Feed *feed)
{
        FeedAuto *f = of_feed(feed);

        feed_free(f->chosen);
        conn_free(f->first.conn);
        link_deinit(&f->link);
        if (f->decided)
                event_free(f->decided);
        pthread_mutex_destroy(&f->lock);
        arena_free(f->arena);
        free(f);
        return NULL;
}

static int auto_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                    const Log *log, Diag *diag)
{
        const FeedConfig *c = config;
        FeedAuto *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                error_oom(sizeof(*f));
        f->feed.ops = &feed_auto_ops;
        f->arena = arena_new(0);
        f->config = *c;
        f->config.first = &f->first;
        f->config.attributes = link_attributes(f->arena, c, NULL, 0, &f->config.n_attributes);
        f->base = base;
        f->sink = sink;
        f->log = log;
        pthread_mutex_init(&f->lock, NULL);
        f->decided = event_new(base, -1, 0, on_decided, f);
        if (!f->decided)
                error_oom(0);
        r = link_init(&f->link, &link_ops, c, base, sink, log);
        if (r) {
                diag_set(diag, "cannot make a feed: %s", strerror(-r));
                auto_free(&f->feed);
                return error_trace(r);
        }
        *ret_feed = &f->feed;
        return 0;
}

static int auto_start(Feed *feed, const Position *from)
{
        FeedAuto *f = of_feed(feed);

        if (from)
                f->from = (Position){ arena_memdup(f->arena, from->data, from->n), from->n };
        link_start(&f->link);
        return 0;
}

static void auto_pause(Feed *feed, bool paused)
{
        FeedAuto *f = of_feed(feed);

        pthread_mutex_lock(&f->lock);
        f->paused = paused;
        if (f->chosen)
                feed_pause(f->chosen, paused);
        pthread_mutex_unlock(&f->lock);
}

static void auto_stop(Feed *feed)
{
        FeedAuto *f = of_feed(feed);

        pthread_mutex_lock(&f->lock);
        f->stopped = true;
        if (f->chosen)
                feed_stop(f->chosen);
        else
                link_stop(&f->link);
        pthread_mutex_unlock(&f->lock);
}

const FeedOps feed_auto_ops = {
        .name = "auto",
        .fields = NULL, /* the section `source:` has all of it, ldap-config.h */
        .new = auto_new,
        .start = auto_start,
        .pause = auto_pause,
        .stop = auto_stop,
        .free = auto_free,
};
