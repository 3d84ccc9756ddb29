/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mem: queue and spaces in memory, the simplest thing that keeps the contract
 *
 * For tests of everything above the queue, and as the model that the durable backend is compared with
 * (tests/contract/contract-queue-property.c). One lock; every call is done when it returns; looks go through
 * all rows. Nothing here is clever, so that a difference between the two speaks against the other one.
 */

#include "queue/claims.h"
#include "queue/lanes.h"
#include "queue/queue.h"
#include "queue/rests.h"
#include "queue/row.h"

typedef struct Cell Cell;
typedef struct MemLinks MemLinks;
typedef struct MemOutcome MemOutcome;
typedef struct MemRow MemRow;
typedef struct QueueMem QueueMem;
typedef struct SpaceMem SpaceMem;

/* A row of a space, or a feed's position. */
struct Cell {
        KeyNode node;
        uint8_t *key;
        size_t n_key;
        uint64_t serial;
        uint8_t *data;
        size_t n;
};

struct MemLinks {
        KeyNode node;
        uint8_t key[1 + SPACE_KEY_MAX]; /* table, key */
        size_t n_key;
        ObjectId *ids; /* sorted */
        size_t n, size;
};

struct MemRow {
        KeyNode node;
        uint8_t key[OBJECT_KEY_SIZE];
        Arena *arena; /* texts of the row */
        Row row;
        uint64_t token; /* 0: not leased */
        uint64_t generation;
        bool in_doubt; /* Lease.in_doubt */
};

struct MemOutcome {
        uint64_t sequence;
        uint8_t *data;
        size_t n;
};

struct SpaceMem {
        Space space;
        QueueMem *q;
};

struct QueueMem {
        Queue queue;
        SpaceMem space;
        Claims claims;
        pthread_mutex_t lock;
        pthread_cond_t changed; /* lock */
        /* All below: lock. */
        uint64_t next;
        KeyMap rows;
        KeyMap cells; /* table, key */
        KeyMap positions;
        KeyMap links;
        size_t n_links[LINK_READY + 1];
        KeyMap counts; /* table, object: its links of waits and of ready references, in `serial` */
        MemOutcome *outcomes;
        size_t n_outcomes, size_outcomes;
        Rests rests;
        Lanes lanes;
        bool closed;
        uint64_t barred; /* sources, as bits */
        Wall latest;     /* the clock, when it was last looked at */
        uint64_t doubt;  /* delayed rows with lower numbers are due now (setback.h) */
        uint64_t n_wake_all;
        QueueStats stats; /* counters only */
};

extern const SpaceOps space_mem_ops;

/* mem-cells.c: cells and links. */
Cell *cell_find(const KeyMap *m, const void *key, size_t n_key);
void cell_set(KeyMap *m, const void *key, size_t n_key, const void *data, size_t n, uint64_t serial);
void cell_remove(KeyMap *m, Cell *cell);
void cells_deinit(KeyMap *m);
size_t cell_key(SpaceTable table, const void *key, size_t n_key, uint8_t buf[1 + SPACE_KEY_MAX]);

MemLinks *links_find(const QueueMem *q, LinkTable table, const void *key, size_t n_key);
void links_write(QueueMem *q, LinkTable table, LinkVerb verb, const void *key, size_t n_key,
                 const ObjectId *id);
size_t links_position(const MemLinks *l, const ObjectId *id, bool *ret_found); /* first id not below */
size_t links_of_object(const QueueMem *q, LinkTable table, const uint8_t key[OBJECT_KEY_SIZE]);
void links_deinit(QueueMem *q);

/* mem-apply.c: what the calls do. The lock is held. */
bool mem_writes_hold(const QueueMem *q, const SpaceWrite *writes, size_t n);
void mem_apply(QueueMem *q, const SpaceBatch *b, bool skip_stale, uint8_t lane, Wall now,
               const Outcome *outcome, MemRow *ended, const Row *left);
void mem_arrive(QueueMem *q, const Change *c, Wall now);
size_t mem_count_ready(const QueueMem *q, const uint8_t key[OBJECT_KEY_SIZE]);
MemRow *mem_row(const QueueMem *q, const ObjectKey *key);
void mem_row_set(MemRow *m, const Row *row);
void mem_row_free(QueueMem *q, MemRow *m);

/* mem-read.c */
int mem_position(Queue *queue, const char *feed, Arena *a, const void **ret_data, size_t *ret_n);
int mem_has(Queue *queue, const ObjectKey *key, bool *ret_has);
int mem_list(Queue *queue, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
             size_t *ret_n);
int mem_outcomes(Queue *queue, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n);
int mem_stats(Queue *queue, Wall now, QueueStats *ret_stats);
