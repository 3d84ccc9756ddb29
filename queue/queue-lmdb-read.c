/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-lmdb.h"

#include "base/error.h"

#include <string.h>

static int read_error(Store *s, MDB_txn *txn, int rc)
{
        store_read_end(s, txn);
        return error_origin(store_error(rc));
}

/**
 * queue_lmdb_position() - the feed's position as put stored it
 *
 * Return: 0, QUEUE_E_NONE, -errno.
 */
int queue_lmdb_position(Queue *queue, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        Store *s = &queue_lmdb(queue)->store;
        MDB_txn *txn = NULL;
        MDB_val val;
        int r, rc;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = store_get(txn, s->position, feed, strlen(feed), &val);
        if (rc && rc != MDB_NOTFOUND)
                return read_error(s, txn, rc);
        if (rc == 0) {
                *ret_data = arena_memdup(a, val.mv_data, val.mv_size);
                *ret_n = val.mv_size;
        }
        store_read_end(s, txn);
        return rc ? QUEUE_E_NONE : 0;
}

/**
 * queue_lmdb_has() - is there a row of this object?
 *
 * The feed asks it of every entry.
 *
 * Return: 0, -errno.
 */
int queue_lmdb_has(Queue *queue, const ObjectKey *key, bool *ret_has)
{
        Store *s = &queue_lmdb(queue)->store;
        uint8_t packed[OBJECT_KEY_SIZE];
        MDB_txn *txn = NULL;
        MDB_val val;
        int r, rc;

        object_key_pack(key, packed);
        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = store_get(txn, s->change, packed, sizeof(packed), &val);
        if (rc && rc != MDB_NOTFOUND)
                return read_error(s, txn, rc);
        store_read_end(s, txn);
        *ret_has = rc == 0;
        return 0;
}

static QueueState state_of(const Row *row, bool leased)
{
        if (leased)
                return QUEUE_LEASED;
        switch (row->place.class) {
        case ROW_DELAYED:
                return QUEUE_DELAYED;
        case ROW_PARKED:
        case ROW_PARKED_DATED:
                return QUEUE_PARKED;
        case ROW_DATED:
                return QUEUE_DATED;
        default:
                return QUEUE_READY;
        }
}

static void fill_item(QueueLmdb *q, const MDB_val *key, const MDB_val *val, Arena *a, QueueItem *ret_item)
{
        const char *reason;
        ObjectKey object;
        Row row;

        object_key_unpack(key->mv_data, key->mv_size, &object);
        if (row_unpack(a, val->mv_data, val->mv_size, &row)) {
                row_stand_in(&row, &object);
                row.reason = "the row is damaged";
        }
        reason = row.reason;
        *ret_item = (QueueItem){
                .change = row_change(&row),
                .state = state_of(&row, ready_is_leased(&q->ready, key->mv_data)),
                .tries = row.tries,
                .queued = row.queued,
                .reason = reason,
        };
        ret_item->change.lane = row.place.lane;
        if (ret_item->state == QUEUE_DELAYED || ret_item->state == QUEUE_DATED ||
            (ret_item->state == QUEUE_PARKED && row.place.class == ROW_PARKED_DATED))
                ret_item->due = row.place.due;
}

/**
 * queue_lmdb_list() - one page of rows, by key
 *
 * Return: 0, -errno.
 */
int queue_lmdb_list(Queue *queue, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                    size_t *ret_n)
{
        QueueLmdb *q = queue_lmdb(queue);
        QueueItem *items = arena_new_array(a, QueueItem, max);
        uint8_t from[OBJECT_KEY_SIZE] = { 0 };
        MDB_cursor *cursor;
        MDB_txn *txn = NULL;
        MDB_val key, val;
        size_t n = 0;
        int r, rc;

        r = store_read(&q->store, &txn);
        if (r)
                return error_trace(r);
        rc = mdb_cursor_open(txn, q->store.change, &cursor);
        if (rc)
                return read_error(&q->store, txn, rc);
        if (after)
                object_key_pack(after, from);
        key = store_val(from, sizeof(from));
        rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE);
        if (rc == 0 && after && key.mv_size == sizeof(from) && memcmp(key.mv_data, from, sizeof(from)) == 0)
                rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT);
        for (; rc == 0 && n < max; rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) {
                if (key.mv_size == OBJECT_KEY_SIZE)
                        fill_item(q, &key, &val, a, &items[n++]);
        }
        mdb_cursor_close(cursor);
        if (rc && rc != MDB_NOTFOUND)
                return read_error(&q->store, txn, rc);
        store_read_end(&q->store, txn);
        *ret_items = items;
        *ret_n = n;
        return 0;
}

/**
 * queue_lmdb_outcomes() - outcome rows for the reporter, in order
 *
 * Return: 0, -errno.
 */
