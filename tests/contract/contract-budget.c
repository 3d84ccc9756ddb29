/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One budget for three nodes, against a real nats-server: three limiters that spend all they may, in a time
 * of the test's own, and a count of what left.
 */

#include "engine/target/limiter.h"
#include "queue/budget.h"
#include "tests/contract/contract-queue.h"
#include "tests/contract/nats.h"
#include "tests/scratch/scratch.h"

#include <stdio.h>
#include <stdlib.h>

enum {
        N = 3,
        RATE = 20, /* writes a second, as published: 3,000 in 150 s */
        BURST = 3000,
};

#define S         INT64_C(1000000)
#define LEASE_US  (15 * S)
#define STEP_US   BUDGET_LOOK_US
#define EXIT_SKIP 77

typedef struct Node {
        Bus *bus;
        Budget *budget;
        Limiter *limiter;
        bool lives, spends;
        int64_t n; /* writes */
} Node;

typedef struct Nodes {
        Node nodes[N];
        char name[64];
        Mono now;
        int64_t n;
} Nodes;

static const LimiterOptions published = { .size = TENANT_SMALL, .share = 1, .time_scale = 1 };

static void join(Nodes *w, int i)
{
        const char *urls[] = { nats_url() };
        BusOptions options = { .urls = urls, .n_urls = 1, .name = "test" };
        Node *n = &w->nodes[i];
        Diag diag = DIAG_INIT;
        char name[16];

        snprintf(name, sizeof(name), "node-%d", i);
        assert_int_equal(bus_new(&n->bus, &options, &diag), 0);
        assert_int_equal(budget_new(&n->budget, n->bus, w->name, name, LEASE_US, &diag), 0);
        n->limiter = limiter_new(&published);
        limiter_set_part(n->limiter, 0, MONO_NEVER, w->now);
        n->lives = n->spends = true;
        diag_deinit(&diag);
}

static int setup(void **state)
{
        Nodes *w = calloc(1, sizeof(*w));
        char *folder = contract_folder();

        assert_non_null(w);
        w->now.us = 1000 * S;
        snprintf(w->name, sizeof(w->name), "%s", strrchr(folder, '/') + 1);
        scratch_remove(folder);
        free(folder);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        Nodes *w = *state;

        for (int i = 0; i < N; i++) {
                budget_free(w->nodes[i].budget);
                bus_free(w->nodes[i].bus);
                limiter_free(w->nodes[i].limiter);
        }
        free(w);
        return 0;
}

typedef struct Lowering {
        Nodes *w;
        Node *n;
} Lowering;

static void lower(void *context, double share)
{
        Lowering *l = context;

        limiter_set_part(l->n->limiter, share, MONO_NEVER, l->w->now);
}

static void look(Nodes *w, int i)
{
        Node *n = &w->nodes[i];
        Lowering lowering = { w, n };
        Mono held[BUDGET_HOLDS], before[BUDGET_HOLDS];
        int64_t left;
        double share;

        for (int kind = 0; kind < BUDGET_HOLDS; kind++)
                before[kind] = held[kind] = limiter_held(n->limiter, (LimiterScope)kind, w->now);
        assert_int_equal(budget_look(n->budget, held, w->now, contract_start, lower, &lowering), 0);
        for (int kind = 0; kind < BUDGET_HOLDS; kind++) {
                if (held[kind].us > before[kind].us)
                        limiter_hold(n->limiter, (LimiterScope)kind, held[kind]);
        }
        share = budget_share(n->budget, w->now, &left);
        limiter_set_part(n->limiter, share, mono_add(w->now, left), w->now);
}

/* A quarter of a second: all look, and spend what they may. */
static void step(Nodes *w)
{
        for (int i = 0; i < N; i++) {
                Node *n = &w->nodes[i];

                if (n->lives)
                        look(w, i);
                while (n->spends && limiter_take(n->limiter, LIMITER_WRITE, 1, LANE_NORMAL, w->now) == 0) {
                        n->n++;
                        w->n++;
                }
        }
        w->now.us += STEP_US;
}

static void run(Nodes *w, int64_t us)
{
        for (int64_t end = w->now.us + us; w->now.us < end;)
                step(w);
}

/* Never more than the limit since the beginning: burst and rate of one. */
static void within_limit(Nodes *w)
{
        assert_true(w->n <= BURST + RATE * (w->now.us / S - 1000));
}

static int64_t spent(Nodes *w, int64_t us)
{
        int64_t before = w->n;

        run(w, us);
        within_limit(w);
        return w->n - before;
}

