/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/list-pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How many lists are read in so much time, looked at each second. */
static unsigned lists_in(ListPace *p, Mono *now, int seconds, bool misses, bool can_be_read)
{
        unsigned n = 0;

        for (int i = 0; i < seconds; i++) {
                *now = mono_add(*now, 1000000);
                if (!list_pace_is_due(p, *now, misses))
                        continue;
                list_pace_note(p, *now, can_be_read, misses);
                n++;
        }
        return n;
}

static void test_every_ten_minutes(void **state)
{
        ListPace p = { 0 };
        Mono now = { 0 };

        assert_int_equal(lists_in(&p, &now, 1, false, true), 1);
        assert_int_equal(lists_in(&p, &now, 3600, false, true), 6);
}

static void test_soon_after_one_is_gone(void **state)
{
        ListPace p = { 0 };
        Mono now = { 0 };

        lists_in(&p, &now, 100, false, true);
        assert_int_equal(lists_in(&p, &now, 1, true, true), 1);
}

/* 30 s, a minute, two, four, eight, ten, ten ... */
static void test_gone_for_good(void **state)
{
        ListPace p = { 0 };
        Mono now = { 0 };

        lists_in(&p, &now, 100, false, true);
        assert_int_equal(lists_in(&p, &now, 31, true, true), 2);
        assert_true(lists_in(&p, &now, 3600, true, true) <= 10);
        assert_int_equal(lists_in(&p, &now, 3600, true, true), 6);
        /* It is back, and gone again. */
        lists_in(&p, &now, 60, false, true);
        assert_true(lists_in(&p, &now, 61, true, true) >= 2);
}

static void test_cannot_be_read(void **state)
{
        ListPace p = { 0 };
        Mono now = { 0 };

        assert_int_equal(lists_in(&p, &now, 31, false, false), 2);
        assert_true(lists_in(&p, &now, 3600, false, false) <= 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_ten_minutes),
                cmocka_unit_test(test_soon_after_one_is_gone),
                cmocka_unit_test(test_gone_for_good),
                cmocka_unit_test(test_cannot_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
