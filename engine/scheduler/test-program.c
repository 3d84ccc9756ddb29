/* SPDX-License-Identifier: Apache-2.0 */

/* Programs that fail, hang, babble and leave children behind; and the driver that is made of them. */

#include "engine/scheduler/program.h"

#include "base/str.h"
#include "engine/scheduler/scheduler-command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US ((int64_t)1000000)

static int run(const char *script, int64_t timeout_us, Arena *a, ProgramResult *ret_result, Diag *diag)
{
        const char *words[] = { "/bin/sh", "-c", script, "sh", "a b", "$(c)", NULL };

        return program_run(words, timeout_us, 1000, &clock_system, a, ret_result, diag);
}

static void test_ends(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramResult result;
        Diag diag = DIAG_INIT;
        const char *missing[] = { "/nowhere/at/all", NULL };

        /* Words are words, whatever is in them. */
        assert_int_equal(run("printf '%s|%s' \"$1\" \"$2\"", 10 * SECOND_US, a, &result, &diag), 0);
        assert_string_equal(result.data, "a b|$(c)");
        assert_int_equal(run("cat; echo x", 10 * SECOND_US, a, &result, &diag), 0); /* its input is empty */
        assert_string_equal(result.data, "x\n");

        assert_int_equal(
                run("echo first >&2; echo 'no \033[31mroute' >&2; exit 3", 10 * SECOND_US, a, &result, &diag),
                PROGRAM_E_FAILED);
        assert_int_equal(result.status, 3);
        assert_string_equal(diag_text(&diag), "/bin/sh ended with status 3: no \\x1b[31mroute");
        assert_int_equal(run("kill -9 $$", 10 * SECOND_US, a, &result, &diag), PROGRAM_E_FAILED);
        assert_string_equal(diag_text(&diag), "/bin/sh died of signal 9");
        assert_int_equal(program_run(missing, SECOND_US, 10, &clock_system, a, &result, &diag),
                         PROGRAM_E_START);
        assert_string_equal(diag_text(&diag), "/nowhere/at/all cannot be started: No such file or directory");
        diag_deinit(&diag);
}

static void test_limits(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramResult result;
        Diag diag = DIAG_INIT;
        Mono begin = clock_mono(&clock_system);

        /* It hangs, with a child that hangs too and a trap against the first signal. */
        assert_int_equal(run("trap '' TERM; sleep 100 & sleep 100", 100000, a, &result, &diag),
                         PROGRAM_E_TIME);
        assert_string_equal(diag_text(&diag), "/bin/sh did not end within 100 ms");
        assert_int_equal(run("exec yes", 10 * SECOND_US, a, &result, &diag), PROGRAM_E_LONG);
        /* Its child keeps the pipe open: that is not waited for. */
        assert_int_equal(run("sleep 100 & echo done", 10 * SECOND_US, a, &result, &diag), 0);
        assert_string_equal(result.data, "done\n");
        assert_true(clock_mono(&clock_system).us - begin.us < 8 * SECOND_US);
        diag_deinit(&diag);
}

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

        assert_int_equal(scheduler_command_new(&s, &config, &clock_system), 0);
        assert_int_equal(scheduler_status(s, a, &status, &diag), 0);
        assert_true(status.sync_cycle_enabled);
        assert_int_equal(scheduler_pause(s, 360 * SECOND_US, "sosync@here", &diag), SCHEDULER_E_UNREACHABLE);
        assert_string_equal(diag_text(&diag), "/bin/sh ended with status 1: --for 360 --holder sosync@here");
        assert_int_equal(scheduler_resume(s, "sosync@here", &diag), 0);
        assert_int_equal(scheduler_resume(s, NULL, &diag), SCHEDULER_E_UNREACHABLE);
        ask[2] = "echo 'Get-ADSyncScheduler : not recognized'";
        assert_int_equal(scheduler_status(s, a, &status, &diag), SCHEDULER_E_GARBAGE);
        assert_non_null(strstr(diag_text(&diag), "not recognized"));
        diag_deinit(&diag);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_driver),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