static void show(const char *what, int64_t n, int64_t limit)
{
        print_message("[   INFO   ] %s: %lld of %lld writes (%+.2f %%)\n", what, (long long)n,
                      (long long)limit, ((double)n / (double)limit - 1) * 100);
}

static void test_three_live(void **state)
{
        Nodes *w = *state;
        int64_t n;

        for (int i = 0; i < N; i++)
                join(w, i);
        run(w, 10 * S);
        n = spent(w, 150 * S);
        show("three nodes, 150 s", n, BURST);
        assert_in_range(n, BURST * 99 / 100, BURST);
        for (int i = 1; i < N; i++)
                assert_true(llabs((long long)(w->nodes[i].n - w->nodes[0].n)) < BURST / 50);
}

static void test_death(void **state)
{
        Nodes *w = *state;
        const int64_t share = RATE * (LEASE_US / S) / N;
        int64_t n;

        for (int i = 0; i < N; i++)
                join(w, i);
        run(w, 10 * S);
        /* Killed: what it does not spend for a lease is lost, and not more. */
        w->nodes[2].lives = w->nodes[2].spends = false;
        n = spent(w, 150 * S);
        show("one died, 150 s", n, BURST);
        assert_in_range(n, BURST - share - BURST / 100, BURST);
        n = spent(w, 150 * S);
        show("two nodes, 150 s", n, BURST);
        assert_in_range(n, BURST * 99 / 100, BURST);
        /* Cut off, but alive: it stops by itself, before the other takes its share. */
        w->nodes[1].lives = false;
        n = spent(w, 150 * S);
        show("one cut off, 150 s", n, BURST);
        assert_in_range(n, BURST - RATE * (LEASE_US / S) / 2 - BURST / 100, BURST);
        n = w->nodes[1].n;
        run(w, 10 * S);
        assert_int_equal(w->nodes[1].n, n);
        /* And comes back. */
        w->nodes[1].lives = true;
        run(w, 10 * S);
        within_limit(w);
        assert_true(w->nodes[1].n > n);
        n = spent(w, 150 * S);
        show("it came back, 150 s", n, BURST);
        assert_in_range(n, BURST * 99 / 100, BURST);
}

static void test_leaves(void **state)
{
        Nodes *w = *state;
        int64_t n;

        for (int i = 0; i < N; i++)
                join(w, i);
        run(w, 10 * S);
        w->nodes[0].lives = w->nodes[0].spends = false;
        budget_leave(w->nodes[0].budget, w->now);
        n = spent(w, 150 * S);
        show("one left, 150 s", n, BURST);
        assert_in_range(n, BURST * 99 / 100, BURST);
}

/* Killed and started again: it goes on with its part, and begins with nothing free. */
static void test_restart(void **state)
{
        Nodes *w = *state;
        int64_t n;

        for (int i = 0; i < N; i++)
                join(w, i);
        run(w, 10 * S);
        for (int times = 0; times < 5; times++) {
                Node *killed = &w->nodes[times % N];

                budget_free(killed->budget);
                bus_free(killed->bus);
                limiter_free(killed->limiter);
                join(w, times % N);
                n = spent(w, 30 * S);
                assert_in_range(n, 30 * RATE * 98 / 100, 30 * RATE);
        }
}

/* What one was told all know at their next look, and for as long. */
static void test_hold(void **state)
{
        Nodes *w = *state;
        Mono until;

        for (int i = 0; i < N; i++)
                join(w, i);
        run(w, 10 * S);
        until = mono_add(w->now, 30 * S);
        limiter_hold(w->nodes[1].limiter, LIMITER_WRITE, until);
        run(w, S);
        for (int i = 0; i < N; i++) {
                int64_t end = limiter_held(w->nodes[i].limiter, LIMITER_WRITE, w->now).us;

                assert_in_range(end, until.us, until.us + S);
                assert_int_equal(limiter_held(w->nodes[i].limiter, LIMITER_READ, w->now).us, 0);
        }
        assert_int_equal(spent(w, 28 * S), 0);
        assert_true(spent(w, 10 * S) > 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TEST(test_three_live), TEST(test_death), TEST(test_leaves),
                TEST(test_restart),    TEST(test_hold),
        };

        if (!nats_start()) {
                printf("skipped: no nats-server on this machine (Debian: nats-server)\n");
                return EXIT_SKIP;
        }
        contract_backend = "jetstream";
        return contract_run("budget", tests, N_ELEMENTS(tests)) != 0;
}
