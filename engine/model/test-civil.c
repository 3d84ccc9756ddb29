/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/model/civil.h"
#include "engine/model/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void test_known(void **state)
{
        static const struct {
                int64_t filetime;
                Civil civil;
        } known[] = {
                { 0, { .year = 1601, .month = 1, .day = 1, .weekday = 1 } },
                { 129699324000000000, { .year = 2012, .month = 1, .day = 1, .weekday = 0, .hour = 23 } },
                { 116444736000000000, { .year = 1970, .month = 1, .day = 1, .weekday = 4 } },
                { 125963423999999999,
                  { .year = 2000,
                    .month = 2,
                    .day = 29,
                    .weekday = 2,
                    .hour = 23,
                    .minute = 59,
                    .second = 59,
                    .ticks = 9999999 } },
                { 2650467743999999999,
                  { .year = 9999,
                    .month = 12,
                    .day = 31,
                    .weekday = 5,
                    .hour = 23,
                    .minute = 59,
                    .second = 59,
                    .ticks = 9999999 } },
        };

        for (size_t i = 0; i < N_ELEMENTS(known); i++) {
                const Civil *e = &known[i].civil;
                int64_t back;
                Civil c;

                civil_from_filetime(known[i].filetime, &c);
                assert_int_equal(c.year, e->year);
                assert_int_equal(c.month, e->month);
                assert_int_equal(c.day, e->day);
                assert_int_equal(c.weekday, e->weekday);
                assert_int_equal(c.hour, e->hour);
                assert_int_equal(c.minute, e->minute);
                assert_int_equal(c.second, e->second);
                assert_int_equal(c.ticks, e->ticks);
                assert_true(civil_to_filetime(&c, &back));
                assert_int_equal(back, known[i].filetime);
        }
}

/* Against the C library, over the years that it and we have. */
static void test_same_as_libc(void **state)
{
        unsigned seed = 1601;

        for (int i = 0; i < 20000; i++) {
                int64_t unix_s = (int64_t)rand_r(&seed) * 130 - 62135596800; /* from the year 1 on */
                time_t t = (time_t)unix_s;
                int64_t back;
                struct tm tm;
                Civil c;

                gmtime_r(&t, &tm);
                civil_from_filetime(filetime_from_unix_ms(unix_s * 1000), &c);
                if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
                    c.weekday != tm.tm_wday || c.hour != tm.tm_hour || c.minute != tm.tm_min ||
                    c.second != tm.tm_sec)
                        fail_msg("%lld", (long long)unix_s);
                if (c.year <= 9999) {
                        assert_true(civil_to_filetime(&c, &back));
                        assert_int_equal(filetime_to_unix_ms(back), unix_s * 1000);
                }
        }
}

static void test_impossible(void **state)
{
        static const Civil wrong[] = {
                { .year = 2023, .month = 2, .day = 29 },
                { .year = 1900, .month = 2, .day = 29 },
                { .year = 2023, .month = 13, .day = 1 },
                { .year = 2023, .month = 0, .day = 1 },
                { .year = 2023, .month = 1, .day = 0 },
                { .year = 2023, .month = 4, .day = 31 },
                { .year = 0, .month = 1, .day = 1 },
                { .year = 10000, .month = 1, .day = 1 },
                { .year = 2023, .month = 1, .day = 1, .hour = 24 },
                { .year = 2023, .month = 1, .day = 1, .second = 60 },
                { .year = 2023, .month = 1, .day = 1, .ticks = FILETIME_SECOND },
        };
        int64_t t = 42;
        Civil c;

        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_false(civil_to_filetime(&wrong[i], &t));
        assert_int_equal(t, 42);

        civil_from_filetime(INT64_MIN, &c); /* no overflow */
        civil_from_filetime(INT64_MAX, &c);
        assert_int_equal(c.year, 30828);
        assert_int_equal(filetime_from_unix_ms(INT64_MAX), INT64_MAX);
        assert_int_equal(filetime_from_unix_ms(INT64_MIN), INT64_MIN);
        assert_int_equal(filetime_to_unix_ms(116444735999999999), -1);
        assert_true(filetime_to_unix_ms(INT64_MIN) < 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_same_as_libc),
                cmocka_unit_test(test_impossible),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
