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
        staging_end_run(s);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        assert_int_equal(staging_load(&next, o->wiring.queue, clock_wall(o->wiring.clock)), 0);
        assert_int_equal(next.decision, s->decision);
        assert_int_equal(next.decision, STAGING_PROMOTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_two_decide, open_office, close_office),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
