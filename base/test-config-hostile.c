/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-doc.h"
#include "base/test-config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Read, and give the first finding (until the next call); NULL if there is none. */
static const char *finding(const char *text, size_t n)
{
        static char first[20000];
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c = { 0 };
        /* Its own piece of memory without a terminator: a sanitizer sees every step beyond the end. */
        char *copy = malloc(n ? n : 1);
        int r;

        memcpy(copy, text, n);
        r = config_read_text("t", copy, n, test_fields, &test_hooks, a, &c, NULL, &diag);
        free(copy);
        assert_int_equal(r == 0, !diag_any(&diag));
        if (!r)
                return NULL;
        snprintf(first, sizeof(first), "%s", diag_text(&diag));
        return first;
}

#define FINDING(literal) finding((literal), sizeof(literal) - 1)

/* So many copies of a piece, in front of it and behind it a text. */
static const char *repeated(const char *before, const char *piece, size_t times, const char *after)
{
        const char *text;
        Str s;

        str_init(&s, (size_t)16 << 20);
        str_add(&s, before);
        while (times--)
                str_add(&s, piece);
        str_add(&s, after);
        text = finding(s.data, s.n);
        str_deinit(&s);
        return text;
}

static void test_bytes(void **state)
{
        assert_string_equal(FINDING("source:\n  name: a\0b\n"),
                            "t:2:10: a NUL byte; expected a text in UTF-8");
        assert_string_equal(FINDING("\0"), "t:1:1: a NUL byte; expected a text in UTF-8");
        assert_string_equal(FINDING("# Zo\xeb\n"),
                            "t:1:5: the byte 0xeb is not UTF-8; expected a text in UTF-8");
        assert_string_equal(FINDING("a: \xc3"),
                            "t:1:4: the byte 0xc3 is not UTF-8; expected a text in UTF-8");
        assert_string_equal(FINDING("a: \xed\xa0\x80"),
                            "t:1:4: the byte 0xed is not UTF-8; expected a text in UTF-8");
        assert_string_equal(FINDING("a: \xc0\x80"),
                            "t:1:4: the byte 0xc0 is not UTF-8; expected a text in UTF-8");
        assert_string_equal(FINDING("\xff\xfe"
                                    "a\0"),
                            "t:1:1: the byte 0xff is not UTF-8; expected a text in UTF-8");
        assert_string_equal(
                FINDING("a: b\r\nb: \x1b[2J"),
                "t:2:4: the control character U+001B cannot stand in YAML; write it as \"\\x1B\" in double "
                "quotes, or remove it");
        assert_string_equal(
                FINDING("a\rb\r\n\x7f"),
                "t:3:1: the control character U+007F cannot stand in YAML; write it as \"\\x7F\" in double "
                "quotes, or remove it");
        assert_string_equal(
                FINDING("a\n\xef\xbb\xbf"),
                "t:2:1: the control character U+FEFF cannot stand in YAML; write it as \"\\uFEFF\" in "
                "double quotes, or remove it");
        /* What the escapes of YAML can smuggle in. */
        assert_string_equal(FINDING(TEST_MINIMAL "rules: \"/a\\0b\"\n"),
                            "t:2:8: rules: \"/a\\x00b\" has a NUL character; expected a path");
        assert_string_equal(FINDING(TEST_MINIMAL "rules: \"/a\\nb\"\n"),
                            "t:2:8: rules: \"/a\\x0ab\" has a control character; expected a path");
        assert_string_equal(
                FINDING(TEST_MINIMAL "scheduler: {linger: \"2s\\0\"}\n"),
                "t:2:21: scheduler.linger: \"2s\\x00\" has a NUL character; expected a duration from 500ms "
                "to 1h");
        assert_string_equal(
                FINDING(TEST_MINIMAL "scheduler: {driver: \"internal\\0\"}\n"),
                "t:2:21: scheduler.driver: \"internal\\x00\" is not one of the choices; expected internal "
                "or command");
        assert_string_equal(FINDING(TEST_MINIMAL "\"rules\\0\": x\n"),
                            "t:2:1: unknown key \"rules\\x00\"; did you "
                            "mean \"rules\"?");
        /* A finding stays a line, and short. */
        assert_string_equal(FINDING(TEST_MINIMAL "\"a\\nb\\e[31m\": x\n"),
                            "t:2:1: unknown key \"a\\x0ab\\x1b[31m\"");
        assert_string_equal(
                repeated(TEST_MINIMAL, "abcdefghij", 1000, ": x\n"),
                "t:2:10001: not valid YAML: could not find expected ':', while scanning a simple key");
        assert_string_equal(repeated(TEST_MINIMAL "rules: [\"", "abcdefghij", 1000, "\"]"),
                            "t:2:8: rules: expected a path, found a list");
        assert_string_equal(
                repeated(TEST_MINIMAL "floor: \"", "abcdefghij", 1000, "\"\n"),
                "t:2:8: floor: \"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij...\" is in "
                "quotes, and so a text; expected a whole number from 3 to 9");
        /* Cut between letters, not within one. */
        assert_non_null(
                strstr(repeated(TEST_MINIMAL "floor: \"a", "\xc3\xa4", 100, "\"\n"), "\xc3\xa4...\" is in"));
}

