/* SPDX-License-Identifier: Apache-2.0 */

/* Program: what it is told, what it says, how it ends, and that it always ends. */

#include "base/program.h"

#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static int shell(Arena *a, const char *script, const char *input, int64_t timeout_us, ProgramEnd *ret_end)
{
        const char *argv[] = { "/bin/sh", "-c", script, NULL };

        return program_run(&(Program){ .argv = argv,
                                       .input = input,
                                       .n_input = strlen(input),
                                       .timeout_us = timeout_us,
                                       .output_max = 100 },
                           a, ret_end, NULL);
}

static void test_talks(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramEnd end;

        assert_int_equal(shell(a, "cat; echo oh >&2; exit 3", "hello", 30 * SECOND, &end), 0);
        assert_string_equal(end.output, "hello");
        assert_int_equal(end.n_output, 5);
        assert_int_equal(end.status, 3);
        assert_false(end.late);
        assert_string_equal(program_failure(&(Program){ .timeout_us = 1 }, &end, a), "exit status 3: oh");
}

static void test_well(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramEnd end;

        /* It need not read its input, however long that is; and what it prints beyond the limit is dropped.
         */
        char *input = arena_alloc(a, 1000001);

        memset(input, 'x', 1000000);
        input[1000000] = 0;
        assert_int_equal(shell(a, "exit 0", input, 30 * SECOND, &end), 0);
        assert_null(program_failure(&(Program){ .timeout_us = 1 }, &end, a));
        assert_int_equal(shell(a, "head -c 500000 /dev/zero | tr '\\0' y", "", 30 * SECOND, &end), 0);
        assert_int_equal(end.status, 0);
        assert_in_range(end.n_output, 90, 101);
}

/* A child that holds the pipes does not hold us, and is gone with its group. */
static void test_late(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramEnd end;

        assert_int_equal(shell(a, "sleep 1000 & echo started; wait", "", SECOND / 5, &end), 0);
        assert_true(end.late);
        assert_string_equal(end.output, "started\n");
        assert_string_equal(program_failure(&(Program){ .timeout_us = SECOND / 5 }, &end, a),
                            "killed: it took longer than 200 ms");
        /* Outputs closed, and not ended. */
        assert_int_equal(shell(a, "exec >&- 2>&-; exec sleep 1000", "", SECOND / 5, &end), 0);
        assert_true(end.late);
}

/* What a library has left open for children is closed all the same. */
static void test_inherits_nothing(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ProgramEnd end;
        int pair[2];

        assert_int_equal(pipe(pair), 0);
        assert_int_equal(
                shell(a, arena_printf(a, "test ! -e /proc/self/fd/%d", pair[1]), "", 30 * SECOND, &end), 0);
        assert_int_equal(end.status, 0);
        close(pair[0]);
        close(pair[1]);
}

static void test_cannot_start(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *argv[] = { "/nowhere/at/all", NULL };
        Diag diag = DIAG_INIT;
        ProgramEnd end;

        assert_int_equal(program_run(&(Program){ .argv = argv, .timeout_us = SECOND }, a, &end, &diag),
                         -ENOENT);
        assert_string_equal(diag_text(&diag), "/nowhere/at/all: No such file or directory");
        diag_deinit(&diag);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_talks),        cmocka_unit_test(test_well),
                cmocka_unit_test(test_late),         cmocka_unit_test(test_inherits_nothing),
                cmocka_unit_test(test_cannot_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
