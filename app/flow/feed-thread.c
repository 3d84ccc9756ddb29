/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/feed-thread.h"

#include "base/error.h"

#include <event2/event.h>

static void *feed_thread(void *context)
{
        FeedThread *t = context;

        event_base_dispatch(t->base);
        return NULL;
}

int feed_thread_start(FeedThread *t, const FeedOps *ops, const FeedConfig *config, FeedSink *sink,
                      const Log *log, const Position *from, Diag *diag)
{
        int r;

        t->base = event_base_new();
        if (!t->base)
                error_oom(1);
        r = feed_new(ops, &t->feed, config, t->base, sink, log, diag);
        if (r)
                return r;
        r = feed_start(t->feed, from);
        if (r)
                return error_fold(r);
        r = pthread_create(&t->thread, NULL, feed_thread, t);
        if (r)
                return error_origin(-r);
        t->started = true;
        return 0;
}

void feed_thread_tell_stop(FeedThread *t)
{
        if (t->started)
                feed_stop(t->feed);
}

void feed_thread_stop(FeedThread *t)
{
        if (t->started) {
                feed_stop(t->feed);
                pthread_join(t->thread, NULL);
        }
        t->feed = feed_free(t->feed);
        if (t->base)
                event_base_free(t->base);
        t->base = NULL;
        t->started = false;
}
