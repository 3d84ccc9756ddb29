/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/ready.h"

#include "base/error.h"
#include "queue/front.h"
#include "queue/held.h"
#include "queue/setback.h"

#include <string.h>

/* What is given out: parked rows wait for a person, or for their date. */
static const RowClass given[] = { ROW_READY, ROW_DELAYED, ROW_DATED, ROW_PARKED_DATED };

/* Whether the front may stop at this object. The lock is held. */
static bool is_free(void *context, const uint8_t key[OBJECT_KEY_SIZE])
{
        Ready *r = context;
        uint16_t source = (uint16_t)(key[0] << 8 | key[1]);
        ObjectKey object;

        if (r->is_single ? source != r->single
                         : source < QUEUE_SOURCES_MAX && r->barred & UINT64_C(1) << source)
                return false;
        if (keymap_find(&r->held, key, OBJECT_KEY_SIZE))
                return false;
        return r->marks.n_alone == 0 || !object_key_unpack(key, OBJECT_KEY_SIZE, &object) ||
               !marks_must_wait(&r->marks, &object);
}

static FrontLook look_begin(Ready *r, Wall now)
{
        return (FrontLook){
                .store = r->store, .now = now, .is_free = is_free, .context = r, .doubt = r->doubt
        };
}

int ready_start(Ready *r, Store *store, const _Atomic uint64_t *next)
{
        MDB_txn *txn = NULL;
        int err;

        r->store = store;
        r->next = next;
        r->latest = marks_clock(&r->marks);
        pthread_mutex_init(&r->lock, NULL);
        keymap_init(&r->held);
        list_init(&r->waiters);
        fronts_rewind(r);
        err = store_read(store, &txn);
        if (err)
                return error_trace(err);
        for (unsigned lane = 0; err == 0 && lane < _LANE_N; lane++)
                err = front_last_due(store, txn, (Lane)lane, &r->last_due[lane]);
        store_read_end(store, txn);
        return error_trace(err);
}

void ready_stop(Ready *r)
{
        if (!r->store)
                return;
        for (KeyNode *i = keymap_next(&r->held, NULL); i; i = keymap_next(&r->held, NULL)) {
                keymap_remove(&r->held, i);
                free(keymap_entry(i, Held, node));
        }
        keymap_deinit(&r->held);
        pthread_mutex_destroy(&r->lock);
        r->store = NULL;
}

void ready_look_at_clock(Ready *r, Wall now)
{
        bool is_back;

        pthread_mutex_lock(&r->lock);
        is_back = setback_look(&r->latest, now);
        for (unsigned lane = 0; is_back && lane < _LANE_N; lane++)
                r->doubt[lane] = *r->next;
        marks_set_clock(&r->marks, now);
        pthread_mutex_unlock(&r->lock);
        if (is_back)
                ready_wake_all(r, false);
}

/* What of a lane is due next. Return: 0 (false: nothing), -errno. The lock is held. */
static int lane_next(Ready *r, FrontLook *look, Lane lane, bool *ret_due, Front *ret_front)
{
        const Front *first = NULL;
        bool left = false;
        int err;

        for (size_t i = 0; i < N_ELEMENTS(given); i++) {
                Front *front = &r->fronts[lane][given[i]];

                err = front_look(look, front, lane, given[i]);
                if (err)
                        return error_trace(err);
                if (!front->exists || (given[i] != ROW_READY && front->place.due.ms > look->now.ms))
                        continue;
                if (!first || front_compare(front, first) < 0)
                        first = front;
        }
        *ret_due = true;
        if (first) {
                *ret_front = *first;
                return 0;
        }
        err = front_look_far(look, lane, r->last_due[lane], ret_due, &left, ret_front);
        if (err == 0 && !*ret_due && !left)
                r->doubt[lane] = 0;
        return error_trace(err);
}

/* Lanes of a set that have something due. Return: 0, -errno. The lock is held. */
static int lanes_due(Ready *r, FrontLook *look, LaneSet lanes, LaneSet *ret_due)
{
        LaneSet set = 0;

        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                bool due = false;
                Front front;
                int err;

                if (!(lanes & LANE_SET(lane)))
                        continue;
                err = lane_next(r, look, (Lane)lane, &due, &front);
                if (err)
                        return error_trace(err);
                if (due)
                        set |= LANE_SET(lane);
        }
        *ret_due = set;
        return 0;
}

