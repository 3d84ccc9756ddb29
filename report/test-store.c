/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const ReportFilter anything = { .result = -1, .disposition = -1 };

static void test_list(void **state)
{
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        ReportStore *s = NULL, *reader = NULL;
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        Diag diag = DIAG_INIT;
        ReportRow *rows;
        size_t n;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        test_add_range(s, 0, 90, TEST_DAY_MS, 1000000);
        assert_int_equal(test_count(s, NULL), 90);
        assert_int_equal(report_store_list(s, &anything, 0, 10, a, &rows, &n), 0);
        assert_int_equal(n, 10);
        for (unsigned i = 0; i < 10; i++) {
                assert_string_equal(rows[i].run_id, test_run_id(89 - i, id));
                assert_int_equal(rows[i].finished.ms, TEST_DAY_MS + (89 - i) * 1000000LL);
        }
        assert_string_equal(rows[0].display_name, "Person 89");
        assert_string_equal(rows[0].dn, "CN=Person 89,OU=Staff,DC=corp,DC=contoso,DC=test");
        assert_string_equal(rows[0].type, "user");
        assert_null(rows[0].error_code);
        assert_int_equal(rows[0].latency_ms, 236);
        assert_int_equal(rows[0].action, ACTION_UPDATE);
        assert_int_equal(report_store_list(s, &anything, 85, 10, a, &rows, &n), 0);
        assert_int_equal(n, 5);
        assert_string_equal(rows[4].run_id, test_run_id(0, id));

        assert_int_equal(report_store_read(s, test_run_id(17, id), a, o, &diag), 0);
        assert_string_equal(o->source.display_name, "Person 17");
        id[8] = '\0';
        assert_int_equal(report_store_read(s, id, a, o, &diag), 0);
        assert_string_equal(o->source.display_name, "Person 17");
        assert_int_equal(report_store_read(s, "abc", a, o, &diag), REPORT_E_NONE);
        assert_non_null(strstr(diag_text(&diag), "at least 4 characters"));
        assert_int_equal(report_store_read(s, "zzzz", a, o, &diag), REPORT_E_NONE);
        assert_non_null(strstr(diag_text(&diag), "there is no report of run \"zzzz\""));

        /* Another process reads without a lock, and sees more after a refresh. */
        assert_int_equal(report_store_new(&reader, folder, false, NULL), 0);
        assert_int_equal(test_count(reader, NULL), 90);
        test_add(s, 300, TEST_DAY_MS + 80000000LL);
        assert_int_equal(test_count(reader, NULL), 90);
        assert_int_equal(report_store_refresh(reader), 0);
        assert_int_equal(test_count(reader, NULL), 91);
        assert_int_equal(report_store_read(reader, test_run_id(300, id), a, o, NULL), 0);
        assert_int_equal(report_store_add(reader, NULL, NULL, 0), -EPERM);

        /* A second writer is refused. */
        {
                ReportStore *second = NULL;

                assert_int_equal(report_store_new(&second, folder, true, &diag), -EBUSY);
                assert_non_null(strstr(diag_text(&diag), "another process writes reports here"));
        }
        s = report_store_free(s);
        reader = report_store_free(reader);
        diag_deinit(&diag);
        arena_free(a);
        test_folder_done(folder);
}

static void add_outcome(ReportStore *s, const Outcome *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const void *data;
        size_t n;

        test_pack(a, o, &data, &n);
        assert_int_equal(report_store_add(s, &data, &n, 1), 0);
}

