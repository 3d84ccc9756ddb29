/* SPDX-License-Identifier: Apache-2.0 */

/* What must hold for any input: checked against the obvious way to compute it, with inputs from a seed. */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/expr/date.h"
#include "engine/expr/expr.h"
#include "engine/expr/text.h"
#include "engine/expr/utf16.h"
#include "engine/model/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Value run(Arena *a, const char *text)
{
        ExprEnv env = { 0 };
        Diag diag = DIAG_INIT;
        ExprResult result;
        const Expr *e;

        if (expr_parse(a, text, NULL, &e, NULL, &diag) || expr_eval(e, &env, a, &result, &diag))
                fail_msg("%s: %s", text, diag_text(&diag));
        return result.value;
}

static const char *random_text(Arena *a, unsigned *seed, const char *const *letters, size_t n_letters,
                               size_t max)
{
        const char *text = "";

        for (size_t n = (unsigned)rand_r(seed) % (max + 1); n > 0; n--)
                text = arena_printf(a, "%s%s", text, letters[(unsigned)rand_r(seed) % n_letters]);
        return text;
}

static void test_find(void **state)
{
        static const char *const letters[] = { "a", "b", "\xc3\xa4" };
        unsigned seed = 1;

        for (int round = 0; round < 3000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *text = random_text(a, &seed, letters, N_ELEMENTS(letters), 12);
                const char *find = random_text(a, &seed, letters, N_ELEMENTS(letters), 2);
                int start = 1 + rand_r(&seed) % 13;
                int64_t first = 0, last = 0;

                if (!*find)
                        continue;
                for (size_t i = 1; i <= str_chars(text); i++) {
                        if (!str_starts(str_at(text, i - 1), find))
                                continue;
                        if (!first && i >= (size_t)start)
                                first = (int64_t)i;
                        if (i + str_chars(find) - 1 <= (size_t)start)
                                last = (int64_t)i;
                }
                if (run(a, arena_printf(a, "InStr(\"%s\", \"%s\", %d)", text, find, start)).i != first)
                        fail_msg("InStr %s %s %d", text, find, start);
                if (run(a, arena_printf(a, "InStrRev(\"%s\", \"%s\", %d)", text, find, start)).i != last)
                        fail_msg("InStrRev %s %s %d", text, find, start);
        }
}

static void test_parts(void **state)
{
        static const char *const letters[] = { "a", " ", "\xc3\xa4", "\xe6\x97\xa5", "\xf0\x90\x90\x80" };
        unsigned seed = 2;

        for (int round = 0; round < 2000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *text = random_text(a, &seed, letters, N_ELEMENTS(letters), 10);
                int n = rand_r(&seed) % 12, length = (int)str_chars(text);
                const char *left = run(a, arena_printf(a, "Left(\"%s\", %d)", text, n)).s;
                const char *right = run(a, arena_printf(a, "Right(\"%s\", %d)", text, length - n)).s;
                const char *middle = run(a, arena_printf(a, "Mid(\"%s\", %d)", text, n + 1)).s;
                const char *trimmed = run(a, arena_printf(a, "Trim(\"%s\")", text)).s;

                assert_int_equal(run(a, arena_printf(a, "Len(\"%s\")", text)).i, length);
                if (n < length) {
                        assert_string_equal(arena_printf(a, "%s%s", left, right), text);
                        assert_string_equal(middle, right);
                } else {
                        assert_string_equal(left, text);
                }
                assert_true(*trimmed != ' ' && !str_ends(trimmed, " "));
                assert_string_equal(
                        run(a, arena_printf(a, "ConvertFromBase64(ConvertToBase64(\"%s\"))", text)).s, text);
                assert_string_equal(
                        run(a, arena_printf(a, "ConvertFromUTF8Hex(ConvertToUTF8Hex(\"%s\"))", text)).s,
                        text);
        }
}

