/* SPDX-License-Identifier: Apache-2.0 */

/* Staging: who decides while another decides. What it holds back and lets go: tests/scenario/staging*.scn. */

#include "app/flow/staging.h"

#include "app/flow/wiring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

typedef struct Office {
        ClockFake clock;
        Config config;
        Wiring wiring;
        _Atomic bool promoted;
} Office;

static int open_office(void **state)
{
        Office *o = calloc(1, sizeof(*o));
        Wiring *w = &o->wiring;

        clock_fake_init(&o->clock, (Mono){ 1 }, (Wall){ 1795348800000 });
        o->config = (Config){ .refs = 1 };
        w->clock = &o->clock.clock;
        pthread_mutex_init(&w->staging_lock, NULL);
        snapshot_init(&w->snapshot, &o->config);
        *state = o;
        return queue_mem_new(&w->queue);
}

static int close_office(void **state)
{
        Office *o = *state;

        queue_free(o->wiring.queue);
        pthread_mutex_destroy(&o->wiring.staging_lock);
        free(o);
        return 0;
}

static void *demote(void *context)
{
        Office *o = context;

        json_decref(staging_demote(&o->wiring, &(StagingRequest){ .name = "eve" }));
        return NULL;
}

static void *promote(void *context)
{
        Office *o = context;

        json_decref(staging_promote(&o->wiring, &(StagingRequest){ .name = "ada", .take_over = true }));
        o->promoted = true;
        return NULL;
}

static void await(const Office *o, bool (*is_so)(const Office *o), int patience_ms)
{
        static const struct timespec moment = { .tv_nsec = 1000000 };

        for (int i = 0; i < patience_ms && !is_so(o); i++)
                nanosleep(&moment, NULL);
}

static bool is_demoted(const Office *o)
{
        return o->wiring.shared.staging.decision == STAGING_DEMOTED;
}

static bool is_promoted(const Office *o)
{
        return o->promoted;
}

/* A promote while a demote waits for the last run: what is in force is what the next start will find. */
static void test_two_decide(void **state)
{
        Office *o = *state;
        Staging *s = &o->wiring.shared.staging, next = { 0 };
        pthread_t a, b;

        assert_true(staging_begin_run(s, false));
        assert_int_equal(pthread_create(&a, NULL, demote, o), 0);
        await(o, is_demoted, 10000);
        assert_true(is_demoted(o));
        assert_int_equal(pthread_create(&b, NULL, promote, o), 0);
        await(o, is_promoted, 50); /* it waits; if it did not, it would be done by now */
        staging_end_run(s, true);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        assert_int_equal(staging_load(&next, o->wiring.queue, clock_wall(o->wiring.clock)), 0);
        assert_int_equal(next.decision, s->decision);
        assert_int_equal(next.decision, STAGING_PROMOTED);
}

/* -- two nodes ----------------------------------------------------------------------------------------- */

static int no_role(Queue *q, const char *name, uint64_t *ret_term)
{
        return QUEUE_E_GONE;
}

/* Runs of node two, as node one sees them. */
static struct {
        int n_asked;
        bool is_over;
} two_works;

static int outlast(Queue *q, int64_t timeout_us)
{
        two_works.n_asked++;
        return two_works.is_over ? 0 : QUEUE_E_EMPTY;
}

/* One queue in memory stands for the log and both copies. */
typedef struct Site {
        Office *one;
        Wiring two;
        QueueOps ops;
} Site;

static int open_site(void **state)
{
        void *office;
        Wiring *one;
        Site *s;
        int r = open_office(&office);

        if (r)
                return r;
        s = calloc(1, sizeof(*s));
        s->one = office;
        one = &s->one->wiring;
        s->ops = *one->queue->ops;
        s->ops.role = no_role;
        s->ops.outlast = outlast;
        one->queue->ops = &s->ops;
        s->two.clock = one->clock;
        s->two.queue = one->queue;
        pthread_mutex_init(&s->two.staging_lock, NULL);
        snapshot_init(&s->two.snapshot, &s->one->config);
        two_works.n_asked = 0;
        two_works.is_over = true;
        assert_int_equal(staging_load(&one->shared.staging, one->queue, clock_wall(one->clock)), 0);
        assert_int_equal(staging_load(&s->two.shared.staging, one->queue, clock_wall(one->clock)), 0);
        *state = s;
        return 0;
}

static int close_site(void **state)
{
        Site *s = *state;
        void *office = s->one;

        pthread_mutex_destroy(&s->two.staging_lock);
        close_office(&office); /* its queue uses the ops of the site */
        free(s);
        return 0;
}

static bool is_ok(json_t *answer)
{
        bool ok = json_is_true(json_object_get(answer, "ok"));

        json_decref(answer);
        return ok;
}

/* What one node has decided holds for each run that begins at the other. */
static void test_decided_elsewhere(void **state)
{
        Site *s = *state;
        StagingRequest eve = { .name = "eve", .take_over = true };
        Staging *two = &s->two.shared.staging;

        assert_true(staging_begin_run(two, false));
        staging_end_run(two, true);
        assert_true(is_ok(staging_demote(&s->one->wiring, &eve)));
        assert_true(staging_is_on(two, false));
        assert_false(staging_begin_run(two, false));
        staging_end_run(two, false);
        assert_true(is_ok(staging_promote(&s->two, &eve)));
        assert_false(staging_is_on(&s->one->wiring.shared.staging, false));
        assert_true(staging_begin_run(two, false));
        staging_end_run(two, true);
}

/* demote does not say that nothing is under way while something is: neither the first time nor the next. */
static void test_another_works_still(void **state)
{
        Site *s = *state;
        StagingRequest eve = { .name = "eve", .take_over = true };

        two_works.is_over = false;
        assert_false(is_ok(staging_demote(&s->one->wiring, &eve)));
        assert_false(is_ok(staging_demote(&s->one->wiring, &eve)));
        assert_int_equal(two_works.n_asked, 2);
        assert_true(staging_is_on(&s->two.shared.staging, false));
        two_works.is_over = true;
        assert_true(is_ok(staging_demote(&s->one->wiring, &eve)));

        /* What is held back until then would be found by nobody. */
        two_works.is_over = false;
        assert_false(is_ok(staging_promote(&s->one->wiring, &eve)));
        assert_false(staging_is_on(&s->two.shared.staging, false));
        two_works.is_over = true;
        assert_true(is_ok(staging_promote(&s->two, &eve)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_two_decide, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_decided_elsewhere, open_site, close_site),
                cmocka_unit_test_setup_teardown(test_another_works_still, open_site, close_site),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
