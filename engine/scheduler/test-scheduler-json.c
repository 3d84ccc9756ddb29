/* SPDX-License-Identifier: Apache-2.0 */

/* What PowerShell writes, and what it does not. */

#include "engine/scheduler/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Windows PowerShell 5.1: a span is an object, a time is a Date, an enumeration is its number. */
static const char windows[] =
        "\xef\xbb\xbf{\r\n"
        "  \"AllowedSyncCycleInterval\": {\"Ticks\": 18000000000, \"Days\": 0, \"Hours\": 0, \"Minutes\": "
        "30},\r\n"
        "  \"CurrentlyEffectiveSyncCycleInterval\": {\"Ticks\": 18000000000},\r\n"
        "  \"CustomizedSyncCycleInterval\": null,\r\n"
        "  \"NextSyncCyclePolicyType\": 1,\r\n"
        "  \"NextSyncCycleStartTimeInUTC\": \"\\/Date(1795305600000)\\/\",\r\n"
        "  \"PurgeRunHistoryInterval\": {\"Ticks\": 6048000000000},\r\n"
        "  \"SyncCycleEnabled\": true, \"MaintenanceEnabled\": true, \"StagingModeEnabled\": false,\r\n"
        "  \"SchedulerSuspended\": false, \"SyncCycleInProgress\": false\r\n}\r\n";

static const char seven[] =
        "{\"AllowedSyncCycleInterval\":\"00:30:00\",\"PurgeRunHistoryInterval\":\"7.00:00:00\","
        "\"NextSyncCyclePolicyType\":\"Initial\",\"NextSyncCycleStartTimeInUTC\":\"2026-11-22T12:00:00."
        "1234567Z\","
        "\"SyncCycleEnabled\":false,\"SyncCycleInProgress\":true,\"SosyncHolders\":\"sosync@one\","
        "\"SomethingNew\":[1,{\"a\":2}]}";

static int parse(const char *text, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        return scheduler_parse(text, strlen(text), a, ret_state, diag);
}

static void test_windows(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SchedulerState s;

        assert_int_equal(parse(windows, a, &s, NULL), 0);
        assert_int_equal(s.allowed_interval_us, INT64_C(1800000000));
        assert_int_equal(s.purge_interval_us, INT64_C(7) * 86400 * 1000000);
        assert_int_equal(s.customized_interval_us, 0);
        assert_string_equal(s.next_policy_type, "Delta");
        assert_int_equal(s.next_start.ms, INT64_C(1795305600000));
        assert_true(s.sync_cycle_enabled && s.maintenance_enabled);
        assert_false(s.sync_cycle_in_progress || s.scheduler_suspended);
        assert_int_equal(s.n_holders, 0);
}

static void test_seven(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SchedulerState s, again;
        Str out;

        assert_int_equal(parse(seven, a, &s, NULL), 0);
        assert_int_equal(s.next_start.ms, INT64_C(1795348800000));
        assert_string_equal(s.next_policy_type, "Initial");
        assert_false(s.sync_cycle_enabled);
        assert_true(s.sync_cycle_in_progress);
        assert_true(scheduler_is_held_by(&s, "sosync@one"));
        assert_false(scheduler_is_held_by(&s, "sosync@two"));

        /* What we print, we read. */
        str_init(&out, 10000);
        scheduler_print_json(&s, &out);
        assert_int_equal(scheduler_parse(out.data, out.n, a, &again, NULL), 0);
        assert_int_equal(again.purge_interval_us, s.purge_interval_us);
        assert_int_equal(again.next_start.ms, s.next_start.ms);
        assert_int_equal(again.n_holders, 1);
        str_reset(&out);
        scheduler_print_text(&s, &out);
        assert_non_null(strstr(out.data, "SyncCycleEnabled                    : False\n"));
        assert_non_null(strstr(out.data, "PurgeRunHistoryInterval             : 7.00:00:00\n"));
        str_deinit(&out);
}

static void test_hostile(void **state)
{
        static const struct {
                const char *text;
                const char *why;
        } bad[] = {
                { "", "empty" },
                { "True", "not a JSON object" },
                { "[]", "not a JSON object" },
                { "WARNING: x\n{\"SyncCycleEnabled\":true,\"SyncCycleInProgress\":false}",
                  "not a JSON object" },
                { "{\"SyncCycleInProgress\":false}", "has no SyncCycleEnabled" },
                { "{\"SyncCycleEnabled\":true}", "has no SyncCycleInProgress" },
                { "{\"SyncCycleEnabled\":null,\"SyncCycleInProgress\":false}", "has no SyncCycleEnabled" },
                { "{\"SyncCycleEnabled\":\"True\",\"SyncCycleInProgress\":false}", "neither true nor false" },
                { "{\"SyncCycleEnabled\":1,\"SyncCycleInProgress\":false}", "neither true nor false" },
                { "{\"SyncCycleEnabled\":true,\"SyncCycleEnabled\":false,\"SyncCycleInProgress\":false}",
                  "not a JSON object" },
                { "{\"SyncCycleEnabled\":true,\"SyncCycleInProgress\":false}x", "not a JSON object" },
                { "{\"SyncCycleEnabled\":true,\"SyncCycleInProgress\":false,\"SosyncHolders\":[1]}",
                  "not a list of names" },
        };
        static const char *const odd[] = {
                "\"AllowedSyncCycleInterval\":{\"Ticks\":9223372036854775807}",
                "\"AllowedSyncCycleInterval\":{\"Ticks\":-1}",
                "\"AllowedSyncCycleInterval\":\"99999999999999999999.00:00:00\"",
                "\"AllowedSyncCycleInterval\":\"00:61:00\"",
                "\"NextSyncCycleStartTimeInUTC\":\"/Date(99999999999999999999)/\"",
                "\"NextSyncCycleStartTimeInUTC\":\"yesterday\"",
                "\"NextSyncCycleStartTimeInUTC\":{\"value\":{\"value\":{}}}",
                "\"NextSyncCyclePolicyType\":99",
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *big = malloc(100000);
        SchedulerState s;

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                Diag diag = DIAG_INIT;

                assert_int_equal(parse(bad[i].text, a, &s, &diag), SCHEDULER_E_GARBAGE);
                assert_non_null(strstr(diag_text(&diag), bad[i].why));
                diag_deinit(&diag);
        }
        /* What does not decide is left out when it makes no sense. */
        for (size_t i = 0; i < N_ELEMENTS(odd); i++) {
                assert_int_equal(
                        parse(arena_printf(a, "{%s,\"SyncCycleEnabled\":true,\"SyncCycleInProgress\":false}",
                                           odd[i]),
                              a, &s, NULL),
                        0);
                assert_int_equal(s.allowed_interval_us, 0);
                assert_int_equal(s.next_start.ms, 0);
                assert_null(s.next_policy_type);
        }
        memset(big, ' ', 100000);
        assert_int_equal(scheduler_parse(big, 100000, a, &s, NULL), SCHEDULER_E_GARBAGE);
        free(big);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_windows),
                cmocka_unit_test(test_seven),
                cmocka_unit_test(test_hostile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
