/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What was written to the pipe since the last call. */
static const char *drain(int fd)
{
        static char text[8192];
        ssize_t n = read(fd, text, sizeof(text) - 1);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void test_trace_lines(void **state)
{
        int fds[2];
        const char *text;

        assert_int_equal(pipe(fds), 0);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, fds[1]);

        assert_int_equal(error_origin(-ENOMEM), -ENOMEM);
        text = drain(fds[0]);
        assert_non_null(strstr(text, "debug error  was=raised code=-12 name=ENOMEM file="));
        assert_non_null(strstr(text, "base/test-error.c line="));
        assert_non_null(strstr(text, "function=test_trace_lines\n"));
        assert_null(strstr(text, "../"));

        assert_int_equal(error_trace(-EIO), -EIO);
        assert_non_null(strstr(drain(fds[0]), "was=passed code=-5 name=EIO"));

        assert_int_equal(error_fold(ERROR_BASE_QUEUE + 1), -ENOTRECOVERABLE);
        assert_non_null(strstr(drain(fds[0]), "was=folded code=2101 name=?"));

        /* Success leaves no line: the next thing in the pipe is the error after it. */
        assert_int_equal(error_trace(0), 0);
        assert_int_equal(error_fold(0), 0);
        assert_int_equal(error_fold(-EPERM), -EPERM);
        assert_non_null(strstr(drain(fds[0]), "was=passed code=-1 name=EPERM"));

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
}

static void test_condition_must_not_be_passed(void **state)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (!freopen("/dev/null", "w", stderr))
                        _exit(2);
                signal(SIGABRT, SIG_DFL);
                if (error_trace(ERROR_BASE_QUEUE + 1) == -ENOTRECOVERABLE)
                        abort(); /* a build without assertions: folded instead */
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
}

static void test_out_of_memory_says_so(void **state)
{
        int fds[2], status;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                dup2(fds[1], STDERR_FILENO);
                signal(SIGABRT, SIG_DFL);
                error_oom(12345);
        }
        close(fds[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_string_equal(drain(fds[0]), "out of memory: 12345 bytes were asked for\n");
        close(fds[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_trace_lines),
                cmocka_unit_test(test_condition_must_not_be_passed),
                cmocka_unit_test(test_out_of_memory_says_so),
        };

        return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
