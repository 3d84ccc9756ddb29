/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
        N = 5,
};

#define S        INT64_C(1000000)
#define LEASE_US (15 * S)

/* The key in the server, and who reads and writes it. */
typedef struct World {
        Arena *a;
        const char *text;
        BudgetTable nodes[N];
        bool lives[N];
        Mono beat_at[N];
        Mono now;
        uint64_t seed;
} World;

static uint64_t next(World *w, uint64_t n)
{
        w->seed = w->seed * 6364136223846793005U + 1442695040888963407U;
        return (w->seed >> 33) % n;
}

static void world_init(World *w, uint64_t seed)
{
        *w = (World){ .a = arena_new(0), .now = { 1000 * S }, .seed = seed };
        for (int i = 0; i < N; i++)
                budget_table_init(&w->nodes[i], (uint64_t)i + 1, LEASE_US);
}

/* `lost`: the server has taken it, and the answer did not come. */
static void beat(World *w, int i, bool lost)
{
        const char *text;

        budget_table_read(&w->nodes[i], w->text, w->now);
        text = budget_table_write(&w->nodes[i], w->a, w->now);
        w->text = text;
        if (!lost)
                budget_table_written(&w->nodes[i], w->now);
}

static int64_t sum(World *w)
{
        int64_t all = 0;

        for (int i = 0; i < N; i++)
                all += budget_table_share(&w->nodes[i], w->now);
        return all;
}

static void test_alone(void **state)
{
        World w;

        world_init(&w, 1);
        assert_int_equal(budget_table_share(&w.nodes[0], w.now), 0);
        beat(&w, 0, false);
        assert_int_equal(budget_table_share(&w.nodes[0], w.now), BUDGET_WHOLE);
        /* Without a server it lasts for the lease but the margin. */
        w.now.us += LEASE_US - BUDGET_MARGIN_US - 1;
        assert_int_equal(budget_table_share(&w.nodes[0], w.now), BUDGET_WHOLE);
        w.now.us += 1;
        assert_int_equal(budget_table_share(&w.nodes[0], w.now), 0);
        arena_free(w.a);
}

static void test_three(void **state)
{
        World w;

        world_init(&w, 1);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 3; i++) {
                        beat(&w, i, false);
                        assert_true(sum(&w) <= BUDGET_WHOLE);
                }
                w.now.us += BUDGET_BEAT_US;
        }
        for (int i = 0; i < 3; i++)
                assert_int_equal(budget_table_share(&w.nodes[i], w.now), BUDGET_WHOLE / 3);
        arena_free(w.a);
}

/* One dies: nobody has its share before the lease is over, and all of it is used soon after. */
static void test_death(void **state)
{
        World w;
        int64_t since;

        world_init(&w, 1);
        for (int round = 0; round < 4; round++, w.now.us += BUDGET_BEAT_US) {
                for (int i = 0; i < 3; i++)
                        beat(&w, i, false);
        }
        since = w.now.us - BUDGET_BEAT_US;
        while (budget_table_share(&w.nodes[0], w.now) == BUDGET_WHOLE / 3) {
                assert_true(w.now.us < since + LEASE_US + 4 * BUDGET_BEAT_US);
                beat(&w, 0, false);
                beat(&w, 1, false);
                assert_true(sum(&w) <= BUDGET_WHOLE);
                w.now.us += BUDGET_BEAT_US;
        }
        assert_true(w.now.us - since >= LEASE_US);
        beat(&w, 1, false);
        beat(&w, 0, false);
        assert_int_equal(sum(&w), BUDGET_WHOLE);
        /* It was only asleep: it finds itself struck out, has nothing, and gets its part again. */
        assert_int_equal(budget_table_share(&w.nodes[2], w.now), 0);
        for (int round = 0; round < 3; round++, w.now.us += BUDGET_BEAT_US) {
                for (int i = 2; i >= 0; i--) {
                        beat(&w, i, false);
                        assert_true(sum(&w) <= BUDGET_WHOLE);
                }
        }
        assert_int_equal(budget_table_share(&w.nodes[2], w.now), BUDGET_WHOLE / 3);
        /* Who leaves is not waited for. */
        budget_table_read(&w.nodes[2], w.text, w.now);
        w.text = budget_table_leave(&w.nodes[2], w.a);
        for (int round = 0; round < 2; round++) {
                beat(&w, 0, false);
                beat(&w, 1, false);
        }
        assert_int_equal(sum(&w), BUDGET_WHOLE);
        assert_int_equal(budget_table_share(&w.nodes[2], w.now), 0);
        arena_free(w.a);
}

/* Deaths, sleeps and lost answers in any order: never more than the whole; and when all is quiet, all of it.
 */
static void test_never_more(void **state)
{
        uint64_t seed = (uint64_t)time(NULL);

        for (int round = 0; round < 30; round++) {
                World w;

                world_init(&w, seed + (uint64_t)round);
                for (int i = 0; i < N; i++)
                        w.lives[i] = true;
                for (int step = 0; step < 4000; step++) {
                        int i = (int)next(&w, N);

                        w.now.us += (int64_t)next(&w, (uint64_t)S / 4);
                        if (next(&w, 100) == 0)
                                w.lives[i] = !w.lives[i];
                        if (w.lives[i] && w.now.us >= w.beat_at[i].us) {
                                beat(&w, i, next(&w, 10) == 0);
                                w.beat_at[i] = mono_add(w.now, BUDGET_BEAT_US);
                        }
                        if (sum(&w) > BUDGET_WHOLE)
                                fail_msg("seed %llu, step %d: %lld",
                                         (unsigned long long)(seed + (uint64_t)round), step,
                                         (long long)sum(&w));
                }
                for (int beats = 0; beats < 25; beats++, w.now.us += BUDGET_BEAT_US) {
                        for (int i = 0; i < 3; i++)
                                beat(&w, i, false);
                }
                assert_true(sum(&w) >= BUDGET_WHOLE - N);
                arena_free(w.a);
        }
}

/* What is in the key came over a wire. */
static void test_hostile(void **state)
{
        static const char *const texts[] = {
                "",
                "\n\n\n",
                "x y z\n",
                "1 2\n",
                "1 2 3 4\n",
                "2 1 -5\n",
                "2 1 99999999999999999999\n",
                "2 1 2000000\n",
                "ffffffffffffffffffffffffffff 1 1\n",
                "0 1 5\n2 1 1000000\n2 1 1000000\n2 1",
        };
        World w;

        world_init(&w, 1);
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
                w.text = texts[i];
                beat(&w, 0, false);
                assert_true(budget_table_share(&w.nodes[0], w.now) >= 0);
                assert_true(sum(&w) <= BUDGET_WHOLE);
        }
        arena_free(w.a);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alone),   cmocka_unit_test(test_three),
                cmocka_unit_test(test_death),   cmocka_unit_test(test_never_more),
                cmocka_unit_test(test_hostile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
