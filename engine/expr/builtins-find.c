/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"
#include "engine/expr/builtins-text.h"
#include "engine/expr/functions.h"
#include "engine/expr/text.h"

#include <string.h>

/* The functions on texts that look for another text in them. */

BUILTINS_TEXT(BUILTIN_DECLARE)

/* The fourth argument of InStr. */
static int compare_mode(Eval *v, const Value *args, size_t n_args, bool *ret_ignore_case)
{
        *ret_ignore_case = false;
        if (n_args < 4 || strcmp(args[3].s, "vbBinaryCompare") == 0)
                return 0;
        if (strcmp(args[3].s, "vbTextCompare") != 0)
                return eval_fail(v, "the way to compare must be vbTextCompare or vbBinaryCompare");
        *ret_ignore_case = true;
        return 0;
}

/* Small letters have the same number of characters, so that positions stay right. */
static int without_case(Eval *v, Value *text)
{
        int r;

        r = eval_charge(v, 3 * (size_t)text->n);
        if (r)
                return r;
        *text = value_string(str_lower(v->arena, text->s));
        return 0;
}

static int prepare(Eval *v, const Value *args, size_t n_args, Value *ret_text, Value *ret_find)
{
        bool ignore_case;
        int r;

        *ret_text = args[0];
        *ret_find = args[1];
        r = compare_mode(v, args, n_args, &ignore_case);
        if (!r && ignore_case) {
                r = without_case(v, ret_text);
                if (!r)
                        r = without_case(v, ret_find);
        }
        if (!r)
                r = eval_charge(v, ret_text->n);
        return r;
}

int builtin_instr(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t start = n_args > 2 ? args[2].i : 1;
        Value text, find;
        const char *found;
        size_t from;
        int r;

        if (start < 1)
                return eval_fail(v, "InStr starts at 1, not at %lld", (long long)start);
        r = prepare(v, args, n_args, &text, &find);
        if (r)
                return r;
        from = text_offset(text.s, text.n, (uint64_t)start - 1);
        *ret = value_int(0);
        if (from == text.n)
                return 0;
        found = memmem(text.s + from, text.n - from, find.s, find.n);
        if (found)
                *ret = value_int((int64_t)text_count(text.s, (size_t)(found - text.s)) + 1);
        return 0;
}

/* The match must lie within the first `start` characters. */
int builtin_instrrev(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t start = n_args > 2 ? args[2].i : -1;
        const char *found = NULL;
        Value text, find;
        size_t to, first, last;
        int r;

        if (start < 1 && start != -1)
                return eval_fail(v, "InStrRev starts at 1 or more, or -1 for the end, not at %lld",
                                 (long long)start);
        r = prepare(v, args, n_args, &text, &find);
        if (r)
                return r;
        *ret = value_int(0);
        to = start == -1 ? text.n : text_offset(text.s, text.n, (uint64_t)start);
        if (find.n > to || text.n == 0)
                return 0;
        if (find.n == 0) {
                *ret = value_int((int64_t)text_count(text.s, to));
                return 0;
        }
        /* memmem() is linear; comparing at every place from the end is not. The last occurrence is found by
         * halving the part in which there is one. */
        for (first = 0, last = to; first + find.n <= last;) {
                size_t middle = first + (last - first - find.n + 1) / 2;
                const char *later = memmem(text.s + middle, last - middle, find.s, find.n);

                if (later) {
                        found = later;
                        first = (size_t)(later - text.s) + 1;
                } else if (middle == first) {
                        break;
                } else {
                        last = middle + find.n - 1;
                }
        }
        if (found)
                *ret = value_int((int64_t)text_count(text.s, (size_t)(found - text.s)) + 1);
        return 0;
}

/* The marks of Replace for characters that cannot be written in an expression; 0: not one. */
static char marked(const char *s)
{
        if (s[0] != '\\')
                return 0;
        switch (s[1]) {
        case 'n':
                return '\n';
        case 'r':
                return '\r';
        case 't':
                return '\t';
        default:
                return 0;
        }
}

static int unmark(Eval *v, Value text, Value *ret)
{
        char *plain, *p;
        int r;

        *ret = text;
        if (!memchr(text.s, '\\', text.n))
                return 0;
        r = eval_buffer(v, text.n, &plain);
        if (r)
                return r;
        p = plain;
        for (const char *s = text.s; *s; s++) {
                char c = marked(s);

                *p++ = c ? c : *s;
                s += c != 0;
        }
        *p = '\0';
        *ret = value_string_n(plain, (size_t)(p - plain));
        return 0;
}

