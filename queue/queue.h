/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Queue: changes waiting to be worked on
 *
 *        put                lease                  ack
 *       -----> [READY] ----------------> [LEASED] -----> gone
 *                ^  ^                     |  |  |
 *                |  |   process died      |  |  | park
 *                |  '---------------------'  |  v
 *                |        retry(at)          | [PARKED] -- unpark --> [READY]
 *                '--- [DELAYED] <------------'
 *
 * An ack may leave a date (Commit.due): the row stays as DATED, and is given out when the date has come. So
 * is what was parked with a date; until then it is PARKED like any other.
 *
 * One row per object (source, GUID), moved, never copied. A new change to an object that is DELAYED or PARKED
 * makes it READY (it may be the cure; the try counter stays). To one that is LEASED: it stays leased and is
 * READY again after ack; retry and park then become READY too. Changes that merge keep first seen and take
 * the higher lane. What an ack has ended is done: the change that came during the work is what remains, with
 * its own first seen and lane. References that become ready wait 2 s for company instead (CHANGE_LINK),
 * unless 20 are there.
 *
 * An object that has just been exported rests (Commit.rest_until): what arrives meanwhile is DELAYED until
 * then and merges, so that fifty changes in a second become three writes, the last one with the last state.
 * An urgent change never rests. Rest is in memory; after a crash there is none.
 *
 * A run that sends for minutes, a group of 50,000 members, asks between its requests whether something newer
 * waits behind its lease (queue_is_overtaken), and gives it up: one who is to be out does not wait for all
 * who are to be in.
 *
 * Dates. An expression that looks at the clock says when it may next give another value; one row waits for
 * that, as far ahead as it may be (an account that expires next year), and no timer runs for it: only the
 * front of the index is looked at. DATED is not work that waits: a change that arrives makes the row READY as
 * if it were the first of its object, and the ack of that run says anew whether there is a date.
 *
 * Lanes by weight: of 16 leases at least one goes to each lower lane that has something due; else the highest
 * lane first, and within a lane by due time, then by arrival.
 *
 * Promises every backend keeps (tests/contract/contract-queue.c checks them):
 *  1. put is atomic: all changes, head rows and the feed's position are stored, or nothing.
 *  2. After put returns 0, a crash loses nothing.
 *  3. An object is leased to at most one worker at a time.
 *  4. A change is given out at least once; after an ack is durable, never again.
 *  5. ack, retry, park and note store all of their Commit, or nothing; a row that another run has written
 *     since it was read refuses the whole (QUEUE_E_STALE).
 *  6. Who is to be run again because of what a run leaves behind (space_again()) has a change, in the same
 *     transaction. Parked, it is READY by that.
 *  7. A reference that waits is woken. The ack that stores a wait looks the target up in the same
 *     transaction. The ack that gives an object its cloud id (a row of SPACE_CLOUD_OF is that moment)
 *     moves its waits to ready and puts one CHANGE_LINK per source. It does not matter which comes
 *     first, nor whether one group commit holds both.
 *
 * A lease is in memory: it dies with the process, and the change is READY at the next start. What is in work
 * is marked in a small mapped file; a change found there after three crashes of the process is parked
 * ("CrashedTheService"); see queue_lmdb_crash_flag().
 *
 * All threads share one durable commit (the first who must wait is leader and takes all that stand in line).
 * put returns when its changes are on disk; note too. ack, retry and park are checked and entered into an
 * overlay of what is under way, and return: QUEUE_E_STALE is known at once, every later read through the
 * space sees what they wrote, and the object stays leased until it is on disk. Nothing that was accepted can
 * be refused later; if it cannot be stored, the process ends, and the change is given out again.
 *
 * Functions may be called from any thread.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/change.h"
#include "engine/model/outcome.h"
#include "engine/space/space.h"

typedef struct BusOptions BusOptions; /* queue/bus.h */
typedef struct Commit Commit;
typedef struct Intake Intake;
typedef struct Lease Lease;
typedef struct OutcomeRow OutcomeRow;
typedef struct Queue Queue;
typedef struct QueueItem QueueItem;
typedef struct QueueOps QueueOps;
typedef struct QueueStats QueueStats;

enum {
        QUEUE_E_BASE_ = 2100, /* ERROR_BASE_QUEUE */

        QUEUE_E_EMPTY,  /* nothing is due in these lanes */
        QUEUE_E_FULL,   /* the store has reached its limit or the disk is full: pause the feed */
        QUEUE_E_GONE,   /* the lease is not valid (any more) */
        QUEUE_E_STALE,  /* a row was written since it was read: run again */
        QUEUE_E_CLOSED, /* queue_wake_all(true) was called: the program stops */
        QUEUE_E_NONE,   /* no such object, position or row */
};

