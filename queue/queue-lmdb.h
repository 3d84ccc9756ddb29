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

/* queue-lmdb-read.c */
int queue_lmdb_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n);
int queue_lmdb_list(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                    size_t *ret_n);
int queue_lmdb_outcomes(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n);
int queue_lmdb_stats(Queue *q, Wall now, QueueStats *ret_stats);