static void test_too_large(void **state)
{
        size_t n = ((size_t)4 << 20) + 1;
        char *text = malloc(n);

        memset(text, ' ', n);
        assert_string_equal(finding(text, n), "t: larger than 4 MiB");
        /* The largest that is taken. */
        assert_string_equal(finding(text, n - 1), "t:1:1: the key \"source\" is missing: the directory");
        free(text);
}

static void test_large_file(void **state)
{
        char path[] = "/tmp/test-config-XXXXXX", expected[100];
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c = { 0 };
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, ((off_t)4 << 20) + 1), 0);
        close(fd);
        assert_int_equal(config_read_file(path, test_fields, NULL, a, &c, NULL, &diag), CONFIG_E_READ);
        snprintf(expected, sizeof(expected), "%s: larger than 4 MiB", path);
        assert_string_equal(diag_text(&diag), expected);
        unlink(path);
        assert_int_equal(config_read_file("/dev/zero", test_fields, NULL, a, &c, NULL, NULL), CONFIG_E_READ);
}

static void test_depth(void **state)
{
        assert_string_equal(repeated("", "[", 100000, ""), "t:1:65: nested deeper than 64 levels");
        assert_string_equal(repeated("", "{a: ", 100000, ""), "t:1:257: nested deeper than 64 levels");
        assert_string_equal(repeated("", "- ", 100000, "x"), "t:1:129: nested deeper than 64 levels");
        assert_string_equal(repeated("", "? ", 100000, "x"), "t:1:129: nested deeper than 64 levels");
        /* As deep as it goes. */
        assert_non_null(strstr(repeated(TEST_MINIMAL "floor: ", "[", 63,
                                        "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
                                        "]]]]]]]]]]]]]]]]\n"),
                               "found a list"));
}

/* "Billion laughs": ten lists, each names the one before ten times. */
static void test_nested_aliases(void **state)
{
        const char *text;
        Str s;

        str_init(&s, 100000);
        str_add(&s, TEST_MINIMAL "urgent:\n  - &a0 {when: x}\n");
        str_add(&s, "  - &l0 [*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0]\n");
        for (int i = 1; i < 10; i++) {
                str_printf(&s, "  - &l%d [", i);
                for (int k = 0; k < 10; k++)
                        str_printf(&s, "*l%d%s", i - 1, k < 9 ? "," : "]\n");
        }
        text = finding(s.data, s.n);
        assert_string_equal(text, "t:4:5: urgent.1: expected a mapping (key: value), found a list");
        str_deinit(&s);
}

/* A table that really walks into itself: lists of mappings with lists of mappings. */
typedef struct Tree {
        ConfigList items;
} Tree;

static const ConfigField tree_fields[] = {
        { "items", CONFIG_LIST, offsetof(Tree, items), .item = CONFIG_MAP, .fields = tree_fields,
          .size = sizeof(Tree) },
        { 0 },
};

static void test_aliases_in_a_deep_table(void **state)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Tree tree = { 0 };
        Str s;

        str_init(&s, 100000);
        str_add(&s, "items:\n  - &l0 {items: []}\n");
        for (int i = 1; i < 12; i++) {
                str_printf(&s, "  - &l%d {items: [", i);
                for (int k = 0; k < 10; k++)
                        str_printf(&s, "*l%d%s", i - 1, k < 9 ? "," : "]}\n");
        }
        assert_int_equal(config_read_text("t", s.data, s.n, tree_fields, NULL, a, &tree, NULL, &diag),
                         CONFIG_E_INVALID);
        assert_int_equal(diag.n_items, 1);
        assert_non_null(
                strstr(diag_text(&diag), "aliases make too many values of this; expected at most 10000"));
        assert_true(arena_used(a) < (size_t)8 << 20);

        /* Without the last levels it is within bounds. */
        diag_clear(&diag);
        s.data[strstr(s.data, "  - &l4") - s.data] = '\0';
        assert_int_equal(
                config_read_text("t", s.data, strlen(s.data), tree_fields, NULL, a, &tree, NULL, &diag), 0);
        assert_int_equal(tree.items.n_items, 4);
        str_deinit(&s);
}

/* Sixty levels in the text, and each list names the one before at its deepest place. */
static void test_aliases_make_it_deep(void **state)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Tree tree = { 0 };
        Str s;

        str_init(&s, 1000000);
        str_add(&s, "items:\n  - &l0 {items: []}\n");
        for (int i = 1; i < 60; i++) {
                str_printf(&s, "  - &l%d ", i);
                for (int k = 0; k < 25; k++)
                        str_add(&s, "{items: [");
                str_printf(&s, "*l%d", i - 1);
                for (int k = 0; k < 25; k++)
                        str_add(&s, "]}");
                str_add_char(&s, '\n');
        }
        assert_int_equal(config_read_text("t", s.data, s.n, tree_fields, NULL, a, &tree, NULL, &diag),
                         CONFIG_E_INVALID);
        assert_non_null(strstr(diag_text(&diag), "aliases nest this deeper than 64 levels"));
        str_deinit(&s);
}