static void give(Ready *r, const ObjectKey *key, const Row *row, Lease *ret_lease)
{
        Held *h = held_new(r, key, HELD_OPEN);

        h->generation = row->generation;
        h->place = row->place;
        h->slot = marks_set(&r->marks, key);
        *ret_lease = (Lease){
                .change = row_change(row),
                .tries = row->tries + 1,
                .queued = row->queued,
                .first_failed = row->first_failed,
                .in_doubt = marks_is_in_doubt(&r->marks, key),
                .token = h->token,
        };
        /* The key is what the row was found by; a damaged row may say something else. */
        ret_lease->change.id = key->id;
        ret_lease->change.source = key->source;
}

/* Take the front of a lane. Return: 0, QUEUE_E_EMPTY (look again), -errno. The lock is held. */
static int take(Ready *r, FrontLook *look, Lane lane, Arena *a, Lease *ret_lease)
{
        bool due = false;
        Front front;
        Row row;
        int err;

        /* The front may come from an older snapshot than the row: both are read from this one. */
        for (size_t i = 0; i < N_ELEMENTS(given); i++)
                r->fronts[lane][given[i]].is_known = false;
        err = lane_next(r, look, lane, &due, &front);
        if (err)
                return error_trace(err);
        if (!due)
                return QUEUE_E_EMPTY;
        err = front_row(look, &front, a, &row);
        if (err == QUEUE_E_NONE) {
                /* An entry without its row: passed by. */
                front_pass(&r->fronts[lane][front.place.class], &front);
                if (front.place.class == ROW_DELAYED && front.place.due.ms > look->now.ms) {
                        r->last_due[lane] = look->now;
                        r->doubt[lane] = 0;
                }
                return QUEUE_E_EMPTY;
        }
        if (err)
                return error_trace(err);
        give(r, &front.object, &row, ret_lease);
        r->fronts[lane][front.place.class].is_known = false;
        return 0;
}

/* Return: 0, QUEUE_E_EMPTY, -errno. The lock is held. */
static int lease_next(Ready *r, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        FrontLook look = look_begin(r, now);
        LaneSet due = 0;
        int err;

        do {
                Lane lane;

                err = lanes_due(r, &look, lanes, &due);
                if (err == 0 && !due) {
                        err = QUEUE_E_EMPTY;
                        break;
                }
                if (err)
                        break;
                lane = lanes_pick(&r->lanes, due);
                err = take(r, &look, lane, a, ret_lease);
                if (err == 0)
                        lanes_given(&r->lanes, due, lane);
        } while (err == QUEUE_E_EMPTY);
        front_look_end(&look);
        return err < 0 ? error_trace(err) : err;
}

/**
 * ready_lease() - the next change, by weight of the lanes
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int ready_lease(Ready *r, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        int err;

        pthread_mutex_lock(&r->lock);
        err = lease_next(r, now, lanes, a, ret_lease);
        pthread_mutex_unlock(&r->lock);
        return err;
}

/**
 * ready_lease_of() - the next change of one source, barred or not
 *
 * The fronts are those of all sources: they are looked for anew before and after. It is asked once for each
 * probe of a source that is gone.
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int ready_lease_of(Ready *r, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        int err;

        pthread_mutex_lock(&r->lock);
        r->is_single = true;
        r->single = source;
        fronts_rewind(r);
        err = lease_next(r, now, lanes, a, ret_lease);
        r->is_single = false;
        fronts_rewind(r);
        pthread_mutex_unlock(&r->lock);
        return err;
}

/* What was passed by while it was barred is found again from the beginning. */
void ready_bar(Ready *r, uint16_t source, bool barred)
{
        uint64_t bit = UINT64_C(1) << source;

        pthread_mutex_lock(&r->lock);
        r->barred = barred ? r->barred | bit : r->barred & ~bit;
        fronts_rewind(r);
        pthread_mutex_unlock(&r->lock);
        if (!barred)
                ready_wake_all(r, false);
}

