/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "listener/shunned.h"

static void test_order(void **state)
{
        Shunned s = { 0 };

        (void)state;
        assert_false(shunned_has(NULL, "ldaps://dc1"));
        shunned_add(&s, "ldaps://dc1");
        shunned_add(&s, "ldaps://dc2");
        assert_true(shunned_has(&s, "ldaps://dc1"));
        assert_false(shunned_has(&s, "ldaps://dc"));
        shunned_add(&s, "ldaps://dc1");
        assert_int_equal(s.n, 2);
        assert_string_equal(s.uris[0], "ldaps://dc2");
        assert_string_equal(s.uris[1], "ldaps://dc1");
        shunned_clear(&s);
        assert_int_equal(s.n, 0);
}

static void test_many(void **state)
{
        Shunned s = { 0 };
        char uri[32];

        (void)state;
        for (int i = 0; i < 100; i++) {
                snprintf(uri, sizeof(uri), "ldaps://dc%d", i);
                shunned_add(&s, uri);
        }
        assert_int_equal(s.n, SHUNNED_MAX);
        assert_string_equal(s.uris[0], "ldaps://dc68");
        assert_string_equal(s.uris[SHUNNED_MAX - 1], "ldaps://dc99");
        shunned_clear(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
