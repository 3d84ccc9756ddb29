/* SPDX-License-Identifier: Apache-2.0 */

/* What the index of a day keeps in memory, and for how long: a service runs for months, and keeps 90 days. */

#include "report/test-report.h"

#include "report/store-internal.h"

#include <string.h>

#define DAY_MS ((int64_t)86400000)
#define ROWS   3000 /* a day; more than has_run() looks at without a table */

/* As the reporter adds them: a page at a time, in the order in which workers have finished, or nearly. */
static void add_day(ReportStore *s, unsigned day, unsigned n)
{
        for (unsigned i = 0; i < n; i += 200) {
                test_add_range(s, day * ROWS + i, 100, TEST_DAY_MS + day * DAY_MS + i * 10 + 1000, 10);
                test_add_range(s, day * ROWS + i + 100, 100, TEST_DAY_MS + day * DAY_MS + i * 10, 10);
        }
}

static size_t n_tables(const ReportStore *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_days; i++)
                n += s->days[i]->runs != NULL;
        return n;
}

static void test_nothing_is_kept_of_what_comes_in_order(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (unsigned day = 0; day < 3; day++) {
                add_day(s, day, ROWS);
                assert_int_equal(n_tables(s), 0);
        }
        assert_int_equal(s->n_days, 3);
        s = report_store_free(s);
        test_folder_done(folder);
}

/* A node that begins with an older copy of the state is given the outcomes of hours again: none twice. */
static void test_table_as_long_as_old_runs_come(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (unsigned day = 0; day < 3; day++)
                add_day(s, day, ROWS);
        for (unsigned day = 0; day < 3; day++) {
                add_day(s, day, ROWS / 2);
                assert_non_null(s->days[day]->runs);
                assert_int_equal(n_tables(s), 1);
        }
        /* What is repeated and lies among the last rows needs none. */
        add_day(s, 2, ROWS);
        assert_int_equal(n_tables(s), 0);
        assert_int_equal(test_count(s, NULL), 3 * ROWS);
        s = report_store_free(s);
        test_folder_done(folder);
}

static void test_order_of_past_days_goes(void **state)
{
        const ReportFilter nobody = { .result = -1, .disposition = -1, .text = "nobody" };
        char *folder = test_folder();
        ReportStore *s = NULL;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (unsigned day = 0; day < 3; day++)
                test_add_range(s, day * 10, 10, TEST_DAY_MS + day * DAY_MS, 1);
        assert_int_equal(test_count(s, &nobody), 0);
        for (unsigned day = 0; day < 3; day++)
                assert_non_null(s->days[day]->order);
        test_add(s, 100, TEST_DAY_MS + 2 * DAY_MS + 100);
        assert_null(s->days[0]->order);
        assert_non_null(s->days[2]->order);
        assert_int_equal(test_count(s, NULL), 31);
        s = report_store_free(s);
        test_folder_done(folder);
}

/* Who was parked for weeks, and of whom there is no report: found, or not, in one look. */
static void test_newest_runs(void **state)
{
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        const unsigned numbers[] = { 3, 7, 999, 29, 7 };
        ObjectId objects[N_ELEMENTS(numbers)] = { 0 };
        const char *runs[N_ELEMENTS(numbers)];
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        ReportStore *s = NULL;
        const void *data;
        size_t n;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (unsigned day = 0; day < 3; day++)
                test_add_range(s, day * 10, 10, TEST_DAY_MS + day * DAY_MS, 1);
        test_outcome(a, o, 3, TEST_DAY_MS + DAY_MS);
        test_run_id(1003, o->run_id);
        test_pack(a, o, &data, &n);
        assert_int_equal(report_store_add(s, &data, &n, 1), 0);
        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                Arena *whole = arena_new(0);

                test_outcome(whole, o, numbers[i], 0);
                objects[i] = o->change.id;
                arena_free(whole);
        }
        report_store_newest_runs(s, objects, N_ELEMENTS(numbers), a, runs);
        assert_string_equal(runs[0], test_run_id(1003, id));
        assert_string_equal(runs[1], test_run_id(7, id));
        assert_null(runs[2]);
        assert_string_equal(runs[3], test_run_id(29, id));
        assert_string_equal(runs[4], runs[1]);
        report_store_newest_runs(s, objects, 0, a, runs);
        s = report_store_free(s);
        arena_free(a);
        test_folder_done(folder);
}

/* Who waits for it asks for what has just been written, and pays nothing for all the others. */
static void test_recent(void **state)
{
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        ReportStore *s = NULL;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_false(report_store_has_recent(s, test_run_id(1, id)));
        for (unsigned day = 0; day < 3; day++)
                test_add_range(s, day * 10, 10, TEST_DAY_MS + day * DAY_MS, 1);
        assert_false(report_store_has_recent(s, test_run_id(9, id)));
        assert_true(report_store_has_recent(s, test_run_id(10, id))); /* it ended around midnight */
        assert_true(report_store_has_recent(s, test_run_id(29, id)));
        assert_false(report_store_has_recent(s, test_run_id(30, id)));
        id[8] = '\0';
        assert_false(report_store_has_recent(s, id));
        s = report_store_free(s);
        test_folder_done(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_kept_of_what_comes_in_order),
                cmocka_unit_test(test_table_as_long_as_old_runs_come),
                cmocka_unit_test(test_order_of_past_days_goes),
                cmocka_unit_test(test_newest_runs),
                cmocka_unit_test(test_recent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
