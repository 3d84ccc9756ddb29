/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/record.h"

#include <endian.h>
#include <string.h>

#define ROW_FIELDS    13
#define FORMAT_FIELDS 2

static const char *const class_names[_ROW_CLASS_N] = {
        [ROW_READY] = "ready", [ROW_DELAYED] = "delayed",           [ROW_PARKED] = "parked",
        [ROW_DATED] = "dated", [ROW_PARKED_DATED] = "parked-dated",
};

const char *row_class_name(RowClass c)
{
        return (unsigned)c < _ROW_CLASS_N ? class_names[c] : "?";
}

void put_be64(uint64_t v, uint8_t buf[8])
{
        v = htobe64(v);
        memcpy(buf, &v, sizeof(v));
}

uint64_t get_be64(const void *data)
{
        uint64_t v;

        memcpy(&v, data, sizeof(v));
        return be64toh(v);
}

void place_key(const Place *p, uint8_t buf[PLACE_KEY_SIZE])
{
        /* A time before 1970 is no time; it would sort behind all others. */
        put_be64(p->due.ms > 0 ? (uint64_t)p->due.ms : 0, buf);
        put_be64(p->sequence, buf + 8);
}

void place_from_key(const void *data, uint8_t lane, RowClass where, Place *ret_place)
{
        const uint8_t *p = data;

        *ret_place = (Place){
                .lane = lane,
                .class = (uint8_t)where,
                .due = { (int64_t)get_be64(p) },
                .sequence = get_be64(p + 8),
        };
}

void row_pack(PackWriter *w, const Row *row)
{
        pack_array(w, ROW_FIELDS);
        pack_int(w, ROW_VERSION);
        pack_int(w, row->place.lane);
        pack_int(w, row->place.class);
        pack_int(w, row->place.due.ms);
        pack_int(w, (int64_t)row->place.sequence);
        pack_int(w, (int64_t)row->generation);
        pack_int(w, row->tries);
        pack_int(w, row->queued.ms);
        pack_int(w, row->first_failed.ms);
        pack_str(w, row->reason);
        change_pack(w, &row->change);
        if (row->has_later)
                change_pack(w, &row->later);
        else
                pack_nil(w);
        pack_int(w, row->later_queued.ms);
}

static void fail(PackReader *r)
{
        if (!r->error)
                r->error = PACK_E_CORRUPT;
}

static uint8_t unpack_below(PackReader *r, int64_t end)
{
        int64_t v = unpack_int(r);

        if (v < 0 || v >= end)
                fail(r);
        return r->error ? 0 : (uint8_t)v;
}

static void unpack_place(PackReader *r, const void *data, size_t n, Place *place, uint64_t *generation)
{
        unpack_init(r, data, n);
        if (unpack_array(r) < ROW_FIELDS)
                fail(r);
        unpack_version(r, ROW_VERSION);
        place->lane = unpack_below(r, _LANE_N);
        place->class = unpack_below(r, _ROW_CLASS_N);
        place->due = (Wall){ unpack_int(r) };
        place->sequence = (uint64_t)unpack_int(r);
        *generation = (uint64_t)unpack_int(r);
}

int row_peek(const void *data, size_t n, Place *ret_place, uint64_t *ret_generation)
{
        PackReader r;
        Place place;
        uint64_t generation;

        unpack_place(&r, data, n, &place, &generation);
        if (r.error)
                return r.error;
        *ret_place = place;
        *ret_generation = generation;
        return 0;
}

int row_unpack(Arena *a, const void *data, size_t n, Row *ret_row)
{
        PackReader r;
        Row row = { 0 };
        int64_t tries;

        unpack_place(&r, data, n, &row.place, &row.generation);
        tries = unpack_int(&r);
        if (tries < 0 || tries > INT32_MAX)
                fail(&r);
        row.tries = (unsigned)tries;
        row.queued = (Wall){ unpack_int(&r) };
        row.first_failed = (Wall){ unpack_int(&r) };
        row.reason = unpack_str(&r, a);
        change_unpack(&r, a, &row.change);
        if (!r.error && !unpack_is_nil(&r)) {
                change_unpack(&r, a, &row.later);
                row.has_later = true;
        }
        row.later_queued = (Wall){ unpack_int(&r) };
        if (r.error)
                return r.error;
        *ret_row = row;
        return 0;
}

void format_pack(PackWriter *w)
{
        pack_array(w, FORMAT_FIELDS);
        pack_int(w, STORE_VERSION);
        pack_str(w, SOSYNC_VERSION);
}

int format_unpack(Arena *a, const void *data, size_t n, const char **ret_program)
{
        const char *program;
        PackReader r;

        unpack_init(&r, data, n);
        if (unpack_array(&r) < FORMAT_FIELDS)
                fail(&r);
        /* The name of the program is wanted exactly when the version is too new. */
        if (unpack_version(&r, INT32_MAX) > STORE_VERSION) {
                program = unpack_str(&r, a);
                *ret_program = r.error ? NULL : program;
                return PACK_E_NEWER;
        }
        program = unpack_str(&r, a);
        if (r.error)
                return r.error;
        *ret_program = program;
        return 0;
}
