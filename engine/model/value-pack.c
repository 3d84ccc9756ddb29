/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/unpack.h"
#include "engine/model/value.h"

/*
 * On disk: [type, payload]; a REF is [type, id, text], a LIST [type, [values]]. The numbers of ValueType are
 * part of the format.
 */

/**
 * value_pack() - append a value to a record
 */
void value_pack(PackWriter *w, Value v)
{
        pack_array(w, v.type == VALUE_NONE ? 1 : v.type == VALUE_REF ? 3 : 2);
        pack_int(w, v.type);

        switch ((ValueType)v.type) {
        case VALUE_NONE:
        case _VALUE_TYPE_N:
                break;
        case VALUE_BOOL:
                pack_bool(w, v.b);
                break;
        case VALUE_INT:
        case VALUE_TIME:
                pack_int(w, v.i);
                break;
        case VALUE_STRING:
                pack_str(w, v.s);
                break;
        case VALUE_BYTES:
                pack_bytes(w, v.bytes, v.n);
                break;
        case VALUE_REF:
                pack_bytes(w, v.ref->id.bytes, sizeof(v.ref->id.bytes));
                pack_str(w, v.ref->text);
                break;
        case VALUE_LIST:
                pack_array(w, v.n);
                for (size_t i = 0; i < v.n; i++)
                        value_pack(w, v.list[i]);
                break;
        case VALUE_TOKEN:
                pack_int(w, v.token);
                break;
        }
}

static Value unpack_value(PackReader *r, Arena *a, bool in_list);

static Value unpack_payload(PackReader *r, Arena *a, ValueType type)
{
        switch (type) {
        case VALUE_BOOL:
                return value_bool(unpack_bool(r));
        case VALUE_INT:
                return value_int(unpack_int(r));
        case VALUE_TIME:
                return value_time(unpack_int(r));
        case VALUE_STRING: {
                const char *s = unpack_str(r, a);

                if (!s)
                        unpack_fail(r);
                return value_string(s);
        }
        case VALUE_BYTES: {
                size_t n = 0;
                const uint8_t *data = unpack_bytes(r, &n);

                /* A copy: the value outlives the record. */
                return value_bytes(arena_memdup(a, data, n), n);
        }
        case VALUE_REF: {
                Ref *ref = arena_new_of(a, Ref);

                unpack_fixed(r, ref->id.bytes, sizeof(ref->id.bytes));
                ref->text = unpack_str(r, a);
                return value_ref(ref);
        }
        case VALUE_LIST: {
                size_t n = unpack_list(r, 3);
                Value *list = arena_new_array(a, Value, n);

                if (n == 0)
                        unpack_fail(r);
                for (size_t i = 0; i < n && !r->error; i++)
                        list[i] = unpack_value(r, a, true);
                return value_list(list, n);
        }
        case VALUE_TOKEN:
                return value_token((ValueToken)unpack_range(r, 0, VALUE_IGNORE_THIS_FLOW));
        case VALUE_NONE:
        case _VALUE_TYPE_N:
                break;
        }
        return VALUE_NULL;
}

static Value unpack_value(PackReader *r, Arena *a, bool in_list)
{
        size_t n = unpack_fields(r, 1);
        ValueType type = (ValueType)unpack_range(r, 0, _VALUE_TYPE_N - 1);
        size_t n_known = type == VALUE_NONE ? 1 : type == VALUE_REF ? 3 : 2;
        Value v;

        if (n < n_known || (in_list && (type == VALUE_NONE || type == VALUE_LIST)))
                unpack_fail(r);
        if (r->error)
                return VALUE_NULL;
        v = unpack_payload(r, a, type);
        unpack_rest(r, n, n_known);
        return r->error ? VALUE_NULL : v;
}

/**
 * value_unpack() - read a value
 *
 * Return: the value, all of it in the arena; NONE, and the reader's error, if the record is corrupt.
 */
Value value_unpack(PackReader *r, Arena *a)
{
        return unpack_value(r, a, false);
}
