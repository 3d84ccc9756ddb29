/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "queue/lanes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Lane next(Lanes *l, LaneSet due)
{
        Lane lane = lanes_pick(l, due);

        lanes_given(l, due, lane);
        return lane;
}

static void test_one_lane(void **state)
{
        Lanes l = { 0 };

        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                for (int i = 0; i < 50; i++)
                        assert_int_equal(next(&l, LANE_SET(lane)), lane);
        }
}

/* In every window of 16 leases each lane that had something due all the time has its turn. */
static void test_share(void **state)
{
        for (LaneSet due = 1; due <= LANES_ALL; due++) {
                unsigned last[_LANE_N] = { 0 };
                Lanes l = { 0 };

                for (unsigned i = 1; i <= 1000; i++) {
                        last[next(&l, due)] = i;
                        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                                if (due & LANE_SET(lane))
                                        assert_true(i - last[lane] < LANES_SHARE);
                        }
                }
        }
}

/* Otherwise the highest goes first. */
static void test_highest_first(void **state)
{
        unsigned n[_LANE_N] = { 0 };
        Lanes l = { 0 };

        for (int i = 0; i < 1600; i++)
                n[next(&l, LANES_ALL)]++;
        assert_in_range(n[LANE_URGENT], 1380, 1400);
        assert_in_range(n[LANE_RECONCILE], 100, 110);
        assert_in_range(n[LANE_NORMAL], 100, 110);
}

/* A lane that has nothing due loses nothing and gains nothing. */
static void test_idle_lane(void **state)
{
        Lanes l = { 0 };

        for (int i = 0; i < 100; i++)
                assert_int_equal(next(&l, LANE_SET(LANE_URGENT)), LANE_URGENT);
        assert_int_equal(next(&l, LANES_ALL), LANE_URGENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_lane),
                cmocka_unit_test(test_share),
                cmocka_unit_test(test_highest_first),
                cmocka_unit_test(test_idle_lane),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
