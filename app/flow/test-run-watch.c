/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/flow/run-watch.h"
#include "base/pack.h"
#include "engine/steps/steps.h"
#include "report/summary.h"

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

/* It goes through disk and summary like any other, and says where it stands. */
static void assert_is_a_report(const Outcome *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        PackWriter w;
        const uint8_t *data;
        Outcome back;
        char *text;
        size_t n;

        pack_init(&w);
        outcome_pack(&w, o);
        data = pack_data(&w, &n);
        assert_int_equal(outcome_unpack(a, data, n, &back), 0);
        pack_deinit(&w);
        text = summary_text(&back, false);
        assert_non_null(strstr(text, "RunStuck"));
        assert_non_null(strstr(text, "at step import_target since 299 s"));
        free(text);
}

static void test_it_says_once_at_which_step(void **state)
{
        Told told = { 0 };
        Alarms alarms;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Outcome *report;
        const Change ada = { .id = { { 1 } }, .dn = "CN=Ada,DC=test" }, bob = { .dn = "CN=Bob" };
        RunWatch w;
        Mono t = { 1000000 };

        alarms_init(&alarms, tell, &told);
        run_watch_init(&w);
        assert_false(run_watch_look(&w, mono_add(t, 10 * RUN_WATCH_STUCK_US), wall, &alarms, a, &report));

        run_watch_begin(&w, t, wall, &ada);
        run_watch_step(&w, mono_add(t, 1000000), STEP_import_target, "import_target", "4711");
        assert_false(run_watch_look(&w, mono_add(t, RUN_WATCH_STUCK_US - 1), wall, &alarms, a, &report));
        assert_null(report);
        assert_true(run_watch_look(&w, mono_add(t, RUN_WATCH_STUCK_US), wall, &alarms, a, &report));
        assert_non_null(report);
        assert_string_equal(report->error.code, "RunStuck");
        assert_string_equal(report->change.dn, "CN=Ada,DC=test");
        assert_int_equal(report->result, RESULT_FAILURE);
        assert_true(report->steps[STEP_import_target - 1].ran);
        assert_int_equal(report->steps[STEP_import_target - 1].status, RESULT_SUCCESS);
        assert_int_equal(report->steps[STEP_import_target].status, RESULT_FAILURE);
        assert_string_equal(report->steps[STEP_import_target].description, told.text);
        assert_int_equal(report->steps[STEP_import_target].duration_us, RUN_WATCH_STUCK_US - 1000000);
        assert_false(report->steps[STEP_import_target + 1].ran);
        assert_is_a_report(report);
        assert_true(run_watch_look(&w, mono_add(t, 2 * RUN_WATCH_STUCK_US), wall, &alarms, a, &report));
        assert_null(report);
        assert_int_equal(told.n[ALARM_OPENED], 1);
        assert_string_equal(told.text, "the run of CN=Ada,DC=test does not end: it is at step import_target "
                                       "since 299 s, run 4711");
        run_watch_end(&w, &alarms, wall);
        assert_int_equal(told.n[ALARM_CLOSED], 1);
        assert_string_equal(told.text,
                            "the run of CN=Ada,DC=test has ended after all, at step import_target");

        /* The next one begins anew. */
        run_watch_begin(&w, mono_add(t, 3 * RUN_WATCH_STUCK_US), wall, &bob);
        assert_false(run_watch_look(&w, mono_add(t, 3 * RUN_WATCH_STUCK_US + 1), wall, &alarms, a, &report));
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
