/* SPDX-License-Identifier: Apache-2.0 */

/* The flag beside cycles, administrators, wizards and other services; what fails is in test-flag-faults.c. */

#include "engine/scheduler/scheduler-internal.h"
#include "engine/scheduler/test-flag-fixture.h"

static void test_hold(void **state)
{
        Story *s = *state;

        assert_true(work(s, &s->a) == INT64_MAX);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_STATUS), 0);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        assert_int_equal(strlen(s->a.flag.view.hold_id), 36);
        assert_false(connect_mem_enabled(s->connect));
        s->a.in.wanted = false;
        pass(s, 2 * MINUTE_US - 2000000);
        assert_int_equal(phase(&s->a), FLAG_HELD); /* it lingers */
        pass(s, 3000000);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
        assert_string_equal(s->a.flag.view.hold_id, "");
}

/* It lingers from the end of the work on, however seldom the driver is asked. */
static void test_short_linger(void **state)
{
        Story *s = *state;
        int64_t wait;

        s->config.linger_us = 500000;
        want(s, &s->a, true);
        assert_in_range(work(s, &s->a), 1, 500000);
        /* Work that has begun and ended between two turns: it is wanted by what was, not by what is. */
        s->a.in.wanted_at = mono_add(clock_mono(&s->clock.clock), 100000);
        clock_fake_advance(&s->clock, 400000);
        wait = work(s, &s->a);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_in_range(wait, 1, 200000);
        clock_fake_advance(&s->clock, wait);
        s->a.in = (FlagInput){ 0 };
        work(s, &s->a);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_true(connect_mem_enabled(s->connect));
}