static void test_filters(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        ReportFilter f;
        ObjectId id;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (size_t i = 0; i < n_fixtures; i++) {
                fixtures[i].make(a, o);
                test_run_id((unsigned)i + 1, o->run_id);
                add_outcome(s, o);
        }
        assert_int_equal(test_count(s, &anything), n_fixtures);

        f = anything;
        f.error_code = "Throttled";
        assert_int_equal(test_count(s, &f), 1);
        f.error_code = "throttled";
        assert_int_equal(test_count(s, &f), 1);
        f.error_code = "Thro";
        assert_int_equal(test_count(s, &f), 0);

        f = anything;
        f.disposition = DISPOSITION_STAGED;
        assert_int_equal(test_count(s, &f), 1);
        f.disposition = DISPOSITION_PARKED;
        f.result = RESULT_FAILURE;
        assert_int_equal(test_count(s, &f), 3); /* parked, hostile, empty */

        f = anything;
        f.text = "grace HOPPER";
        assert_int_equal(test_count(s, &f), 1);
        f.text = "donaudampfschiff";
        assert_int_equal(test_count(s, &f), 1);
        f.text = "ÜBERWACHUNGS";
        assert_int_equal(test_count(s, &f), 1);
        f.text = "cn=Grace Hopper, ou=research"; /* not only as it is written */
        assert_int_equal(test_count(s, &f), 1);
        f.text = "ou=leavers";
        assert_int_equal(test_count(s, &f), 1);
        f.text = "nobody";
        assert_int_equal(test_count(s, &f), 0);

        f = anything;
        f.ou = "ou=staff, dc=CORP, dc=contoso,dc=test";
        assert_true(test_count(s, &f) >= 8);
        f.ou = "OU=Leavers,DC=corp,DC=contoso,DC=test";
        assert_int_equal(test_count(s, &f), 1);
        f.ou = "CN=Mallory Reyes,OU=Leavers,DC=corp,DC=contoso,DC=test";
        assert_int_equal(test_count(s, &f), 1);
        f.ou = "U=Leavers,DC=corp,DC=contoso,DC=test"; /* an end of the text, and no end of the DN */
        assert_int_equal(test_count(s, &f), 0);

        f = anything;
        guid_parse("1fdfcb9c-5fc6-423e-9cdd-8d5f26ddb1f4", &id);
        f.object = &id;
        assert_int_equal(test_count(s, &f), n_fixtures - 1);

        fixture_base(a, o);
        f = anything;
        f.since = f.until = o->finished;
        assert_int_equal(test_count(s, &f), n_fixtures - 1);
        f.since = wall_add(o->finished, 1);
        f.until.ms = 0;
        assert_int_equal(test_count(s, &f), 0);
        s = report_store_free(s);
        arena_free(a);
        test_folder_done(folder);
}

/* After a crash the queue hands out the rows again that were reported but not removed. */
static void test_repeat(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;
        int64_t size;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        test_add_range(s, 0, 50, TEST_DAY_MS, 1);
        size = test_file_size(folder, TEST_LOG);
        test_add(s, 49, TEST_DAY_MS + 49);
        s = report_store_free(s);
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        test_add_range(s, 0, 50, TEST_DAY_MS, 1);
        assert_int_equal(test_count(s, NULL), 50);
        assert_int_equal(test_file_size(folder, TEST_LOG), size);

        /* The same within one batch. */
        {
                Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                const void *data[3];
                size_t n[3];

                test_outcome(a, o, 77, TEST_DAY_MS);
                for (size_t i = 0; i < 3; i++)
                        test_pack(a, o, &data[i], &n[i]);
                data[1] = "not a record";
                n[1] = 12;
                assert_int_equal(report_store_add(s, data, n, 3), 0);
                assert_int_equal(test_count(s, NULL), 51);
                arena_free(a);
        }
        s = report_store_free(s);
        test_folder_done(folder);
}

static void test_rebuilt(void **state)
{
        static const char *const files[] = { "2026-11-22.idx", "2026-11-22.txt" };
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        ReportStore *s = NULL;
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        int fd;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        test_add_range(s, 0, 40, TEST_DAY_MS, 1);
        s = report_store_free(s);
        for (size_t k = 0; k < 4; k++) {
                switch (k) {
                case 0:
                case 1:
                        assert_int_equal(unlink(test_path(folder, files[k])), 0);
                        break;
                case 2: /* garbage instead of rows, behind an honest head */
                        fd = open(test_path(folder, files[0]), O_RDWR);
                        assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, 16), 8);
                        assert_int_equal(pwrite(fd, "garbage", 7, 128 * 11 + 50), 7);
                        close(fd);
                        break;
                case 3: /* of another machine */
                        fd = open(test_path(folder, files[0]), O_RDWR);
                        assert_int_equal(pwrite(fd, "\0\0\0\1", 4, 8), 4);
                        close(fd);
                        break;
                }
                assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
                assert_int_equal(test_count(s, NULL), 40);
                assert_int_equal(report_store_read(s, test_run_id(39, id), a, o, NULL), 0);
                assert_string_equal(o->source.display_name, "Person 39");
                s = report_store_free(s);
        }
        /* The log lost its end, and the index did not. */
        assert_int_equal(truncate(test_path(folder, TEST_LOG), test_file_size(folder, TEST_LOG) - 100), 0);
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(test_count(s, NULL), 39);
        test_add(s, 39, TEST_DAY_MS + 39);
        assert_int_equal(test_count(s, NULL), 40);
        s = report_store_free(s);
        arena_free(a);
        test_folder_done(folder);
}