int builtin_replace(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *s = args[0].s, *end = s + args[0].n, *found;
        Value old, new;
        size_t count = 0, n;
        char *text, *p;
        int r;

        r = unmark(v, args[1], &old);
        if (!r)
                r = unmark(v, args[2], &new);
        if (!r)
                r = eval_charge(v, args[0].n);
        if (r)
                return r;
        *ret = args[0];
        if (old.n == 0)
                return 0;
        for (const char *at = s; (found = memmem(at, (size_t)(end - at), old.s, old.n)); at = found + old.n)
                count++;
        if (count == 0)
                return 0;

        n = args[0].n - count * old.n + count * new.n;
        r = eval_buffer(v, n, &text);
        if (r)
                return r;
        p = text;
        while ((found = memmem(s, (size_t)(end - s), old.s, old.n))) {
                p = mempcpy(p, s, (size_t)(found - s));
                p = mempcpy(p, new.s, new.n);
                s = found + old.n;
        }
        p = mempcpy(p, s, (size_t)(end - s));
        *p = '\0';
        *ret = value_string_n(text, n);
        return 0;
}

/* One "x:y" of the pattern of ReplaceChars. */
typedef struct Pair {
        const char *from, *to;
        size_t n_from, n_to;
} Pair;

/* The pattern without its white space, which means nothing. */
static int squeeze(Eval *v, Value pattern, Value *ret)
{
        char *text, *p;
        int r;

        r = eval_buffer(v, pattern.n, &text);
        if (r)
                return r;
        p = text;
        for (size_t at = 0; at < pattern.n;) {
                size_t length = text_char(pattern.s + at, pattern.n - at);

                if (!text_white(pattern.s + at, pattern.n - at))
                        p = mempcpy(p, pattern.s + at, length);
                at += length;
        }
        *p = '\0';
        *ret = value_string_n(text, (size_t)(p - text));
        return 0;
}

static int parse_pairs(Eval *v, Value pattern, Pair **ret_pairs, size_t *ret_n)
{
        const char *s = pattern.s;
        size_t n = 0, n_commas = 0;
        Pair *pairs;
        int r;

        for (size_t i = 0; i < pattern.n; i++)
                n_commas += s[i] == ',';
        r = eval_charge(v, (n_commas + 1) * 64);
        if (r)
                return r;
        pairs = arena_new_array(v->arena, Pair, n_commas + 1);
        for (;;) {
                size_t length = strcspn(s, ","), n_from = strcspn(s, ",:");

                if (n_from == length || n_from == 0 || text_char(s, n_from) != n_from)
                        return eval_fail(v, "the pattern of ReplaceChars must be like \"x:y,x:y\" with one "
                                            "character in front of each colon");
                pairs[n++] = (Pair){
                        .from = s, .n_from = n_from, .to = s + n_from + 1, .n_to = length - n_from - 1
                };
                s += length;
                if (!*s)
                        break;
                s++;
        }
        *ret_pairs = pairs;
        *ret_n = n;
        return 0;
}

static const Pair *pair_of(const Pair *pairs, size_t n_pairs, const char *s, size_t n)
{
        for (size_t i = 0; i < n_pairs; i++)
                if (pairs[i].n_from == n && memcmp(pairs[i].from, s, n) == 0)
                        return &pairs[i];
        return NULL;
}

int builtin_replacechars(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *s = args[0].s;
        size_t n = args[0].n, n_pairs = 0, total = 0;
        char *text = NULL, *p = NULL;
        Value pattern;
        Pair *pairs = NULL;
        int r;

        r = squeeze(v, args[1], &pattern);
        if (!r)
                r = parse_pairs(v, pattern, &pairs, &n_pairs);
        if (!r)
                r = eval_charge(v, n * n_pairs);
        if (r)
                return r;

        /* Once to count, once to write. */
        for (int pass = 0; pass < 2; pass++) {
                for (size_t at = 0; at < n;) {
                        size_t length = text_char(s + at, n - at);
                        const Pair *pair = pair_of(pairs, n_pairs, s + at, length);

                        if (pass == 0)
                                total += pair ? pair->n_to : length;
                        else
                                p = pair ? mempcpy(p, pair->to, pair->n_to) : mempcpy(p, s + at, length);
                        at += length;
                }
                if (pass == 0) {
                        r = eval_buffer(v, total, &text);
                        if (r)
                                return r;
                        p = text;
                }
        }
        *p = '\0';
        *ret = value_string_n(text, total);
        return 0;
}
