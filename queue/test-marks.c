/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "queue/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Place {
        char path[4096];
        Marks m;
} Place;

static ObjectKey key_n(uint8_t n)
{
        return (ObjectKey){ .source = 3, .id = { { n } } };
}

static void open_marks(Place *p)
{
        Diag diag = DIAG_INIT;

        if (marks_open(&p->m, p->path, &diag))
                fail_msg("%s", diag_text(&diag));
        diag_deinit(&diag);
}

static int setup(void **state)
{
        const char *tmp = getenv("TMPDIR");
        Place *p = calloc(1, sizeof(*p));
        int fd;

        assert_non_null(p);
        snprintf(p->path, sizeof(p->path), "%s/sosync-marks-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        fd = mkstemp(p->path);
        assert_true(fd >= 0);
        close(fd);
        open_marks(p);
        *state = p;
        return 0;
}

static int teardown(void **state)
{
        Place *p = *state;

        marks_close(&p->m, true);
        unlink(p->path);
        free(p);
        return 0;
}

/* The process dies and starts again; `of_itself`: a handler of fatal signals has spoken. */
static void die(Place *p, bool of_itself)
{
        if (of_itself)
                *marks_crash_flag(&p->m) = 1;
        marks_close(&p->m, false);
        open_marks(p);
}

static unsigned deaths_of(Place *p, const ObjectKey *key)
{
        ObjectKey found;
        unsigned deaths;

        for (size_t i = 0; marks_suspect(&p->m, i, &found, &deaths); i++) {
                if (guid_is(&found.id, &key->id) && found.source == key->source)
                        return deaths;
        }
        return 0;
}

static void test_deaths(void **state)
{
        ObjectKey a = key_n(1), b = key_n(2);
        Place *p = *state;
        int slot;

        marks_set(&p->m, &a);
        slot = marks_set(&p->m, &b);
        marks_clear(&p->m, slot);
        die(p, true);
        assert_int_equal(deaths_of(p, &a), 1);
        assert_int_equal(deaths_of(p, &b), 0);
        /* Not in work at the next death: nothing more. */
        die(p, true);
        assert_int_equal(deaths_of(p, &a), 1);
        marks_set(&p->m, &a);
        die(p, true);
        assert_int_equal(deaths_of(p, &a), 2);
        /* Its work came to an end: cleared of all. */
        slot = marks_set(&p->m, &a);
        marks_clear(&p->m, slot);
        assert_int_equal(deaths_of(p, &a), 0);
        marks_set(&p->m, &a);
        die(p, true);
        assert_int_equal(deaths_of(p, &a), 1);
        marks_forget(&p->m, &a);
        assert_int_equal(deaths_of(p, &a), 0);
}

static void test_killed(void **state)
{
        ObjectKey a = key_n(1);
        Place *p = *state;

        for (int i = 0; i < 4; i++) {
                marks_set(&p->m, &a);
                die(p, false);
        }
        assert_int_equal(deaths_of(p, &a), 0);
}

/* From the second death on they are tried one at a time. */
static void test_alone(void **state)
{
        ObjectKey a = key_n(1), b = key_n(2), c = key_n(3);
        Place *p = *state;
        int slot;

        for (int i = 0; i < 2; i++) {
                assert_false(marks_must_wait(&p->m, &b));
                marks_set(&p->m, &a);
                assert_false(marks_must_wait(&p->m, &b));
                marks_set(&p->m, &b);
                die(p, true);
        }
        assert_false(marks_must_wait(&p->m, &a));
        slot = marks_set(&p->m, &a);
        assert_true(marks_must_wait(&p->m, &b));
        assert_false(marks_must_wait(&p->m, &c));
        marks_clear(&p->m, slot);
        assert_false(marks_must_wait(&p->m, &b));
}

/* Nobody's fault: what had deaths before keeps them, the rest is as new. */
static void test_acquit(void **state)
{
        ObjectKey a = key_n(1), b = key_n(2);
        Place *p = *state;

        marks_set(&p->m, &a);
        die(p, true);
        marks_set(&p->m, &a);
        marks_set(&p->m, &b);
        marks_acquit(&p->m);
        die(p, true);
        assert_int_equal(deaths_of(p, &a), 1);
        assert_int_equal(deaths_of(p, &b), 0);
}

/* Whatever it died of, what was in work is in doubt until a lease of it comes to its end. */
static void test_doubt(void **state)
{
        ObjectKey a = key_n(1), b = key_n(2), c = key_n(3);
        Place *p = *state;

        marks_set(&p->m, &a);
        marks_clear(&p->m, marks_set(&p->m, &b));
        assert_false(marks_is_in_doubt(&p->m, &a));
        die(p, false);
        assert_true(marks_is_in_doubt(&p->m, &a));
        assert_false(marks_is_in_doubt(&p->m, &b));
        /* Given back untouched, and over a clean stop, and when the process ends by a fault of the store. */
        marks_give_back(&p->m, marks_set(&p->m, &a), false);
        marks_close(&p->m, true);
        open_marks(p);
        assert_true(marks_is_in_doubt(&p->m, &a));
        marks_set(&p->m, &a);
        marks_acquit(&p->m);
        die(p, true);
        assert_true(marks_is_in_doubt(&p->m, &a));
        assert_int_equal(deaths_of(p, &a), 0);
        marks_clear(&p->m, marks_set(&p->m, &a));
        assert_false(marks_is_in_doubt(&p->m, &a));
        /* Given back because its end could not be stored; and what another node had. */
        marks_give_back(&p->m, marks_set(&p->m, &b), true);
        marks_doubt(&p->m, &c);
        marks_doubt(&p->m, &c);
        assert_true(marks_is_in_doubt(&p->m, &b));
        assert_true(marks_is_in_doubt(&p->m, &c));
        marks_forget(&p->m, &c);
        assert_false(marks_is_in_doubt(&p->m, &c));
}

/* More leases than slots: the rest goes unmarked. */
static void test_many(void **state)
{
        Place *p = *state;
        int n = 0;

        for (unsigned i = 0; i < 6000; i++) {
                ObjectKey key = { .source = (uint16_t)i };

                if (marks_set(&p->m, &key) < 0)
                        break;
                n++;
        }
        assert_int_equal(n, 4095);
        marks_clear(&p->m, -1);
}

/* A file of another shape is begun anew. */
static void test_other_file(void **state)
{
        Place *p = *state;
        FILE *file;
        ObjectKey a = key_n(1);

        marks_set(&p->m, &a);
        *marks_crash_flag(&p->m) = 1;
        marks_close(&p->m, false);
        file = fopen(p->path, "r+");
        assert_non_null(file);
        fputs("something else", file);
        fclose(file);
        open_marks(p);
        assert_int_equal(deaths_of(p, &a), 0);
        marks_close(&p->m, false);
        assert_int_equal(truncate(p->path, 17), 0);
        open_marks(p);
        assert_true(marks_set(&p->m, &a) >= 0);
}

/* The clock is kept in whole seconds, by a death as by an end; a file of before has none. */
static void test_clock(void **state)
{
        Place *p = *state;

        assert_int_equal(marks_clock(&p->m).ms, 0);
        marks_set_clock(&p->m, (Wall){ 1795334400999 });
        die(p, true);
        assert_int_equal(marks_clock(&p->m).ms, 1795334400000);
        marks_set_clock(&p->m, (Wall){ -1 });
        marks_close(&p->m, true);
        open_marks(p);
        assert_int_equal(marks_clock(&p->m).ms, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_deaths, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_acquit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
