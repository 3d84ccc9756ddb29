/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/apply.h"

#include "engine/space/space-records.h"
#include "queue/shared.h"

#include <string.h>

/* A change row as it is in the transaction. */
typedef struct Stored {
        uint8_t key[OBJECT_KEY_SIZE];
        bool exists;
        bool is_readable;
        Row row;
} Stored;

typedef struct Ended {
        KeyNode node;
        uint8_t key[OBJECT_KEY_SIZE];
} Ended;

static int set_ended(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE])
{
        Ended *e;

        if (ap->store->is_shared)
                return shared_end_lease(ap->store, ap->txn, key);
        e = arena_new_of(ap->batch_arena, Ended);
        memcpy(e->key, key, sizeof(e->key));
        keymap_add(&ap->ended, &e->node, e->key, sizeof(e->key));
        return 0;
}

/* As of this place in the line, or in the log. */
static int is_leased(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], bool *ret_leased)
{
        SharedLease lease;
        int rc;

        if (!ap->store->is_shared) {
                *ret_leased =
                        ready_is_leased(ap->ready, key) && !keymap_find(&ap->ended, key, OBJECT_KEY_SIZE);
                return 0;
        }
        rc = shared_lease(ap->store, ap->txn, key, &lease);
        *ret_leased = lease.session != 0;
        return rc;
}

static int rest_of(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], Wall now, Wall *ret_until)
{
        int rc;

        if (!ap->store->is_shared) {
                *ret_until = rests_of(&ap->rests, key, now);
                return 0;
        }
        rc = shared_rest(ap->store, ap->txn, key, ret_until);
        if (!rests_are_believed(*ret_until, now))
                *ret_until = (Wall){ 0 };
        return rc;
}

static int set_rest(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], Wall until, Wall now)
{
        if (ap->store->is_shared)
                return shared_set_rest(ap->store, ap->txn, key, until, now);
        rests_set(&ap->rests, key, until, now);
        return 0;
}

static void enter(Apply *ap, const Place *p, const uint8_t *place, bool is_added)
{
        uint8_t lane = p->lane, class = p->class;

        ap->fx.at[lane][class].touched = true;
        if (!is_added)
                return;
        if (ap->fx.at[lane][class].n_added == 0 ||
            memcmp(place, ap->fx.at[lane][class].first, PLACE_KEY_SIZE) < 0)
                memcpy(ap->fx.at[lane][class].first, place, PLACE_KEY_SIZE);
        if (p->due.ms > ap->fx.at[lane][class].last_due.ms)
                ap->fx.at[lane][class].last_due = p->due;
        ap->fx.at[lane][class].n_added++;
}

static int add_place(Apply *ap, const Place *p, const uint8_t key[OBJECT_KEY_SIZE])
{
        uint8_t place[PLACE_KEY_SIZE];

        place_key(p, place);
        enter(ap, p, place, true);
        return apply_put(ap, ap->store->due[p->lane][p->class], place, sizeof(place), key, OBJECT_KEY_SIZE);
}

static int remove_place(Apply *ap, const Place *p)
{
        uint8_t place[PLACE_KEY_SIZE];
        MDB_val k;
        int rc;

        place_key(p, place);
        enter(ap, p, place, false);
        k = store_val(place, sizeof(place));
        rc = mdb_del(ap->txn, ap->store->due[p->lane][p->class], &k, NULL);
        return rc == MDB_NOTFOUND ? 0 : rc;
}

static int load(Apply *ap, const ObjectKey *key, Stored *ret)
{
        MDB_val val;
        int rc;

        *ret = (Stored){ 0 };
        object_key_pack(key, ret->key);
        rc = store_get(ap->txn, ap->store->change, ret->key, sizeof(ret->key), &val);
        if (rc == MDB_NOTFOUND)
                return 0;
        if (rc)
                return rc;
        ret->exists = true;
        ret->is_readable = row_unpack(ap->row_arena, val.mv_data, val.mv_size, &ret->row) == 0;
        if (!ret->is_readable)
                row_stand_in(&ret->row, key);
        return 0;
}

static bool same_place(const Place *a, const Place *b)
{
        return a->lane == b->lane && a->class == b->class && a->sequence == b->sequence &&
               a->due.ms == b->due.ms;
}

/* `old`: where it stood in the index; NULL: nowhere. */
static int save(Apply *ap, const Stored *s, const Row *row, const Place *old)
{
        const uint8_t *data;
        size_t n;
        int rc = 0;

        if (!old || !same_place(old, &row->place)) {
                if (old)
                        rc = remove_place(ap, old);
                if (rc == 0)
                        rc = add_place(ap, &row->place, s->key);
                if (rc)
                        return rc;
        }
        pack_reset(&ap->writer);
        row_pack(&ap->writer, row);
        data = pack_data(&ap->writer, &n);
        return apply_put(ap, ap->store->change, s->key, sizeof(s->key), data, n);
}

static int erase(Apply *ap, const Stored *s, const Place *old)
{
        MDB_val k = store_val(s->key, sizeof(s->key));
        int rc;

        rc = remove_place(ap, old);
        return rc ? rc : mdb_del(ap->txn, ap->store->change, &k, NULL);
}

/* The DN as the last import read it, for a change that no feed has seen: a hint for people. */
static const char *known_dn(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE])
{
        MDB_val val;
        Head head;

        if (store_get(ap->txn, ap->store->space[SPACE_HEAD], key, OBJECT_KEY_SIZE, &val) || val.mv_size < 8)
                return NULL;
        if (head_unpack(ap->row_arena, (const uint8_t *)val.mv_data + 8, val.mv_size - 8, &head))
                return NULL;
        return head.dn;
}

