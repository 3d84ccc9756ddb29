/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/value.h"
#include "base/error.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(Value) == 16, "a Value is passed in two registers");

Value value_string(const char *s)
{
        return s ? value_string_n(s, strlen(s)) : VALUE_NULL;
}

Value value_string_n(const char *s, size_t n)
{
        assert(n <= UINT32_MAX);
        return (Value){ .type = VALUE_STRING, .n = (uint32_t)n, .s = s };
}

Value value_bytes(const void *data, size_t n)
{
        assert(n <= UINT32_MAX);
        return (Value){ .type = VALUE_BYTES, .n = (uint32_t)n, .bytes = data };
}

Value value_ref(const Ref *ref)
{
        return ref ? (Value){ .type = VALUE_REF, .ref = ref } : VALUE_NULL;
}

Value value_list(const Value *list, size_t n)
{
        assert(n <= UINT32_MAX);
        return n ? (Value){ .type = VALUE_LIST, .n = (uint32_t)n, .list = list } : VALUE_NULL;
}

/**
 * value_copy() - deep copy
 *
 * Return: the same value, all of whose payload is in the arena.
 */
Value value_copy(Arena *a, Value v)
{
        switch ((ValueType)v.type) {
        case VALUE_STRING:
                v.s = arena_strndup(a, v.s, v.n);
                break;
        case VALUE_BYTES:
                v.bytes = arena_memdup(a, v.bytes, v.n);
                break;
        case VALUE_REF: {
                Ref *ref = arena_memdup(a, v.ref, sizeof(*ref));

                ref->text = arena_strdup(a, ref->text);
                v.ref = ref;
                break;
        }
        case VALUE_LIST: {
                Value *list = arena_new_array(a, Value, v.n);

                for (size_t i = 0; i < v.n; i++)
                        list[i] = value_copy(a, v.list[i]);
                v.list = list;
                break;
        }
        default:
                break;
        }
        return v;
}

static int compare_bytes(const void *a, size_t n_a, const void *b, size_t n_b)
{
        size_t n = n_a < n_b ? n_a : n_b;
        int r = n ? memcmp(a, b, n) : 0;

        return r ? r : (n_a > n_b) - (n_a < n_b);
}

static int compare_int(int64_t a, int64_t b)
{
        return (a > b) - (a < b);
}

/*
 * A reference whose id is known is its id; the text is only for people and changes when the other object is
 * renamed. Without an id the text is all there is.
 */
static int compare_refs(const Ref *a, const Ref *b)
{
        int r = guid_compare(&a->id, &b->id);

        if (r || !guid_is_zero(&a->id))
                return r;
        return strcmp(a->text ? a->text : "", b->text ? b->text : "");
}

/**
 * value_compare() - total order: by type, then content; lists value by value
 *
 * Return: < 0, 0, > 0. 0 means the same as value_is().
 */
int value_compare(Value a, Value b)
{
        if (a.type != b.type)
                return a.type < b.type ? -1 : 1;

        switch ((ValueType)a.type) {
        case VALUE_BOOL:
                return compare_int(a.b, b.b);
        case VALUE_INT:
        case VALUE_TIME:
                return compare_int(a.i, b.i);
        case VALUE_STRING:
                return compare_bytes(a.s, a.n, b.s, b.n);
        case VALUE_BYTES:
                return compare_bytes(a.bytes, a.n, b.bytes, b.n);
        case VALUE_REF:
                return compare_refs(a.ref, b.ref);
        case VALUE_LIST:
                for (size_t i = 0; i < a.n && i < b.n; i++) {
                        int r = value_compare(a.list[i], b.list[i]);

                        if (r)
                                return r;
                }
                return compare_int(a.n, b.n);
        case VALUE_TOKEN:
                return compare_int(a.token, b.token);
        case VALUE_NONE:
        case _VALUE_TYPE_N:
                break;
        }
        return 0;
}

bool value_is(Value a, Value b)
{
        if (a.type == b.type && (a.type == VALUE_STRING || a.type == VALUE_BYTES || a.type == VALUE_LIST) &&
            a.n != b.n)
                return false;
        return value_compare(a, b) == 0;
}

static int compare_pointers(const void *a, const void *b)
{
        return value_compare(**(const Value *const *)a, **(const Value *const *)b);
}

/* malloc, not an arena: the caller of a comparison has none. */
static const Value **sorted(const Value *list, size_t n)
{
        const Value **p = malloc(n * sizeof(*p));

        if (!p)
                error_oom(n * sizeof(*p));
        for (size_t i = 0; i < n; i++)
                p[i] = list + i;
        qsort(p, n, sizeof(*p), compare_pointers);
        return p;
}

/**
 * value_is_set() - whether two multi-valued attributes have the same values, in any order
 *
 * A value that occurs twice must occur twice in both. One value and a list of that value are the same set.
 */
bool value_is_set(Value a, Value b)
{
        size_t n = value_count(a);
        const Value *list_a = a.type == VALUE_LIST ? a.list : &a;
        const Value *list_b = b.type == VALUE_LIST ? b.list : &b;
        size_t i = 0;

        if (value_count(b) != n)
                return false;
        while (i < n && value_is(list_a[i], list_b[i]))
                i++; /* the directory mostly gives them in the same order */
        if (i == n)
                return true;

        {
                _cleanup_(cleanup_free) const Value **sorted_a = sorted(list_a + i, n - i);
                _cleanup_(cleanup_free) const Value **sorted_b = sorted(list_b + i, n - i);

                for (size_t k = 0; k < n - i; k++)
                        if (!value_is(*sorted_a[k], *sorted_b[k]))
                                return false;
        }
        return true;
}

/**
 * value_type_name() - the type as people and reports call it
 *
 * Return: a literal. A list is named after its values: its multi-valuedness is said elsewhere.
 */
const char *value_type_name(Value v)
{
        switch ((ValueType)v.type) {
        case VALUE_NONE:
                return "null";
        case VALUE_BOOL:
                return "boolean";
        case VALUE_INT:
                return "integer";
        case VALUE_TIME:
                return "time";
        case VALUE_STRING:
                return "string";
        case VALUE_BYTES:
                return "binary";
        case VALUE_REF:
                return "reference";
        case VALUE_LIST:
                return v.n ? value_type_name(v.list[0]) : "null";
        case VALUE_TOKEN:
                return v.token == VALUE_AUTHORITATIVE_NULL ? "AuthoritativeNull" : "IgnoreThisFlow";
        case _VALUE_TYPE_N:
                break;
        }
        return "?";
}

size_t value_count(Value v)
{
        if (v.type == VALUE_LIST)
                return v.n;
        return v.type == VALUE_NONE ? 0 : 1;
}

Value value_at(Value v, size_t i)
{
        assert(i < value_count(v));
        return v.type == VALUE_LIST ? v.list[i] : v;
}
