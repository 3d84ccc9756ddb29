/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_protect(void **state)
{
        struct rlimit core = { 1, 1 };

        protect_process();
        assert_int_equal(umask(0), 0027);
        if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
                skip(); /* a sanitizer */
        assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
        assert_int_equal(core.rlim_cur, 0);
        assert_int_equal(core.rlim_max, 0);
}

/* As an old init script or a cron job starts it: with all three closed. */
static void test_closed(void **state)
{
        int status;
        pid_t pid;

        (void)state;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int fd;

                for (fd = 0; fd <= STDERR_FILENO; fd++)
                        close(fd);
                protect_process();
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                _exit(fd <= STDERR_FILENO ? 1 : write(STDERR_FILENO, "x", 1) != -1 ? 2 : errno != EBADF);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_closed), cmocka_unit_test(test_protect) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
