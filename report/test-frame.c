/* SPDX-License-Identifier: Apache-2.0 */

/* Frames in a file that is not as the reader was told, and writes that end early. */

#include "report/test-report.h"

#include "report/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DAY  7
#define SIZE 100

static int make_file(void)
{
        char path[] = "/tmp/test-frame-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        unlink(path);
        return fd;
}

/* One frame of SIZE bytes at this place. */
static void put(int fd, uint64_t offset)
{
        uint8_t head[FRAME_HEAD], data[SIZE], zeros[FRAME_ALIGN] = { 0 };
        struct iovec iov[3] = { { head, sizeof(head) },
                                { data, SIZE },
                                { zeros, frame_size(SIZE) - FRAME_HEAD - SIZE } };

        memset(data, 'x', SIZE);
        frame_head(head, DAY, offset, data, SIZE);
        assert_int_equal(file_append(fd, offset, iov, 3), 0);
}

static void test_place(void **state)
{
        FrameReader f;
        uint64_t at;
        size_t n;
        int fd = make_file();

        (void)state;
        put(fd, 0);
        put(fd, frame_size(SIZE));
        assert_int_equal(frame_reader_init(&f, fd, DAY), 0);
        assert_int_equal(frame_read(&f, 0, &n), 0);
        assert_int_equal(n, SIZE);
        assert_int_equal(frame_read(&f, 1, &n), REPORT_E_CORRUPT);
        assert_int_equal(frame_read(&f, FRAME_ALIGN, &n), REPORT_E_CORRUPT);
        assert_int_equal(frame_read(&f, frame_size(SIZE), &n), 0);
        assert_int_equal(frame_read(&f, 2 * frame_size(SIZE), &n), REPORT_E_NONE);
        assert_int_equal(frame_read(&f, UINT64_MAX, &n), REPORT_E_NONE);
        assert_int_equal(frame_find(&f, 0, &at), 0);
        assert_int_equal(at, frame_size(SIZE));
        /* Of another day it is nobody's. */
        f.day = DAY + 1;
        assert_int_equal(frame_read(&f, 0, &n), REPORT_E_CORRUPT);
        assert_int_equal(frame_find(&f, 0, &at), REPORT_E_NONE);
        frame_reader_deinit(&f);
        close(fd);
}

/* Cut by somebody else, at every byte, behind the reader's back. */
static void test_shorter_than_it_was(void **state)
{
        int fd = make_file();

        (void)state;
        for (uint64_t end = 0; end < FRAME_HEAD + SIZE; end++) {
                FrameReader f;
                size_t n;

                put(fd, 0);
                assert_int_equal(frame_reader_init(&f, fd, DAY), 0);
                assert_int_equal(ftruncate(fd, (off_t)end), 0);
                assert_int_equal(frame_read(&f, 0, &n), REPORT_E_CORRUPT);
                frame_reader_deinit(&f);
        }
        close(fd);
}

/* Told when it opens: less than the frame says. */
static void test_length_beyond_the_end(void **state)
{
        int fd = make_file();

        (void)state;
        put(fd, 0);
        for (off_t end = (off_t)frame_size(SIZE) - 1; end > 0; end--) {
                FrameReader f;
                size_t n;

                assert_int_equal(ftruncate(fd, end), 0);
                assert_int_equal(frame_reader_init(&f, fd, DAY), 0);
                assert_int_equal(frame_read(&f, 0, &n), REPORT_E_CORRUPT);
                frame_reader_deinit(&f);
        }
        close(fd);
}

static void test_no_file(void **state)
{
        FrameReader f;
        uint64_t at;
        size_t n;
        int fd = make_file();

        (void)state;
        put(fd, 0);
        assert_int_equal(frame_reader_init(&f, fd, DAY), 0);
        close(fd);
        assert_int_equal(frame_read(&f, 0, &n), -EBADF);
        f.end = 4096;
        assert_int_equal(frame_find(&f, 0, &at), -EBADF);
        frame_reader_deinit(&f);
        assert_int_equal(frame_reader_init(&f, fd, DAY), -EBADF);
        assert_int_equal(file_append(fd, 0, &(struct iovec){ &n, sizeof(n) }, 1), -EBADF);
}

/* The limit is in the middle of the second frame: what was written of it goes again. */
static void test_full(void **state)
{
        uint8_t head[FRAME_HEAD] = { 0 }, data[SIZE] = { 0 };
        struct iovec iov[2] = { { head, sizeof(head) }, { data, SIZE } };
        struct rlimit before, low;
        struct stat st;
        int fd = make_file(), r;

        (void)state;
        put(fd, 0);
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        low = before;
        low.rlim_cur = frame_size(SIZE) + FRAME_HEAD + SIZE / 2;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        r = file_append(fd, frame_size(SIZE), iov, 2);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, REPORT_E_FULL);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, frame_size(SIZE));
        put(fd, frame_size(SIZE));
        close(fd);
}

static void test_days(void **state)
{
        static const char *const none[] = { "",
                                            ".log",
                                            "2026-11-22",
                                            "2026-11-22.txt",
                                            "2026-13-01.log",
                                            "2026-11-31.log",
                                            "1969-12-31.log",
                                            "2026-11-22 .log",
                                            "+026-11-22.log",
                                            "2026-1-022.log" };
        char name[DAY_NAME_MAX];
        int32_t day;

        (void)state;
        assert_true(day_parse("2026-11-22.log", ".log", &day));
        assert_string_equal(day_name(day, ".log", name), "2026-11-22.log");
        for (size_t i = 0; i < N_ELEMENTS(none); i++)
                if (day_parse(none[i], ".log", &day))
                        fail_msg("%s is a day", none[i]);
        assert_int_equal(day_of((Wall){ -1 }), 0);
        assert_string_equal(day_name(day_of((Wall){ INT64_MAX }), ".log", name), "9999-12-31.log");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_place),
                cmocka_unit_test(test_shorter_than_it_was),
                cmocka_unit_test(test_length_beyond_the_end),
                cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_days),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