/* The budget says so also when it is spent to the last value. */
static void test_no_value_is_lost_silently(void **state)
{
        for (size_t n = CONFIG_ALIAS_BUDGET - 20; n < CONFIG_ALIAS_BUDGET + 60; n++) {
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                TestConfig c = { 0 };
                int r;
                Str s;

                str_init(&s, 1000000);
                str_add(&s, TEST_MINIMAL "ports: [&a 5");
                for (size_t i = 1; i < n; i++)
                        str_add(&s, ",*a");
                str_add(&s, "]\nurgent: [{when: x}, {when: y}]\n");
                r = config_read_text("t", s.data, s.n, test_fields, NULL, a, &c, NULL, &diag);
                assert_int_equal(r, diag_any(&diag) ? CONFIG_E_INVALID : 0);
                if (r == 0) {
                        assert_int_equal(c.ports.n_items, n);
                        assert_int_equal(c.urgent.n_items, 2);
                        assert_non_null(((const TestUrgent *)c.urgent.items)[1].when);
                }
                str_deinit(&s);
        }
}

static void test_many(void **state)
{
        /* Anchors: libyaml's own loader compares each with all others. */
        assert_non_null(
                strstr(repeated("a:\n", "- &a\n", 2, ""), "the anchor \"a\" is already given in line 2"));
        /* Aliases in one list. */
        assert_non_null(strstr(repeated(TEST_MINIMAL "ports: [&a 5", ",*a", 50000, "]\n"),
                               "t:2:8: ports: aliases make too many values of this"));
        /* Keys that nobody knows: counted, and only the first are explained. */
        assert_non_null(strstr(repeated(TEST_MINIMAL, "x: 1\n", 20000, ""), "t:2:1: unknown key \"x\""));
        /* Keys twice. */
        assert_non_null(strstr(repeated(TEST_MINIMAL, "floor: 5\n", 20000, ""),
                               "t:3:1: the key \"floor\" is given twice; it is already in line 2"));
        /* A long list is no attack. */
        assert_null(repeated(TEST_MINIMAL "ports: [1", ", 2", 50000, "]\n"));
}

static void test_anchors(void **state)
{
        const char *text;
        Str s;

        str_init(&s, 100000);
        str_add(&s, "a:\n");
        for (int i = 0; i < 1000; i++)
                str_printf(&s, "- &a%d x\n", i);
        text = finding(s.data, s.n);
        assert_string_equal(text, "t:66:3: more than 64 anchors");
        str_deinit(&s);
}

/* Findings are bounded, and those beyond are counted. */
static void test_findings_are_bounded(void **state)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c = { 0 };
        Str s;

        str_init(&s, 1000000);
        for (int i = 0; i < 5000; i++)
                str_printf(&s, "unknown%d: 1\n", i);
        assert_int_equal(config_read_text("t", s.data, s.n, test_fields, NULL, a, &c, NULL, &diag),
                         CONFIG_E_INVALID);
        assert_int_equal(diag.n_items, DIAG_MAX);
        assert_int_equal(diag.n_items + diag.n_dropped, 5001);
        str_deinit(&s);
}

/* Bytes that are thrown away, doubled or replaced in a good text: it ends, and says something or nothing. */
static void test_damaged_texts(void **state)
{
        static const char good[] =
                "source: {name: corp, uris: [a, \"b\\x41\"], bind: {mechanism: simple, dn: a=b}}\n"
                "scope:\n  include:\n    - &x \"OU=a\"\n    - *x\n"
                "urgent:\n  - when: |\n      text\n    revoke: true\n"
                "limits: {share: 0.5, memory: 2MiB, min_free: 5%}\n";
        static const char odd[] = "{}[]:,-?&*!|>'\"%@`#\t\n \\~<=\0\x80\xff";
        size_t n = sizeof(good) - 1;
        uint32_t seed = 99;

        assert_null(finding(good, n));
        for (size_t len = 0; len < n; len++)
                finding(good, len);
        for (int i = 0; i < 3000; i++) {
                char text[sizeof(good)];

                memcpy(text, good, sizeof(good));
                for (int k = 0; k < 1 + i % 4; k++) {
                        seed = seed * 1664525 + 1013904223;
                        text[(seed >> 8) % n] = odd[(seed >> 3) % (sizeof(odd) - 1)];
                }
                finding(text, n);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_large_file),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_nested_aliases),
                cmocka_unit_test(test_aliases_in_a_deep_table),
                cmocka_unit_test(test_aliases_make_it_deep),
                cmocka_unit_test(test_no_value_is_lost_silently),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_anchors),
                cmocka_unit_test(test_findings_are_bounded),
                cmocka_unit_test(test_damaged_texts),
        };

        return cmocka_run_group_tests_name("config-hostile", tests, NULL, NULL);
}
