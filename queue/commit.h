/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Committer: the only place that opens a write transaction
 *
 *      put  ----\                       leader: take all, begin, apply each, commit
 *      note ----->  line of Ops  ---->  then: entries of the overlay go, leases end,
 *      ack  ----/                       the waiting are woken
 *
 * A synced commit is two flushes of the disk, whoever asks for it; so all that wait share one. The first who
 * must wait (put, note) and finds nobody leading is the leader for all that stand in line. Acks do not wait:
 * when nobody leads, the committer's own thread does. While a commit runs, the next line forms.
 *
 * Checks come before the line: an ack whose rows have changed is refused in commit_submit() and never stands
 * in it, so nobody in a batch can fail its neighbours. (Nested transactions, the other way to keep them
 * apart, copy the list of dirty pages for each.) If the commit itself fails:
 *
 *      the disk is full      who waits gets QUEUE_E_FULL and is out; acks, which have been promised, go back
 *                            to the front of the line and are tried ten times a second
 *      anything else         the process ends with one line: what is on disk is the truth, and the
 *                            supervisor starts us again
 *
 * A full disk is ENOSPC, EDQUOT, EFBIG or MDB_MAP_FULL; LMDB gives EIO for a short write, so for that code
 * statvfs decides, or a trial write (a limit on the size of files, a quota).
 *
 * Locks: `lock` is held for moments only, never during a transaction.
 */

#include "queue/op.h"
#include "queue/store.h"

#include <stdatomic.h>

typedef struct Committer Committer;
typedef struct CommitHooks CommitHooks;

struct CommitHooks {
        /* A transaction begins. */
        void (*begin)(void *context, MDB_txn *txn);
        /* In the leader's transaction, in the order of the line. Return: LMDB's code; 0 with op->result set.
         */
        int (*apply)(void *context, Op *op);
        /* The batch is durable (ok) or was refused by a full disk. Before anybody is woken. */
        void (*settle)(void *context, List *batch, bool ok);
        /* The process is about to end: not the fault of any change. */
        void (*last_words)(void *context);
};

struct Committer {
        Store *store;
        const CommitHooks *hooks;
        void *context;
        uint64_t limit; /* bytes; puts with changes are refused above */

        _Atomic uint64_t next; /* number to be drawn next */
        uint64_t reserved;     /* leader only: numbers below are ours on disk */

        _Atomic uint64_t n_commits;
        _Atomic bool over_limit;
        _Atomic uint64_t count_at; /* n_commits at which the used bytes are counted again */

        pthread_mutex_t lock;
        pthread_cond_t work;  /* lock: for the thread */
        pthread_cond_t moved; /* lock: a batch is done: there may be room in the line */
        List urgent;          /* lock: of those who wait, what may go first */
        List line;            /* lock */
        size_t line_cost;     /* lock: rows that the line will write, about */
        size_t batch_cost;    /* lock: rows that a batch may write */
        int64_t line_since;   /* lock: µs, when the line began */
        size_t n_bytes;       /* lock: that the line and the batch under way hold in memory */
        size_t n_wakes;       /* lock: Ops in line or under way that may write waits or ready references */
        bool is_passive;
        bool leading;       /* lock */
        bool stop;          /* lock */
        bool full;          /* lock: the last commit was refused by the disk */
        int64_t full_until; /* lock: µs, no new try before */
        Overlay overlay;    /* lock */
        pthread_t thread;
        bool has_thread;
};

/* One write transaction before there is anybody else: tables, format, what crashed. Return: LMDB's code. */
int commit_once(Store *s, int (*fn)(void *context, MDB_txn *txn), void *context);

/* Of a cluster's copy: no line and no thread; its Ops come from the log, and the applier counts with `next`.
 */
void commit_start_passive(Committer *c, Store *store, const CommitHooks *hooks, void *context,
                          uint64_t limit);

/* What went wrong with a commit: no room, or the end of the process. */
bool commit_means_full(Committer *c, int rc);
_Noreturn void commit_die(Committer *c, const char *why);

/* The file has reached the limit: no more changes. */
bool commit_is_over_limit(Committer *c);

/* Return: 0, -errno. `reserved`: what meta says. */
int commit_start(Committer *c, Store *store, const CommitHooks *hooks, void *context, uint64_t limit,
                 uint64_t reserved);
void commit_stop(Committer *c); /* waits for the line to be durable, unless the disk is full */

/*
 * Check, enter into the overlay, stand in line; if op->waits, until it is durable.
 * An Op that does not wait is the committer's after 0, and still the caller's otherwise.
 * Return: 0 (op->result of one that waited), QUEUE_E_FULL, QUEUE_E_STALE, -errno.
 */
int commit_submit(Committer *c, Op *op);

/* Everything that stood in line when this was called is durable. Does not wait for a disk that is full. */
void commit_barrier(Committer *c);

bool commit_is_full(Committer *c);

static inline uint64_t commit_number(Committer *c)
{
        return atomic_fetch_add(&c->next, 1);
}

/* A given-away Op and everything in it. */
Op *op_free(Op *op);

/* Between commit.c and commit-line.c. The lock is held. */
void commit_lead(Committer *c, const Op *own);
int64_t commit_mono_us(void);
bool line_has_no_room(const Committer *c);
void line_leave_overlay(Committer *c, Op *op);
