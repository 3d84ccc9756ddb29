/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-lmdb.h"

#include "base/error.h"

#include <string.h>

/* Rows that one snapshot of a walk copies. */
#define WALK_PAGE 256

static QueueLmdb *owner(Space *s)
{
        return ((SpaceLmdb *)s)->q;
}

/*
 * Overlay and snapshot go together: the snapshot is opened under the overlay's lock, so that nothing can
 * leave the overlay between the two without being in the snapshot.
 */

static void copy_row(Arena *a, const MDB_val *val, SpaceRow *ret_row)
{
        /* Shorter than its serial: no row of ours. */
        if (val->mv_size < 8)
                return;
        ret_row->serial = get_be64(val->mv_data);
        ret_row->n = val->mv_size - 8;
        ret_row->data = arena_memdup(a, (const uint8_t *)val->mv_data + 8, ret_row->n);
}

static int get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        QueueLmdb *q = owner(s);
        const Pending *p;
        MDB_txn *txn = NULL;
        MDB_val val;
        int r = 0, rc;

        *ret_row = (SpaceRow){ 0 };
        pthread_mutex_lock(&q->committer.lock);
        p = overlay_row(&q->committer.overlay, table, key, n_key, true);
        if (p && p->serial) {
                ret_row->serial = p->serial;
                ret_row->n = p->row->n;
                ret_row->data = arena_memdup(a, p->row->data, p->row->n);
        } else if (!p) {
                r = store_read(&q->store, &txn);
        }
        pthread_mutex_unlock(&q->committer.lock);
        if (r || p)
                return error_trace(r);
        rc = store_get(txn, q->store.space[table], key, n_key, &val);
        if (rc == 0)
                copy_row(a, &val, ret_row);
        store_read_end(&q->store, txn);
        return rc && rc != MDB_NOTFOUND ? error_origin(store_error(rc)) : 0;
}

/* Waits and ready references are also written by the leader itself, and those are in no overlay. */
static void settle_edges(QueueLmdb *q, LinkTable table)
{
        bool any;

        if (table != LINK_WAIT && table != LINK_READY)
                return;
        pthread_mutex_lock(&q->committer.lock);
        any = q->committer.n_wakes > 0;
        pthread_mutex_unlock(&q->committer.lock);
        if (any)
                commit_barrier(&q->committer);
}

/* At most max ids of a snapshot, greater than `after`. Return: LMDB's code. */
static int read_ids(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, const ObjectId *after,
                    size_t max, ObjectId *ids, size_t *ret_n)
{
        MDB_val k = store_val(key, n_key), v;
        MDB_cursor *cursor;
        size_t n = 0;
        int rc;

        rc = mdb_cursor_open(txn, dbi, &cursor);
        if (rc)
                return rc;
        if (after) {
                v = store_val(after->bytes, sizeof(after->bytes));
                rc = mdb_cursor_get(cursor, &k, &v, MDB_GET_BOTH_RANGE);
                if (rc == 0 && memcmp(v.mv_data, after->bytes, sizeof(after->bytes)) == 0)
                        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT_DUP);
        } else {
                rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
        }
        for (; rc == 0 && n < max; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT_DUP)) {
                if (v.mv_size == sizeof(ids->bytes))
                        memcpy(ids[n++].bytes, v.mv_data, sizeof(ids->bytes));
        }
        mdb_cursor_close(cursor);
        *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What is on disk, page by page, and what stands in line, in one order. Return: LMDB's code. */
static int merge_ids(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, const ObjectId *after,
                     size_t max, const OverlayLinks *line, Arena *a, ObjectId *ids, size_t *ret_n)
{
        ObjectId *page = arena_new_array(a, ObjectId, max);
        ObjectId last;
        size_t n = 0, n_page = 0, at = 0, in_line = 0;
        bool more = !line->cleared;

        while (in_line < line->n && after && guid_compare(&line->ids[in_line], after) <= 0)
                in_line++;
        if (after)
                last = *after;
        while (n < max) {
                if (at == n_page && more) {
                        int rc = read_ids(txn, dbi, key, n_key, after, max, page, &n_page);

                        if (rc)
                                return rc;
                        at = 0;
                        more = n_page == max;
                        if (n_page > 0) {
                                last = page[n_page - 1];
                                after = &last;
                        }
                }
                if (at == n_page && in_line == line->n)
                        break;
                if (in_line == line->n || (at < n_page && guid_compare(&page[at], &line->ids[in_line]) < 0)) {
                        ids[n++] = page[at++];
                        continue;
                }
                if (at < n_page && guid_is(&page[at], &line->ids[in_line]))
                        at++;
                if (line->is_there[in_line])
                        ids[n++] = line->ids[in_line];
                in_line++;
        }
        *ret_n = n;
        return 0;
}

