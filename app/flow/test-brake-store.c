/* SPDX-License-Identifier: Apache-2.0 */

/* Two nodes count with one set of counters: together they let through what one would, whoever is released
 * where, and what a node has counted outlives it. */

#include "app/flow/brake-store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW     ((Wall){ INT64_C(1795305600000) })
#define LIMIT   25
#define N_TAKES 200

static const BrakeLimits limits = {
        .of = {
                [BRAKE_DISABLE] = { LIMIT, INT64_C(600000000) },
                [BRAKE_MEMBERS] = { 500, INT64_C(600000000) },
                [BRAKE_VALUES] = { 20, INT64_C(3600000000) },
                [BRAKE_CREATE] = { 100, INT64_C(3600000000) },
        },
        .share = 0.02,
};

static int no_role(Queue *q, const char *name, uint64_t *ret_term)
{
        return QUEUE_E_GONE;
}

/* One queue in memory stands for the log and both copies. */
typedef struct Pair {
        Queue *queue;
        QueueOps ops;
        BrakeStore nodes[2];
} Pair;

static int begin(void **state)
{
        Pair *p = calloc(1, sizeof(*p));

        assert_int_equal(queue_mem_new(&p->queue), 0);
        p->ops = *p->queue->ops;
        p->ops.role = no_role;
        p->queue->ops = &p->ops;
        for (int i = 0; i < 2; i++)
                assert_int_equal(brake_store_init(&p->nodes[i], p->queue, NOW), 0);
        *state = p;
        return 0;
}

static int end(void **state)
{
        Pair *p = *state;

        for (int i = 0; i < 2; i++)
                brake_store_deinit(&p->nodes[i], NOW);
        queue_free(p->queue);
        free(p);
        return 0;
}

typedef struct Take {
        BrakeSet refuse, tripped;
} Take;

static bool take(Brakes *b, void *context)
{
        Effects e = { .n = { [BRAKE_DISABLE] = 1 } };
        Take *t = context;

        t->refuse = brakes_take(b, &limits, &e, 0, NOW, &t->tripped);
        return t->tripped || !t->refuse;
}

typedef struct Crew {
        BrakeStore *store;
        unsigned n_taken, n_tripped;
} Crew;

static void *work(void *context)
{
        Crew *crew = context;

        for (int i = 0; i < N_TAKES; i++) {
                Take t = { 0 };

                if (brake_store_change(crew->store, NOW, take, &t))
                        abort();
                crew->n_taken += !t.refuse;
                crew->n_tripped += t.tripped != 0;
        }
        return NULL;
}

