/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "listener/dirsync-slice.h"

static void is(const DirsyncSlice *s, const char *filter)
{
        char buffer[SLICE_FILTER_MAX];

        assert_string_equal(slice_filter(s, buffer), filter);
}

static void test_little_is_asked_for_at_once(void **state)
{
        DirsyncSlice s;

        (void)state;
        slice_begin(&s, 70, 70 + SLICE_FIRST);
        assert_true(slice_is_last(&s));
        is(&s, "(objectClass=*)");
        slice_begin(&s, 0, 0);
        assert_true(slice_is_last(&s));
        assert_false(slice_halve(&s));
        slice_begin(&s, 90, 70); /* whose USN has fallen */
        is(&s, "(objectClass=*)");
        assert_false(slice_halve(&s));
}

static void test_slices_grow(void **state)
{
        DirsyncSlice s;

        (void)state;
        slice_begin(&s, 1000, 5000);
        is(&s, "(uSNChanged<=1500)");
        slice_next(&s, 500);
        is(&s, "(&(uSNChanged>=1501)(uSNChanged<=2500))");
        slice_next(&s, SLICE_FEW + 1);
        is(&s, "(&(uSNChanged>=2501)(uSNChanged<=3500))");
        slice_next(&s, 0);
        is(&s, "(uSNChanged>=3501)");
        assert_true(slice_is_last(&s));
}

static void test_halves(void **state)
{
        DirsyncSlice s;

        (void)state;
        slice_begin(&s, 0, 400);
        assert_true(slice_halve(&s));
        is(&s, "(uSNChanged<=200)");
        assert_true(slice_halve(&s));
        is(&s, "(uSNChanged<=100)");
        slice_next(&s, 90);
        is(&s, "(&(uSNChanged>=101)(uSNChanged<=200))");
        slice_next(&s, 46); /* more than half of what could be answered */
        is(&s, "(&(uSNChanged>=201)(uSNChanged<=300))");
        slice_next(&s, 45);
        is(&s, "(uSNChanged>=301)");
        while (slice_halve(&s))
                ;
        is(&s, "(&(uSNChanged>=301)(uSNChanged<=301))");
}

/* Whatever happens, each slice begins where the one before it ended, and the last one is open. */
static void test_no_gap(void **state)
{
        (void)state;
        srand(8);
        for (int i = 0; i < 2000; i++) {
                uint64_t above = (uint64_t)rand(), end = above + (uint64_t)rand() % 10000000, covered = 0;
                unsigned n = 0;
                DirsyncSlice s;

                slice_begin(&s, above, end);
                assert_true(s.is_first);
                for (; !slice_is_last(&s); slice_next(&s, (uint64_t)rand() % (2 * SLICE_FEW))) {
                        while (rand() % 8 == 0 && s.to - s.above > 10000)
                                slice_halve(&s);
                        assert_true(n == 0 || s.above == covered);
                        assert_true(s.to > s.above && s.to < end);
                        covered = s.to;
                        assert_true(++n < 100000);
                }
                assert_true(n == 0 ? s.is_first : s.above == covered && !s.is_first);
        }
}

static void test_numbers_without_end(void **state)
{
        DirsyncSlice s;
        unsigned n = 0;

        (void)state;
        for (slice_begin(&s, 0, UINT64_MAX - 1); !slice_is_last(&s); slice_next(&s, 0))
                assert_true(++n < 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_little_is_asked_for_at_once),
                cmocka_unit_test(test_slices_grow),
                cmocka_unit_test(test_halves),
                cmocka_unit_test(test_no_gap),
                cmocka_unit_test(test_numbers_without_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