static int links(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after, size_t max,
                 Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        QueueLmdb *q = owner(s);
        ObjectId *ids = arena_new_array(a, ObjectId, max);
        OverlayLinks line;
        MDB_txn *txn = NULL;
        bool in_line;
        int r, rc;

        settle_edges(q, table);
        pthread_mutex_lock(&q->committer.lock);
        in_line = overlay_links(&q->committer.overlay, table, key, n_key, NULL, a, &line);
        r = store_read(&q->store, &txn);
        pthread_mutex_unlock(&q->committer.lock);
        if (r)
                return error_trace(r);
        if (in_line)
                rc = merge_ids(txn, q->store.link[table], key, n_key, after, max, &line, a, ids, ret_n);
        else
                rc = read_ids(txn, q->store.link[table], key, n_key, after, max, ids, ret_n);
        store_read_end(&q->store, txn);
        *ret_ids = ids;
        return rc ? error_origin(store_error(rc)) : 0;
}

static int has_link(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *id,
                    bool *ret_has)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        QueueLmdb *q = owner(s);
        MDB_val k = store_val(key, n_key), v = store_val(id->bytes, sizeof(id->bytes));
        OverlayLinks line = { 0 };
        MDB_cursor *cursor;
        MDB_txn *txn = NULL;
        int r, rc;

        settle_edges(q, table);
        pthread_mutex_lock(&q->committer.lock);
        overlay_links(&q->committer.overlay, table, key, n_key, id, a, &line);
        r = store_read(&q->store, &txn);
        pthread_mutex_unlock(&q->committer.lock);
        if (r)
                return error_trace(r);
        if (line.n > 0 || line.cleared) {
                store_read_end(&q->store, txn);
                *ret_has = line.n > 0 && line.is_there[0];
                return 0;
        }
        rc = mdb_cursor_open(txn, q->store.link[table], &cursor);
        if (rc == 0) {
                rc = mdb_cursor_get(cursor, &k, &v, MDB_GET_BOTH);
                mdb_cursor_close(cursor);
        }
        store_read_end(&q->store, txn);
        if (rc && rc != MDB_NOTFOUND)
                return error_origin(store_error(rc));
        *ret_has = rc == 0;
        return 0;
}

typedef struct WalkRow {
        const void *key;
        size_t n_key;
        SpaceRow row;
} WalkRow;

/* One page of a walk, copied. Return: LMDB's code. */
static int walk_page(MDB_txn *txn, MDB_dbi dbi, const void *after, size_t n_after, Arena *a, WalkRow *rows,
                     size_t *ret_n)
{
        MDB_val key = store_val(after, n_after), val;
        MDB_cursor *cursor;
        size_t n = 0;
        int rc;

        rc = mdb_cursor_open(txn, dbi, &cursor);
        if (rc)
                return rc;
        rc = mdb_cursor_get(cursor, &key, &val, n_after ? MDB_SET_RANGE : MDB_FIRST);
        if (rc == 0 && n_after && key.mv_size == n_after && memcmp(key.mv_data, after, n_after) == 0)
                rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
        for (; rc == 0 && n < WALK_PAGE; rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) {
                rows[n] = (WalkRow){ .key = arena_memdup(a, key.mv_data, key.mv_size), .n_key = key.mv_size };
                copy_row(a, &val, &rows[n].row);
                if (rows[n].row.serial)
                        n++;
        }
        mdb_cursor_close(cursor);
        *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * A walk is long and in pages, so it does not look into the overlay: it waits, once, for what was in line
 * when it began. While the disk is full that would be for ever; then it shows what is on disk.
 */
static int walk(Space *s, SpaceTable table, const void *after, size_t n_after,
                int (*fn)(void *context, const void *key, size_t n_key, const SpaceRow *row), void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        QueueLmdb *q = owner(s);
        uint8_t from[SPACE_KEY_MAX];
        size_t n_from = after ? n_after : 0;

        commit_barrier(&q->committer);
        if (n_from)
                memcpy(from, after, n_from);
        for (;;) {
                WalkRow *rows = arena_new_array(a, WalkRow, WALK_PAGE);
                MDB_txn *txn = NULL;
                size_t n = 0;
                int r, rc;

                r = store_read(&q->store, &txn);
                if (r)
                        return error_trace(r);
                rc = walk_page(txn, q->store.space[table], from, n_from, a, rows, &n);
                store_read_end(&q->store, txn);
                if (rc)
                        return error_origin(store_error(rc));
                for (size_t i = 0; i < n; i++) {
                        r = fn(context, rows[i].key, rows[i].n_key, &rows[i].row);
                        if (r)
                                return r < 0 ? error_trace(r) : 0;
                }
                if (n < WALK_PAGE)
                        return 0;
                n_from = rows[n - 1].n_key;
                memcpy(from, rows[n - 1].key, n_from);
                arena_reset(a);
        }
}

static int claim(Space *s, const ObjectId *metaverse)
{
        return claims_take(&owner(s)->claims, metaverse) ? 0 : SPACE_E_BUSY;
}

static void release(Space *s, const ObjectId *metaverse)
{
        claims_release(&owner(s)->claims, metaverse);
}

const SpaceOps space_lmdb_ops = {
        .name = "lmdb",
        .get = get,
        .links = links,
        .has_link = has_link,
        .walk = walk,
        .claim = claim,
        .release = release,
};
