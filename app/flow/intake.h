/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intake: which of the feed's entries become changes, and in which lane
 *
 *      entry --> known or in scope? --> urgent? --> queue_put, with the feed's position
 *
 * A domain writes much that is nobody's business here (computers, DNS, logon times): what is out of scope and
 * was never imported is counted and dropped. What was imported once is always followed, wherever it goes: the
 * run decides what its leaving means. Containers are nobody's objects: their names are kept
 * (app/reconcile/containers.h), and one that was renamed makes what is below it due.
 *
 * A catch-up of a source that began with `initial: now` brings also what was left alone then: what is unknown
 * goes to a reconcile, which sees what has changed (app/reconcile/reconcile.h).
 *
 * In the middle of a catch-up (FeedBatch.more) the put goes on its way (storer.h) while the feed reads on;
 * any other batch waits until it is stored itself, and all before it. Counters count what is stored.
 *
 * Belongs to the feed's thread, except for the counters.
 */

#include "app/config/snapshot.h"
#include "app/flow/storer.h"
#include "listener/feed.h"
#include "queue/queue.h"

#include <stdatomic.h>

typedef struct IntakeCount IntakeCount;
typedef struct IntakeSink IntakeSink;
typedef struct IntakeWatch IntakeWatch;

/* What a batch adds to the counters. */
struct IntakeCount {
        uint64_t n_seen, n_queued, n_unread, n_urgent;
        bool containers_due, filter_due, missed_due;
};

struct IntakeSink {
        FeedSink sink; /* first: the feed calls through it */
        Queue *queue;
        Snapshot *snapshot;
        const Clock *clock;
        const Log *log;
        const char *feed; /* key of the position */
        void (*settled)(
                void *context); /* once: it watches, or has failed to for the first time. May be NULL */
        void *context;
        uint16_t source;
        const SourceConfig *source_config; /* as the process was started with */
        Storer storer;
        IntakeCount on_its_way; /* of the put that the storer has */
        bool is_over;           /* of a cluster: that put was refused, another node leads */

        pthread_mutex_t lock; /* protects what follows */
        FeedStatus status;
        Mono told;      /* when the feed said it */
        Mono unwatched; /* since when nobody has followed the source; 0: somebody does */
        Mono refused;   /* since when the queue has refused what the feed brings; 0: it does not */
        char server[256], text[512];
        bool is_settled;
        FeedState said; /* as last logged: a server that stays away is tried again and again */
        char said_why[512];

        _Atomic uint64_t n_seen, n_queued, n_out_of_scope, n_urgent;
        _Atomic uint64_t n_unread;   /* entries of which nothing has changed that anybody reads */
        _Atomic bool containers_due; /* containers_work() has something to do: cleared before it looks */
        _Atomic bool filter_due;     /* so has watched_group_work() */
        _Atomic bool missed_due;     /* a reconcile has to look at what a catch-up has left */
        _Atomic uint64_t n_due;      /* batches that have set one of the first two */
        _Atomic uint64_t term;       /* of the feed's role in a cluster */
        _Atomic bool full;           /* the queue refused a batch: unpause the feed when it has room */
};

void intake_init(IntakeSink *in, Queue *queue, Snapshot *snapshot, const Clock *clock, const Log *log,
                 const char *feed, uint16_t source, const SourceConfig *source_config);
void intake_deinit(IntakeSink *in);

/* In a cluster: another node follows the source (`known`; else no server says who does), and this one is
 * ready to; or it is this one from now on. */
void intake_stand_by(IntakeSink *in, bool known);
void intake_lead(IntakeSink *in, uint64_t term);
uint64_t intake_term(const IntakeSink *in);

/* Has the feed handed over all that was due, and goes on? */
bool intake_is_watching(IntakeSink *in);

/* A feed tells every second; one that has not for so long is stuck, whatever it said last. */
#define INTAKE_STUCK_US ((int64_t)60 * 1000000)

struct IntakeWatch {
        /* So long has nobody followed the source, as far as this node knows; 0: somebody does. A feed whose
         * batch the queue refuses follows nothing, nor does one that is stuck. */
        int64_t unwatched_us;
        const char *stands; /* why a feed that would follow or catch up does neither; NULL: it does */
};

/* A copy of the feed's last words about itself, and what they are worth (NULL: not asked). */
void intake_status(IntakeSink *in, Arena *a, FeedStatus *ret_status, IntakeWatch *ret_watch);
