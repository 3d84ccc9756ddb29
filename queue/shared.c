/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/shared.h"

#include "engine/space/memo.h"

#include <string.h>

static int put(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, const void *data, size_t n)
{
        MDB_val k = store_val(key, n_key), v = store_val(data, n);

        return mdb_put(txn, dbi, &k, &v, 0);
}

static int forget(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key)
{
        MDB_val k = store_val(key, n_key);
        int rc = mdb_del(txn, dbi, &k, NULL);

        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* n numbers of 8 bytes; zeros when there is no such row. */
static int get_numbers(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, uint64_t *numbers, size_t n)
{
        MDB_val val;
        int rc = store_get(txn, dbi, key, n_key, &val);

        for (size_t i = 0; i < n; i++)
                numbers[i] =
                        rc == 0 && val.mv_size >= 8 * n ? get_be64((const uint8_t *)val.mv_data + 8 * i) : 0;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_numbers(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, const uint64_t *numbers,
                       size_t n)
{
        uint8_t buf[24];

        for (size_t i = 0; i < n; i++)
                put_be64(numbers[i], buf + 8 * i);
        return put(txn, dbi, key, n_key, buf, 8 * n);
}

int shared_applied(Store *s, MDB_txn *txn, SharedApplied *ret_applied)
{
        uint64_t numbers[3];
        int rc = get_numbers(txn, s->meta, "applied", strlen("applied"), numbers, 3);

        *ret_applied = (SharedApplied){ numbers[0], numbers[1], numbers[2] };
        return rc;
}

int shared_set_applied(Store *s, MDB_txn *txn, const SharedApplied *applied)
{
        const uint64_t numbers[] = { applied->sequence, applied->session, applied->number };

        return put_numbers(txn, s->meta, "applied", strlen("applied"), numbers, 3);
}

int shared_origin(Store *s, MDB_txn *txn, SharedOrigin *ret_origin)
{
        uint64_t numbers[2];
        int rc = get_numbers(txn, s->meta, "origin", strlen("origin"), numbers, 2);

        *ret_origin = (SharedOrigin){ numbers[0], numbers[1] };
        return rc;
}

int shared_set_origin(Store *s, MDB_txn *txn, const SharedOrigin *origin)
{
        const uint64_t numbers[] = { origin->epoch, origin->base };

        return put_numbers(txn, s->meta, "origin", strlen("origin"), numbers, 2);
}

int shared_reserved(Store *s, MDB_txn *txn, uint64_t *ret_first)
{
        return get_numbers(txn, s->meta, "sequence", strlen("sequence"), ret_first, 1);
}

int shared_set_reserved(Store *s, MDB_txn *txn, uint64_t first)
{
        return put_numbers(txn, s->meta, "sequence", strlen("sequence"), &first, 1);
}

/* And what was said with a term. `and_table`: not only their rows. */
static int drop_tables(Store *s, MDB_txn *txn, bool and_table)
{
        const MDB_dbi tables[] = { s->session, s->held, s->claim, s->rest, s->term, s->part };
        int rc = 0;

        for (size_t i = 0; rc == 0 && i < N_ELEMENTS(tables); i++)
                rc = mdb_drop(txn, tables[i], and_table);
        return rc ? rc : forget(txn, s->space[SPACE_MEMO], MEMO_BOARD, strlen(MEMO_BOARD));
}

int shared_forget_lives(Store *s, MDB_txn *txn)
{
        return drop_tables(s, txn, false);
}

int shared_leave(Store *s, MDB_txn *txn)
{
        static const char *const names[] = { "log", "applied", "origin" };
        int rc = drop_tables(s, txn, true);

        for (size_t i = 0; rc == 0 && i < N_ELEMENTS(names); i++)
                rc = forget(txn, s->meta, names[i], strlen(names[i]));
        return rc;
}

int shared_log(Store *s, MDB_txn *txn, Arena *a, const char **ret_log)
{
        MDB_val val;
        int rc = store_get(txn, s->meta, "log", strlen("log"), &val);

        *ret_log = rc == 0 ? arena_strndup(a, val.mv_data, val.mv_size) : NULL;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

int shared_set_log(Store *s, MDB_txn *txn, const char *log)
{
        return put(txn, s->meta, "log", strlen("log"), log, strlen(log));
}

int shared_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], SharedLease *ret_lease)
{
        uint64_t numbers[2];
        int rc = get_numbers(txn, s->held, key, OBJECT_KEY_SIZE, numbers, 2);

        *ret_lease = (SharedLease){ numbers[0], numbers[1] };
        return rc;
}

int shared_set_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], const SharedLease *lease)
{
        const uint64_t numbers[] = { lease->session, lease->number };

        return put_numbers(txn, s->held, key, OBJECT_KEY_SIZE, numbers, 2);
}

