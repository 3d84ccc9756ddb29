/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-list.h"
#include "base/str.h"
#include "engine/expr/functions.h"
#include "engine/expr/text.h"

#include <string.h>

BUILTINS_LIST(BUILTIN_DECLARE)

int builtin_count(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_int((int64_t)value_count(args[0]));
        return 0;
}

int builtin_item(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        size_t n = value_count(args[0]);

        if (value_is_none(args[1]) || args[1].i < 1 || (uint64_t)args[1].i > n)
                return eval_fail(v, "Item %lld of %zu value%s",
                                 (long long)(value_is_none(args[1]) ? 0 : args[1].i), n, n == 1 ? "" : "s");
        *ret = value_at(args[0], (size_t)args[1].i - 1);
        return 0;
}

int builtin_itemornull(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        if (value_is_none(args[1]) || args[1].i < 1 || (uint64_t)args[1].i > value_count(args[0]))
                *ret = VALUE_NULL;
        else
                *ret = value_at(args[0], (size_t)args[1].i - 1);
        return 0;
}

static int contains_text(Eval *v, Value item, Value find, bool ignore_case, bool *ret)
{
        int r;

        r = eval_charge(v, (ignore_case ? 4 : 1) * (size_t)item.n);
        if (r)
                return r;
        if (ignore_case)
                item = value_string(str_lower(v->arena, item.s));
        *ret = memmem(item.s, item.n, find.s, find.n) != NULL;
        return 0;
}

int builtin_contains(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        bool ignore_case = false;
        Value find = args[1];
        int r;

        if (n_args > 2) {
                ignore_case = strcmp(args[2].s, "CaseInsensitive") == 0;
                if (!ignore_case && strcmp(args[2].s, "CaseSensitive") != 0)
                        return eval_fail(v, "the way to compare must be CaseSensitive or CaseInsensitive");
        }
        r = eval_charge_values(v, args[0]);
        if (!r && ignore_case) {
                r = eval_charge(v, 3 * (size_t)find.n);
                find = value_string(str_lower(v->arena, find.s));
        }
        if (r)
                return r;

        for (size_t i = 0; i < value_count(args[0]); i++) {
                Value item = value_at(args[0], i);
                bool found = false;

                if (item.type == VALUE_STRING)
                        r = contains_text(v, item, find, ignore_case, &found);
                else if (item.type == VALUE_REF)
                        found = str_is(item.ref->text, find.s);
                else
                        return eval_fail(v, "Contains looks at strings and references, not at %s",
                                         value_type_name(item));
                if (r)
                        return r;
                if (found) {
                        *ret = value_int((int64_t)i + 1);
                        return 0;
                }
        }
        *ret = value_int(0);
        return 0;
}

int builtin_join(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        Value delimiter = n_args > 1 ? args[1] : value_string_n(" ", 1);
        size_t n_values = value_count(args[0]), n = 0;
        char *text, *p;
        int r;

        *ret = VALUE_NULL;
        if (n_values == 0)
                return 0;
        if (value_is_none(delimiter))
                delimiter = value_string_n("", 0);
        for (size_t i = 0; i < n_values; i++) {
                Value item = value_at(args[0], i);

                if (item.type != VALUE_STRING)
                        return eval_fail(v, "Join takes strings, not %s", value_type_name(item));
                n += item.n + (i ? delimiter.n : 0);
        }
        r = eval_charge_values(v, args[0]);
        if (!r)
                r = eval_buffer(v, n, &text);
        if (r)
                return r;
        p = text;
        for (size_t i = 0; i < n_values; i++) {
                Value item = value_at(args[0], i);

                if (i)
                        p = mempcpy(p, delimiter.s, delimiter.n);
                p = mempcpy(p, item.s, item.n);
        }
        *p = '\0';
        *ret = value_string_n(text, n);
        return 0;
}

/* A value and its place, so that equal values stay in their order when they are sorted. */
typedef struct Placed {
        Value value;
        size_t place;
} Placed;

static int compare_placed(const void *a, const void *b)
{
        const Placed *x = a, *y = b;
        int r = value_compare(x->value, y->value);

        return r ? r : (x->place > y->place) - (x->place < y->place);
}

/* Exact duplicates: "SMTP:" and "smtp:" in an address are two things. */
int builtin_removeduplicates(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        size_t n = value_count(args[0]), bytes = 0;
        ListBuilder unique = { 0 };
        bool *again;
        Placed *sorted;
        int r;

        *ret = args[0];
        if (n < 2)
                return 0;
        for (size_t i = 0; i < n; i++)
                bytes += 64 + args[0].list[i].n;
        r = eval_charge(v, bytes);
        if (r)
                return r;

        sorted = arena_new_array(v->arena, Placed, n);
        again = arena_new_array(v->arena, bool, n);
        for (size_t i = 0; i < n; i++)
                sorted[i] = (Placed){ .value = args[0].list[i], .place = i };
        qsort(sorted, n, sizeof(*sorted), compare_placed);
        for (size_t i = 1; i < n; i++)
                again[sorted[i].place] = value_is(sorted[i - 1].value, sorted[i].value);
        for (size_t i = 0; i < n && !r; i++)
                if (!again[i])
                        r = list_builder_add(v, &unique, args[0].list[i]);
        *ret = list_builder_value(&unique);
        return r;
}

int builtin_split(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        Value text = args[0], delimiter = args[1];
        int64_t limit = n_args > 2 && args[2].i > 0 ? args[2].i : INT64_MAX;
        ListBuilder parts = { 0 };

        if (delimiter.n == 0 || text_char(delimiter.s, delimiter.n) != delimiter.n)
                return eval_fail(v, "the delimiter of Split must be exactly one character");
        *ret = VALUE_NULL;
        if (text.n == 0)
                return 0;
        for (;;) {
                const char *found = NULL;
                Value part;
                int r;

                if (--limit > 0)
                        found = memmem(text.s, text.n, delimiter.s, delimiter.n);
                r = eval_prefix(v, text, found ? (size_t)(found - text.s) : text.n, &part);
                if (!r)
                        r = list_builder_add(v, &parts, part);
                if (r)
                        return r;
                if (!found)
                        break;
                text = eval_suffix(text, (size_t)(found - text.s) + delimiter.n);
        }
        *ret = list_builder_value(&parts);
        return 0;
}