typedef enum QueueState {
        QUEUE_READY,
        QUEUE_LEASED,
        QUEUE_DELAYED,
        QUEUE_PARKED,
        QUEUE_DATED,
        _QUEUE_STATE_N,
} QueueState;

/* What the feed hands over, in one transaction. */
struct Intake {
        const Change *changes;
        size_t n_changes;
        const SpaceWrite *writes; /* rows that are known before the run */
        size_t n_writes;
        const LinkWrite *links;
        size_t n_links;
        const char *feed;     /* whose position; NULL: none is stored (sosync sync, reconcile) */
        const void *position; /* bytes, with the feed's own context and checksum */
        size_t n_position;    /* 0: the one that is stored stays; it covers nothing of this */
        uint64_t term;        /* of a cluster: of the role that has the feed's name (queue_role) */
        bool checked;         /* every write whose serial does not hold refuses the whole; without changes */
        Wall now;
};

/* What a run leaves behind. */
struct Commit {
        const SpaceBatch *batch; /* NULL: nothing */
        const Outcome *outcome;  /* NULL: no report (noise) */
        Wall now;
        Wall rest_until; /* ack: changes to the object that are not urgent wait until then; 0: no rest */
        Wall due;        /* ack, park: when a rule may give the object another value by itself; 0: never */
        Lane due_lane;   /* in which it is to be worked on then */
};

/* Zeroed by the caller; filled by lease. Texts live in the arena given to queue_lease. */
struct Lease {
        Change change;
        unsigned tries;    /* of the row, this one included */
        Wall queued;       /* when it was first put */
        Wall first_failed; /* 0: never */
        bool in_doubt; /* what a lease of it before this one has sent is not known: its process or its node
                          died, or its end could not be stored. Set by the worker before a release, to say so.
                        */
        uint64_t token;
};

struct QueueItem {
        Change change;
        QueueState state;
        unsigned tries;
        Wall queued;
        Wall due;           /* DELAYED, DATED; PARKED: its date, or 0 */
        const char *reason; /* DELAYED, PARKED */
};

struct QueueStats {
        size_t n[_LANE_N][_QUEUE_STATE_N]; /* LEASED: in the lane of the lease, whatever came since */
        Wall oldest[_LANE_N];              /* first seen of the READY that is next in its lane; 0: none */
        size_t n_waiting_edges, n_ready_edges;
        size_t n_outcomes; /* rows not yet made into reports */
        uint64_t n_put, n_merged, n_acked, n_retried, n_parked, n_commits; /* since start */
        size_t file_bytes, limit_bytes;
        bool full;
};

struct OutcomeRow {
        uint64_t sequence;
        const uint8_t *data; /* outcome_unpack */
        size_t n;
};

struct QueueOps { /* each of put, ack, retry, park, note is one transaction */
        const char *name;
        int (*put)(Queue *q, const Intake *in);
        int (*lease)(Queue *q, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease);
        int (*lease_of)(Queue *q, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease);
        int (*lease_object)(Queue *q, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease);
        void (*bar)(Queue *q, uint16_t source, bool barred);
        int (*wait)(Queue *q, LaneSet lanes, Wall now, int64_t timeout_us);
        int (*ack)(Queue *q, const Lease *lease, const Commit *c);
        int (*retry)(Queue *q, const Lease *lease, Wall not_before, const char *reason, const Commit *c);
        int (*park)(Queue *q, const Lease *lease, const char *reason, const Commit *c);
        int (*note)(Queue *q, const Lease *lease, const Commit *c);
        int (*release)(Queue *q, const Lease *lease);
        bool (*is_overtaken)(Queue *q, const Lease *lease);
        int (*unpark)(Queue *q, const ObjectKey *key, Wall now);
        int (*drop)(Queue *q, const ObjectKey *key);
        int (*position)(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n);
        int (*has)(Queue *q, const ObjectKey *key, bool *ret_has);
        int (*list)(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                    size_t *ret_n);
        int (*outcomes)(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n);
        int (*outcomes_done)(Queue *q, uint64_t up_to);
        int (*stats)(Queue *q, Wall now, QueueStats *ret_stats);
        void (*tell_time)(Queue *q, Wall now);
        void (*wake_all)(Queue *q, bool closing);
        bool (*may_send)(Queue *q);                                  /* NULL: always */
        int (*role)(Queue *q, const char *name, uint64_t *ret_term); /* NULL: every one is ours */
        void (*role_drop)(Queue *q, const char *name);
        int (*outlast)(Queue *q, int64_t timeout_us); /* NULL: there are no others */
        Space *(*space)(Queue *q);
        Queue *(*free)(Queue *q);
};

/* Backends embed this first. */
struct Queue {
        const QueueOps *ops;
};