static void test_retention(void **state)
{
        const int64_t day = 86400000;
        char *folder = test_folder();
        ReportStore *s = NULL, *reader = NULL;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        for (unsigned i = 0; i < 10; i++)
                test_add(s, i, TEST_DAY_MS - i * day);
        assert_int_equal(report_store_new(&reader, folder, false, NULL), 0);
        assert_int_equal(report_store_retain(s, (Wall){ TEST_DAY_MS + 1000 }, 30, 0), 0);
        assert_int_equal(test_count(s, NULL), 10);
        assert_int_equal(report_store_retain(s, (Wall){ TEST_DAY_MS + 1000 }, 6, 0), 0);
        assert_int_equal(test_count(s, NULL), 7);
        assert_int_equal(test_file_size(folder, "2026-11-15.log"), -1);
        assert_int_equal(test_file_size(folder, "2026-11-15.idx"), -1);
        assert_int_equal(test_file_size(folder, "2026-11-15.txt"), -1);
        assert_int_equal(report_store_refresh(reader), 0);
        assert_int_equal(test_count(reader, NULL), 7);

        /* Too much, whatever is kept: the newest day stays. */
        assert_int_equal(report_store_retain(s, (Wall){ TEST_DAY_MS + 1000 }, 6, 1), 0);
        assert_int_equal(test_count(s, NULL), 1);
        test_add(s, 50, TEST_DAY_MS + 5);
        assert_int_equal(test_count(s, NULL), 2);

        /* Interrupted in the middle: an index without its log. */
        s = report_store_free(s);
        assert_int_equal(unlink(test_path(folder, TEST_LOG)), 0);
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(test_count(s, NULL), 0);
        assert_int_equal(test_file_size(folder, "2026-11-22.idx"), -1);
        s = report_store_free(s);
        reader = report_store_free(reader);
        test_folder_done(folder);
}

/* A backlog is reported in an order of its own; the list is by time. */
static void test_order(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;
        Arena *a = arena_new(0);
        ReportRow *rows;
        size_t n;
        unsigned seed = 20261122;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        /* Batches of ten in order, which lie anywhere: nearly sorted first, then any order. */
        for (unsigned i = 0; i < 300; i += 10) {
                seed = seed * 1103515245 + 12345;
                test_add_range(s, i, 10, TEST_DAY_MS + 100 + (i < 100 ? i * 10 : seed % 80000000),
                               i % 3 ? 1 : -1);
                assert_int_equal(report_store_list(s, NULL, 0, 1000, a, &rows, &n), 0);
                assert_int_equal(n, i + 10);
                for (size_t k = 1; k < n; k++)
                        assert_true(rows[k - 1].finished.ms >= rows[k].finished.ms);
        }
        s = report_store_free(s);
        arena_free(a);
        test_folder_done(folder);
}

/* Room for so many bytes a file, in a process of its own; then all or nothing, and no more than before. */
static void test_full(void **state)
{
        char *folder = test_folder();
        ReportStore *s = NULL;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                struct rlimit limit = { .rlim_cur = 60000, .rlim_max = 60000 };
                Arena *a = arena_new(0);
                const void *data[8];
                size_t n[8], before;
                int r = 0;

                signal(SIGXFSZ, SIG_IGN);
                setrlimit(RLIMIT_FSIZE, &limit);
                if (report_store_new(&s, folder, true, NULL))
                        _exit(1);
                for (unsigned i = 0; r == 0; i += 8) {
                        Outcome *o = arena_new_of(a, Outcome);

                        for (unsigned k = 0; k < 8; k++) {
                                test_outcome(a, o, i + k, TEST_DAY_MS + i + k);
                                test_pack(a, o, &data[k], &n[k]);
                        }
                        before = test_count(s, NULL);
                        r = report_store_add(s, data, n, 8);
                }
                if (r != REPORT_E_FULL || test_count(s, NULL) != before || before % 8 || !before)
                        _exit(2);
                report_store_free(s);
                arena_free(a);
                free(folder);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(test_count(s, NULL) % 8, 0);
        assert_true(test_count(s, NULL) > 0);
        test_add(s, 5000, TEST_DAY_MS);
        s = report_store_free(s);
        test_folder_done(folder);
}

static void add_mixed(ReportStore *s, unsigned first, unsigned n)
{
        for (unsigned i = first; i < first + n; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                const void *data;
                size_t size;

                test_outcome(a, o, i, TEST_DAY_MS + i * 1000LL);
                if (i % 50 == 0) {
                        o->result = RESULT_FAILURE;
                        o->disposition = DISPOSITION_PARKED;
                } else if (i % 50 == 1) {
                        o->disposition = DISPOSITION_NO_CHANGE;
                }
                test_pack(a, o, &data, &size);
                assert_int_equal(report_store_add(s, &data, &size, 1), 0);
        }
}

