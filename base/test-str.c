/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void test_grows(void **state)
{
        Str s;
        char *text;

        str_init(&s, 100000);
        assert_string_equal(s.data, "");
        for (int i = 0; i < 10000; i++)
                str_printf(&s, "%d", i % 10);
        assert_int_equal(s.n, 10000);
        assert_int_equal(strlen(s.data), 10000);
        str_add(&s, NULL);
        str_add_n(&s, "a\0b", 3);
        assert_int_equal(s.n, 10003);
        assert_false(s.cut);
        str_printf(&s, "%50000d", 1);
        assert_int_equal(s.n, 60003);

        text = str_take(&s);
        assert_int_equal(text[9999], '9');
        assert_string_equal(s.data, "");
        str_add(&s, "again");
        assert_string_equal(s.data, "again");
        free(text);
        str_deinit(&s);
}

static void test_cut(void **state)
{
        Str s;

        str_init(&s, 10);
        str_add(&s, "0123456789");
        assert_false(s.cut);
        str_add(&s, "");
        assert_false(s.cut);
        str_add_char(&s, 'x');
        assert_true(s.cut);
        assert_string_equal(s.data, "0123456789");

        str_reset(&s);
        assert_false(s.cut);
        str_printf(&s, "%s-%d", "abcdefgh", 12345);
        assert_true(s.cut);
        assert_string_equal(s.data, "abcdefgh-1");
        /* A beginning stays a beginning: what would fit again is not appended. */
        str_reset(&s);
        str_add(&s, "12345678");
        str_add(&s, "90123");
        str_add(&s, "");
        assert_string_equal(s.data, "1234567890");
        str_reset(&s);
        str_add(&s, "123456789");
        str_add(&s, "\xe2\x82\xac"); /* one place left, three bytes */
        str_add(&s, "x");
        assert_string_equal(s.data, "123456789");
        str_deinit(&s);
}

static void test_safe(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        assert_string_equal(str_safe(a, "", 0), "");
        assert_string_equal(str_safe(a, "plain \\ text", 12), "plain \\ text");
        assert_string_equal(str_safe(a, "a\0b", 3), "a\\x00b");
        assert_string_equal(str_safe(a, "\t\r\n\x1b\x7f", 5), "\\x09\\x0d\\x0a\\x1b\\x7f");
        assert_string_equal(str_safe(a, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9),
                            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
        /* C1, overlong, surrogate, cut off, direction override, line separator, byte order mark, tag. */
        assert_string_equal(str_safe(a, "\xc2\x85", 2), "\\xc2\\x85");
        assert_string_equal(str_safe(a, "\xc0\xaf", 2), "\\xc0\\xaf");
        assert_string_equal(str_safe(a, "\xed\xa0\x80", 3), "\\xed\\xa0\\x80");
        assert_string_equal(str_safe(a, "\xe2\x82", 2), "\\xe2\\x82");
        assert_string_equal(str_safe(a, "\xe2\x80\xae", 3), "\\xe2\\x80\\xae");
        assert_string_equal(str_safe(a, "\xe2\x80\xa8", 3), "\\xe2\\x80\\xa8");
        assert_string_equal(str_safe(a, "\xef\xbb\xbf", 3), "\\xef\\xbb\\xbf");
        assert_string_equal(str_safe(a, "\xf3\xa0\x81\x81", 4), "\\xf3\\xa0\\x81\\x81");
        assert_string_equal(str_safe(a, "\xf5\x80\x80\x80", 4), "\\xf5\\x80\\x80\\x80");
}

static void test_compare(void **state)
{
        assert_true(str_is(NULL, NULL));
        assert_false(str_is(NULL, ""));
        assert_true(str_is("a", "a"));
        assert_false(str_is("a", "A"));
        assert_true(str_is_nocase("aBc-1", "AbC-1"));
        assert_false(str_is_nocase("abc", "abcd"));
        assert_false(str_is_nocase("abcd", "abc"));
        assert_false(str_is_nocase("\xc3\xa4", "\xc3\x84"));
        assert_false(str_is_nocase("@", "`"));
        assert_false(str_is_nocase(NULL, "x"));
        assert_true(str_is_nocase(NULL, NULL));
        assert_true(str_starts("prefix", "pre"));
        assert_true(str_starts("x", ""));
        assert_false(str_starts("pr", "pre"));
        assert_false(str_starts(NULL, "pre"));
        assert_true(str_ends("name.yaml", ".yaml"));
        assert_false(str_ends("yaml", ".yaml"));
        assert_false(str_ends(NULL, "x"));
}

static void test_numbers(void **state)
{
        static const char *const bad[] = { "",
                                           "-",
                                           "+1",
                                           " 1",
                                           "1 ",
                                           "1x",
                                           "0x1",
                                           "1.0",
                                           "--1",
                                           "1e3",
                                           "1_0",
                                           "9223372036854775808",
                                           "-9223372036854775809",
                                           "99999999999999999999999",
                                           "\xd9\xa1" };
        int64_t v = 77;

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                if (str_to_int64(bad[i], &v))
                        fail_msg("taken: \"%s\"", bad[i]);
        }
        assert_false(str_to_int64(NULL, &v));
        assert_int_equal(v, 77);
        assert_true(str_to_int64("9223372036854775807", &v));
        assert_int_equal(v, INT64_MAX);
        assert_true(str_to_int64("-9223372036854775808", &v));
        assert_int_equal(v, INT64_MIN);
        assert_true(str_to_int64("-0", &v));
        assert_int_equal(v, 0);
        assert_true(str_to_int64("007", &v));
        assert_int_equal(v, 7);
}

