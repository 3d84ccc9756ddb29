/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/apply.h"

#include <string.h>

/*
 * References that wait (decided in the same transaction as everything else, so no wake-up is lost):
 *
 *      wait:   target, attribute  ->  sources whose reference waits for it
 *      ready:  source, attribute  ->  targets that have appeared
 *
 *  1. Whoever stores a wait looks the target up once more. If it has its cloud id by now, be it from an Op
 *     before this one in the same batch, the reference is ready at once.
 *  2. Whoever gives an object its cloud id moves the waits for it to ready, and puts one change of kind LINK
 * for each source. A row of CLOUD_OF is that moment, whether or not the batch also says so.
 *
 * Only references wait, never objects: a cycle cannot block. The key behind the object is the hash of the
 * attribute's name; it is carried over and never needs to be undone.
 */

#define LINK_KEY_SIZE (OBJECT_KEY_SIZE + 16)

static int put_link_change(Apply *ap, const Op *op, const ObjectKey *source)
{
        Change c = {
                .id = source->id,
                .source = source->source,
                .kind = CHANGE_LINK,
                .lane = op->kind == OP_PUT ? LANE_NORMAL : op->lane,
                .seen = op->now,
        };

        return apply_change(ap, &c, op->now);
}

static int add_link(Apply *ap, LinkTable table, const uint8_t *key, size_t n_key, const ObjectId *id)
{
        MDB_val k = store_val(key, n_key), v = store_val(id->bytes, sizeof(id->bytes));
        int rc = mdb_put(ap->txn, ap->store->link[table], &k, &v, MDB_NODUPDATA);

        return rc == MDB_KEYEXIST ? 0 : rc;
}

static int is_in_cloud(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], bool *ret_is)
{
        MDB_val val;
        int rc = store_get(ap->txn, ap->store->space[SPACE_CLOUD_OF], key, OBJECT_KEY_SIZE, &val);

        *ret_is = rc == 0;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

static int store_wait(Apply *ap, const Op *op, const Edge *e)
{
        ObjectKey target = { e->from.source, e->to };
        uint8_t from[OBJECT_KEY_SIZE], to[OBJECT_KEY_SIZE], key[SPACE_KEY_MAX];
        bool is_there;
        size_t n;
        int rc;

        object_key_pack(&e->from, from);
        object_key_pack(&target, to);
        rc = is_in_cloud(ap, to, &is_there);
        if (rc)
                return rc;
        if (!is_there) {
                n = space_link_key(to, sizeof(to), e->attribute, key);
                return add_link(ap, LINK_WAIT, key, n, &e->from.id);
        }
        n = space_link_key(from, sizeof(from), e->attribute, key);
        rc = add_link(ap, LINK_READY, key, n, &e->to);
        return rc ? rc : put_link_change(ap, op, &e->from);
}

/* The sources that wait under one key, copied: the table is about to change. */
static int copy_sources(Apply *ap, MDB_cursor *cursor, ObjectId **ret_ids, size_t *ret_n)
{
        MDB_val key, val;
        ObjectId *ids;
        size_t n = 0, max = 0;
        int rc;

        rc = mdb_cursor_count(cursor, &max);
        if (rc)
                return rc;
        ids = arena_new_array(ap->arena, ObjectId, max);
        for (rc = mdb_cursor_get(cursor, &key, &val, MDB_FIRST_DUP); rc == 0 && n < max;
             rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT_DUP)) {
                if (val.mv_size == sizeof(ids->bytes))
                        memcpy(ids[n++].bytes, val.mv_data, sizeof(ids->bytes));
        }
        *ret_ids = ids;
        *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* First key of a table of links that begins with this object. MDB_NOTFOUND: none. */
static int first_of_object(MDB_cursor *cursor, const uint8_t object[OBJECT_KEY_SIZE],
                           uint8_t ret_key[LINK_KEY_SIZE])
{
        MDB_val key = store_val(object, OBJECT_KEY_SIZE), val;
        int rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE);

        if (rc)
                return rc;
        if (key.mv_size != LINK_KEY_SIZE || memcmp(key.mv_data, object, OBJECT_KEY_SIZE) != 0)
                return MDB_NOTFOUND;
        memcpy(ret_key, key.mv_data, LINK_KEY_SIZE);
        return 0;
}

