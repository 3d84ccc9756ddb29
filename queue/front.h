/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Front: the first row of one due table that nobody has
 *
 * Used by ready.c under its lock. `from` is a key before which everything is leased or gone; it only moves
 * on, until front_lower() or front_reset() says that something has come, or come back, before it.
 */

#include "queue/ready.h"

typedef struct FrontLook FrontLook;

/* One look: a snapshot that is opened when first needed. */
struct FrontLook {
        Store *store;
        MDB_txn *txn;
        Wall now;
        bool (*is_free)(void *context, const uint8_t key[OBJECT_KEY_SIZE]);
        void *context;
        const uint64_t *doubt; /* by lane: delayed rows with lower numbers are due now; 0: none */
};

void front_look_end(FrontLook *look);
void front_reset(Front *front);
void fronts_rewind(Ready *r); /* what was passed by may be free again: look from the beginning */
void front_lower(Front *front, const uint8_t key[PLACE_KEY_SIZE]);
void front_pass(Front *front, const Front *passed);
int front_compare(const Front *a, const Front *b); /* by due time, then by arrival */

/* Find the front if it is not known. Return: 0, -errno. */
int front_look(FrontLook *look, Front *front, Lane lane, RowClass class);

/*
 * A delayed row whose due time is not believed: it is later than the longest delay from now, so it was
 * written under a clock set wrong; or it was written before the clock was set back (look->doubt). It is due
 * now. `last_due` is a time after which no row of the lane is due. `*ret_left`: there are rows in doubt, even
 * if none of them is free. Return: 0, -errno.
 */
int front_look_far(FrontLook *look, Lane lane, Wall last_due, bool *ret_due, bool *ret_left,
                   Front *ret_front);
int front_last_due(Store *s, MDB_txn *txn, Lane lane, Wall *ret_due);

/* The row of the front, in the same snapshot. Return: 0, QUEUE_E_NONE (there is none, or it is elsewhere),
 * -errno. A row that cannot be read gives a stand-in. */
int front_row(FrontLook *look, const Front *front, Arena *a, Row *ret_row);
int front_row_any(FrontLook *look, const Front *front, Arena *a, Row *ret_row); /* wherever it is */

/* ready-wait.c: wake up to n waiters who may take one of these lanes. The lock is held. */
void waiters_wake(Ready *r, LaneSet lanes, size_t n);