static void test_case(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        assert_null(str_fold(a, NULL));
        assert_null(str_lower(a, NULL));
        assert_null(str_upper(a, NULL));
        assert_string_equal(str_fold(a, "CN=Ada [1]"), "cn=ada [1]");
        assert_string_equal(str_lower(a, "AZ@[`{az"), "az@[`{az");
        assert_string_equal(str_upper(a, "AZ@[`{az"), "AZ@[`{AZ");
        assert_string_equal(str_lower(a, "\xc3\x84\xce\xa3"), "\xc3\xa4\xcf\x83");
        assert_string_equal(str_upper(a, "\xc3\xa4\xc3\xbf"), "\xc3\x84\xc5\xb8");
        /* Sharp s: one character stays one in upper case, and folds to two for comparing. */
        assert_string_equal(str_upper(a, "stra\xc3\x9f"
                                         "e"),
                            "STRA\xc3\x9f"
                            "E");
        assert_string_equal(str_fold(a, "STRA\xc3\x9f"
                                        "E"),
                            "strasse");
        /* Turkish: without locale, the dotted capital folds to i with a dot above. */
        assert_string_equal(str_fold(a, "\xc4\xb0"), "i\xcc\x87");
        /* Lower case of U+023A takes three bytes instead of two. */
        assert_string_equal(str_lower(a, "\xc8\xba"), "\xe2\xb1\xa5");
        /* Not UTF-8: as it is. */
        assert_string_equal(str_fold(a, "A\xff"), "A\xff");
        assert_string_equal(str_lower(a, "A\xed\xa0\x80"), "A\xed\xa0\x80");
}

static void test_mapping_fits(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *text = arena_alloc(a, 4 * 70000);
        size_t n = 0;

        /* Every character at once, so that a mapping which grows more than thought is found by a sanitizer.
         */
        for (uint32_t c = 0x80; c < 0x11000; c++) {
                if (c >= 0xd800 && c <= 0xdfff)
                        continue;
                if (c < 0x800) {
                        text[n++] = (char)(0xc0 | c >> 6);
                } else if (c < 0x10000) {
                        text[n++] = (char)(0xe0 | c >> 12);
                        text[n++] = (char)(0x80 | (c >> 6 & 63));
                } else {
                        text[n++] = (char)(0xf0 | c >> 18);
                        text[n++] = (char)(0x80 | (c >> 12 & 63));
                        text[n++] = (char)(0x80 | (c >> 6 & 63));
                }
                text[n++] = (char)(0x80 | (c & 63));
        }
        text[n] = '\0';
        assert_true(str_is_utf8(text, n));
        assert_int_equal(str_chars(text), 0x11000 - 0x80 - 0x800);
        assert_int_equal(str_chars(str_lower(a, text)), str_chars(text));
        assert_int_equal(str_chars(str_upper(a, text)), str_chars(text));
        assert_string_equal(str_fold(a, str_fold(a, text)), str_fold(a, text));
}

