/* SPDX-License-Identifier: Apache-2.0 */

/* Whose fault a fatal signal is. */

#include "app/service/fatal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What its parent may see when it has died. */
typedef struct Shared {
        _Atomic unsigned char flag;
} Shared;

static Shared *shared_new(void)
{
        Shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(s != MAP_FAILED);
        return s;
}

/* A process that does this when it may, or waits to be killed with `from_outside`. Return: was it blamed? */
static bool dies(void (*fault)(void), int from_outside, int expected)
{
        Shared *s = shared_new();
        int ready[2], status;
        bool blamed;
        char c;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file */
                fatal_watch_crashes(&s->flag);
                close(ready[0]);
                close(ready[1]);
                if (fault)
                        fault();
                for (;;)
                        pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 0);
        close(ready[0]);
        if (from_outside)
                kill(pid, from_outside);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), expected);
        blamed = s->flag;
        munmap(s, sizeof(*s));
        return blamed;
}

static void own_abort(void)
{
        abort();
}

static void own_fault(void)
{
        raise(SIGSEGV);
}

static void test_faults_of_ours(void **state)
{
        (void)state;
        assert_true(dies(own_abort, 0, SIGABRT));
        assert_true(dies(own_fault, 0, SIGSEGV));
}

/* systemd's watchdog, three times while a disk hangs, must not park what happened to be in work. */
static void test_told_to(void **state)
{
        (void)state;
        assert_false(dies(NULL, SIGABRT, SIGABRT));
        assert_false(dies(NULL, SIGKILL, SIGKILL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_faults_of_ours),
                cmocka_unit_test(test_told_to),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
