/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/work/run-watch.h"

typedef struct Told {
        unsigned n[3];
        char text[512];
} Told;

static void tell(void *context, const AlarmEvent *event)
{
        Told *told = context;

        told->n[event->turn]++;
        snprintf(told->text, sizeof(told->text), "%s", event->text);
}

static const Wall wall = { 1000 };

static void test_it_says_once_at_which_step(void **state)
{
        Told told = { 0 };
        Alarms alarms;
        RunWatch w;
        Mono t = { 1000000 };

        alarms_init(&alarms, tell, &told);
        run_watch_init(&w);
        assert_false(run_watch_look(&w, mono_add(t, 10 * RUN_WATCH_STUCK_US), wall, &alarms));

        run_watch_begin(&w, t, "CN=Ada,DC=test");
        run_watch_step(&w, mono_add(t, 1000000), "import_target", "4711");
        assert_false(run_watch_look(&w, mono_add(t, RUN_WATCH_STUCK_US - 1), wall, &alarms));
        assert_true(run_watch_look(&w, mono_add(t, RUN_WATCH_STUCK_US), wall, &alarms));
        assert_true(run_watch_look(&w, mono_add(t, 2 * RUN_WATCH_STUCK_US), wall, &alarms));
        assert_int_equal(told.n[ALARM_OPENED], 1);
        assert_string_equal(told.text, "the run of CN=Ada,DC=test does not end: it is at step import_target "
                                       "since 299 s, run 4711");
        run_watch_end(&w, &alarms, wall);
        assert_int_equal(told.n[ALARM_CLOSED], 1);
        assert_string_equal(told.text,
                            "the run of CN=Ada,DC=test has ended after all, at step import_target");

        /* The next one begins anew. */
        run_watch_begin(&w, mono_add(t, 3 * RUN_WATCH_STUCK_US), "CN=Bob");
        assert_false(run_watch_look(&w, mono_add(t, 3 * RUN_WATCH_STUCK_US + 1), wall, &alarms));
        run_watch_end(&w, &alarms, wall);
        assert_int_equal(told.n[ALARM_OPENED] + told.n[ALARM_CLOSED], 2);
        run_watch_deinit(&w);
        alarms_deinit(&alarms);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_says_once_at_which_step),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