static void test_dates(void **state)
{
        static const char *const formats[] = { "o",
                                               "yyyy-MM-dd HH:mm:ss.fffffffK",
                                               "yyyyMMddHHmmss.fffffff'Z'",
                                               "M/d/yyyy h:mm:ss.fffffff tt",
                                               "dd-MMM-yyyy HH:mm:ss.fffffff",
                                               "dddd, MMMM d, yyyy HH:mm:ss.fffffff zzz" };
        unsigned seed = 3;

        for (int round = 0; round < 3000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                int64_t t = ((int64_t)rand_r(&seed) << 30 | rand_r(&seed)) % 2650467744000000000, back = -1;
                const char *format = formats[(unsigned)round % N_ELEMENTS(formats)];
                const char *text;

                if (t < 0)
                        t = -t;
                text = date_format(a, t, format);
                if (!date_parse(text, &back) || back != t)
                        fail_msg("%lld: %s: %lld", (long long)t, text, (long long)back);
        }
}

/* Any text is a date or not, and nothing is read behind its end. */
static void test_date_garbage(void **state)
{
        static const char *const letters[] = { "1",  "12", "2013", "-",   "/", ".",   ":",
                                               " ",  ",",  "T",    "Z",   "+", "Jan", "january",
                                               "PM", "am", "GMT",  "Thu", "30" };
        unsigned seed = 4;
        size_t n_dates = 0;

        for (int round = 0; round < 50000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *text = random_text(a, &seed, letters, N_ELEMENTS(letters), 9);
                char *copy = strdup(text); /* on the heap, where a sanitizer watches its end */
                int64_t t = 0;
                Civil c;

                if (date_parse(copy, &t)) {
                        n_dates++;
                        civil_from_filetime(t, &c);
                        assert_in_range(c.year, 1, 9999);
                }
                free(copy);
        }
        assert_true(n_dates > 0);
}

static void test_utf16(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        Value v;
        size_t n;

        assert_true(utf16_from_utf8(a, "\xf0\x90\x90\x80", 4, &data, &n));
        assert_int_equal(n, 4);
        assert_memory_equal(data, "\x01\xd8\x00\xdc", 4);
        assert_true(utf16_to_utf8(a, data, n, &v));
        assert_string_equal(v.s, "\xf0\x90\x90\x80");
        assert_false(utf16_from_utf8(a, "\xff", 1, &data, &n));
        assert_false(utf16_to_utf8(a, (const uint8_t *)"a", 1, &v));
        assert_false(utf16_to_utf8(a, (const uint8_t *)"\x01\xd8", 2, &v));
        assert_false(utf16_to_utf8(a, (const uint8_t *)"\x00\xdc", 2, &v));
        assert_false(utf16_to_utf8(a,
                                   (const uint8_t *)"\x01\xd8"
                                                    "a\0",
                                   4, &v));
        assert_false(utf16_to_utf8(a, (const uint8_t *)"\0\0", 2, &v));
        assert_true(utf16_to_utf8(a, (const uint8_t *)"", 0, &v));
        assert_string_equal(v.s, "");
}

static void test_text(void **state)
{
        static const char stray[] = "\x80\x80"
                                    "a\xc3";

        assert_int_equal(text_count(stray, 4), 3); /* the stray bytes are one, and the last is cut off */
        assert_int_equal(text_offset(stray, 4, 1), 2);
        assert_int_equal(text_offset(stray, 4, 3), 4);
        assert_int_equal(text_offset(stray, 4, UINT64_MAX), 4);
        assert_int_equal(text_white("\xe2\x80", 2), 0);
        assert_int_equal(text_white("\xc2", 1), 0);
        assert_int_equal(text_white_end("a\xe2\x80\x83", 4), 3);
        assert_int_equal(text_white_end("\x80\x80\x80\x80", 4), 0);
        assert_int_equal(text_white_end("", 0), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),  cmocka_unit_test(test_parts),
                cmocka_unit_test(test_dates), cmocka_unit_test(test_date_garbage),
                cmocka_unit_test(test_utf16), cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
