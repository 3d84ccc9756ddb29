/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brake store: the counters of the brakes on disk, and what people do with what is held
 *
 *      alone        in memory; stored with the result of the run that has moved them
 *      a cluster    read -> change -> store, if nobody has stored his meanwhile; else again
 *
 * The counters are one memo ("brakes"). A store that has none yet (an older program's) is counted once: how
 * many objects of each type are known is what two percent are taken of.
 *
 * In a cluster the memo is what all nodes count with. It is changed by compare-and-set (Intake.checked), and
 * before the run sends anything: a limit of 25 lets 25 through, whichever nodes they are of, and what a node
 * had counted when it died stays counted. That costs a run with such an effect a round trip; one whose brake
 * is on, or which a person has released, none. How many objects are known may lag behind by
 * KNOWN_MAX of each node. Without a server nothing is counted, and so nothing of the kind leaves: the run
 * waits, as for its lease.
 *
 * A held change is parked, with the brake's code as its reason. To release is to put each of them again with
 * the brake's bit: it merges with what waits, becomes ready, and its run passes that brake uncounted. Any
 * node may release; brake_store_look() tells the others.
 *
 * Any thread.
 */

#include "engine/brakes/brakes.h"
#include "queue/queue.h"

typedef struct BrakeStore BrakeStore;
typedef struct BrakeView BrakeView;

struct BrakeStore {
        Brakes counters; /* of a cluster: as they were read last */
        Queue *queue;
        bool is_shared;
        pthread_mutex_t lock; /* held while the counters are handed to the queue: in their order */
        _Atomic int64_t n_known[_BRAKE_TYPE_N]; /* of a cluster: not stored yet */
};

/* Return: 0, -errno (the counters cannot be read). */
int brake_store_init(BrakeStore *s, Queue *q, Wall now);
/* Before the queue is closed: of a cluster, what is not said yet is said. */
void brake_store_deinit(BrakeStore *s, Wall now);

/*
 * change() is called with the counters of all, once or more often; true: it has changed them. They are stored
 * then, of a cluster. Return: 0, -errno.
 */
int brake_store_change(BrakeStore *s, Wall now, bool (*change)(Brakes *b, void *context), void *context);

/* Into the batch of a run that has moved them; of a cluster nothing is left to do. Under the lock, which is
 * held until the queue has the batch. */
void brake_store_save(BrakeStore *s, SpaceBatch *batch);

/* What was found out is stored: so many objects of the type more are known, or less. Of a cluster. */
#define KNOWN_MAX 50
void brake_store_know(BrakeStore *s, BrakeType type, int64_t n, Wall now);

/* Of a cluster, now and then: read what the others have done. Never waits. */
void brake_store_look(BrakeStore *s);

/*
 * Release what a brake holds (or drop it): the brake is off from then on, on all nodes.
 * Return: how many changes that were, or -errno.
 */
int brake_store_release(BrakeStore *s, Brake brake, bool drop, Wall now);

/* The brakes, and what they hold, as people are told of it. */
struct BrakeView {
        BrakeStatus status[_BRAKE_N];
        BrakeSet on;
        bool counted; /* false: more than BRAKE_COUNT_MAX rows wait, or they cannot be read */
        size_t n_held[_BRAKE_N];
};

/* What is parked is counted one by one, so not behind a backlog that somebody watches once a second. */
#define BRAKE_COUNT_MAX 100000

void brake_view_look(Brakes *b, const BrakeLimits *limits, Wall now,
                     BrakeView *ret_view); /* counts nothing */
void brake_view_count(Queue *q, Wall now, BrakeView *v);
/* Both; it counts only if one is on. */
void brake_store_view(Queue *q, Brakes *b, const BrakeLimits *limits, Wall now, BrakeView *ret_view);

/* How many changes each brake holds. Looks through the whole queue. Return: 0, -errno. */
int brake_store_count(Queue *q, size_t ret_held[_BRAKE_N]);
