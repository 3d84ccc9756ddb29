/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-text.h"
#include "base/str.h"
#include "engine/expr/functions.h"
#include "engine/expr/text.h"

#include <string.h>

BUILTINS_TEXT(BUILTIN_DECLARE)

static size_t units(Value v)
{
        return v.type == VALUE_BYTES ? v.n : text_count(v.s, v.n);
}

static size_t offset_of(Value v, uint64_t unit)
{
        if (v.type == VALUE_BYTES)
                return unit < v.n ? (size_t)unit : v.n;
        return text_offset(v.s, v.n, unit);
}

int builtin_len(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_int((int64_t)units(args[0]));
        return eval_charge(v, args[0].n);
}

int builtin_left(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        if (args[1].i < 0) {
                *ret = args[0];
                return 0;
        }
        return eval_prefix(v, args[0], offset_of(args[0], (uint64_t)args[1].i), ret);
}

int builtin_right(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        size_t n = units(args[0]);

        if (args[1].i < 0 || (uint64_t)args[1].i >= n)
                *ret = args[0];
        else
                *ret = eval_suffix(args[0], offset_of(args[0], n - (uint64_t)args[1].i));
        return eval_charge(v, args[0].n);
}

int builtin_mid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t start = args[1].i, n = n_args > 2 ? args[2].i : INT64_MAX;
        size_t from;

        *ret = args[0];
        if (start <= 0 || n < 0)
                return 0;
        from = offset_of(args[0], (uint64_t)start - 1);
        if (from == args[0].n && args[0].n > 0) /* behind the end: the text as it is, says the reference */
                return 0;
        *ret = eval_suffix(args[0], from);
        return eval_prefix(v, *ret, offset_of(*ret, (uint64_t)n), ret);
}

static int trim(Eval *v, Value text, bool left, bool right, Value *ret)
{
        size_t from = 0, to = text.n, white;

        while (left && (white = text_white(text.s + from, to - from)) > 0)
                from += white;
        while (right && to > from && (white = text_white_end(text.s + from, to - from)) > 0)
                to -= white;
        return eval_prefix(v, eval_suffix(text, from), to - from, ret);
}

int builtin_trim(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return trim(v, args[0], true, true, ret);
}

int builtin_ltrim(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return trim(v, args[0], true, false, ret);
}

int builtin_rtrim(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return trim(v, args[0], false, true, ret);
}

static int change_case(Eval *v, Value text, char *(*map)(Arena *a, const char *s), Value *ret)
{
        int r;

        r = eval_charge(v, 3 * (size_t)text.n); /* a few letters have a longer twin */
        if (r)
                return r;
        *ret = value_string(map(v->arena, text.s));
        return ret->n > VALUE_MAX ? eval_buffer(v, ret->n, &(char *){ NULL }) : 0; /* which refuses it */
}

int builtin_lcase(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return change_case(v, args[0], str_lower, ret);
}

int builtin_ucase(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return change_case(v, args[0], str_upper, ret);
}

/*
 * .NET's title case, between blanks: a word that is all capitals is taken for an acronym and left alone. What
 * is a capital is asked of the two mappings: one that upper case leaves and lower case changes.
 */
int builtin_pcase(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *s = args[0].s;
        size_t n = args[0].n, at = 0, out = 0;
        char *text;
        int r;

        r = eval_charge(v, 16 * n); /* three copies of each word, however short */
        if (!r)
                r = eval_buffer(v, 4 * n, &text);
        if (r)
                return r;
        while (at < n) {
                size_t end = at, first, length;
                const char *word, *upper, *lower, *piece;

                if (text_white(s + at, n - at)) {
                        text[out++] = s[at++];
                        continue;
                }
                while (end < n && !text_white(s + end, n - end))
                        end += text_char(s + end, n - end);
                word = arena_strndup(v->arena, s + at, end - at);
                upper = str_upper(v->arena, word);
                lower = str_lower(v->arena, word);
                if (strcmp(word, upper) == 0 && strcmp(word, lower) != 0) {
                        piece = word;
                } else {
                        first = text_char(upper, strlen(upper));
                        memcpy(text + out, upper, first);
                        out += first;
                        piece = lower + text_char(lower, strlen(lower));
                }
                length = strlen(piece);
                memcpy(text + out, piece, length);
                out += length;
                at = end;
        }
        text[out] = '\0';
        *ret = value_string_n(text, out);
        return 0;
}

static int pad(Eval *v, const char *name, const Value *args, bool left, Value *ret)
{
        Value text = args[0], c = args[2];
        size_t have, fill;
        char *padded, *p;
        int r;

        if (value_is_none(text)) {
                *ret = value_string_n("", 0);
                return 0;
        }
        if (value_is_none(args[1]) || value_is_none(c) || c.n == 0 || text_char(c.s, c.n) != c.n)
                return eval_fail(v, "%s needs a length and exactly one character", name);
        have = text_count(text.s, text.n);
        if (args[1].i <= (int64_t)have) {
                *ret = text;
                return 0;
        }
        if (args[1].i > (int64_t)VALUE_MAX)
                return eval_buffer(v, VALUE_MAX + 1, &padded); /* which refuses it */
        fill = (size_t)args[1].i - have;
        r = eval_buffer(v, text.n + fill * c.n, &padded);
        if (r)
                return r;
        p = left ? padded : mempcpy(padded, text.s, text.n);
        if (c.n == 1)
                p = (char *)memset(p, c.s[0], fill) + fill;
        else
                for (size_t i = 0; i < fill; i++)
                        p = mempcpy(p, c.s, c.n);
        if (left)
                p = mempcpy(p, text.s, text.n);
        *p = '\0';
        *ret = value_string_n(padded, text.n + fill * c.n);
        return 0;
}

int builtin_padleft(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return pad(v, "PadLeft", args, true, ret);
}

int builtin_padright(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        return pad(v, "PadRight", args, false, ret);
}

/*
 * A word is a run of characters between delimiters, so two delimiters in a row have none between them.
 */
int builtin_word(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        Value text = args[0], delimiters = args[2];
        size_t start = 0, at = 0;
        int64_t left = args[1].i;
        int r;

        *ret = value_string_n("", 0);
        r = eval_charge(v, text.n + (size_t)text.n / 16 * delimiters.n);
        if (r || left < 1)
                return r;
        for (;;) {
                size_t length = at < text.n ? text_char(text.s + at, text.n - at) : 0;
                /* A whole character at a place where one begins: UTF-8 cannot match across two. */
                bool ends = length == 0 || memmem(delimiters.s, delimiters.n, text.s + at, length) != NULL;

                if (ends) {
                        if (at > start && --left == 0)
                                return eval_prefix(v, eval_suffix(text, start), at - start, ret);
                        start = at + length;
                }
                if (length == 0)
                        return 0;
                at += length;
        }
}
