/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feeder: one directory followed, from its stored position on
 *
 *      prepare --> start --> [its thread: feed --batch--> (recording) --> intake --> queue] --> stop
 *
 * The configuration says which feed; what it asks for is every attribute that a rule reads, values and links.
 * In a cluster start and stop come again and again, with the role (app/service/roles.h), and each start goes
 * on from what is stored by then. The intake is there from prepare to deinit: jobs and ticks look at it
 * whether or not the feed runs.
 *
 * A source that nobody has followed for FEEDER_UNWATCHED_US (no server answers, the feed has ended, the queue
 * takes nothing from it, it is stuck, no node of a cluster is known to have the role) is an alarm, said once
 * when it begins to count and once when it is over. A catch-up reads, so none begins in one; and none is over
 * before it watches.
 *
 * Threads: prepare, start, stop and deinit are for one at a time; resume and tell_stop for any; look for one,
 * between prepare and deinit. The feed, and
 * `settled`, are on the feed's own.
 */

#include "app/flow/feed-thread.h"
#include "app/flow/intake.h"
#include "app/flow/lookout.h"
#include "app/flow/wiring.h"
#include "listener/recording.h"

typedef struct Feeder Feeder;

/* A feed moves to the next controller within seconds, and a server that restarts is back in less. */
#define FEEDER_UNWATCHED_ALARM "feed" /* its kind */
#define FEEDER_UNWATCHED_US    ((int64_t)5 * 60 * 1000000)

struct Feeder {
        Connector *connector;
        IntakeSink intake;
        RecordingTap tap; /* with --record */
        Log log;
        LogField field;
        Arena *arena; /* of the position */
        FeedThread thread;
        Lookouts lookouts; /* beside it, with source.urgent_on: all-dcs */
        bool prepared;
        bool is_unwatched; /* an alarm says so */

        pthread_mutex_t lock; /* protects is_running, and the feed from its end while it is told to go on */
        bool is_running;
};

/* Its intake may be looked at from now on, until feeder_deinit(). `settled` is called once, on the feed's
 * thread: it watches, or has failed to for the first time. */
void feeder_prepare(Feeder *f, Wiring *w, Connector *c, void (*settled)(void *context), void *context);
void feeder_deinit(Feeder *f);

/* `record`: what the feed says is written there too; NULL: it is not.
 * Return: 0, -errno; the diag says what is wrong with the feed's configuration. feeder_stop() after either.
 */
int feeder_start(Feeder *f, Wiring *w, RecordingFile *record, Diag *diag);
void feeder_resume(Feeder *f); /* after a queue that was full; from any thread, also while it is stopped */
void feeder_look(Feeder *f, Wiring *w); /* is the source followed? Every second */
bool feeder_has_ended(const Feeder *f); /* by an error; it is stopped and started again */
void feeder_tell_stop(Feeder *f);
void feeder_stop(Feeder *f); /* and waits */