/* A retry further ahead than this is taken as due now, and so is each that was given before the clock was set
 * back (queue/setback.h): a clock set wrong costs one early retry. Dates (DATED) come from the directory and
 * the rules, and may be as far ahead as they like. */
#define QUEUE_DELAY_MAX_MS ((int64_t)6 * 3600 * 1000)

/*
 * A write whose serial no longer holds is left out and the rest is stored: the run that wrote the row has
 * read the object and knows more than the feed. Without changes it is stored even above the limit (memos).
 * `checked` makes it a compare-and-set instead, for rows that several nodes write (the flag, the brakes).
 * Return: 0, QUEUE_E_FULL, QUEUE_E_STALE (checked: another was first, nothing is stored), QUEUE_E_GONE (of a
 * cluster: another node leads this feed by now; the changes are stored, the position is not), -errno.
 */
int queue_put(Queue *q, const Intake *in);

/* What a batch writes, and nothing else: memos. */
int queue_put_batch(Queue *q, const SpaceBatch *batch, Wall now);

/* A full store is -ENOSPC for whoever knows it only as an errno; other conditions are folded. */
int queue_errno(int r);

/* What people read of it: why the state does not take, or give, what was asked for. */
#define QUEUE_FULL_TEXT "the queue is full: state.limit is reached, or less than 64 MiB are free on its disk"
const char *queue_why(int r); /* of QUEUE_E_FULL and what queue_errno() returns; until the next strerror() */

/* Return: 0, QUEUE_E_EMPTY, -errno. */
int queue_lease(Queue *q, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease);

/*
 * The changes of a source that cannot be worked on now (its directory is gone) are not given out, and nobody
 * is woken for them; those of the others go on. In memory: nothing is barred at the start. Sources are
 * numbered below QUEUE_SOURCES_MAX. queue_lease_of() is the exception, to find out whether it works again:
 * the next change of this source alone, barred or not. Return: as queue_lease.
 */
#define QUEUE_SOURCES_MAX 64
void queue_bar(Queue *q, uint16_t source, bool barred);
int queue_lease_of(Queue *q, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease);

/* The row of this object if it is READY or DELAYED, whatever its lane. Return: 0, QUEUE_E_EMPTY, -errno. */
int queue_lease_object(Queue *q, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease);

/* Sleep until something may be due in these lanes, or woken, or timed out (negative: never). No lanes: only
 * to be woken; that is how a worker waits that may not lease now. Return: 0 (look again), QUEUE_E_CLOSED. */
int queue_wait(Queue *q, LaneSet lanes, Wall now, int64_t timeout_us);

/* Return: 0, QUEUE_E_GONE, QUEUE_E_STALE (the lease is kept), QUEUE_E_FULL, -errno. */
int queue_ack(Queue *q, const Lease *lease, const Commit *c);
int queue_retry(Queue *q, const Lease *lease, Wall not_before, const char *reason, const Commit *c);
int queue_park(Queue *q, const Lease *lease, const char *reason, const Commit *c);
int queue_note(Queue *q, const Lease *lease, const Commit *c); /* intents: durable now, lease kept */

/*
 * False: somebody else may have by now what this process has leased, so nothing may be sent for it. In one
 * process alone it never is; in a cluster, when the session could not be renewed in time. Asked before each
 * request, from any thread.
 */
bool queue_may_send(Queue *q);

/*
 * What one node of a cluster does for all: following a source ("feed-corp"), the clock of the jobs ("cycle").
 * In one process alone every role is ours. Taken, and kept, by asking at least every second and a half: who
 * stops asking loses it within six seconds. The term goes into Intake.term: a position with another term than
 * the role's (its name is the feed's) is refused.
 * Return: 0 (ours), QUEUE_E_GONE (another node has it), QUEUE_E_EMPTY (no server: nobody knows), -errno.
 */
int queue_role(Queue *q, const char *name, uint64_t *ret_term);
void queue_role_drop(Queue *q, const char *name); /* another may have it at once */

/*
 * Wait until everything that other nodes of a cluster have leased by now has ended: by ack, retry, park or
 * release, or with the node. What they lease from now on is not waited for. Whoever leases later has all that
 * was put before this call in its own copy: so a decision that was put, and is read by each run after its
 * lease, holds everywhere when this returns. In one process alone there is nobody to wait for.
 * Return: 0, QUEUE_E_EMPTY (timed out: some are still under way), QUEUE_E_CLOSED, -errno.
 */
int queue_outlast(Queue *q, int64_t timeout_us);

/* Give the lease back untouched: READY again, the try is not counted. Nothing is written. */
int queue_release(Queue *q, const Lease *lease);