static void test_chars(void **state)
{
        const char *s = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";

        assert_int_equal(str_chars(NULL), 0);
        assert_int_equal(str_chars(""), 0);
        assert_int_equal(str_chars(s), 5);
        assert_ptr_equal(str_at(s, 0), s);
        assert_ptr_equal(str_at(s, 2), s + 3);
        assert_ptr_equal(str_at(s, 4), s + 10);
        assert_ptr_equal(str_at(s, 5), s + 11);
        assert_ptr_equal(str_at(s, 500), s + 11);
        /* An invalid byte is one character, and never swallows the end. */
        assert_int_equal(str_chars("\xff\xfe"), 2);
        assert_int_equal(str_chars("a\xe2\x82"), 3);
        assert_true(str_is_utf8("", 0));
        assert_true(str_is_utf8(NULL, 0));
        assert_false(str_is_utf8("\xc3", 1));
        assert_true(str_is_utf8("a\0b", 3));
}

static void test_hex(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        static const char *const bad[] = { "0", "0g", "g0", "00 ", " 00", "0x00", "00\n", "\xff\xff" };
        uint8_t *data = NULL;
        size_t n = 77;

        assert_string_equal(str_hex(a, (const uint8_t *)"\x00\xab\xff", 3), "00abff");
        assert_string_equal(str_hex(a, NULL, 0), "");
        assert_true(str_unhex(a, "00aBFf", &data, &n));
        assert_int_equal(n, 3);
        assert_memory_equal(data, "\x00\xab\xff", 3);
        assert_true(str_unhex(a, "", &data, &n));
        assert_int_equal(n, 0);
        n = 77;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                if (str_unhex(a, bad[i], &data, &n))
                        fail_msg("taken: \"%s\"", bad[i]);
        }
        assert_false(str_unhex(a, NULL, &data, &n));
        assert_int_equal(n, 77);
}

static void test_base64(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        static const struct {
                const char *plain, *text, *url;
        } rows[] = {
                { "", "", "" },
                { "f", "Zg==", "Zg" },
                { "fo", "Zm8=", "Zm8" },
                { "foo", "Zm9v", "Zm9v" },
                { "foob", "Zm9vYg==", "Zm9vYg" },
                { "fooba", "Zm9vYmE=", "Zm9vYmE" },
                { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
                { "\xfb\xff\xbf", "+/+/", "-_-_" },
        };
        static const char *const bad[] = {
                "Z",
                "Zg",
                "Zg=",
                "Zg===",
                "=",
                "==",
                "===",
                "====",
                "Z===",
                "Zh==",
                "Zm9=",
                "Zm 9v",
                "Zm9v ",
                "Zm9v\n",
                "-_-_",
                "Zg==Zg==",
                "Zm=v",
                "Z=g=",
                "\xff\xff\xff\xff",
                "Zm9\x80",
        };
        uint8_t *data = NULL, bytes[300];
        size_t n = 77;

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                if (str_unbase64(a, bad[i], &data, &n))
                        fail_msg("taken: \"%s\"", bad[i]);
        }
        assert_false(str_unbase64(a, NULL, &data, &n));
        assert_int_equal(n, 77);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                size_t len = strlen(rows[i].plain);

                assert_string_equal(str_base64(a, (const uint8_t *)rows[i].plain, len), rows[i].text);
                assert_string_equal(str_base64url(a, (const uint8_t *)rows[i].plain, len), rows[i].url);
                assert_true(str_unbase64(a, rows[i].text, &data, &n));
                assert_int_equal(n, len);
                assert_memory_equal(data, rows[i].plain, len);
        }
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)(i * 7);
        for (size_t len = 0; len <= sizeof(bytes); len++) {
                assert_true(str_unbase64(a, str_base64(a, bytes, len), &data, &n));
                assert_int_equal(n, len);
                assert_memory_equal(data, bytes, len);
        }
}

static void test_urlencode(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        assert_null(str_urlencode(a, NULL));
        assert_string_equal(str_urlencode(a, "aZ09-._~"), "aZ09-._~");
        assert_string_equal(str_urlencode(a, "a b/c?d=e&f+g%\xc3\xa4'"),
                            "a%20b%2Fc%3Fd%3De%26f%2Bg%25%C3%A4%27");
}

/* A folder of its own, which is the current one while the test runs. */
static int enter_folder(void **state)
{
        static char folder[64];

        snprintf(folder, sizeof(folder), "/tmp/test-str-XXXXXX");
        if (!mkdtemp(folder) || chdir(folder) < 0)
                return -1;
        *state = folder;
        return 0;
}

