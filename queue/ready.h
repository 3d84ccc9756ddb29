/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ready: what can be given out, and what is given out
 *
 * The backlog stays on disk. Of each lane only the front is known here: the first row of `ready`, of
 * `delayed` and of `dated` that nobody has leased. A lease takes the front and the next look finds the one
 * behind it; a commit that puts something before the front makes it forgotten. So a backlog of a million
 * costs neither time at the start nor memory.
 *
 *      due-normal-ready    [leased][leased][front]. . . . . . . . .
 *                                          ^ `from`: all before it is leased or gone
 *
 * A lease looks and takes under one lock, and the snapshot it looks at is opened under that lock; the leader
 * ends leases under the same lock, after the commit that made an end of their rows. So a look never sees a
 * row whose lease has ended durably.
 */

#include "queue/lanes.h"
#include "queue/marks.h"
#include "queue/op.h"
#include "queue/store.h"

typedef struct Effects Effects;
typedef struct Front Front;
typedef struct Held Held;
typedef struct Ready Ready;

/* What a batch has done to the index, for the fronts. */
struct Effects {
        struct {
                bool touched;
                size_t n_added;
                uint8_t first[PLACE_KEY_SIZE]; /* of those added */
                Wall last_due;                 /* of those added */
        } at[_LANE_N][_ROW_CLASS_N];
        uint64_t n_put, n_merged, n_acked, n_retried, n_parked;
};

struct Front {
        uint8_t from[PLACE_KEY_SIZE];
        bool is_known;
        bool exists;
        Place place;
        ObjectKey object;
};

/* queue/held.h says how one leads to the other. */
typedef enum HeldState {
        HELD_OPEN,    /* a worker's */
        HELD_CLOSING, /* its end is in line: it is no longer the worker's, and not yet anybody else's */
        HELD_ASKED,   /* of a cluster: taken here, and not yet granted or refused */
        HELD_LENT,    /* of a cluster: another node's */
} HeldState;

/* A lease. */
struct Held {
        KeyNode node;
        uint8_t key[OBJECT_KEY_SIZE];
        uint64_t token;
        uint64_t generation;
        uint64_t number; /* of a cluster: of the entry that gave the lease */
        Place place;
        int slot; /* of its mark; -1: none */
        HeldState state;
        bool is_lent; /* while ASKED: another node has it, as far as the log is read */
};

struct Ready {
        Store *store;
        pthread_mutex_t lock;
        KeyMap held;                         /* lock */
        uint64_t next_token;                 /* lock */
        Front fronts[_LANE_N][_ROW_CLASS_N]; /* lock; of PARKED there is none */
        Wall last_due[_LANE_N];              /* lock: no delayed row is due later */
        Wall latest;                         /* lock: the clock, when it was last looked at */
        uint64_t doubt[_LANE_N];      /* lock: delayed rows with lower numbers are due now (setback.h) */
        const _Atomic uint64_t *next; /* the committer's: the first number that was not given */
        Lanes lanes;                  /* lock */
        List waiters;                 /* lock */
        uint64_t n_wake_all;          /* lock */
        bool closed;                  /* lock */
        uint64_t barred;              /* lock: sources, as bits, of which nothing is given out */
        bool is_single;  /* lock: of `single` alone, barred or not; while ready_lease_of() looks */
        uint16_t single; /* lock */
        Marks marks;     /* lock */
        uint64_t n_put, n_merged, n_acked, n_retried, n_parked; /* lock: since the start */
};

/* Return: 0, -errno. The marks are open. `next`: of the committer, started or not. */
int ready_start(Ready *r, Store *store, const _Atomic uint64_t *next);

/* Was the clock set back? First when the committer can count, before the first lease. */
void ready_look_at_clock(Ready *r, Wall now);
void ready_stop(Ready *r);

int ready_lease(Ready *r, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease);
int ready_lease_of(Ready *r, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease);
void ready_bar(Ready *r, uint16_t source, bool barred);
int ready_lease_object(Ready *r, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease);
int ready_wait(Ready *r, LaneSet lanes, Wall now, int64_t timeout_us);
void ready_wake_all(Ready *r, bool closing);
int ready_release(Ready *r, const Lease *lease);
bool ready_is_overtaken(Ready *r, const Lease *lease);

/* Take what the Op needs to know of its lease; `closing`: the lease is over for the worker.
 * Return: 0, QUEUE_E_GONE. */
int ready_close(Ready *r, const Lease *lease, bool closing, Op *op);
void ready_reopen(Ready *r, const Op *op); /* the Op was refused */

/* A lease that nobody has, so that an object can be dropped. Return: 0, QUEUE_E_GONE. */
int ready_hold(Ready *r, const ObjectKey *key);

bool ready_is_leased(Ready *r, const uint8_t key[OBJECT_KEY_SIZE]);

void ready_let_go(Ready *r, const ObjectKey *key); /* of ready_hold() */

/*
 * For ready_wait(), under the lock: lanes of `lanes` that have something due, and when the next delayed row
 * of `sleep_lanes` will be due (0: none).
 */
int ready_due(Ready *r, Wall now, LaneSet lanes, LaneSet sleep_lanes, LaneSet *ret_due, Wall *ret_next);

/*
 * Of a cluster, in the order of its log; queue/held.h says why. ask: a lease that was just given here, and
 * which is the caller's only when it is granted. refused: by the log, or it could not be asked. lend: another
 * node has it; whoever had it here has lost it. ended: by an ack, retry or park. lost: a session is over, or
 * the lease was given back; it may be given out again, in_doubt as
 * Lease.in_doubt.
 */
int ready_ask(Ready *r, const Lease *lease, Op *op); /* Return: as ready_close() */
void ready_granted(Ready *r, const ObjectKey *key, uint64_t number);
void ready_refused(Ready *r, const Lease *lease);
void ready_lend(Ready *r, const ObjectKey *key);
void ready_ended(Ready *r, const ObjectKey *key);
void ready_lost(Ready *r, const ObjectKey *key, bool in_doubt);

/* A batch has come to its end. */
void ready_settle(Ready *r, const Effects *fx, const List *batch, bool ok);

/* Keys of all that is leased. */
size_t ready_held(Ready *r, Arena *a, ObjectKey **ret_keys);