static int change_row(Apply *ap, const Change *c, Wall now)
{
        uint64_t sequence = commit_number(ap->committer);
        ObjectKey key = { c->source, c->id };
        bool hurry = false, leased = false;
        Wall rest = { 0 };
        Stored s;
        Place old;
        int rc;

        rc = load(ap, &key, &s);
        if (rc == 0)
                rc = rest_of(ap, s.key, now, &rest);
        if (rc == 0)
                rc = is_leased(ap, s.key, &leased);
        if (rc == 0 && c->kind == CHANGE_LINK) {
                size_t n;

                rc = apply_count_ready(ap, s.key, ROW_LINK_MANY, &n);
                hurry = rc == 0 && n >= ROW_LINK_MANY;
        }
        if (rc)
                return rc;
        if (c->kind != CHANGE_LINK) {
                ap->fx.n_put++;
                ap->fx.n_merged += s.exists;
        }
        if (!s.exists || !s.is_readable) {
                Change first = *c;

                if (!c->dn)
                        first.dn = known_dn(ap, s.key);
                row_new(&s.row, &first, now, sequence, hurry, rest);
                return save(ap, &s, &s.row, NULL);
        }
        old = s.row.place;
        row_arrive(&s.row, c, leased, now, sequence, hurry, rest);
        return save(ap, &s, &s.row, &old);
}

/**
 * apply_change() - a change arrives
 */
int apply_change(Apply *ap, const Change *c, Wall now)
{
        int rc = change_row(ap, c, now);

        arena_reset(ap->row_arena);
        return rc;
}

static int lease_end(Apply *ap, const Op *op)
{
        uint64_t sequence = commit_number(ap->committer);
        size_t n = 0;
        bool hurry;
        Place old;
        Stored s;
        int rc;

        rc = load(ap, &op->key, &s);
        if (rc == 0)
                rc = set_ended(ap, s.key);
        if (rc == 0 && op->kind == OP_ACK)
                rc = set_rest(ap, s.key, op->rest_until, op->now);
        if (rc || !s.exists)
                return rc; /* it was dropped; what the run left behind is stored all the same */
        if (!s.is_readable) {
                /* The place is known from the lease, and so is what to do with the row. */
                s.row.place = op->place;
                s.row.generation = op->generation;
        }
        old = s.row.place;
        if (row_is_dirty(&s.row, op->generation))
                rc = apply_count_ready(ap, s.key, ROW_LINK_MANY, &n);
        if (rc)
                return rc;
        hurry = n >= ROW_LINK_MANY;
        switch (op->kind) {
        case OP_RETRY:
                ap->fx.n_retried++;
                row_retry(&s.row, op->generation, op->tries, op->not_before, op->reason, op->now, sequence,
                          hurry);
                return save(ap, &s, &s.row, &old);
        case OP_PARK:
                ap->fx.n_parked++;
                row_park(&s.row, op->generation, op->tries, op->reason, op->due, op->due_lane, op->now,
                         sequence, hurry);
                return save(ap, &s, &s.row, &old);
        default:
                ap->fx.n_acked++;
                if (!row_ack(&s.row, op->generation, op->now, sequence, hurry, op->rest_until)) {
                        if (!op->due.ms)
                                return erase(ap, &s, &old);
                        row_date(&s.row, op->due, op->due_lane, op->now, sequence);
                }
                return save(ap, &s, &s.row, &old);
        }
}

/**
 * apply_lease_end() - ack, retry, park
 */
int apply_lease_end(Apply *ap, const Op *op)
{
        int rc = lease_end(ap, op);

        arena_reset(ap->row_arena);
        return rc;
}

int apply_unpark(Apply *ap, Op *op)
{
        bool leased = false;
        Stored s;
        Place old;
        int rc;

        rc = load(ap, &op->key, &s);
        if (rc == 0)
                rc = is_leased(ap, s.key, &leased);
        if (rc == 0 && !s.exists)
                op->result = QUEUE_E_NONE;
        if (rc == 0 && s.exists && !leased) {
                old = s.row.place;
                row_unpark(&s.row, op->now, commit_number(ap->committer));
                rc = save(ap, &s, &s.row, s.is_readable ? &old : NULL);
        }
        arena_reset(ap->row_arena);
        return rc;
}

int apply_drop(Apply *ap, Op *op)
{
        bool leased = false;
        Stored s;
        int rc;

        rc = load(ap, &op->key, &s);
        /* In one process the caller holds it meanwhile; in a cluster another node may have it. */
        if (rc == 0 && ap->store->is_shared)
                rc = is_leased(ap, s.key, &leased);
        if (rc == 0 && !s.exists)
                op->result = QUEUE_E_NONE;
        else if (rc == 0 && leased)
                op->result = QUEUE_E_GONE;
        if (rc == 0 && s.exists && !leased)
                rc = erase(ap, &s, &s.row.place);
        arena_reset(ap->row_arena);
        return rc;
}

/**
 * apply_crashed() - a change that was in work at three deaths of the process
 *
 * It has not been tried in a way that counts: the process never got as far as to say so.
 */
int apply_crashed(Apply *ap, const Op *op)
{
        Stored s;
        Place old;
        int rc;

        rc = load(ap, &op->key, &s);
        if (rc == 0 && s.exists) {
                old = s.row.place;
                row_park(&s.row, s.row.generation, s.row.tries, op->reason, (Wall){ 0 }, LANE_NORMAL, op->now,
                         commit_number(ap->committer), false);
                rc = save(ap, &s, &s.row, s.is_readable ? &old : NULL);
        }
        arena_reset(ap->row_arena);
        return rc;
}
