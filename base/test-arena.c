/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Run in a child: the call must end in abort(). */
static void assert_aborts(void (*call)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                /* The word about it is expected; keep it out of the test's output. */
                if (!freopen("/dev/null", "w", stderr))
                        _exit(2);
                signal(SIGABRT, SIG_DFL);
                call();
                _exit(1);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_pieces_do_not_overlap(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        unsigned char *p[2000];
        size_t size[2000];
        uint32_t seed = 1;

        for (size_t i = 0; i < N_ELEMENTS(p); i++) {
                seed = seed * 1103515245 + 12345;
                size[i] = i % 97 == 0 ? seed >> 14 : seed >> 24;
                p[i] = arena_alloc(a, size[i]);
                assert_non_null(p[i]);
                assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
                memset(p[i], (int)(i & 0xff), size[i]);
        }
        for (size_t i = 0; i < N_ELEMENTS(p); i++) {
                for (size_t k = 0; k < size[i]; k++)
                        assert_int_equal(p[i][k], i & 0xff);
        }
}

static void test_texts(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *s;

        assert_null(arena_strdup(a, NULL));
        assert_null(arena_strndup(a, NULL, 3));
        assert_string_equal(arena_strdup(a, "text"), "text");
        assert_string_equal(arena_strndup(a, "text", 2), "te");
        assert_string_equal(arena_strndup(a, "text", 100), "text");
        assert_string_equal(arena_strndup(a, "text", SIZE_MAX), "text");
        assert_string_equal(arena_printf(a, "%s-%d", "a", 5), "a-5");
        assert_string_equal(arena_printf(a, "%s", ""), "");
        s = arena_printf(a, "%100000d", 7);
        assert_int_equal(strlen(s), 100000);
        assert_int_equal(s[99999], '7');
        assert_memory_equal(arena_memdup(a, "a\0b", 3), "a\0b", 3);
        assert_non_null(arena_memdup(a, NULL, 0));
}

static void test_cleared(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t round = 0; round < 3; round++) {
                int64_t *v = arena_new_array(a, int64_t, 1000);

                for (size_t i = 0; i < 1000; i++) {
                        assert_int_equal(v[i], 0);
                        v[i] = -1;
                }
                arena_reset(a);
        }
        assert_int_equal(*arena_new_of(a, int), 0);
}

static void test_limit_marks_and_still_serves(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(1000);
        char *p;

        arena_alloc(a, 900);
        assert_false(arena_full(a));
        p = arena_alloc(a, 200);
        assert_true(arena_full(a));
        memset(p, 'x', 200);
        assert_true(arena_used(a) >= 1100);

        arena_reset(a);
        assert_false(arena_full(a));
        assert_int_equal(arena_used(a), 0);
        arena_alloc(a, 10);
        assert_false(arena_full(a));
}

static void test_no_limit(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        arena_alloc(a, (size_t)64 << 20);
        assert_false(arena_full(a));
}

static void test_free_takes_null(void **state)
{
        assert_null(arena_free(NULL));
}

static void overflow_product(void)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        arena_alloc0(a, SIZE_MAX / 8, 16);
}

static void overflow_round_up(void)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        arena_alloc(a, SIZE_MAX);
}

static void overflow_block(void)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        arena_alloc(a, SIZE_MAX - 31);
}

static void test_overflow_aborts(void **state)
{
        assert_aborts(overflow_product);
        assert_aborts(overflow_round_up);
        assert_aborts(overflow_block);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pieces_do_not_overlap),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_cleared),
                cmocka_unit_test(test_limit_marks_and_still_serves),
                cmocka_unit_test(test_no_limit),
                cmocka_unit_test(test_free_takes_null),
                cmocka_unit_test(test_overflow_aborts),
        };

        return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
