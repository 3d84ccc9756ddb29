/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QueueLmdb: the parts of the durable backend, and who calls whom
 *
 *      queue-lmdb.c ----> ready (leases, fronts, waiters)
 *         |   |             ^
 *         |   '--> commit --+--> apply (in the leader's transaction) --> row (the rules)
 *         |          |
 *         |          '--> overlay <-- space-lmdb.c
 *         '--------> store (LMDB)
 *
 * Locks, none of which is taken under another: Ready.lock, Committer.lock, Store.lock, Claims.lock; but Ready
 * and Committer open snapshots, and with them take Store.lock, under theirs.
 */

#include "queue/apply.h"
#include "queue/claims.h"

typedef struct QueueLmdb QueueLmdb;
typedef struct SpaceLmdb SpaceLmdb;

struct SpaceLmdb {
        Space space;
        QueueLmdb *q;
};

struct QueueLmdb {
        Queue queue;
        SpaceLmdb space;
        Store store;
        Committer committer;
        Ready ready;
        Apply apply;
        Claims claims;
        uint64_t limit;
};

extern const SpaceOps space_lmdb_ops;
extern const QueueOps queue_lmdb_ops;

static inline QueueLmdb *queue_lmdb(Queue *q)
{
        return (QueueLmdb *)q;
}

/* Tables and format of the folder. `ret_reserved`: the first number that was never given. Return: LMDB's
 * code. */
int queue_lmdb_setup(Store *s, uint64_t *ret_reserved);

/* Park what was in work at too many deaths of this process. `submit` stores an Op. Return: 0, -errno. */
int queue_lmdb_judge_suspects(QueueLmdb *q, Wall now, int (*submit)(QueueLmdb *q, Op *op));

/* What a run leaves behind, in an Op whose caller waits: nothing is copied but the outcome. */
void queue_lmdb_refer(Op *op, Arena *a, const Commit *c);

extern const CommitHooks queue_lmdb_hooks;

/* queue-lmdb-read.c */
int queue_lmdb_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n);
int queue_lmdb_has(Queue *q, const ObjectKey *key, bool *ret_has);
int queue_lmdb_list(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                    size_t *ret_n);
int queue_lmdb_outcomes(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n);
int queue_lmdb_stats(Queue *q, Wall now, QueueStats *ret_stats);
