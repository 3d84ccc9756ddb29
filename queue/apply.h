/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Apply: what an Op does in the leader's transaction
 *
 *      apply_begin(txn) --> apply_op() for each Op of the batch --> commit --> ready_settle(fx)
 *
 * An Op is one call of a queue (op.h): rows of the spaces, links, references that wait, the change or the end
 * of a lease, the outcome. In a cluster each is an entry of the log (log-apply.h), and comes out the same on
 * every node.
 *
 * Nothing here can refuse an Op but for what the Op asks of people's commands (no such object): checks were
 * made before. What these functions return is LMDB's code, and any but 0 ends the whole batch; what is said
 * to the caller of the queue is in `op->result`. What the batch means to leases and to those who wait is
 * collected in `fx`, and told once the batch is durable: never before.
 *
 * Threads: one at a time, who leads the commit; in a cluster the applier.
 */

#include "queue/commit.h"
#include "queue/ready.h"
#include "queue/rests.h"

typedef struct Apply Apply;

/* One per queue; belongs to whoever leads. */
struct Apply {
        Store *store;
        Committer *committer;
        Ready *ready;
        MDB_txn *txn;
        Arena *arena;     /* for one Op */
        Arena *row_arena; /* for one row */
        Arena *batch_arena;
        KeyMap ended; /* objects whose lease an Op of this batch has ended: ready.c does not know of it yet */
        Rests rests;
        PackWriter writer;
        Effects fx; /* of the batch */
};

void apply_init(Apply *ap, Store *s, Committer *c, Ready *r);
void apply_deinit(Apply *ap);

void apply_begin(Apply *ap, MDB_txn *txn); /* a batch; also when its transaction is tried again */
int apply_op(Apply *ap, Op *op);

/* apply-row.c: one object's row. */
int apply_change(Apply *ap, const Change *c, Wall now);
int apply_lease_end(Apply *ap, const Op *op);
int apply_unpark(Apply *ap, Op *op);
int apply_drop(Apply *ap, Op *op);
int apply_crashed(Apply *ap, const Op *op);

/* apply-edges.c: references that wait, and objects that have appeared. */
int apply_edges(Apply *ap, const Op *op);
int apply_count_ready(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], size_t enough, size_t *ret_n);

/* Has the row still the serial at which it was read? */
int apply_holds(Apply *ap, const SpaceWrite *w, bool *ret_holds);

int apply_put(Apply *ap, MDB_dbi dbi, const void *key, size_t n_key, const void *data, size_t n);
