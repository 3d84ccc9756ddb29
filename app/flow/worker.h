/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Worker: ask the limiter, lease a change, run the ten steps, hand the result to the queue
 *
 *      a source, the target there? -> limiter has a place? -> lease -> pipeline_run -> ack | retry | park
 *
 * Late binding: while it waits for the limiter or a circuit, the change stays in the queue, where it merges
 * with later ones and can be overtaken. Two kinds of workers: most take any lane, a few take urgent changes
 * only, so that a disable never waits behind slow runs.
 *
 * A worker has its own arena, and a handle of its own for each source; target, queue and circuits are shared.
 * While a directory is gone its changes are not given out, and those of the others go on (connector.h).
 */

#include "app/config/snapshot.h"
#include "app/flow/alarm.h"
#include "app/flow/brake-store.h"
#include "app/flow/connector.h"
#include "app/flow/gate.h"
#include "app/flow/holds.h"
#include "app/flow/metrics.h"
#include "app/flow/reporter.h"
#include "app/flow/run-watch.h"
#include "app/flow/staging.h"
#include "app/flow/waiters.h"
#include "queue/queue.h"
#include "report/live.h"

#include <stdatomic.h>

typedef struct Worker Worker;
typedef struct WorkerShared WorkerShared;

/* What all workers of a process share. */
struct WorkerShared {
        Snapshot *snapshot;
        Queue *queue;
        Target *target;
        Connectors *connectors;
        Circuit target_circuit;
        Staging staging;
        _Atomic(const char *) anchor_fits; /* a literal: see RunConfig; of a cluster: as last read */
        BrakeStore brakes;
        Alarms *alarms;     /* NULL: nobody is told */
        Holds *holds;       /* NULL: nobody remembers them */
        Gate *gate;         /* NULL: there is no scheduler flag to mind */
        Waiters *waiters;   /* NULL: nobody can wait */
        Reporter *reporter; /* NULL: nobody is told that there are outcomes */
        const Clock *clock;
        const Log *log;
        Live *live; /* NULL: nobody watches, or the reporter tells */
        Metrics metrics;
        _Atomic bool stopping;
        _Atomic int64_t trust_since_ms; /* wall: rows of the connector space from before are not believed */
};

struct Worker {
        WorkerShared *shared;
        LaneSet lanes;
        Mono paused;                         /* until then: a result could not be stored */
        Source *sources[CONFIG_SOURCES_MAX]; /* its own, in the order of the connectors */
        Arena *arena;                        /* of the run in hand */
        RunWatch watch;                      /* looked at by the main thread */
        FlagView flag;                       /* of the run in hand: what the scheduler flag was like */
        bool goes_on;                        /* the last run has left the rest of a long list to the next */
};

/* Return: 0, -errno (the counters of the brakes cannot be read). */
int worker_shared_init(WorkerShared *s, Snapshot *snapshot, Connectors *connectors, Queue *queue,
                       Target *target, Waiters *waiters, const Clock *clock, const Log *log);
void worker_shared_deinit(WorkerShared *s);

/* In a cluster, every second or two: what a comparison has found that another node made. */
void worker_shared_follow(WorkerShared *s);

/* `sources`: one for each connector, in their order; they are the worker's from now on. */
void worker_init(Worker *w, WorkerShared *shared, Source *const *sources, LaneSet lanes);
void worker_deinit(Worker *w); /* frees the sources */

/* Work until the queue is closed. */
void worker_run(Worker *w);

/*
 * One turn, without waiting: ask for a place, lease, work. `*ret_outcome` (may be NULL) is what became of the
 * run, until the next turn; NULL: there was none. Return: 0 (worked: ask again at once), else the
 * microseconds until it is worth asking again; a change that arrives in `*ret_lanes` ends that wait early.
 */
int64_t worker_turn(Worker *w, LaneSet *ret_lanes, const Outcome **ret_outcome);

/*
 * Work off one lease, and hand the result to the queue. For `sosync sync` without a service; worker_run does
 * the same for each of its own. The outcome lives until the worker's next run.
 */
const Outcome *worker_work(Worker *w, const Lease *lease);

/* Of a WorkerShared, as gate_mind_staging() asks: is anything exported now, or is it staging? */
bool worker_exports(void *shared);

/* Run the steps without a change in the queue: for an object that the directory does not have. */
const Outcome *worker_try(Worker *w, const Change *change);
