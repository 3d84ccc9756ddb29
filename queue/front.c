/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/front.h"

#include "base/error.h"

#include <string.h>

static int open_look(FrontLook *look)
{
        return look->txn ? 0 : store_read(look->store, &look->txn);
}

void front_look_end(FrontLook *look)
{
        store_read_end(look->store, look->txn);
        look->txn = NULL;
}

void front_reset(Front *front)
{
        *front = (Front){ 0 };
}

void fronts_rewind(Ready *r)
{
        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                for (unsigned class = 0; class < _ROW_CLASS_N; class ++)
                        front_reset(&r->fronts[lane][class]);
        }
}

void front_lower(Front *front, const uint8_t key[PLACE_KEY_SIZE])
{
        if (memcmp(key, front->from, PLACE_KEY_SIZE) < 0)
                memcpy(front->from, key, PLACE_KEY_SIZE);
        front->is_known = false;
}

/* Look behind this entry from now on. */
void front_pass(Front *front, const Front *passed)
{
        Place next = passed->place;

        next.sequence++;
        place_key(&next, front->from);
        front->is_known = false;
}

int front_compare(const Front *a, const Front *b)
{
        if (a->place.due.ms != b->place.due.ms)
                return a->place.due.ms < b->place.due.ms ? -1 : 1;
        return (a->place.sequence > b->place.sequence) - (a->place.sequence < b->place.sequence);
}

/* The first free entry from a key on with a number below `end`. `*ret_left`: there is such an entry, free or
 * not. Return: LMDB's code; MDB_NOTFOUND: none. */
static int scan(FrontLook *look, MDB_dbi dbi, uint8_t from[PLACE_KEY_SIZE], Lane lane, RowClass class,
                uint64_t end, bool *ret_left, Front *ret_front)
{
        MDB_val key = store_val(from, PLACE_KEY_SIZE), val;
        MDB_cursor *cursor;
        Place place;
        int rc;

        rc = mdb_cursor_open(look->txn, dbi, &cursor);
        if (rc)
                return rc;
        for (rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_RANGE); rc == 0;
             rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) {
                if (key.mv_size != PLACE_KEY_SIZE || val.mv_size != OBJECT_KEY_SIZE)
                        continue;
                place_from_key(key.mv_data, (uint8_t)lane, class, &place);
                if (place.sequence >= end)
                        continue;
                *ret_left = true;
                if (!look->is_free(look->context, val.mv_data))
                        continue;
                object_key_unpack(val.mv_data, val.mv_size, &ret_front->object);
                ret_front->place = place;
                break;
        }
        mdb_cursor_close(cursor);
        return rc;
}

int front_look(FrontLook *look, Front *front, Lane lane, RowClass class)
{
        bool left;
        int r, rc;

        if (front->is_known)
                return 0;
        r = open_look(look);
        if (r)
                return error_trace(r);
        rc = scan(look, look->store->due[lane][class], front->from, lane, class, UINT64_MAX, &left, front);
        if (rc && rc != MDB_NOTFOUND)
                return error_origin(store_error(rc));
        front->exists = rc == 0;
        front->is_known = true;
        if (front->exists)
                place_key(&front->place, front->from);
        else
                memset(front->from, 0xff, sizeof(front->from));
        return 0;
}

/* The first free delayed row from a time on with a number below `end`. Return: 0, -errno. */
static int look_from(FrontLook *look, Lane lane, Wall time, uint64_t end, bool *ret_due, bool *ret_left,
                     Front *ret_front)
{
        uint8_t from[PLACE_KEY_SIZE];
        int r, rc;

        r = open_look(look);
        if (r)
                return error_trace(r);
        place_key(&(Place){ .due = time }, from);
        *ret_front = (Front){ 0 };
        rc = scan(look, look->store->due[lane][ROW_DELAYED], from, lane, ROW_DELAYED, end, ret_left,
                  ret_front);
        *ret_due = rc == 0;
        return rc == 0 || rc == MDB_NOTFOUND ? 0 : error_origin(store_error(rc));
}

int front_look_far(FrontLook *look, Lane lane, Wall last_due, bool *ret_due, bool *ret_left, Front *ret_front)
{
        Wall far = wall_add(look->now, QUEUE_DELAY_MAX_MS);
        uint64_t doubt = look->doubt[lane];
        bool left;
        int r = 0;

        *ret_due = *ret_left = false;
        if (last_due.ms > far.ms)
                r = look_from(look, lane, wall_add(far, 1), UINT64_MAX, ret_due, &left, ret_front);
        if (r == 0 && !*ret_due && doubt)
                r = look_from(look, lane, (Wall){ 0 }, doubt, ret_due, ret_left, ret_front);
        return r;
}

int front_last_due(Store *s, MDB_txn *txn, Lane lane, Wall *ret_due)
{
        MDB_val key, val;
        MDB_cursor *cursor;
        int rc;

        *ret_due = (Wall){ 0 };
        rc = mdb_cursor_open(txn, s->due[lane][ROW_DELAYED], &cursor);
        if (rc)
                return error_origin(store_error(rc));
        rc = mdb_cursor_get(cursor, &key, &val, MDB_LAST);
        if (rc == 0 && key.mv_size == PLACE_KEY_SIZE) {
                Place place;

                place_from_key(key.mv_data, (uint8_t)lane, ROW_DELAYED, &place);
                *ret_due = place.due;
        }
        mdb_cursor_close(cursor);
        return rc == 0 || rc == MDB_NOTFOUND ? 0 : error_origin(store_error(rc));
}

int front_row_any(FrontLook *look, const Front *front, Arena *a, Row *ret_row)
{
        uint8_t key[OBJECT_KEY_SIZE];
        MDB_val val;
        int r, rc;

        r = open_look(look);
        if (r)
                return error_trace(r);
        object_key_pack(&front->object, key);
        rc = store_get(look->txn, look->store->change, key, sizeof(key), &val);
        if (rc == MDB_NOTFOUND)
                return QUEUE_E_NONE;
        if (rc)
                return error_origin(store_error(rc));
        if (row_unpack(a, val.mv_data, val.mv_size, ret_row)) {
                row_stand_in(ret_row, &front->object);
                if (front->place.sequence)
                        ret_row->place = front->place;
        }
        return 0;
}

int front_row(FrontLook *look, const Front *front, Arena *a, Row *ret_row)
{
        int r = front_row_any(look, front, a, ret_row);

        if (r)
                return r < 0 ? error_trace(r) : r;
        if (ret_row->place.sequence != front->place.sequence || ret_row->place.lane != front->place.lane ||
            ret_row->place.class != front->place.class)
                return QUEUE_E_NONE;
        return 0;
}
