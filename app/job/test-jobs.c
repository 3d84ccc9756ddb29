/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/job/jobs.h"
#include "app/job/kinds.h"
#include "engine/steps/catalogue.h"

#define LONG_US ((int64_t)60 * 1000000)

static int follow(Job *job, JobProgress *ret_progress)
{
        uint64_t seen = 0;
        int result = -1;

        while (!job_follow(job, &seen, LONG_US, ret_progress, &result))
                ;
        return result;
}

/* A job whose work waits until it is cancelled. */
static int wait_for_it(Job *job, Diag *diag)
{
        for (uint64_t i = 1; !job_is_cancelled(job); i++)
                job_progress(job, "waiting", i, 0);
        diag_set(diag, "told to");
        return JOB_E_CANCELLED;
}

static int count_to_three(Job *job, Diag *diag)
{
        for (uint64_t i = 1; i <= 3; i++)
                job_progress(job, "counting", i, 3);
        job->result = json_integer(3);
        job->status = EXIT_OBJECT;
        return 0;
}

static int refuse(Job *job, Diag *diag)
{
        diag_set(diag, "\"%s\" is no folder", json_string_value(json_object_get(job->arguments, "folder")));
        return JOB_E_USAGE;
}

static const char *act(const json_t *arguments)
{
        return json_is_true(json_object_get(arguments, "dryRun")) ? NULL : "refuse-it";
}

static const JobKind kinds[] = {
        { .name = "wait", .ours = true, .work = wait_for_it },
        { .name = "count", .work = count_to_three },
        { .name = "refuse", .act = act, .work = refuse },
        { .name = "look", .looks = true, .work = count_to_three },
};

static const JobKind *const all[] = { &kinds[0], &kinds[1], &kinds[2], &kinds[3], NULL };

static int setup(void **state)
{
        static Wiring w;
        Jobs *j = NULL;

        w = (Wiring){ .clock = &clock_system };
        assert_int_equal(jobs_new(&j, &w, all), 0);
        *state = j;
        return 0;
}

static int teardown(void **state)
{
        jobs_free(*state);
        return 0;
}

static void test_what_a_kind_says_is_what_the_asker_gets(void **state)
{
        Jobs *j = *state;
        json_t *arguments = json_pack("{s:s}", "folder", "here");
        JobProgress p;
        Job *job;

        assert_int_equal(jobs_submit(j, "refuse", arguments, "ada", &job), 0);
        json_decref(arguments);
        assert_int_equal(follow(job, &p), JOB_E_USAGE);
        assert_string_equal(job_why(job), "\"here\" is no folder");
        assert_int_equal(job_exit_status(JOB_E_USAGE), EXIT_USAGE);
        job_release(job);
        assert_false(jobs_has(j, "refuse"));
}

static void test_unknown_kinds_are_refused(void **state)
{
        assert_int_equal(jobs_submit(*state, "levitate", NULL, NULL, NULL), JOB_E_UNKNOWN);
}

static void test_after_the_stop_nothing_begins(void **state)
{
        jobs_cancel(*state);
        assert_int_equal(jobs_submit(*state, "count", NULL, NULL, NULL), JOB_E_FULL);
}

static void test_a_cancelled_job_ends(void **state)
{
        Jobs *j = *state;
        JobProgress p = { 0 };
        uint64_t seen = 0;
        int result;
        Job *job;

        assert_int_equal(jobs_submit(j, "wait", NULL, NULL, &job), 0);
        while (!p.done)
                assert_false(job_follow(job, &seen, LONG_US, &p, &result));
        assert_string_equal(p.phase, "waiting");
        assert_true(jobs_has(j, "wait"));
        job_cancel(job);
        assert_int_equal(follow(job, &p), JOB_E_CANCELLED);
        assert_string_equal(job_why(job), "told to");
        job_release(job);
}

/* Who gives up in the line does not wait for what is before him, and makes room. */
static void test_who_waits_may_leave(void **state)
{
        Jobs *j = *state;
        JobProgress p = { 0 };
        Job *first, *line[JOBS_MAX];
        uint64_t seen = 0;
        json_t *list;
        int result;

        assert_int_equal(jobs_submit(j, "wait", NULL, NULL, &first), 0);
        while (!p.done)
                assert_false(job_follow(first, &seen, LONG_US, &p, &result));
        for (size_t i = 0; i < JOBS_MAX; i++)
                assert_int_equal(jobs_submit(j, "wait", NULL, "ada", &line[i]), 0);
        assert_int_equal(jobs_submit(j, "wait", NULL, NULL, NULL), JOB_E_FULL);
        job_cancel(line[0]);
        assert_int_equal(follow(line[0], &p), JOB_E_CANCELLED);
        for (size_t i = 0; i < JOBS_MAX; i++)
                job_release(line[i]);
        list = jobs_list(j);
        assert_int_equal(json_array_size(list), 1);
        json_decref(list);
        assert_false(job_follow(first, &seen, 0, &p, &result));
        job_release(first);
}

/* What the service does by itself does not hold up what people ask for. */
static void test_two_lines(void **state)
{
        Jobs *j = *state;
        JobProgress p;
        Job *job;

        assert_int_equal(jobs_submit(j, "wait", NULL, NULL, NULL), 0);
        assert_int_equal(jobs_submit(j, "count", NULL, "ada", &job), 0);
        assert_int_equal(follow(job, &p), 0);
        assert_int_equal(p.done, 3);
        assert_int_equal(json_integer_value(job->result), 3);
        assert_int_equal(job->status, EXIT_OBJECT);
        assert_true(jobs_has(j, "wait"));
        job_release(job);
}

static void show(void *context, const JobProgress *p)
{
        *(uint64_t *)context += p->done;
}

static void test_the_same_without_a_service(void **state)
{
        Wiring w = { .clock = &clock_system };
        json_t *result = NULL;
        uint64_t sum = 0;
        int status = 0;

        assert_int_equal(job_run_here(&w, &kinds[1], NULL, "ada", show, &sum, &result, &status, NULL), 0);
        assert_int_equal(sum, 6);
        assert_int_equal(status, EXIT_OBJECT);
        assert_int_equal(json_integer_value(result), 3);
        json_decref(result);
}

/* What changes nothing is no act, and has no name in the audit log. */
static void test_acts(void **state)
{
        json_t *dry = json_pack("{s:b}", "dryRun", 1);

        assert_string_equal(job_kind_act(&kinds[1], dry), "count");
        assert_string_equal(job_kind_act(&kinds[2], NULL), "refuse-it");
        assert_null(job_kind_act(&kinds[2], dry));
        assert_null(job_kind_act(&kinds[3], NULL));
        assert_string_equal(job_kind_act(&job_revert, NULL), "revert");
        assert_null(job_kind_act(&job_revert, dry));
        assert_null(job_kind_act(&job_scheduler, dry));
        assert_string_equal(job_kind_act(&job_rules_activate, dry), "rules-activate");
        json_object_set_new(dry, "how", json_string("rollback"));
        assert_string_equal(job_kind_act(&job_rules_activate, dry), "rules-rollback");
        json_decref(dry);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_a_kind_says_is_what_the_asker_gets, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_unknown_kinds_are_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_after_the_stop_nothing_begins, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_cancelled_job_ends, setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_waits_may_leave, setup, teardown),
                cmocka_unit_test_setup_teardown(test_two_lines, setup, teardown),
                cmocka_unit_test(test_acts),
                cmocka_unit_test(test_the_same_without_a_service),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
