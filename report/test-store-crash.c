/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Killed at any moment: what was confirmed is there afterwards, once, and the store goes on
 *
 * A child adds reports and writes the number of each into a pipe when it is durable. It is killed after a
 * random time, and the next one goes on where the last confirmed one was: as the queue does, it repeats what
 * may have been reported already.
 */

#include "report/test-report.h"

#include "base/str.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 12

static _Noreturn void write_until_killed(const char *folder, unsigned from, int confirm)
{
        ReportStore *s = NULL;

        if (report_store_new(&s, folder, true, NULL))
                _exit(1);
        for (unsigned i = from;; i += 3) {
                Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                const void *data[3];
                unsigned last = i + 3;
                size_t n[3];

                for (unsigned k = 0; k < 3; k++) {
                        test_outcome(a, o, i + k, TEST_DAY_MS + i + k);
                        test_pack(a, o, &data[k], &n[k]);
                }
                if (report_store_add(s, data, n, 3))
                        _exit(2);
                if (write(confirm, &last, sizeof(last)) != sizeof(last))
                        _exit(3);
                arena_free(a);
        }
}

/* Read while another process writes: never an error, and never a row that is not whole. */
static void look(ReportStore *reader)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        ReportRow *rows;
        size_t n;

        assert_int_equal(report_store_refresh(reader), 0);
        assert_int_equal(report_store_list(reader, NULL, 0, 5, a, &rows, &n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_memory_equal(rows[i].display_name, "Person ", 7);
                assert_int_equal(report_store_read(reader, rows[i].run_id, a, o, NULL), 0);
                assert_string_equal(o->source.display_name, rows[i].display_name);
        }
}

static void check(const char *folder, unsigned confirmed)
{
        _cleanup_(report_store_freep) ReportStore *s = NULL;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ReportRow *rows;
        char id[GUID_TEXT_MAX];
        size_t n;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(report_store_list(s, NULL, 0, SIZE_MAX, a, &rows, &n), 0);
        assert_true(n >= confirmed);
        /* Each number once, none left out: newest first, they count down to 0. */
        for (size_t i = 0; i < n; i++)
                assert_string_equal(rows[i].run_id, test_run_id((unsigned)(n - 1 - i), id));
}

static void test_killed(void **state)
{
        char *folder = test_folder();
        ReportStore *reader = NULL;
        unsigned confirmed = 0, seed = (unsigned)time(NULL);

        assert_int_equal(report_store_new(&reader, folder, false, NULL), 0);
        print_message("seed %u\n", seed);
        for (int round = 0; round < ROUNDS; round++) {
                struct timespec pause = { .tv_nsec = 500000 + rand_r(&seed) % 20000000 };
                int confirm[2], status;
                unsigned last;
                pid_t pid;

                assert_int_equal(pipe(confirm), 0);
                pid = fork();
                if (pid == 0)
                        write_until_killed(folder, confirmed, confirm[1]);
                close(confirm[1]);
                nanosleep(&pause, NULL);
                look(reader);
                kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                while (read(confirm[0], &last, sizeof(last)) == sizeof(last))
                        confirmed = last;
                close(confirm[0]);
                check(folder, confirmed);
                look(reader);
        }
        reader = report_store_free(reader);
        test_folder_done(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