/* Short of disk: what went well goes first, the oldest first; failures stay, and so does each line. */
static void test_free_room(void **state)
{
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        ReportStore *s = NULL;
        Diag diag = DIAG_INIT;
        int64_t freed, more;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        add_mixed(s, 0, 1200);
        assert_int_equal(report_store_free_room(s, 0, &freed), 0);
        assert_int_equal(freed, 0);
        assert_int_equal(report_store_free_room(s, 1, &freed), 0);
        if (freed == 0)
                skip(); /* this file system has no holes */
        assert_true(freed > 100000);
        assert_int_equal(test_count(s, NULL), 1200);
        assert_int_equal(report_store_read(s, test_run_id(0, id), a, o, &diag), 0);
        assert_int_equal(report_store_read(s, test_run_id(100, id), a, o, &diag), 0);
        assert_int_equal(report_store_read(s, test_run_id(7, id), a, o, &diag), REPORT_E_NONE);
        assert_non_null(strstr(diag_text(&diag), "the disk was short"));
        assert_int_equal(report_store_read(s, test_run_id(1007, id), a, o, &diag), 0);

        /* A little more, and again: the newest is not among it. */
        for (int i = 0; i < 2; i++) {
                assert_int_equal(report_store_free_room(s, 1, &more), 0);
                assert_true(more > 0);
        }
        assert_int_equal(report_store_read(s, test_run_id(1199, id), a, o, &diag), 0);

        /* All that there is; then there is nothing more. */
        assert_int_equal(report_store_free_room(s, INT64_MAX, &more), 0);
        assert_true(more > 0);
        assert_int_equal(report_store_read(s, test_run_id(1007, id), a, o, &diag), REPORT_E_NONE);
        assert_int_equal(report_store_read(s, test_run_id(1150, id), a, o, &diag), 0);
        assert_int_equal(report_store_free_room(s, INT64_MAX, &more), 0);
        assert_int_equal(more, 0);

        /* Nothing is in the way of what comes, nor of the next start, nor of an index made anew. */
        add_mixed(s, 1200, 100);
        assert_int_equal(report_store_read(s, test_run_id(1299, id), a, o, &diag), 0);
        s = report_store_free(s);
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(test_count(s, NULL), 1300);
        assert_int_equal(report_store_read(s, test_run_id(1150, id), a, o, &diag), 0);
        s = report_store_free(s);
        unlink(test_path(folder, "2026-11-22.idx"));
        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        assert_int_equal(test_count(s, &(ReportFilter){ .result = RESULT_FAILURE, .disposition = -1 }), 26);
        assert_int_equal(report_store_read(s, test_run_id(1299, id), a, o, &diag), 0);
        report_store_free(s);
        diag_deinit(&diag);
        test_folder_done(folder);
}

/* Thin: what changed nothing is a line and little more; the rest is whole. */
static void test_thin(void **state)
{
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        ReportStore *s = NULL;
        int64_t before;

        assert_int_equal(report_store_new(&s, folder, true, NULL), 0);
        report_store_set_thin(s, true);
        add_mixed(s, 1, 1);
        before = test_file_size(folder, TEST_LOG);
        assert_int_equal(report_store_read(s, test_run_id(1, id), a, o, NULL), 0);
        assert_int_equal(o->n_steps, 0);
        assert_string_equal(o->source.display_name, "Person 1");
        add_mixed(s, 2, 1);
        assert_int_equal(report_store_read(s, test_run_id(2, id), a, o, NULL), 0);
        assert_true(o->n_steps > 0);
        assert_true(test_file_size(folder, TEST_LOG) - before > 2 * before);
        report_store_set_thin(s, false);
        add_mixed(s, 51, 1);
        assert_int_equal(report_store_read(s, test_run_id(51, id), a, o, NULL), 0);
        assert_true(o->n_steps > 0);
        assert_int_equal(test_count(s, NULL), 3);
        report_store_free(s);
        test_folder_done(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),      cmocka_unit_test(test_filters),
                cmocka_unit_test(test_repeat),    cmocka_unit_test(test_rebuilt),
                cmocka_unit_test(test_retention), cmocka_unit_test(test_order),
                cmocka_unit_test(test_full),      cmocka_unit_test(test_free_room),
                cmocka_unit_test(test_thin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
