/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedThread: a feed on a thread and a loop of its own
 *
 * The loop's timer is a precise one: a feed that waits 25 ms between two looks would be woken twice by a
 * clock that is 4 ms coarse. Whoever starts it stops it; in between the feed is its thread's, but for
 * feed_stop() and feed_pause(), which any may call (listener/feed.h).
 */

#include "listener/feed-link.h"

#include <pthread.h>

typedef struct FeedThread FeedThread;

struct event_base;

/* Zeroed before the first start. */
struct FeedThread {
        Feed *feed;
        struct event_base *base;
        pthread_t thread;
        bool started;
        _Atomic bool told_stop;
        _Atomic bool has_ended; /* and nobody has told it to stop: an error that it says in its log */
};

/* `from` NULL: from now on, or from the beginning, as the configuration says. `config`, the sink and the log
 * outlive it. Return: 0, -errno; the diag says what is wrong. */
int feed_thread_start(FeedThread *t, const FeedOps *ops, const FeedConfig *config, FeedSink *sink,
                      const Log *log, const Position *from, Diag *diag);
void feed_thread_tell_stop(FeedThread *t);
void feed_thread_stop(FeedThread *t); /* and waits; also after a start that failed */