int queue_lmdb_outcomes(Queue *queue, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows,
                        size_t *ret_n)
{
        Store *s = &queue_lmdb(queue)->store;
        OutcomeRow *rows = arena_new_array(a, OutcomeRow, max);
        MDB_cursor *cursor;
        MDB_txn *txn = NULL;
        MDB_val key, val;
        uint8_t from[8];
        size_t n = 0;
        int r, rc = MDB_NOTFOUND;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        if (after < UINT64_MAX) {
                rc = mdb_cursor_open(txn, s->outcome, &cursor);
                if (rc)
                        return read_error(s, txn, rc);
                put_be64(after + 1, from);
                key = store_val(from, sizeof(from));
                for (rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE); rc == 0 && n < max;
                     rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) {
                        if (key.mv_size != sizeof(from))
                                continue;
                        rows[n++] = (OutcomeRow){
                                .sequence = get_be64(key.mv_data),
                                .data = arena_memdup(a, val.mv_data, val.mv_size),
                                .n = val.mv_size,
                        };
                }
                mdb_cursor_close(cursor);
        }
        if (rc && rc != MDB_NOTFOUND)
                return read_error(s, txn, rc);
        store_read_end(s, txn);
        *ret_rows = rows;
        *ret_n = n;
        return 0;
}

static size_t count(MDB_txn *txn, MDB_dbi dbi)
{
        MDB_stat stat;

        return mdb_stat(txn, dbi, &stat) ? 0 : stat.ms_entries;
}

/* Leased rows stand in the index like the others: take them out of the counts. They count in the lane of
 * their lease, though what has arrived since may have moved them to another. */
static void count_leased(QueueLmdb *q, MDB_txn *txn, Arena *a, QueueStats *st)
{
        ObjectKey *keys = NULL;
        size_t n = ready_held(&q->ready, a, &keys);

        for (size_t i = 0; i < n; i++) {
                uint8_t key[OBJECT_KEY_SIZE];
                MDB_val val;
                QueueState state;
                Row row;

                object_key_pack(&keys[i], key);
                if (store_get(txn, q->store.change, key, sizeof(key), &val) ||
                    row_unpack(a, val.mv_data, val.mv_size, &row))
                        continue;
                state = state_of(&row, false);
                if (st->n[row.place.lane][state] > 0)
                        st->n[row.place.lane][state]--;
                st->n[row.change.lane][QUEUE_LEASED]++;
        }
}

/* First seen of the first READY row of a lane that nobody has. */
static Wall oldest(QueueLmdb *q, MDB_txn *txn, Lane lane, Arena *a)
{
        MDB_cursor *cursor;
        MDB_val key, object, val;
        Wall seen = { 0 };
        int rc;

        if (mdb_cursor_open(txn, q->store.due[lane][ROW_READY], &cursor))
                return seen;
        for (rc = mdb_cursor_get(cursor, &key, &object, MDB_FIRST); rc == 0;
             rc = mdb_cursor_get(cursor, &key, &object, MDB_NEXT)) {
                Row row;

                if (object.mv_size != OBJECT_KEY_SIZE || ready_is_leased(&q->ready, object.mv_data))
                        continue;
                if (store_get(txn, q->store.change, object.mv_data, object.mv_size, &val) == 0 &&
                    row_unpack(a, val.mv_data, val.mv_size, &row) == 0)
                        seen = row_change(&row).seen;
                break;
        }
        mdb_cursor_close(cursor);
        return seen;
}

/**
 * queue_lmdb_stats() - counts
 *
 * LMDB knows the number of entries of each table, so this takes no longer with a million changes.
 *
 * Return: 0, -errno.
 */
int queue_lmdb_stats(Queue *queue, Wall now, QueueStats *ret_stats)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        QueueLmdb *q = queue_lmdb(queue);
        QueueStats st = { 0 };
        MDB_txn *txn = NULL;
        int r;

        r = store_read(&q->store, &txn);
        if (r)
                return error_trace(r);
        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                st.n[lane][QUEUE_READY] = count(txn, q->store.due[lane][ROW_READY]);
                st.n[lane][QUEUE_DELAYED] = count(txn, q->store.due[lane][ROW_DELAYED]);
                st.n[lane][QUEUE_PARKED] = count(txn, q->store.due[lane][ROW_PARKED]) +
                                           count(txn, q->store.due[lane][ROW_PARKED_DATED]);
                st.n[lane][QUEUE_DATED] = count(txn, q->store.due[lane][ROW_DATED]);
                st.oldest[lane] = oldest(q, txn, (Lane)lane, a);
        }
        count_leased(q, txn, a, &st);
        st.n_waiting_edges = count(txn, q->store.link[LINK_WAIT]);
        st.n_ready_edges = count(txn, q->store.link[LINK_READY]);
        st.n_outcomes = count(txn, q->store.outcome);
        store_read_end(&q->store, txn);

        pthread_mutex_lock(&q->ready.lock);
        st.n_put = q->ready.n_put;
        st.n_merged = q->ready.n_merged;
        st.n_acked = q->ready.n_acked;
        st.n_retried = q->ready.n_retried;
        st.n_parked = q->ready.n_parked;
        pthread_mutex_unlock(&q->ready.lock);
        st.n_commits = atomic_load(&q->committer.n_commits);
        st.file_bytes = store_file_bytes(&q->store);
        st.limit_bytes = q->limit;
        st.full = commit_is_full(&q->committer);
        *ret_stats = st;
        return 0;
}
