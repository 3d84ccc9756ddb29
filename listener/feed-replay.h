/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedReplay: a recording instead of a directory
 *
 *      source.replay: FILE --> batches of this source, in order --> sink --> (end) watching, and silent
 *
 * For tests, and to see once more what led to a report. What was seen comes again: which object, in which
 * order, with what was brought, urgent or not. Objects are read from the directory of the configuration, as
 * they are now: a recording says that they changed, and has no copy of them.
 *
 * The position is the place in the file, bound to the file's path: a restart goes on from there.
 */

#include "listener/feed-link.h"
#include "listener/position.h"

#include <stdio.h>

typedef struct FeedReplay FeedReplay;

struct FeedReplay {
        Feed feed;
        const LdapConfig *ldap;
        const Clock *clock;
        Arena *arena; /* process */
        PositionContext context;
        FeedSink *sink;
        const Log *log;
        struct event_base *base;
        struct event *turn;
        int wake_fd;
        struct event *wake;
        atomic_bool stop, paused;

        /* The feed's thread's. */
        FILE *file;
        Arena *batch;
        long at; /* behind the last batch that was stored */
        uint64_t n_entries, n_batches;
        FeedState state;
};

extern const FeedOps feed_replay_ops;