/*
 * True: a change of the object waits behind the lease, and it is worth stopping for: it is urgent or in the
 * normal lane, and more than references that have become ready. Only what is durable counts, so a retry of
 * this lease makes the object READY. False also if nobody can tell, or the lease is not valid any more. Costs
 * a read of one row; from any thread.
 */
bool queue_is_overtaken(Queue *q, const Lease *lease);

/* For people. Return: 0, QUEUE_E_NONE, -errno. unpark makes DELAYED and DATED READY too, and the tries start
 * anew. drop refuses a leased one with QUEUE_E_GONE. */
int queue_unpark(Queue *q, const ObjectKey *key, Wall now);
int queue_drop(Queue *q, const ObjectKey *key);

/* The feed's position as put stored it. Return: 0, QUEUE_E_NONE, -errno. */
int queue_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n);

/* One page of rows after `after` (NULL: from the first), by key. The reader is closed before it returns. */
int queue_list(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items, size_t *ret_n);

/* Is there a row of this object, in whatever state? Return: 0, -errno. */
int queue_has(Queue *q, const ObjectKey *key, bool *ret_has);

/* Outcome rows for the reporter, in order; done removes those up to and with a sequence number. */
int queue_outcomes(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n);
int queue_outcomes_done(Queue *q, uint64_t up_to);

int queue_stats(Queue *q, Wall now, QueueStats *ret_stats);

/* Wake everybody who waits; closing: queue_wait answers QUEUE_E_CLOSED from now on. */
void queue_wake_all(Queue *q, bool closing);

/*
 * What the clock says, by one thread, once a second: when it was set back, delays that were given before are
 * due now (queue/setback.h). Who leases does not tell: a worker that was held up, or that waited for a
 * server, has a `now` that is older than another's.
 */
void queue_tell_time(Queue *q, Wall now);

Space *queue_space(Queue *q); /* lives as long as the queue */
Queue *queue_free(Queue *q);  /* waits for the commit that runs; leases die */

const char *queue_state_name(QueueState s);

DEFINE_CLEANUP(Queue, queue_free)

/* Backends. */
typedef struct QueueLmdbOptions {
        const char *path; /* folder; made with 0700 if it is not there */
        int64_t limit;    /* bytes of file above which put answers QUEUE_E_FULL; 0: 32 GiB */
        int64_t map;      /* for tests only: bytes of address space; 0: 64 GiB */
        Wall now;
} QueueLmdbOptions;

/*
 * Open the durable store. The folder belongs to one process (flock on `lock`, held for life).
 * Return: 0, QUEUE_E_GONE (another process has it; the diag names its pid), QUEUE_E_STALE (written by a newer
 * program), -errno; the diag says what and where.
 */
int queue_lmdb_new(Queue **ret_queue, const QueueLmdbOptions *options, Diag *diag);

/*
 * A byte that a handler of fatal signals sets to 1 (a plain store, safe there). Only a process that died of
 * itself counts against what was in work; kill -9, a power cut and the system's memory killer blame nobody.
 * Lives as long as the queue.
 */
_Atomic unsigned char *queue_lmdb_crash_flag(Queue *q);

typedef struct QueueJetstreamOptions {
        const char *path; /* folder of this node's copy; made with 0700 if it is not there */
        int64_t limit;    /* as of lmdb */
        int64_t map;
        Wall now;
        const char *log;  /* name of the cluster's log in JetStream; letters, digits, "-" and "_" */
        const char *node; /* name of this node: one process at a time has it */
        const BusOptions *bus;
        int64_t lease_us; /* how long a node that says nothing keeps what it has leased; 0: 15 s, at least 6 s
                           */
        int64_t late_us;  /* how long a request that this node has sent may take at most */
        int64_t snapshot_bytes; /* a snapshot is made when the log has grown by so much; 0: 64 MiB */

        /* Shows bytes of a snapshot that is fetched; true ends it. May be NULL. */
        bool (*progress)(void *context, uint64_t done, uint64_t total);
        void *context;
} QueueJetstreamOptions;

/*
 * Open this node's part of a cluster (queue/queue-jetstream.h says what each promise rests on), and read the
 * log to its end. The folder belongs to one process, as that of lmdb.
 * Return: 0, QUEUE_E_GONE (another process has the folder), QUEUE_E_STALE (written by a newer program, or the
 * log is not the one that it was), QUEUE_E_EMPTY (no server answers, or lets us in), QUEUE_E_CLOSED (progress
 * said so),
 * -errno; the diag says what and where.
 */
int queue_jetstream_new(Queue **ret_queue, const QueueJetstreamOptions *options, Diag *diag);

/* In memory, for tests; the same contract but for durability. */
int queue_mem_new(Queue **ret_queue);

/* A decorator that logs every call and its result at debug level, and owns `next`. */
int queue_trace_new(Queue **ret_queue, Queue *next, void (*line)(void *context, const char *text),
                    void *context);