/* Two threads of each node. */
static void run(Pair *p, unsigned *ret_taken, unsigned *ret_tripped)
{
        pthread_t threads[4];
        Crew crews[4] = { 0 };

        *ret_taken = *ret_tripped = 0;
        for (int i = 0; i < 4; i++) {
                crews[i].store = &p->nodes[i % 2];
                assert_int_equal(pthread_create(&threads[i], NULL, work, &crews[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
                pthread_join(threads[i], NULL);
                *ret_taken += crews[i].n_taken;
                *ret_tripped += crews[i].n_tripped;
        }
}

static void test_one_limit(void **state)
{
        Pair *p = *state;
        unsigned n_taken, n_tripped;

        run(p, &n_taken, &n_tripped);
        assert_int_equal(n_taken, LIMIT);
        assert_int_equal(n_tripped, 1);

        /* Released at one of them, it is off at both, and the window is empty. */
        assert_int_equal(brake_store_release(&p->nodes[1], BRAKE_DISABLE, false, NOW), 0);
        assert_true(p->nodes[0].counters.on);
        brake_store_look(&p->nodes[0]);
        assert_false(p->nodes[0].counters.on);
        run(p, &n_taken, &n_tripped);
        assert_int_equal(n_taken, LIMIT);
        assert_int_equal(n_tripped, 1);
}

/* A node that dies behind its take has counted. */
static void test_death(void **state)
{
        Pair *p = *state;
        BrakeStatus status[_BRAKE_N];

        for (int i = 0; i < 10; i++) {
                Take t = { 0 };

                assert_int_equal(brake_store_change(&p->nodes[0], NOW, take, &t), 0);
                assert_false(t.refuse);
        }
        brake_store_look(&p->nodes[1]);
        brakes_status(&p->nodes[1].counters, &limits, NOW, status);
        assert_int_equal(status[BRAKE_DISABLE].used, 10);
        brake_store_deinit(&p->nodes[0], NOW);
        assert_int_equal(brake_store_init(&p->nodes[0], p->queue, NOW), 0);
        brakes_status(&p->nodes[0].counters, &limits, NOW, status);
        assert_int_equal(status[BRAKE_DISABLE].used, 10);
}

/* What is known grows by what both have made, each said once. */
static void test_known(void **state)
{
        Pair *p = *state;

        for (int i = 0; i < KNOWN_MAX; i++) {
                brake_store_know(&p->nodes[0], BRAKE_USER, 1, NOW);
                brake_store_know(&p->nodes[1], BRAKE_USER, 1, NOW);
        }
        brake_store_look(&p->nodes[0]);
        assert_int_equal(p->nodes[0].counters.known[BRAKE_USER], 2 * KNOWN_MAX);

        /* A few are said by a node that ends. */
        for (int i = 0; i < 3; i++)
                brake_store_know(&p->nodes[1], BRAKE_USER, 1, NOW);
        brake_store_deinit(&p->nodes[1], NOW);
        assert_int_equal(brake_store_init(&p->nodes[1], p->queue, NOW), 0);
        brake_store_look(&p->nodes[0]);
        assert_int_equal(p->nodes[0].counters.known[BRAKE_USER], 2 * KNOWN_MAX + 3);

        /* Many are forgotten. */
        for (int i = 0; i < KNOWN_MAX; i++)
                brake_store_know(&p->nodes[1], BRAKE_USER, -1, NOW);
        brake_store_look(&p->nodes[0]);
        assert_int_equal(p->nodes[0].counters.known[BRAKE_USER], KNOWN_MAX + 3);
}

static void park(Queue *q, uint8_t k, const char *reason)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Change change = { .id.bytes = { k }, .seen = NOW };
        Lease lease = { 0 };

        assert_int_equal(queue_put(q, &(Intake){ .changes = &change, .n_changes = 1, .now = NOW }), 0);
        assert_int_equal(queue_lease(q, NOW, LANES_ALL, a, &lease), 0);
        assert_int_equal(queue_park(q, &lease, reason, &(Commit){ .now = NOW }), 0);
}

/* What people are told: counted only while a brake is on, and by the reason of what is parked. */
static void test_view(void **state)
{
        Pair *p = *state;
        unsigned n_taken, n_tripped;
        BrakeView v;

        park(p->queue, 1, "BrakeDisable");
        park(p->queue, 2, "AttributeValueMustBeUnique");
        park(p->queue, 3, "BrakeDisable");
        park(p->queue, 4, "BrakeCreate");
        brake_store_view(p->queue, &p->nodes[0].counters, &limits, NOW, &v);
        assert_true(!v.on && v.counted);
        assert_int_equal(v.n_held[BRAKE_DISABLE], 0);
        run(p, &n_taken, &n_tripped);
        brake_store_look(&p->nodes[0]);
        brake_store_view(p->queue, &p->nodes[0].counters, &limits, NOW, &v);
        assert_int_equal(v.on, BRAKE_SET(BRAKE_DISABLE));
        assert_true(v.counted && v.status[BRAKE_DISABLE].on);
        assert_int_equal(v.n_held[BRAKE_DISABLE], 2);
        assert_int_equal(v.n_held[BRAKE_CREATE], 1);
        assert_int_equal(v.n_held[BRAKE_MEMBERS], 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
                TEST(test_one_limit),
                TEST(test_death),
                TEST(test_known),
                TEST(test_view),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
