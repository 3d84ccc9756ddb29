/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_place(void **state)
{
        _cleanup_(diag_deinit) Diag d = DIAG_INIT;

        assert_false(diag_any(&d));
        assert_string_equal(diag_text(&d), "unknown error");
        diag_add_at(&d, (DiagMark){ .file = "a.yaml", .line = 12, .column = 9 }, "%s is wrong", "x");
        diag_add_at(&d, (DiagMark){ .file = "a.yaml", .line = 12 }, "no column");
        diag_add_at(&d, (DiagMark){ .file = "CN=Ada" }, "no line");
        diag_add_at(&d, (DiagMark){ .file = "CN=Ada", .column = 3 }, "a column needs a line");
        diag_add(&d, "nowhere");
        assert_true(diag_any(&d));
        assert_int_equal(d.n_items, 5);
        assert_string_equal(d.items[0].text, "a.yaml:12:9: x is wrong");
        assert_string_equal(d.items[1].text, "a.yaml:12: no column");
        assert_string_equal(d.items[2].text, "CN=Ada: no line");
        assert_string_equal(d.items[3].text, "CN=Ada: a column needs a line");
        assert_string_equal(d.items[4].text, "nowhere");
        assert_string_equal(diag_text(&d), "a.yaml:12:9: x is wrong");
}

static void test_set_may_quote_itself(void **state)
{
        _cleanup_(diag_deinit) Diag d = DIAG_INIT;

        diag_add(&d, "inner");
        diag_add(&d, "other");
        diag_set(&d, "outer: %s", diag_text(&d));
        assert_int_equal(d.n_items, 1);
        assert_string_equal(diag_text(&d), "outer: inner");
}

static void test_prefix(void **state)
{
        _cleanup_(diag_deinit) Diag d = DIAG_INIT;

        diag_prefix(&d, "nothing: ");
        assert_false(diag_any(&d));
        diag_add(&d, "one");
        diag_add(&d, "two");
        diag_prefix(&d, "%s: ", "tenant");
        assert_string_equal(d.items[0].text, "tenant: one");
        assert_string_equal(d.items[1].text, "tenant: two");
}

static void test_null(void **state)
{
        diag_add(NULL, "x");
        diag_add_at(NULL, (DiagMark){ 0 }, "x");
        diag_set(NULL, "x");
        diag_prefix(NULL, "x");
        diag_clear(NULL);
        diag_deinit(NULL);
        assert_false(diag_any(NULL));
        assert_string_equal(diag_text(NULL), "unknown error");
}

static void test_bounded(void **state)
{
        _cleanup_(diag_deinit) Diag d = DIAG_INIT;

        for (int i = 0; i < DIAG_MAX + 5; i++)
                diag_add(&d, "%d", i);
        assert_int_equal(d.n_items, DIAG_MAX);
        assert_int_equal(d.n_dropped, 5);
        assert_string_equal(d.items[DIAG_MAX - 1].text, "99");
        diag_set(&d, "again");
        assert_int_equal(d.n_items, 1);
        assert_int_equal(d.n_dropped, 0);
}

static void test_safe(void **state)
{
        _cleanup_(diag_deinit) Diag d = DIAG_INIT;
        char *huge = malloc(100001);

        diag_add_at(&d, (DiagMark){ .file = "a\nb", .line = 1 }, "%s",
                    "\033[2Jred\r\nfake line \xff Zo\xc3\xab");
        assert_string_equal(diag_text(&d), "a\\x0ab:1: \\x1b[2Jred\\x0d\\x0afake line \\xff Zo\xc3\xab");

        memset(huge, '\033', 100000);
        huge[100000] = '\0';
        diag_set(&d, "%s", huge);
        assert_true(strlen(diag_text(&d)) < 20000);
        assert_string_equal(diag_text(&d) + strlen(diag_text(&d)) - 7, "\\x1b...");
        free(huge);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_place),   cmocka_unit_test(test_set_may_quote_itself),
                cmocka_unit_test(test_prefix),  cmocka_unit_test(test_null),
                cmocka_unit_test(test_bounded), cmocka_unit_test(test_safe),
        };

        return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
