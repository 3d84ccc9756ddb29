/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/eval.h"

#include <string.h>

/* What builtins and operators do to an evaluation: fail, pay, take room, note when to come back. */

int eval_fail_at(Eval *v, size_t offset, const char *format, ...)
{
        va_list ap;

        v->offset = offset;
        if (v->diag) {
                va_start(ap, format);
                diag_set(v->diag, "%s", arena_vprintf(v->arena, format, ap));
                va_end(ap);
        }
        return EXPR_E_TYPE;
}

int eval_fail(Eval *v, const char *format, ...)
{
        va_list ap;

        v->offset = v->running;
        if (v->diag) {
                va_start(ap, format);
                diag_set(v->diag, "%s", arena_vprintf(v->arena, format, ap));
                va_end(ap);
        }
        return EXPR_E_TYPE;
}

int eval_over_budget(Eval *v, const char *what)
{
        v->offset = v->running;
        diag_set(v->diag, "%s", what);
        return EXPR_E_BUDGET;
}

int eval_charge(Eval *v, size_t bytes)
{
        size_t steps = bytes / 64;

        if (steps > v->steps) {
                v->steps = 0;
                return eval_over_budget(v, "too much work for one expression");
        }
        v->steps -= steps;
        return 0;
}

int eval_charge_values(Eval *v, Value list)
{
        return eval_charge(v, 16 * value_count(list));
}

int eval_buffer(Eval *v, size_t n, char **ret)
{
        int r;

        if (n > VALUE_MAX)
                return eval_over_budget(v, "a value of more than 10 MB");
        r = eval_charge(v, n);
        if (r)
                return r;
        *ret = arena_alloc(v->arena, n + 1);
        return 0;
}

int eval_prefix(Eval *v, Value text, size_t n, Value *ret)
{
        char *copy;
        int r;

        if (n >= text.n) {
                *ret = text;
                return 0;
        }
        if (text.type == VALUE_BYTES) { /* needs no terminator */
                *ret = value_bytes(text.bytes, n);
                return 0;
        }
        r = eval_buffer(v, n, &copy);
        if (r)
                return r;
        memcpy(copy, text.s, n);
        copy[n] = '\0';
        *ret = value_string_n(copy, n);
        return 0;
}

Value eval_suffix(Value text, size_t from)
{
        if (from > text.n)
                from = text.n;
        return text.type == VALUE_BYTES ? value_bytes(text.bytes + from, text.n - from)
                                        : value_string_n(text.s + from, text.n - from);
}

int list_builder_add(Eval *v, ListBuilder *l, Value item)
{
        size_t n = value_count(item);
        int r;

        r = eval_charge(v, n * 64);
        if (r)
                return r;
        if (l->n + n > l->size) {
                size_t size = l->size ? 2 * l->size : 8;
                Value *items;

                if (size < l->n + n)
                        size = l->n + n;
                items = arena_alloc(v->arena, size * sizeof(*items));
                if (l->n)
                        memcpy(items, l->items, l->n * sizeof(*items));
                l->items = items;
                l->size = size;
        }
        for (size_t i = 0; i < n; i++)
                l->items[l->n++] = value_at(item, i);
        return 0;
}

Value list_builder_value(const ListBuilder *l)
{
        return value_list(l->items, l->n);
}

/* 9999-12-31: a date behind it means "never" (accountExpires), and no date of the language is. */
#define DUE_MAX ((int64_t)253402300799999)

void eval_due(Eval *v, int64_t filetime_from_now)
{
        /* One millisecond later, so that "greater than" is true as well. */
        int64_t ms = filetime_from_now / 10000 + (filetime_from_now % 10000 != 0) + 1;
        int64_t due;

        if (filetime_from_now < 0 || __builtin_add_overflow(v->env->now.ms, ms, &due) || due > DUE_MAX)
                return;
        if (v->due.ms == 0 || due < v->due.ms)
                v->due.ms = due;
}
