/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scratch/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
        DEADLINE_S = 20
};

/* A test that makes a folder with a file in it, says where, and is killed with its whole process group. */
_Noreturn static void be_killed(int pipe_end)
{
        char *folder = scratch_folder("test"), file[4200];
        FILE *f;

        if (!folder)
                abort();
        snprintf(file, sizeof(file), "%s/file", folder);
        f = fopen(file, "we");
        if (!f || fclose(f) || write(pipe_end, folder, strlen(folder) + 1) < 0)
                abort();
        setpgid(0, 0);
        kill(0, SIGKILL);
        abort();
}

static void until_gone(const char *path)
{
        time_t end = time(NULL) + DEADLINE_S;

        while (access(path, F_OK) == 0) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
}

static void test_killed(void **state)
{
        char folder[4096] = { 0 };
        int ends[2], status;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                be_killed(ends[1]);
        close(ends[1]);
        assert_true(read(ends[0], folder, sizeof(folder) - 1) > 0);
        /* Nobody else holds the pipe: whoever waits for a test's output does not wait for its keeper. */
        assert_int_equal(read(ends[0], &status, sizeof(status)), 0);
        close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        until_gone(folder);
        *strrchr(folder, '/') = '\0';
        until_gone(folder);
}

static void test_remove(void **state)
{
        char *folder = scratch_folder("test");

        assert_non_null(folder);
        assert_int_equal(access(folder, F_OK), 0);
        scratch_remove(folder);
        assert_int_equal(access(folder, F_OK), -1);
        free(folder);
}

int main(void)
{
        /* The first before this process has a keeper of its own: the child makes one for itself. */
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed),
                cmocka_unit_test(test_remove),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
