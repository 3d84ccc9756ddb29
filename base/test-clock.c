/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_system(void **state)
{
        Mono first = clock_mono(&clock_system);
        Wall wall = clock_wall(&clock_system);

        assert_true(first.us > 0);
        assert_true(clock_mono(&clock_system).us >= first.us);
        /* After 2020: somebody has set it. */
        assert_true(wall.ms > INT64_C(1577836800000));
}

static void test_fake_moves_both(void **state)
{
        ClockFake c;

        clock_fake_init(&c, (Mono){ 100 }, (Wall){ 5000 });
        assert_int_equal(clock_mono(&c.clock).us, 100);
        assert_int_equal(clock_wall(&c.clock).ms, 5000);
        clock_fake_advance(&c, 500);
        assert_int_equal(clock_mono(&c.clock).us, 600);
        assert_int_equal(clock_wall(&c.clock).ms, 5000);
        clock_fake_advance(&c, 500);
        assert_int_equal(clock_wall(&c.clock).ms, 5001);
        clock_fake_advance(&c, INT64_C(3600) * 1000000);
        assert_int_equal(clock_wall(&c.clock).ms, 3605001);
}

static void test_sums_do_not_wrap(void **state)
{
        assert_int_equal(mono_add(MONO_NEVER, 1).us, INT64_MAX);
        assert_int_equal(mono_add((Mono){ 5 }, -7).us, -2);
        assert_int_equal(mono_add((Mono){ -5 }, INT64_MIN).us, INT64_MIN);
        assert_int_equal(wall_add((Wall){ INT64_MAX - 1 }, 5).ms, INT64_MAX);
        assert_int_equal(wall_add((Wall){ 5 }, 5).ms, 10);
}

static void test_wall_format(void **state)
{
        static const struct {
                int64_t ms;
                const char *text;
        } rows[] = {
                { 0, "1970-01-01T00:00:00.000Z" },
                { 1, "1970-01-01T00:00:00.001Z" },
                { -1, "1969-12-31T23:59:59.999Z" },
                { 951782400000, "2000-02-29T00:00:00.000Z" },
                { 951868799999, "2000-02-29T23:59:59.999Z" },
                { 1795336275123, "2026-11-22T08:31:15.123Z" },
                { 4107542400000, "2100-03-01T00:00:00.000Z" },
                { -62135596800000, "0001-01-01T00:00:00.000Z" },
        };
        char buf[WALL_TEXT_MAX];
        Wall back;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_string_equal(wall_format((Wall){ rows[i].ms }, buf), rows[i].text);
                assert_true(wall_parse(rows[i].text, &back));
                assert_int_equal(back.ms, rows[i].ms);
        }
        /* The ends of the range: long, but within the buffer. */
        assert_true(strlen(wall_format((Wall){ INT64_MAX }, buf)) < WALL_TEXT_MAX);
        assert_true(strlen(wall_format((Wall){ INT64_MIN }, buf)) < WALL_TEXT_MAX);
        assert_int_equal(buf[0], '-');
}

static void test_wall_agrees_with_libc(void **state)
{
        uint64_t seed = 4711;

        for (int i = 0; i < 2000; i++) {
                char ours[WALL_TEXT_MAX], theirs[WALL_TEXT_MAX];
                struct tm tm;
                time_t t;
                Wall back;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                t = (time_t)(seed >> 26); /* up to the year 10680 */
                if (t >= 253402300800)
                        continue;
                wall_format((Wall){ (int64_t)t * 1000 + 7 }, ours);
                gmtime_r(&t, &tm);
                strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
                assert_string_equal(ours, theirs);
                assert_true(wall_parse(ours, &back));
                assert_int_equal(back.ms, (int64_t)t * 1000 + 7);
        }
}

static void test_wall_parse_refuses(void **state)
{
        static const char *const bad[] = {
                "",
                "2026-11-22",
                "2026-11-22T08:31:15",
                "2026-11-22T08:31:15+01:00",
                "2026-11-22T08:31:15.Z",
                "2026-11-22T08:31:15.1Z",
                "2026-11-22T08:31:15.1234Z",
                "2026-11-22T08:31:15Z ",
                " 2026-11-22T08:31:15Z",
                "2026-11-22t08:31:15Z",
                "2026-13-22T08:31:15Z",
                "2026-00-22T08:31:15Z",
                "2026-11-31T08:31:15Z",
                "2026-02-29T08:31:15Z",
                "2100-02-29T08:31:15Z",
                "2026-11-00T08:31:15Z",
                "2026-11-22T24:00:00Z",
                "2026-11-22T08:60:15Z",
                "2026-11-22T08:31:60Z",
                "-026-11-22T08:31:15Z",
                "2026-1-22T08:31:15Z",
        };
        Wall t = { 77 };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                if (wall_parse(bad[i], &t))
                        fail_msg("taken: \"%s\"", bad[i]);
        }
        assert_false(wall_parse(NULL, &t));
        assert_int_equal(t.ms, 77);
        assert_true(wall_parse("2026-11-22T08:31:15Z", &t));
        assert_int_equal(t.ms, 1795336275000);
}

static void test_duration_format(void **state)
{
        static const struct {
                int64_t us;
                const char *text;
        } rows[] = {
                { 0, "0 us" },          { 999, "999 us" },
                { 1000, "1 ms" },       { 250000, "250 ms" },
                { 999499, "999 ms" },   { 999500, "1 s" },
                { 1000000, "1 s" },     { 1500000, "1.5 s" },
                { 59949999, "59.9 s" }, { 59960000, "1 m" },
                { 60000000, "1 m" },    { 725000000, "12 m 5 s" },
                { 3599999999, "1 h" },  { 7380000000, "2 h 3 m" },
                { 86400000000, "1 d" }, { 95000000000, "1 d 2 h" },
                { -1500000, "-1.5 s" },
        };
        char buf[40], tiny[4];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_string_equal(duration_format(rows[i].us, buf, sizeof(buf)), rows[i].text);
        assert_non_null(strstr(duration_format(INT64_MAX, buf, sizeof(buf)), " d"));
        assert_int_equal(duration_format(INT64_MIN, buf, sizeof(buf))[0], '-');
        assert_string_equal(duration_format(250000, tiny, sizeof(tiny)), "250");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_system),
                cmocka_unit_test(test_fake_moves_both),
                cmocka_unit_test(test_sums_do_not_wrap),
                cmocka_unit_test(test_wall_format),
                cmocka_unit_test(test_wall_agrees_with_libc),
                cmocka_unit_test(test_wall_parse_refuses),
                cmocka_unit_test(test_duration_format),
        };

        return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
