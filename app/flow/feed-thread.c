/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/feed-thread.h"

#include "base/error.h"
#include "base/thread.h"
#include "listener/feed-lookout.h"

#include <event2/event.h>

static void *feed_thread(void *context)
{
        FeedThread *t = context;

        event_base_dispatch(t->base);
        t->has_ended = !t->told_stop;
        return NULL;
}

/* The beat is 25 ms: a clock that is 4 ms coarse would be woken up for twice or thrice. */
static struct event_base *precise_base(void)
{
        struct event_config *config = event_config_new();
        struct event_base *base = NULL;

        if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
                base = event_base_new_with_config(config);
        if (config)
                event_config_free(config);
        if (!base)
                error_oom(1);
        return base;
}

int feed_thread_start(FeedThread *t, const FeedOps *ops, const FeedConfig *config, FeedSink *sink,
                      const Log *log, const Position *from, Diag *diag)
{
        int r;

        t->told_stop = t->has_ended = false;
        t->base = precise_base();
        r = feed_new(ops, &t->feed, config, t->base, sink, log, diag);
        if (r)
                return r;
        r = feed_start(t->feed, from);
        if (r)
                return error_fold(r);
        r = thread_start(&t->thread, feed_thread, t, "%s %s", ops == &feed_lookout_ops ? "lookout" : "feed",
                         config->ldap->name);
        if (r)
                return r;
        t->started = true;
        return 0;
}

void feed_thread_tell_stop(FeedThread *t)
{
        t->told_stop = true;
        if (t->started)
                feed_stop(t->feed);
}

void feed_thread_stop(FeedThread *t)
{
        feed_thread_tell_stop(t);
        if (t->started) {
                pthread_join(t->thread, NULL);
        }
        t->feed = feed_free(t->feed);
        if (t->base)
                event_base_free(t->base);
        t->base = NULL;
        t->started = false;
}