int shared_end_lease(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE])
{
        return forget(txn, s->held, key, OBJECT_KEY_SIZE);
}

int shared_leases(Store *s, MDB_txn *txn, Arena *a, ObjectKey **ret_keys, SharedLease **ret_leases,
                  size_t *ret_n)
{
        MDB_cursor *cursor;
        MDB_stat stat;
        MDB_val key, val;
        size_t n = 0;
        int rc = mdb_stat(txn, s->held, &stat);

        if (rc == 0)
                rc = mdb_cursor_open(txn, s->held, &cursor);
        if (rc)
                return rc;
        *ret_keys = arena_new_array(a, ObjectKey, stat.ms_entries);
        *ret_leases = arena_new_array(a, SharedLease, stat.ms_entries);
        while (n < stat.ms_entries && (rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                if (val.mv_size < 16 || !object_key_unpack(key.mv_data, key.mv_size, &(*ret_keys)[n]))
                        continue;
                (*ret_leases)[n++] =
                        (SharedLease){ get_be64(val.mv_data), get_be64((const uint8_t *)val.mv_data + 8) };
        }
        mdb_cursor_close(cursor);
        *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

int shared_claim(Store *s, MDB_txn *txn, const ObjectId *metaverse, uint64_t *ret_session)
{
        return get_numbers(txn, s->claim, metaverse->bytes, sizeof(metaverse->bytes), ret_session, 1);
}

int shared_set_claim(Store *s, MDB_txn *txn, const ObjectId *metaverse, uint64_t session)
{
        if (!session)
                return forget(txn, s->claim, metaverse->bytes, sizeof(metaverse->bytes));
        return put_numbers(txn, s->claim, metaverse->bytes, sizeof(metaverse->bytes), &session, 1);
}

int shared_session_begin(Store *s, MDB_txn *txn, uint64_t session, const char *node, Wall now)
{
        uint8_t key[8], row[8 + 256];
        size_t n = strnlen(node, 256);

        put_be64(session, key);
        put_be64((uint64_t)now.ms, row);
        memcpy(row + 8, node, n);
        return put(txn, s->session, key, sizeof(key), row, 8 + n);
}

int shared_session_is_live(Store *s, MDB_txn *txn, uint64_t session, bool *ret_live)
{
        uint8_t key[8];
        MDB_val val;
        int rc;

        put_be64(session, key);
        rc = store_get(txn, s->session, key, sizeof(key), &val);
        *ret_live = rc == 0;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

int shared_sessions(Store *s, MDB_txn *txn, Arena *a, SharedSession **ret_sessions, size_t *ret_n)
{
        MDB_cursor *cursor;
        MDB_stat stat;
        MDB_val key, val;
        SharedSession *sessions;
        size_t n = 0;
        int rc = mdb_stat(txn, s->session, &stat);

        if (rc == 0)
                rc = mdb_cursor_open(txn, s->session, &cursor);
        if (rc)
                return rc;
        *ret_sessions = sessions = arena_new_array(a, SharedSession, stat.ms_entries);
        while (n < stat.ms_entries && (rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                if (key.mv_size != 8 || val.mv_size < 8)
                        continue;
                sessions[n++] = (SharedSession){
                        .session = get_be64(key.mv_data),
                        .began = { (int64_t)get_be64(val.mv_data) },
                        .node = arena_strndup(a, (const char *)val.mv_data + 8, val.mv_size - 8),
                };
        }
        mdb_cursor_close(cursor);
        *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Rows of a table that belong to the session, by the first 8 bytes of the key or of the value. */
static int forget_of_session(MDB_txn *txn, MDB_dbi dbi, uint64_t session, bool by_key, Arena *a,
                             ObjectKey *keys, size_t *ret_n)
{
        MDB_cursor *cursor;
        MDB_val key, val;
        size_t n = 0;
        int rc = mdb_cursor_open(txn, dbi, &cursor);

        if (rc)
                return rc;
        while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                const MDB_val *of = by_key ? &key : &val;

                if (of->mv_size < 8 || get_be64(of->mv_data) != session)
                        continue;
                if (keys)
                        n += object_key_unpack(key.mv_data, key.mv_size, &keys[n]);
                rc = mdb_cursor_del(cursor, 0);
                if (rc)
                        break;
        }
        mdb_cursor_close(cursor);
        if (ret_n)
                *ret_n = n;
        return rc == MDB_NOTFOUND ? 0 : rc;
}

int shared_session_end(Store *s, MDB_txn *txn, uint64_t session, Arena *a, ObjectKey **ret_keys,
                       size_t *ret_n)
{
        uint8_t key[8];
        MDB_stat stat;
        int rc = mdb_stat(txn, s->held, &stat);

        if (rc)
                return rc;
        *ret_keys = arena_new_array(a, ObjectKey, stat.ms_entries);
        rc = forget_of_session(txn, s->held, session, false, a, *ret_keys, ret_n);
        if (rc == 0)
                rc = forget_of_session(txn, s->claim, session, false, a, NULL, NULL);
        if (rc == 0)
                rc = forget_of_session(txn, s->part, session, true, a, NULL, NULL);
        put_be64(session, key);
        return rc ? rc : forget(txn, s->session, key, sizeof(key));
}

int shared_rest(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], Wall *ret_until)
{
        uint64_t until;
        int rc = get_numbers(txn, s->rest, key, OBJECT_KEY_SIZE, &until, 1);

        ret_until->ms = (int64_t)until;
        return rc;
}

/* A row is kept so long behind its time: another node's clock may be behind. */
#define REST_KEPT_MS 60000

/* Two of those that follow go if their time is over, from the first again behind the last; so whatever rests
 * come, the table does not grow beyond those that are young. Which two hangs on the key alone: every copy
 * loses the same. */
static int sweep_rests(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], Wall now)
{
        MDB_val k = store_val(key, OBJECT_KEY_SIZE), val;
        MDB_cursor *cursor;
        int rc = mdb_cursor_open(txn, s->rest, &cursor);

        if (rc)
                return rc;
        for (unsigned i = 0; rc == 0 && i < 2; i++) {
                rc = mdb_cursor_get(cursor, &k, &val, i == 0 ? MDB_SET_RANGE : MDB_NEXT);
                if (rc == MDB_NOTFOUND)
                        rc = mdb_cursor_get(cursor, &k, &val, MDB_FIRST);
                if (rc == 0 && val.mv_size == 8 &&
                    (int64_t)get_be64(val.mv_data) <= wall_add(now, -REST_KEPT_MS).ms)
                        rc = mdb_cursor_del(cursor, 0);
        }
        mdb_cursor_close(cursor);
        return rc == MDB_NOTFOUND ? 0 : rc;
}

int shared_set_rest(Store *s, MDB_txn *txn, const uint8_t key[OBJECT_KEY_SIZE], Wall until, Wall now)
{
        uint64_t ms = (uint64_t)until.ms;
        int rc = sweep_rests(s, txn, key, now);

        if (rc)
                return rc;
        if (until.ms <= now.ms)
                return forget(txn, s->rest, key, OBJECT_KEY_SIZE);
        return put_numbers(txn, s->rest, key, OBJECT_KEY_SIZE, &ms, 1);
}

int shared_term(Store *s, MDB_txn *txn, const char *feed, uint64_t *ret_term)
{
        return get_numbers(txn, s->term, feed, strlen(feed), ret_term, 1);
}

int shared_set_term(Store *s, MDB_txn *txn, const char *feed, uint64_t term)
{
        return put_numbers(txn, s->term, feed, strlen(feed), &term, 1);
}

static void part_key(uint64_t session, uint64_t number, uint64_t part, uint8_t key[24])
{
        put_be64(session, key);
        put_be64(number, key + 8);
        put_be64(part, key + 16);
}

int shared_add_part(Store *s, MDB_txn *txn, uint64_t session, uint64_t number, uint64_t part,
                    const uint8_t *data, size_t n)
{
        uint8_t key[24];

        part_key(session, number, part, key);
        return put(txn, s->part, key, sizeof(key), data, n);
}

int shared_take_parts(Store *s, MDB_txn *txn, uint64_t session, uint64_t number, uint64_t n_parts, Arena *a,
                      const uint8_t **ret_data, size_t *ret_n)
{
        uint8_t key[24], *whole;
        MDB_val val;
        size_t n = 0;
        int rc;

        *ret_data = NULL;
        for (uint64_t i = 0; i < n_parts; i++) {
                part_key(session, number, i, key);
                rc = store_get(txn, s->part, key, sizeof(key), &val);
                if (rc)
                        return rc == MDB_NOTFOUND ? 0 : rc;
                n += val.mv_size;
        }
        whole = arena_alloc(a, n);
        n = 0;
        for (uint64_t i = 0; i < n_parts; i++) {
                part_key(session, number, i, key);
                rc = store_get(txn, s->part, key, sizeof(key), &val);
                if (rc == 0) {
                        memcpy(whole + n, val.mv_data, val.mv_size);
                        n += val.mv_size;
                        rc = forget(txn, s->part, key, sizeof(key));
                }
                if (rc)
                        return rc;
        }
        *ret_data = whole;
        *ret_n = n;
        return 0;
}