static int leave_folder(void **state)
{
        unlink("file");
        rmdir("folder");
        return chdir("/") < 0 || rmdir(*state) < 0;
}

static void test_files(void **state)
{
        _cleanup_(cleanup_free) char *text = NULL, *long_path = NULL;
        const char *folder = *state;
        struct stat st;
        char *data;
        size_t n;

        assert_int_equal(str_read_file("file", 100, &data, &n), -ENOENT);
        assert_int_equal(str_write_file("file", "con\0tent", 8, 0640), 0);
        assert_int_equal(str_read_file("file", 100, &data, &n), 0);
        assert_int_equal(n, 8);
        assert_memory_equal(data, "con\0tent", 9);
        free(data);
        assert_int_equal(stat("file", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);

        /* The maximum is the largest that is taken. */
        assert_int_equal(str_read_file("file", 8, &data, NULL), 0);
        free(data);
        assert_int_equal(str_read_file("file", 7, &data, NULL), -EFBIG);

        assert_true(asprintf(&long_path, "%s/file", folder) > 0);
        assert_int_equal(str_write_file(long_path, "", 0, 0600), 0);
        assert_int_equal(str_read_file("file", 100, &text, &n), 0);
        assert_int_equal(n, 0);
        assert_string_equal(text, "");

        assert_int_equal(str_write_file("no/such/folder", "x", 1, 0600), -ENOENT);
        assert_int_equal(mkdir("folder", 0700), 0);
        assert_int_equal(str_read_file("folder", 100, &data, &n), -EISDIR);
        /* A folder cannot be replaced; the temporary file goes away, or the folder could not be removed. */
        assert_int_equal(str_write_file("folder", "x", 1, 0600), -EISDIR);
}

static void test_columns(void **state)
{
        /* An accent that combines, a Chinese letter, an emoji, a byte that is no UTF-8. */
        static const char *const text = "e\xcc\x81\xe5\xb1\xb1\xf0\x9f\x9a\x80\xff";

        assert_int_equal(str_columns(""), 0);
        assert_int_equal(str_columns(NULL), 0);
        assert_int_equal(str_columns("Ada"), 3);
        assert_int_equal(str_columns(text), 1 + 0 + 2 + 2 + 1);
        assert_ptr_equal(str_at_column(text, 1), text + 3);
        assert_ptr_equal(str_at_column(text, 2), text + 3);
        assert_ptr_equal(str_at_column(text, 3), text + 6);
        assert_ptr_equal(str_at_column(text, 100), text + strlen(text));
        assert_ptr_equal(str_at_column(text, 0), text);
}

static void assert_wrapped(const char *text, size_t at, size_t left, size_t columns, const char *wanted)
{
        Str s;

        str_init(&s, 1000);
        str_add_wrapped(&s, text, at, left, columns);
        assert_string_equal(s.data, wanted);
        str_deinit(&s);
}

static void test_wrapped(void **state)
{
        assert_wrapped("", 0, 0, 10, "");
        assert_wrapped("one two three", 0, 0, 7, "one two\nthree");
        assert_wrapped("one two three", 2, 4, 9, "one two\n    three");
        assert_wrapped("one two three", 5, 2, SIZE_MAX, "one two three");
        /* Characters, not bytes; what has no space stays whole. */
        assert_wrapped("\xc3\xa4\xc3\xb6\xc3\xbc a", 0, 0, 5, "\xc3\xa4\xc3\xb6\xc3\xbc a");
        assert_wrapped("a /a/long/path b", 0, 1, 5, "a\n /a/long/path\n b");
}

static void test_endless_file(void **state)
{
        char *data;
        size_t n;

        assert_int_equal(str_read_file("/dev/zero", (size_t)1 << 20, &data, &n), -EFBIG);
        assert_int_equal(str_read_file("/proc/self/status", (size_t)1 << 20, &data, &n), 0);
        assert_true(n > 100);
        assert_int_equal(strlen(data), n);
        free(data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grows),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_safe),
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_case),
                cmocka_unit_test(test_mapping_fits),
                cmocka_unit_test(test_chars),
                cmocka_unit_test(test_columns),
                cmocka_unit_test(test_wrapped),
                cmocka_unit_test(test_hex),
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_urlencode),
                cmocka_unit_test_setup_teardown(test_files, enter_folder, leave_folder),
                cmocka_unit_test(test_endless_file),
        };

        return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