/**
 * ready_lease_object() - the row of one object, if it is READY or DELAYED
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int ready_lease_object(Ready *r, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        FrontLook look = { .store = r->store, .now = now };
        Front front = { .object = *key };
        uint8_t packed[OBJECT_KEY_SIZE];
        Row row;
        int err;

        object_key_pack(key, packed);
        pthread_mutex_lock(&r->lock);
        err = held_find(r, packed) ? QUEUE_E_EMPTY : front_row_any(&look, &front, a, &row);
        if (err == QUEUE_E_NONE || (err == 0 && (row_is_parked(&row) || row.place.class == ROW_DATED)))
                err = QUEUE_E_EMPTY;
        if (err == 0) {
                give(r, key, &row, ret_lease);
                r->fronts[row.place.lane][row.place.class].is_known = false;
        }
        front_look_end(&look);
        pthread_mutex_unlock(&r->lock);
        return err < 0 ? error_trace(err) : err;
}

int ready_due(Ready *r, Wall now, LaneSet lanes, LaneSet sleep_lanes, LaneSet *ret_due, Wall *ret_next)
{
        FrontLook look = look_begin(r, now);
        Wall next = { 0 };
        int err;

        err = lanes_due(r, &look, lanes, ret_due);
        front_look_end(&look);
        if (err)
                return error_trace(err);
        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                for (size_t i = 0; i < N_ELEMENTS(given); i++) {
                        const Front *front = &r->fronts[lane][given[i]];

                        if (given[i] != ROW_READY && sleep_lanes & LANE_SET(lane) && front->is_known &&
                            front->exists && (!next.ms || front->place.due.ms < next.ms))
                                next = front->place.due;
                }
        }
        *ret_next = next;
        return 0;
}

static bool ends_lease(const Op *op, bool ok)
{
        switch (op->kind) {
        case OP_ACK:
        case OP_RETRY:
        case OP_PARK:
                return ok; /* else it stays in line */
        case OP_DROP:
                return true;
        default:
                return false;
        }
}

static void end_leases(Ready *r, const List *batch, bool ok)
{
        bool had_suspects = r->marks.n_suspects > 0;

        list_for_each (i, batch) {
                const Op *op = list_entry(i, Op, link);
                uint8_t key[OBJECT_KEY_SIZE];
                Held *h;

                if (!ends_lease(op, ok))
                        continue;
                object_key_pack(&op->key, key);
                h = held_find(r, key);
                if (h && h->state == HELD_CLOSING)
                        held_let_go(r, h);
        }
        /* Another that had to wait for a suspect may go on. */
        if (had_suspects) {
                fronts_rewind(r);
                waiters_wake(r, LANES_ALL, 1);
        }
}

/**
 * ready_settle() - a batch is durable, or was refused by a full disk
 */
void ready_settle(Ready *r, const Effects *fx, const List *batch, bool ok)
{
        pthread_mutex_lock(&r->lock);
        end_leases(r, batch, ok);
        for (unsigned lane = 0; ok && lane < _LANE_N; lane++) {
                for (size_t k = 0; k < N_ELEMENTS(given); k++) {
                        RowClass i = given[k];
                        Front *front = &r->fronts[lane][i];
                        size_t n = fx->at[lane][i].n_added;

                        if (!fx->at[lane][i].touched)
                                continue;
                        front->is_known = false;
                        if (n > 0)
                                front_lower(front, fx->at[lane][i].first);
                        if (i == ROW_DELAYED && fx->at[lane][i].last_due.ms > r->last_due[lane].ms)
                                r->last_due[lane] = fx->at[lane][i].last_due;
                        /* One is enough to see when a delayed or dated row will be due. */
                        waiters_wake(r, LANE_SET(lane), i == ROW_READY ? n : n > 0);
                }
        }
        if (ok) {
                r->n_put += fx->n_put;
                r->n_merged += fx->n_merged;
                r->n_acked += fx->n_acked;
                r->n_retried += fx->n_retried;
                r->n_parked += fx->n_parked;
        }
        pthread_mutex_unlock(&r->lock);
}
