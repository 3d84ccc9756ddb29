/* SPDX-License-Identifier: Apache-2.0 */

/* The flag while something dies, hangs or lies: the service, its machine, its disk, the driver. */

#include "engine/scheduler/test-flag-fixture.h"

static void test_crash_in_hold(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        assert_false(connect_mem_enabled(s->connect));
        s->a.in.wanted = false;
        crash(s, &s->a);
        work(s, &s->a);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
        assert_int_equal(phase(&s->a), FLAG_FREE);
        /* Work at the start: given back first, then taken again. */
        want(s, &s->a, true);
        crash(s, &s->a);
        work(s, &s->a);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_RESUME), 2);
}

/* It dies between the journal and the pause, or between giving back and removing the journal. */
static void test_crash_at_the_edges(void **state)
{
        Story *s = *state;

        connect_mem_fail(
                s->connect,
                &(ConnectMemFault){ .on = CONNECT_MEM_PAUSE, .n = 1, .end = SCHEDULER_E_UNREACHABLE });
        want(s, &s->a, true);
        assert_true(has_journal(&s->a));
        crash(s, &s->a);
        s->a.in.wanted = false;
        work(s, &s->a);
        assert_false(has_journal(&s->a));
        assert_true(connect_mem_enabled(s->connect));
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_RESUME), 0); /* it was true: left alone */
}

/* The machine never comes back: the lease ends by itself, within six minutes of its beginning. */
static void test_machine_gone(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        clock_fake_advance(&s->clock, 5 * MINUTE_US + 58000000);
        assert_false(connect_mem_enabled(s->connect));
        clock_fake_advance(&s->clock, 2000000);
        assert_true(connect_mem_enabled(s->connect));
}

/*
 * The machine was away for longer than the lease, or its state is an old one that was restored: what we
 * paused was given back there long ago, and a false is an administrator's by now. Nothing of ours is owed.
 */
static void test_back_after_the_lease(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        clock_fake_advance(&s->clock, 10 * MINUTE_US);
        assert_true(connect_mem_enabled(s->connect));
        connect_mem_set(s->connect, false);
        crash(s, &s->a);
        work(s, &s->a);
        assert_int_equal(phase(&s->a), FLAG_THEIRS);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        assert_null(s->a.flag.view.alarm);
        assert_false(has_journal(&s->a));
        assert_false(connect_mem_enabled(s->connect));
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_RESUME), 0);
}

/* A copy of the state, started elsewhere as a rehearsal: the hold is that of the installation itself. */
static void test_restored_beside(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        scheduler_free(s->b.driver);
        service_start(s, &s->b, "sosync@a");
        s->b.rows = s->a.rows;
        s->b.rows.space.ops = &rows_ops;
        want(s, &s->a, false);
        pass(s, 20 * MINUTE_US);
        want(s, &s->a, true);
        pass(s, MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        crash(s, &s->b);
        s->b.in.wanted = false;
        work(s, &s->b);
        assert_false(has_journal(&s->b));
        assert_false(connect_mem_enabled(s->connect));
        pass(s, MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

static void test_driver_hangs(void **state)
{
        Story *s = *state;
        unsigned n;

        connect_mem_fail(s->connect, &(ConnectMemFault){ .end = SCHEDULER_E_UNREACHABLE,
                                                         .text = "/usr/bin/x did not end within 30 s" });
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        assert_string_equal(s->a.flag.view.alarm, "SchedulerFlagUnknown");
        assert_non_null(strstr(s->a.flag.view.text, "did not end within 30 s; normal changes wait"));
        n = connect_mem_calls(s->connect, CONNECT_MEM_STATUS);
        pass(s, 10 * MINUTE_US);
        assert_in_range(connect_mem_calls(s->connect, CONNECT_MEM_STATUS) - n, 9, 14); /* not once a second */
        s->config.unreachable = UNREACHABLE_PROCEED;
        pass(s, 61000000);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        connect_mem_fail(s->connect, &(ConnectMemFault){ 0 });
        pass(s, 61000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_null(s->a.flag.view.alarm);
}

/* The pause hangs, is ended by us, and has its effect all the same. */
static void test_pause_answer_lost(void **state)
{
        Story *s = *state;

        connect_mem_fail(s->connect, &(ConnectMemFault){ .on = CONNECT_MEM_PAUSE,
                                                         .n = 1,
                                                         .end = SCHEDULER_E_UNREACHABLE,
                                                         .after = true });
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_false(connect_mem_enabled(s->connect));
        s->a.in.wanted = false;
        pass(s, 6000000);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
}

static void test_driver_lies(void **state)
{
        Story *s = *state;

        connect_mem_fail(s->connect, &(ConnectMemFault){ .on = CONNECT_MEM_PAUSE, .lie = true });
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_non_null(strstr(s->a.flag.view.text, "still true after pause"));
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        pass(s, 5 * MINUTE_US);
        assert_in_range(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 4, 10);
        connect_mem_fail(s->connect, &(ConnectMemFault){ .on = CONNECT_MEM_RESUME, .lie = true, .n = 3 });
        pass(s, 61000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        s->a.in.wanted = false;
        pass(s, 2 * MINUTE_US + 2000000);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_string_equal(s->a.flag.view.alarm, "SchedulerFlagNotGivenBack");
        assert_true(has_journal(&s->a));
        pass(s, 2 * MINUTE_US);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
}

static void test_garbage(void **state)
{
        Story *s = *state;

        connect_mem_fail(s->connect,
                         &(ConnectMemFault){ .on = CONNECT_MEM_STATUS, .end = SCHEDULER_E_GARBAGE });
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 0);
}

static void test_no_disk_no_pause(void **state)
{
        Story *s = *state;

        s->a.rows.broken = true;
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 0);
        s->a.rows.broken = false;
        pass(s, 61000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

/* The flag is given back, but the journal stays: a person is told what is wrong, and it is tried again. */
static void test_no_disk_after_it(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        s->a.rows.broken = true;
        want(s, &s->a, false);
        pass(s, 3 * 60000000);
        assert_int_equal(phase(&s->a), FLAG_FAILED);
        assert_true(connect_mem_enabled(s->connect));
        assert_non_null(
                strstr(s->a.flag.view.text, "the journal of the hold cannot be removed: Input/output error"));
        s->a.rows.broken = false;
        pass(s, 61000000);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_false(has_journal(&s->a));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
                TEST(test_crash_in_hold),        TEST(test_crash_at_the_edges), TEST(test_machine_gone),
                TEST(test_driver_hangs),         TEST(test_pause_answer_lost),  TEST(test_driver_lies),
                TEST(test_back_after_the_lease), TEST(test_restored_beside),    TEST(test_garbage),
                TEST(test_no_disk_after_it),     TEST(test_no_disk_no_pause),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
