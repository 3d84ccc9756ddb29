/* SPDX-License-Identifier: Apache-2.0 */

/* The driver that is made of programs: what they are called with, and what they do wrong. */

#include "engine/scheduler/scheduler-command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US ((int64_t)1000000)

static void test_driver(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *ask[] = { "/bin/sh", "-c",
                              "echo '{\"SyncCycleEnabled\": true, \"SyncCycleInProgress\": false}'" };
        const char *pause[] = { "/bin/sh", "-c", "echo \"$*\" >&2; exit 1", "pause" };
        const char *resume[] = { "/bin/sh", "-c", "test \"$*\" = '--holder sosync@here'", "resume" };
        SchedulerConfig config = {
                .driver = SCHEDULER_COMMAND,
                .status = { .items = ask, .n_items = 3 },
                .pause = { .items = pause, .n_items = 4 },
                .resume = { .items = resume, .n_items = 4 },
                .timeout_us = 10 * SECOND_US,
        };
        _cleanup_(scheduler_freep) Scheduler *s = NULL;
        SchedulerState status;
        Diag diag = DIAG_INIT;

        assert_int_equal(scheduler_command_new(&s, &config), 0);
        assert_int_equal(scheduler_status(s, a, &status, &diag), 0);
        assert_true(status.sync_cycle_enabled);
        assert_int_equal(scheduler_pause(s, 360 * SECOND_US, "sosync@here", &diag), SCHEDULER_E_UNREACHABLE);
        assert_string_equal(diag_text(&diag), "/bin/sh: exit status 1: --for 360 --holder sosync@here");
        assert_int_equal(scheduler_resume(s, "sosync@here", &diag), 0);
        assert_int_equal(scheduler_resume(s, NULL, &diag), SCHEDULER_E_UNREACHABLE);

        ask[2] = "echo 'Get-ADSyncScheduler : not recognized'";
        assert_int_equal(scheduler_status(s, a, &status, &diag), SCHEDULER_E_GARBAGE);
        assert_non_null(strstr(diag_text(&diag), "not recognized"));
        ask[2] = "exec yes"; /* for ever, and too much of it */
        config.timeout_us = SECOND_US / 10;
        assert_int_equal(scheduler_status(s, a, &status, &diag), SCHEDULER_E_UNREACHABLE);
        assert_string_equal(diag_text(&diag), "/bin/sh: killed: it took longer than 100 ms");
        ask[0] = "/nowhere/at/all";
        assert_int_equal(scheduler_status(s, a, &status, &diag), SCHEDULER_E_UNREACHABLE);
        assert_string_equal(diag_text(&diag), "/nowhere/at/all: No such file or directory");
        diag_deinit(&diag);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_driver),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