static void test_cycle_in_progress(void **state)
{
        Story *s = *state;

        connect_mem_start(s->connect, 40 * MINUTE_US);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        assert_true(connect_mem_enabled(s->connect)); /* nothing was touched */
        assert_false(has_journal(&s->a));
        pass(s, 39 * MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        s->config.during_cycle = DURING_CYCLE_ALL;
        pass(s, 16000000);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        s->config.during_cycle = DURING_CYCLE_NONE;
        pass(s, 16000000);
        assert_int_equal(s->a.flag.view.lanes, 0);
        /* It took longer than the interval, so the next one is due at once: work comes between the two. */
        pass(s, MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_int_equal(connect_mem_cycles(s->connect), 1);
}

static void start_a_cycle(void *context, ConnectMemCall call)
{
        ConnectMem *c = context;

        if (call == CONNECT_MEM_PAUSE && !connect_mem_cycles(c) && !connect_mem_running(c))
                connect_mem_start(c, 3 * MINUTE_US);
}

/* A cycle starts between the reading and the pause: the flag is kept, and its end waited for. */
static void test_cycle_slips_in(void **state)
{
        Story *s = *state;

        connect_mem_watch(s->connect, start_a_cycle, s->connect);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        assert_false(connect_mem_enabled(s->connect));
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        assert_true(strlen(s->a.flag.view.hold_id) > 0);
        pass(s, 3 * MINUTE_US + 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_in_range(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 2, 3); /* renewed */
        /* One that lasts longer than max_hold is in nobody's way: the hold is renewed, and begins when it
         * ends. */
        connect_mem_start(s->connect, 40 * MINUTE_US);
        pass(s, 40 * MINUTE_US + 16000000);
        assert_false(connect_mem_enabled(s->connect));
        assert_int_equal(phase(&s->a), FLAG_HELD);
        pass(s, 5 * MINUTE_US);
        assert_true(connect_mem_enabled(s->connect));
        assert_int_equal(phase(&s->a), FLAG_REST);
}

static void test_cycle_during_hold(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        connect_mem_start(s->connect, MINUTE_US); /* by hand: the flag does not hinder that */
        pass(s, 16000000);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        pass(s, MINUTE_US + 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

static void test_two_services(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        clock_fake_advance(&s->clock, MINUTE_US);
        want(s, &s->b, true);
        /* The false is not an administrator's: the second joins. */
        assert_int_equal(phase(&s->b), FLAG_HELD);
        s->a.in.wanted = false;
        s->b.in.wanted = false;
        pass(s, MINUTE_US + 5000000);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_int_equal(phase(&s->b), FLAG_HELD);
        assert_false(connect_mem_enabled(s->connect)); /* the other still holds it */
        pass(s, MINUTE_US);
        assert_int_equal(phase(&s->b), FLAG_FREE);
        assert_true(connect_mem_enabled(s->connect));
}

static void test_administrators_false(void **state)
{
        Story *s = *state;

        connect_mem_set(s->connect, false);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_THEIRS);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        assert_non_null(strstr(s->a.flag.view.text, "not by sosync"));
        s->a.in.wanted = false;
        pass(s, 10 * MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_false(connect_mem_enabled(s->connect));
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 0);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_RESUME), 0);
        /* He sets it back while we work: from now on it is taken as usual. */
        want(s, &s->a, true);
        connect_mem_set(s->connect, true);
        pass(s, 4 * MINUTE_US); /* the cycle that was due runs first */
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

static void test_wizard_sets_it_true(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        connect_mem_set(s->connect, true);
        pass(s, 16000000);
        /* Nothing of ours follows it for a while, and nobody's decision is undone. */
        assert_int_equal(phase(&s->a), FLAG_REST);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
        pass(s, 2 * MINUTE_US + 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

/* The rest is as long as it is, whatever the wall clock is set to meanwhile. */
static void test_clock_is_set_back(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        connect_mem_set(s->connect, true);
        pass(s, 16000000);
        assert_int_equal(phase(&s->a), FLAG_REST);
        s->clock.wall = wall_add(s->clock.wall, -3600000);
        pass(s, 2 * MINUTE_US + 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

static void test_wizard_is_open(void **state)
{
        Story *s = *state;

        connect_mem_suspend(s->connect, true);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        assert_non_null(strstr(s->a.flag.view.text, "wizard"));
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 0);
        connect_mem_suspend(s->connect, false);
        pass(s, 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

/* Work without end: held for five minutes, given back for two, and a cycle that is due has run before it is
 * taken again. */
static void test_max_hold(void **state)
{
        Story *s = *state;
        int64_t held = 0, longest = 0, given_back = 0;

        want(s, &s->a, true);
        for (int second = 0; second < 8 * 3600; second++) {
                bool enabled = connect_mem_enabled(s->connect);

                pass(s, 1000000);
                held = enabled ? 0 : held + 1;
                longest = held > longest ? held : longest;
                given_back += enabled;
        }
        assert_in_range(longest, 295, 302);
        assert_in_range(connect_mem_cycles(s->connect), 13, 16); /* one in 30 minutes, 5 late at the most */
        assert_true(given_back > 8 * 3600 / 4);
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE),
                         connect_mem_calls(s->connect, CONNECT_MEM_RESUME) + s->a.flag.held);
}

/* A change every 125 seconds lets go for moments only: a cycle that became due meanwhile is waited for. */
static void test_due_cycle_after_idle(void **state)
{
        Story *s = *state;

        for (int i = 0; i < 8 * 3600 / 125; i++) {
                s->a.in.wanted = true;
                pass(s, 1000000);
                s->a.in.wanted = false;
                pass(s, 124000000);
        }
        assert_in_range(connect_mem_cycles(s->connect), 13, 16);
}

static void test_runs_end_first(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        s->a.in.n_busy = 1;
        pass(s, 5 * MINUTE_US + 10000000);
        assert_int_equal(phase(&s->a), FLAG_CLOSING);
        assert_false(connect_mem_enabled(s->connect));
        assert_int_equal(s->a.flag.view.lanes, LANE_SET(LANE_URGENT));
        s->a.in.n_busy = 0;
        pass(s, 1000000);
        assert_int_equal(phase(&s->a), FLAG_REST);
        assert_true(connect_mem_enabled(s->connect));
}

static void test_stop(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        s->a.in.stopping = true;
        assert_true(work(s, &s->a) == INT64_MAX);
        assert_true(connect_mem_enabled(s->connect));
        assert_false(has_journal(&s->a));
}

static void test_starved(void **state)
{
        Story *s = *state;

        s->a.in.last_sync = wall_add(clock_wall(&s->clock.clock), -61 * 60000);
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_REST);
        assert_string_equal(s->a.flag.view.alarm, "RegularCycleStarved");
        assert_int_equal(connect_mem_calls(s->connect, CONNECT_MEM_PAUSE), 0);
        pass(s, 20 * MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_REST);
        s->a.in.last_sync = clock_wall(&s->clock.clock);
        pass(s, 16000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
}

static void test_set_by_hand_during_hold(void **state)
{
        Story *s = *state;

        want(s, &s->a, true);
        assert_int_equal(flag_set(&s->a.flag, false, NULL), 0);
        s->a.in.wanted = false;
        pass(s, 3 * MINUTE_US);
        assert_int_equal(phase(&s->a), FLAG_FREE);
        assert_false(connect_mem_enabled(s->connect)); /* a person wants it so */
        assert_int_equal(flag_set(&s->a.flag, true, NULL), 0);
        assert_true(connect_mem_enabled(s->connect));
}

/* Where the cycle is sosync's own nothing waits, and the flag lives on the same disk. */
static void test_internal(void **state)
{
        Story *s = *state;
        Arena *a = arena_new(0);
        Scheduler *driver;
        SchedulerState status;

        s->config.driver = SCHEDULER_INTERNAL;
        s->config.linger_us = 0;
        assert_int_equal(scheduler_internal_new(&driver, &s->a.store), 0);
        assert_int_equal(flag_init(&s->a.flag, driver, &s->config, &s->a.store, "sosync@a"), 0);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        scheduler_internal_cycle(driver, true, 30 * MINUTE_US, wall_add(clock_wall(&s->clock.clock), 1000));
        want(s, &s->a, true);
        assert_int_equal(phase(&s->a), FLAG_CYCLE);
        assert_int_equal(s->a.flag.view.lanes, LANES_ALL);
        scheduler_internal_cycle(driver, false, 30 * MINUTE_US, wall_add(clock_wall(&s->clock.clock), 1000));
        pass(s, 2000000);
        assert_int_equal(phase(&s->a), FLAG_HELD);
        assert_int_equal(scheduler_status(driver, a, &status, NULL), 0);
        assert_false(status.sync_cycle_enabled);
        /* A crash, and another process with the same disk. */
        scheduler_free(driver);
        assert_int_equal(scheduler_internal_new(&driver, &s->a.store), 0);
        assert_int_equal(flag_init(&s->a.flag, driver, &s->config, &s->a.store, "sosync@a"), 0);
        s->a.in.wanted = false;
        work(s, &s->a);
        assert_int_equal(scheduler_status(driver, a, &status, NULL), 0);
        assert_true(status.sync_cycle_enabled);
        scheduler_free(driver);
        arena_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
                TEST(test_hold),
                TEST(test_short_linger),
                TEST(test_cycle_in_progress),
                TEST(test_cycle_slips_in),
                TEST(test_cycle_during_hold),
                TEST(test_two_services),
                TEST(test_administrators_false),
                TEST(test_wizard_sets_it_true),
                TEST(test_clock_is_set_back),
                TEST(test_wizard_is_open),
                TEST(test_max_hold),
                TEST(test_due_cycle_after_idle),
                TEST(test_runs_end_first),
                TEST(test_stop),
                TEST(test_starved),
                TEST(test_set_by_hand_during_hold),
                TEST(test_internal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