/* Move what waits under one key to ready. */
static int wake_sources(Apply *ap, const Op *op, const ObjectKey *target,
                        const uint8_t wait_key[LINK_KEY_SIZE], const ObjectId *sources, size_t n)
{
        MDB_val k = store_val(wait_key, LINK_KEY_SIZE);
        int rc;

        rc = mdb_del(ap->txn, ap->store->link[LINK_WAIT], &k, NULL);
        for (size_t i = 0; rc == 0 && i < n; i++) {
                ObjectKey source = { target->source, sources[i] };
                uint8_t key[LINK_KEY_SIZE];

                object_key_pack(&source, key);
                memcpy(key + OBJECT_KEY_SIZE, wait_key + OBJECT_KEY_SIZE, LINK_KEY_SIZE - OBJECT_KEY_SIZE);
                rc = add_link(ap, LINK_READY, key, sizeof(key), &target->id);
                if (rc == 0)
                        rc = put_link_change(ap, op, &source);
        }
        return rc;
}

static int appeared(Apply *ap, const Op *op, const ObjectKey *target)
{
        uint8_t object[OBJECT_KEY_SIZE], key[LINK_KEY_SIZE];
        bool is_there;
        int rc;

        object_key_pack(target, object);
        rc = is_in_cloud(ap, object, &is_there);
        if (rc || !is_there)
                return rc;
        for (;;) {
                ObjectId *sources = NULL;
                MDB_cursor *cursor;
                size_t n = 0;

                rc = mdb_cursor_open(ap->txn, ap->store->link[LINK_WAIT], &cursor);
                if (rc)
                        return rc;
                rc = first_of_object(cursor, object, key);
                if (rc == 0)
                        rc = copy_sources(ap, cursor, &sources, &n);
                mdb_cursor_close(cursor);
                if (rc == 0)
                        rc = wake_sources(ap, op, target, key, sources, n);
                if (rc)
                        return rc == MDB_NOTFOUND ? 0 : rc;
        }
}

/**
 * apply_edges() - the waits that an Op stores, and the objects that appear with it
 */
int apply_edges(Apply *ap, const Op *op)
{
        int rc = 0;

        for (size_t i = 0; rc == 0 && i < op->n_edges; i++)
                rc = store_wait(ap, op, &op->edges[i]);
        for (size_t i = 0; rc == 0 && i < op->n_writes; i++) {
                const SpaceWrite *w = &op->writes[i];
                ObjectKey key;

                if (w->table == SPACE_CLOUD_OF && w->data && object_key_unpack(w->key, w->n_key, &key))
                        rc = appeared(ap, op, &key);
        }
        for (size_t i = 0; rc == 0 && i < op->n_appeared; i++)
                rc = appeared(ap, op, &op->appeared[i]);
        return rc;
}

/**
 * apply_count_ready() - how many references of a source are ready
 * @enough: no need to count further
 */
int apply_count_ready(Apply *ap, const uint8_t key[OBJECT_KEY_SIZE], size_t enough, size_t *ret_n)
{
        MDB_val k = store_val(key, OBJECT_KEY_SIZE), val;
        MDB_cursor *cursor;
        size_t n = 0;
        int rc;

        rc = mdb_cursor_open(ap->txn, ap->store->link[LINK_READY], &cursor);
        if (rc)
                return rc;
        for (rc = mdb_cursor_get(cursor, &k, &val, MDB_SET_RANGE); rc == 0 && n < enough;
             rc = mdb_cursor_get(cursor, &k, &val, MDB_NEXT_NODUP)) {
                size_t count;

                if (k.mv_size < OBJECT_KEY_SIZE || memcmp(k.mv_data, key, OBJECT_KEY_SIZE) != 0)
                        break;
                rc = mdb_cursor_count(cursor, &count);
                if (rc)
                        break;
                n += count;
        }
        mdb_cursor_close(cursor);
        if (rc && rc != MDB_NOTFOUND)
                return rc;
        *ret_n = n;
        return 0;
}
