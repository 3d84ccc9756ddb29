/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "report/frame.h"
#include "report/record-day.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static RecordPlace append(RecordLog *l, unsigned number, int64_t at)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        RecordPlace place;
        const void *data;
        size_t n;

        test_outcome(a, o, number, at);
        test_pack(a, o, &data, &n);
        assert_int_equal(record_log_append(l, (Wall){ at }, data, n, &place), 0);
        return place;
}

static void assert_reads(RecordLog *l, RecordPlace place, unsigned number)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        char id[GUID_TEXT_MAX];

        assert_int_equal(record_log_read(l, place, a, o, NULL), 0);
        assert_string_equal(o->run_id, test_run_id(number, id));
}

static void flip(const char *folder, const char *name, int64_t offset)
{
        int fd = open(test_path(folder, name), O_RDWR);
        char c;

        assert_int_equal(pread(fd, &c, 1, offset), 1);
        c ^= 0x55;
        assert_int_equal(pwrite(fd, &c, 1, offset), 1);
        close(fd);
}

typedef struct Seen {
        size_t n;
        size_t stop_at;
        char last[GUID_TEXT_MAX];
} Seen;

static int see(void *context, RecordPlace place, const Outcome *o)
{
        Seen *seen = context;

        (void)place;
        memcpy(seen->last, o->run_id, sizeof(seen->last));
        return ++seen->n == seen->stop_at ? 7 : 0;
}

static void test_day_names(void **state)
{
        char name[DAY_NAME_MAX];
        int32_t day;

        assert_int_equal(day_of((Wall){ TEST_DAY_MS }), TEST_DAY);
        assert_int_equal(day_of((Wall){ TEST_DAY_MS - 1 }), TEST_DAY - 1);
        assert_string_equal(day_name(TEST_DAY, ".log", name), TEST_LOG);
        assert_true(day_parse(TEST_LOG, ".log", &day));
        assert_int_equal(day, TEST_DAY);
        assert_false(day_parse("2026-11-22.idx", ".log", &day));
        assert_false(day_parse("2026-02-30.log", ".log", &day));
        assert_false(day_parse("xxxx-11-22.log", ".log", &day));
        /* A clock gone mad makes no file that nobody finds. */
        assert_string_equal(day_name(day_of((Wall){ INT64_MAX }), ".log", name), "9999-12-31.log");
        assert_string_equal(day_name(day_of((Wall){ INT64_MIN }), ".log", name), "1970-01-01.log");
}

static void test_append_read(void **state)
{
        char *folder = test_folder();
        _cleanup_(record_log_freep) RecordLog *l = NULL;
        RecordPlace places[20], other;
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        struct stat st;
        Seen seen = { 0 };

        assert_int_equal(record_log_new(&l, test_path(folder, "reports"), NULL), 0);
        for (unsigned i = 0; i < 20; i++)
                places[i] = append(l, i, TEST_DAY_MS + i);
        other = append(l, 99, TEST_DAY_MS + 86400000);
        assert_int_equal(record_log_sync(l), 0);
        assert_int_equal(other.day, TEST_DAY + 1);
        assert_int_equal(other.offset, 0);
        for (unsigned i = 0; i < 20; i++)
                assert_reads(l, places[i], i);
        assert_reads(l, other, 99);

        assert_int_equal(record_log_walk(l, TEST_DAY, TEST_DAY, see, &seen), 0);
        assert_int_equal(seen.n, 20);
        seen = (Seen){ .stop_at = 5 };
        assert_int_equal(record_log_walk(l, 0, INT32_MAX, see, &seen), 7);
        assert_int_equal(seen.n, 5);

        assert_int_equal(record_log_read(l, (RecordPlace){ .day = 1 }, a, o, NULL), REPORT_E_NONE);
        other.offset = 1 << 20;
        assert_int_equal(record_log_read(l, other, a, o, NULL), REPORT_E_NONE);

        assert_int_equal(stat(test_path(folder, "reports"), &st), 0);
        assert_int_equal(st.st_mode & 0777 & ~0750, 0);
        assert_int_equal(stat(test_path(folder, "reports/" TEST_LOG), &st), 0);
        assert_int_equal(st.st_mode & 0777 & ~0640, 0);
        arena_free(a);
        test_folder_done(folder);
}

static void test_damage(void **state)
{
        char *folder = test_folder();
        _cleanup_(record_log_freep) RecordLog *l = NULL;
        RecordPlace places[5];
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        Diag diag = DIAG_INIT;
        Seen seen = { 0 };
        int64_t size;

        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        for (unsigned i = 0; i < 5; i++)
                places[i] = append(l, i, TEST_DAY_MS);
        size = test_file_size(folder, TEST_LOG);
        flip(folder, TEST_LOG, (int64_t)places[1].offset + 100); /* in the data */
        flip(folder, TEST_LOG, (int64_t)places[3].offset + 5);   /* in the length */
        assert_int_equal(record_log_read(l, places[1], a, o, &diag), REPORT_E_CORRUPT);
        assert_non_null(strstr(diag_text(&diag), TEST_LOG));
        assert_non_null(strstr(diag_text(&diag), "is damaged"));
        assert_int_equal(record_log_read(l, places[3], a, o, &diag), REPORT_E_CORRUPT);
        assert_reads(l, places[4], 4);
        assert_int_equal(record_log_walk(l, 0, INT32_MAX, see, &seen), 0);
        assert_int_equal(seen.n, 3);

        /* Damage in the middle is no torn tail: nothing is cut. */
        l = record_log_free(l);
        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        append(l, 5, TEST_DAY_MS);
        assert_true(test_file_size(folder, TEST_LOG) > size);
        assert_reads(l, places[4], 4);
        diag_deinit(&diag);
        arena_free(a);
        test_folder_done(folder);
}

