/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/apply.h"

#include <string.h>

/* Outcomes that one transaction removes: the rest waits for the next, so that others need not wait for it. */
#define OUTCOMES_MAX 2000

void apply_init(Apply *ap, Store *s, Committer *c, Ready *r)
{
        *ap = (Apply){ .store = s, .committer = c, .ready = r };
        ap->arena = arena_new(0);
        ap->row_arena = arena_new(0);
        ap->batch_arena = arena_new(0);
        keymap_init(&ap->ended);
        rests_init(&ap->rests);
        pack_init(&ap->writer);
}

void apply_deinit(Apply *ap)
{
        if (!ap->arena)
                return;
        ap->arena = arena_free(ap->arena);
        ap->row_arena = arena_free(ap->row_arena);
        ap->batch_arena = arena_free(ap->batch_arena);
        keymap_deinit(&ap->ended);
        rests_deinit(&ap->rests);
        pack_deinit(&ap->writer);
}

int apply_put(Apply *ap, MDB_dbi dbi, const void *key, size_t n_key, const void *data, size_t n)
{
        MDB_val k = store_val(key, n_key), v = store_val(data, n);

        return mdb_put(ap->txn, dbi, &k, &v, 0);
}

static int delete_row(Apply *ap, MDB_dbi dbi, const void *key, size_t n_key)
{
        MDB_val k = store_val(key, n_key);
        int rc = mdb_del(ap->txn, dbi, &k, NULL);

        return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * A put does not stop for a row that a run has written since the feed read it: the run has read the object
 * and knows more. Acks were checked before.
 */
int apply_holds(Apply *ap, const SpaceWrite *w, bool *ret_holds)
{
        uint64_t serial = 0;
        MDB_val val;
        int rc;

        rc = store_get(ap->txn, ap->store->space[w->table], w->key, w->n_key, &val);
        if (rc == 0 && val.mv_size >= sizeof(serial))
                serial = get_be64(val.mv_data);
        *ret_holds = serial == w->serial;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A row is stored with its serial in front. */
static int write_row(Apply *ap, const SpaceWrite *w, uint64_t serial)
{
        MDB_val k = store_val(w->key, w->n_key), v;
        int rc;

        if (!w->data)
                return delete_row(ap, ap->store->space[w->table], w->key, w->n_key);
        v = (MDB_val){ .mv_size = 8 + w->n };
        rc = mdb_put(ap->txn, ap->store->space[w->table], &k, &v, MDB_RESERVE);
        if (rc)
                return rc;
        put_be64(serial, v.mv_data);
        memcpy((uint8_t *)v.mv_data + 8, w->data, w->n);
        return 0;
}

static int write_rows(Apply *ap, const Op *op)
{
        for (size_t i = 0; i < op->n_writes; i++) {
                const SpaceWrite *w = &op->writes[i];
                bool holds = true;
                int rc = 0;

                if (op->kind == OP_PUT && w->serial != SPACE_ANY)
                        rc = apply_holds(ap, w, &holds);
                if (rc == 0 && holds)
                        rc = write_row(ap, w, op->pending[i].serial);
                if (rc)
                        return rc;
        }
        return 0;
}

static int write_link(Apply *ap, const LinkWrite *l)
{
        MDB_val k = store_val(l->key, l->n_key), v = store_val(l->id.bytes, sizeof(l->id.bytes));
        MDB_dbi dbi = ap->store->link[l->table];
        int rc;

        switch (l->verb) {
        case LINK_ADD:
                rc = mdb_put(ap->txn, dbi, &k, &v, MDB_NODUPDATA);
                return rc == MDB_KEYEXIST ? 0 : rc;
        case LINK_REMOVE:
                rc = mdb_del(ap->txn, dbi, &k, &v);
                return rc == MDB_NOTFOUND ? 0 : rc;
        case LINK_CLEAR:
                rc = mdb_del(ap->txn, dbi, &k, NULL);
                return rc == MDB_NOTFOUND ? 0 : rc;
        }
        return 0;
}

static int write_links(Apply *ap, const Op *op)
{
        for (size_t i = 0; i < op->n_links; i++) {
                int rc = write_link(ap, &op->links[i]);

                if (rc)
                        return rc;
        }
        return 0;
}

/* Numbers are drawn by the leader, so a reader who has seen one will never see a lower one come. */
static int write_outcome(Apply *ap, const Op *op)
{
        uint8_t key[8];

        if (!op->outcome)
                return 0;
        put_be64(commit_number(ap->committer), key);
        return apply_put(ap, ap->store->outcome, key, sizeof(key), op->outcome, op->n_outcome);
}

static int write_changes(Apply *ap, const Op *op)
{
        for (size_t i = 0; i < op->n_changes; i++) {
                int rc = apply_change(ap, &op->changes[i], op->now);

                if (rc)
                        return rc;
        }
        if (!op->feed || op->n_position == 0)
                return 0;
        return apply_put(ap, ap->store->position, op->feed, strlen(op->feed), op->position, op->n_position);
}

static int outcomes_done(Apply *ap, Op *op)
{
        MDB_cursor *cursor;
        MDB_val key, val;
        size_t n = 0;
        int rc;

        rc = mdb_cursor_open(ap->txn, ap->store->outcome, &cursor);
        if (rc)
                return rc;
        while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_FIRST)) == 0) {
                if (key.mv_size != 8 || get_be64(key.mv_data) > op->up_to)
                        break;
                op->has_more = n++ == OUTCOMES_MAX;
                if (op->has_more)
                        break;
                rc = mdb_cursor_del(cursor, 0);
                if (rc)
                        break;
        }
        mdb_cursor_close(cursor);
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Rows of the object's change: what the call is about; and behind its end, changes of others. */
static int settle_row(Apply *ap, Op *op)
{
        int rc;

        switch (op->kind) {
        case OP_PUT:
                return write_changes(ap, op);
        case OP_ACK:
        case OP_RETRY:
        case OP_PARK:
                rc = apply_lease_end(ap, op);
                return rc ? rc : write_changes(ap, op);
        case OP_NOTE:
                return write_changes(ap, op);
        case OP_BARRIER:
                return 0;
        case OP_UNPARK:
                return apply_unpark(ap, op);
        case OP_DROP:
                return apply_drop(ap, op);
        case OP_OUTCOMES_DONE:
                return outcomes_done(ap, op);
        case OP_CRASHED:
                return apply_crashed(ap, op);
        default:
                return 0; /* of a cluster's log: queue/log-apply.c */
        }
        return 0;
}

void apply_begin(Apply *ap, MDB_txn *txn)
{
        ap->txn = txn;
        ap->fx = (Effects){ 0 };
        keymap_deinit(&ap->ended);
        keymap_init(&ap->ended);
        arena_reset(ap->batch_arena);
}

/**
 * apply_op() - one Op in the leader's transaction
 *
 * Rows come before edges, so that an edge whose target appears in the same commit is ready at once; the
 * object's own row before both, so that a change for references that become ready is put behind its end.
 *
 * Return: LMDB's code.
 */
int apply_op(Apply *ap, Op *op)
{
        int rc;

        rc = write_rows(ap, op);
        if (rc == 0)
                rc = write_links(ap, op);
        if (rc == 0)
                rc = settle_row(ap, op);
        if (rc == 0)
                rc = apply_edges(ap, op);
        if (rc == 0)
                rc = write_outcome(ap, op);
        arena_reset(ap->arena);
        return rc;
}
