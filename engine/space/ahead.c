/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/ahead.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/model/unpack.h"
#include "engine/space/space-internal.h"

#include <string.h>

#define AHEAD_VERSION 1
#define AHEAD_FIELDS  2
#define VALUE_FIELDS  6

static void pack_one(PackWriter *w, const AheadValue *v)
{
        pack_array(w, VALUE_FIELDS);
        pack_str(w, v->attribute);
        value_pack(w, v->value);
        pack_int(w, v->stamp.version);
        pack_int(w, v->stamp.time);
        pack_bytes(w, v->stamp.origin.bytes, sizeof(v->stamp.origin.bytes));
        pack_str(w, v->server);
}

void space_write_ahead(SpaceBatch *b, const ObjectKey *key, const Ahead *ahead, uint64_t serial)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        pack_array(&w, AHEAD_FIELDS);
        pack_int(&w, AHEAD_VERSION);
        pack_array(&w, ahead->n_values);
        for (size_t i = 0; i < ahead->n_values; i++)
                pack_one(&w, &ahead->values[i]);
        data = pack_data(&w, &n);
        object_key_pack(key, buf);
        space_batch_row(b, SPACE_AHEAD, buf, sizeof(buf), data, n, serial);
        pack_deinit(&w);
}

static void unpack_one(PackReader *r, Arena *a, AheadValue *ret)
{
        size_t n = unpack_array(r);

        ret->attribute = unpack_str(r, a);
        ret->value = value_unpack(r, a);
        ret->stamp.version = (uint32_t)unpack_range(r, 0, UINT32_MAX);
        ret->stamp.time = unpack_int(r);
        unpack_fixed(r, ret->stamp.origin.bytes, sizeof(ret->stamp.origin.bytes));
        ret->server = unpack_str(r, a);
        if ((n < VALUE_FIELDS || !ret->attribute) && !r->error)
                r->error = PACK_E_CORRUPT;
        if (n > VALUE_FIELDS)
                unpack_skip(r, n - VALUE_FIELDS);
}

int space_read_ahead(Space *s, const ObjectKey *key, Arena *a, Ahead *ret_ahead, uint64_t *ret_serial)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row = { 0 };
        AheadValue *values;
        PackReader reader;
        size_t n;
        int r;

        object_key_pack(key, buf);
        r = s->ops->get(s, SPACE_AHEAD, buf, sizeof(buf), a, &row);
        if (r)
                return error_fold(r);
        *ret_serial = row.serial;
        if (!row.serial)
                return SPACE_E_NONE;
        unpack_init(&reader, row.data, row.n);
        if (unpack_array(&reader) < AHEAD_FIELDS)
                return SPACE_E_CORRUPT;
        unpack_version(&reader, AHEAD_VERSION);
        n = unpack_array(&reader);
        if (reader.error || n > AHEAD_VALUES_MAX)
                return SPACE_E_CORRUPT;
        values = arena_new_array(a, AheadValue, n + 1);
        for (size_t i = 0; i < n && !reader.error; i++)
                unpack_one(&reader, a, &values[i]);
        if (reader.error)
                return SPACE_E_CORRUPT;
        *ret_ahead = (Ahead){ .values = values, .n_values = n };
        return n ? 0 : SPACE_E_NONE;
}

bool ahead_add(Ahead *ahead, const AheadValue *more, size_t n_more, Arena *a)
{
        AheadValue *all = arena_new_array(a, AheadValue, ahead->n_values + n_more + 1);
        size_t n = ahead->n_values;
        bool changed = false;

        if (n)
                memcpy(all, ahead->values, n * sizeof(*all));
        for (size_t i = 0; i < n_more; i++) {
                size_t k = 0;

                while (k < n && !str_is_nocase(all[k].attribute, more[i].attribute))
                        k++;
                if (k == AHEAD_VALUES_MAX || (k < n && stamp_compare(&more[i].stamp, &all[k].stamp) <= 0))
                        continue;
                all[k] = more[i];
                n += k == n;
                changed = true;
        }
        *ahead = (Ahead){ .values = all, .n_values = n };
        return changed;
}

const Object *ahead_apply(const Ahead *ahead, const Object *o, const NamedStamp *stamps, size_t n_stamps,
                          Arena *a, Ahead *ret_left)
{
        AheadValue *left = arena_new_array(a, AheadValue, ahead->n_values + 1);
        ObjectBuilder b;
        size_t n = 0;

        for (size_t i = 0; i < ahead->n_values; i++) {
                Stamp has = stamp_find(stamps, n_stamps, ahead->values[i].attribute);

                if (stamp_compare(&has, &ahead->values[i].stamp) < 0)
                        left[n++] = ahead->values[i];
        }
        *ret_left = (Ahead){ .values = left, .n_values = n };
        if (!n)
                return o;
        object_build(&b, a);
        for (size_t i = 0; i < o->n_attributes; i++) {
                bool overtaken = false;

                for (size_t k = 0; k < n; k++)
                        overtaken |= str_is(left[k].attribute, o->attributes[i].name);
                if (!overtaken)
                        object_add(&b, o->attributes[i].name, o->attributes[i].value);
        }
        for (size_t k = 0; k < n; k++)
                object_add(&b, left[k].attribute, left[k].value);
        return object_finish(&b, &o->id, o->type, o->dn);
}