/* Cut at every length that the last write can have left: what was whole before is whole afterwards. */
static void test_torn_tail(void **state)
{
        char *folder = test_folder();
        RecordLog *l = NULL;
        RecordPlace first, second, again;
        int64_t size;

        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        first = append(l, 1, TEST_DAY_MS);
        second = append(l, 2, TEST_DAY_MS);
        size = test_file_size(folder, TEST_LOG);
        l = record_log_free(l);
        for (int64_t at = size - 1; at > (int64_t)second.offset;
             at -= at > (int64_t)second.offset + 40 ? 97 : 1) {
                assert_int_equal(truncate(test_path(folder, TEST_LOG), at), 0);
                assert_int_equal(record_log_new(&l, folder, NULL), 0);
                again = append(l, 3, TEST_DAY_MS);
                assert_int_equal(again.offset, second.offset);
                assert_reads(l, first, 1);
                assert_reads(l, again, 3);
                l = record_log_free(l);
        }
        test_folder_done(folder);
}

/* Blocks of zeros, as a file system may leave them after a power cut. */
static void test_zero_tail(void **state)
{
        char *folder = test_folder();
        RecordLog *l = NULL;
        RecordPlace place;
        int64_t size;

        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        append(l, 1, TEST_DAY_MS);
        size = test_file_size(folder, TEST_LOG);
        l = record_log_free(l);
        assert_int_equal(truncate(test_path(folder, TEST_LOG), size + 9000), 0);
        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        place = append(l, 2, TEST_DAY_MS);
        assert_int_equal(place.offset, size);
        assert_reads(l, place, 2);
        l = record_log_free(l);
        test_folder_done(folder);
}

/* A value of the directory that holds a whole frame of another place is not taken for one. */
static void test_planted_frame(void **state)
{
        char *folder = test_folder();
        RecordLog *l = NULL;
        uint8_t data[512] = { 0 };
        RecordPlace place;
        Seen seen = { 0 };

        for (size_t i = 0; i + FRAME_HEAD <= sizeof(data); i += 8)
                frame_head(data + i, TEST_DAY, i, data, 0);
        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        assert_int_equal(record_log_append(l, (Wall){ TEST_DAY_MS }, data, sizeof(data), &place), 0);
        append(l, 1, TEST_DAY_MS);
        flip(folder, TEST_LOG, 5);
        assert_int_equal(record_log_walk(l, 0, INT32_MAX, see, &seen), 0);
        assert_int_equal(seen.n, 1);
        l = record_log_free(l);
        test_folder_done(folder);
}

static void test_too_large(void **state)
{
        char *folder = test_folder();
        RecordLog *l = NULL;
        uint8_t byte = 0;

        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        assert_int_equal(record_log_append(l, (Wall){ 1 }, &byte, PACK_RECORD_MAX + 1, NULL), -EMSGSIZE);
        l = record_log_free(l);
        test_folder_done(folder);
}

/* The limit on the size of a file stands for a full disk; a process of its own, since it cannot be lifted. */
static void test_full(void **state)
{
        char *folder = test_folder();
        RecordLog *l = NULL;
        RecordPlace place;
        int64_t size;
        int status;
        pid_t pid;

        assert_int_equal(record_log_new(&l, folder, NULL), 0);
        place = append(l, 1, TEST_DAY_MS);
        size = test_file_size(folder, TEST_LOG);
        pid = fork();
        if (pid == 0) {
                struct rlimit limit = { .rlim_cur = (rlim_t)size + 700, .rlim_max = (rlim_t)size + 700 };
                Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                const void *data;
                size_t n;
                int r;

                signal(SIGXFSZ, SIG_IGN);
                setrlimit(RLIMIT_FSIZE, &limit);
                test_outcome(a, o, 2, TEST_DAY_MS);
                test_pack(a, o, &data, &n);
                r = record_log_append(l, (Wall){ TEST_DAY_MS }, data, n, NULL);
                arena_free(a);
                record_log_free(l);
                free(folder);
                _exit(r == REPORT_E_FULL ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(test_file_size(folder, TEST_LOG), size);
        assert_reads(l, place, 1);
        l = record_log_free(l);
        test_folder_done(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_day_names), cmocka_unit_test(test_append_read),
                cmocka_unit_test(test_damage),    cmocka_unit_test(test_torn_tail),
                cmocka_unit_test(test_zero_tail), cmocka_unit_test(test_planted_frame),
                cmocka_unit_test(test_too_large), cmocka_unit_test(test_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
