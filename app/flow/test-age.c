/* SPDX-License-Identifier: Apache-2.0 */

/* Old things are removed by the time that has passed, whatever the clock says for a while. */

#include "app/flow/age.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR_MS ((int64_t)3600 * 1000)
#define DAY_MS  (24 * HOUR_MS)
#define YEAR_MS (365 * DAY_MS)

static const Wall noon = { 1795348800000 }; /* 2026-11-22T12:00:00Z */

typedef struct Fixture {
        char folder[64];
        Age age;
        Mono mono;
        Wall now;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        *state = f;
        f->now = noon;
        f->mono = (Mono){ 1000000 };
        snprintf(f->folder, sizeof(f->folder), "/tmp/sosync-test-age-XXXXXX");
        return mkdtemp(f->folder) ? 0 : -1;
}

static int teardown(void **state)
{
        Fixture *f = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
        if (system(command))
                return -1;
        free(f);
        return 0;
}

static void begin(Fixture *f)
{
        age_begin(&f->age, f->folder, (Wall){ 0 }, f->now, f->mono);
}

/* So many hours, with a look each hour as the reporter's. Returns the days that `then` is behind noon. */
static double hours(Fixture *f, int n)
{
        Wall then = age_pass(&f->age, f->now, f->mono);

        for (int i = 0; i < n; i++) {
                f->mono = mono_add(f->mono, HOUR_MS * 1000);
                f->now = wall_add(f->now, HOUR_MS);
                then = age_pass(&f->age, f->now, f->mono);
        }
        return (double)(then.ms - noon.ms) / (double)DAY_MS;
}

/* A machine's battery clock is years ahead at the start, twenty seconds or two days. */
static void test_ahead(void **state)
{
        Fixture *f = *state;

        begin(f);
        assert_int_equal(hours(f, 24), 1);
        assert_int_equal(age_keep(&f->age, f->folder), 0);
        f->now = wall_add(f->now, 10 * YEAR_MS);
        f->mono = (Mono){ 5000000 };
        begin(f);
        assert_int_equal(hours(f, 0), 1);
        f->now = wall_add(f->now, -10 * YEAR_MS);
        assert_int_equal(hours(f, 24), 2);
        /* While it runs, and over a restart. */
        f->now = wall_add(f->now, 10 * YEAR_MS);
        assert_int_equal(hours(f, 24), 4);
        assert_int_equal(age_keep(&f->age, f->folder), 0);
        f->mono = (Mono){ 7000000 };
        begin(f);
        assert_int_equal(hours(f, 24), 6);
        f->now = wall_add(f->now, -10 * YEAR_MS);
        /* Back, the clock is right at once, and goes on. */
        assert_int_equal(hours(f, 0), 4);
        assert_int_equal(hours(f, 20 * 24), 24);
}

/* Nothing written for weeks: what is old goes all the same; after a rest, in as long as it has lasted. */
static void test_rest(void **state)
{
        Fixture *f = *state;

        begin(f);
        assert_int_equal(hours(f, 56 * 24), 56);
        assert_int_equal(age_keep(&f->age, f->folder), 0);
        f->now = wall_add(f->now, 14 * DAY_MS);
        f->mono = (Mono){ 0 };
        begin(f);
        assert_int_equal(hours(f, 0), 56);
        assert_int_equal(hours(f, 7 * 24), 70);
        assert_int_equal(hours(f, 7 * 24), 84);
}

/* In 1970 for a moment: nothing is forgotten. */
static void test_behind(void **state)
{
        Fixture *f = *state;

        begin(f);
        f->now = (Wall){ 3600000 };
        assert_true(hours(f, 20) < -10000);
        f->now = wall_add(noon, 20 * HOUR_MS);
        assert_true(hours(f, 24) > 1.8);
        /* Begun with a clock that was ahead: it is this time that is wrong. */
        f->now = wall_add(noon, 10 * YEAR_MS);
        begin(f);
        f->now = noon;
        assert_int_equal(hours(f, 48), 2);
        assert_int_equal(age_keep(&f->age, f->folder), 0);
        begin(f);
        f->now = wall_add(f->now, 10 * YEAR_MS);
        assert_int_equal(hours(f, 0), 2);
}

/* No file: an older version ran here, or somebody has removed it. A file that is none is none. */
static void test_first(void **state)
{
        Fixture *f = *state;
        char path[80];
        FILE *file;

        f->now = wall_add(noon, 10 * YEAR_MS);
        age_begin(&f->age, f->folder, noon, f->now, f->mono);
        assert_int_equal(hours(f, 0), 0);
        snprintf(path, sizeof(path), "%s/age", f->folder);
        file = fopen(path, "w");
        fputs("yesterday\n", file);
        fclose(file);
        age_begin(&f->age, f->folder, noon, f->now, f->mono);
        assert_int_equal(hours(f, 0), 0);
        age_begin(&f->age, "/nonexistent", wall_add(noon, 20 * YEAR_MS), noon, f->mono);
        f->now = noon;
        assert_int_equal(hours(f, 0), 0);
        assert_true(age_keep(&f->age, "/nonexistent") < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
                cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
                cmocka_unit_test_setup_teardown(test_first, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
