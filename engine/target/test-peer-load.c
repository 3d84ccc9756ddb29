/* SPDX-License-Identifier: Apache-2.0 */

/* target-graph with sixteen workers at once: one token, the published limits, a stop in the middle. */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void no_faults(void)
{
        json_decref(peer_admin_call("DELETE", "/faults", NULL));
}

#define THREADS 16

typedef struct Worker Worker;

struct Worker {
        Peer *p;
        pthread_t thread;
        size_t number, n, n_good, n_throttled;
        bool write, paced;
};

static void *work(void *context)
{
        Worker *w = context;
        Arena *arena = arena_new(0);
        Diag diag = DIAG_INIT;
        ObjectId id;

        for (size_t i = 0; i < w->n; ++i) {
                Mono now = clock_mono(&clock_system);
                Call call = {
                        .lane = LANE_NORMAL, .now = now, .deadline = mono_add(now, 20000000), .arena = arena
                };
                int64_t wait = 0;
                OpResult result;
                Op op;
                int r;

                while (w->paced &&
                       (wait = target_take(w->p->target, LANE_NORMAL, clock_mono(&clock_system))) > 0)
                        usleep((useconds_t)(wait < 50000 ? wait : 50000));
                guid_parse(arena_printf(arena, "00000000-0000-4000-8000-%012zu", w->number), &id);
                op = op_set("user", &id, "title", arena_printf(arena, "title %zu", i));
                r = target_apply(w->p->target, &call, &op, 1, &result, &diag);
                w->n_good += r == 0;
                w->n_throttled += r == TARGET_E_THROTTLED;
                arena_reset(arena);
        }
        diag_deinit(&diag);
        arena_free(arena);
        return NULL;
}

static void plant_users(Peer *p, size_t n)
{
        Str body;

        str_init(&body, (size_t)4 << 20);
        str_add(&body, "{\"users\":[");
        for (size_t i = 0; i < n; ++i)
                str_printf(&body, "%s{\"id\":\"00000000-0000-4000-8000-%012zu\",\"displayName\":\"u\"}",
                           i ? "," : "", i);
        str_add(&body, "]}");
        json_decref(peer_admin_call("POST", "/objects", body.data));
        str_deinit(&body);
}

static void run_workers(Peer *p, Worker *workers, size_t n, bool paced)
{
        for (size_t i = 0; i < THREADS; ++i) {
                workers[i] = (Worker){ .p = p, .number = i, .n = n, .paced = paced };
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; ++i)
                pthread_join(workers[i].thread, NULL);
}

/* All begin at once: one token for all of them. */
static void test_one_renewal(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];

        plant_users(p, THREADS);
        peer_fault("{\"path\":\"/*/oauth2/*\",\"action\":{\"delay_ms\":50}}");
        run_workers(p, workers, 4, false);
        for (size_t i = 0; i < THREADS; ++i)
                assert_int_equal(workers[i].n_good, 4);
        assert_int_equal(peer_count_requests(p, "POST", "/oauth2/v2.0/token", false), 1);
}

static size_t number_of(const char *variable, size_t fallback)
{
        const char *text = getenv(variable);

        return text ? strtoul(text, NULL, 10) : fallback;
}

/* So many updates against the published limits, so many times faster than published. The whole is 10,000
 * and 20. */
static void run_load(Peer *p, double other_share, size_t *ret_good, size_t *ret_throttled, double *ret_used)
{
        size_t updates = number_of("SOSYNC_UPDATES", 300 * THREADS), scale = number_of("SOSYNC_SCALE", 100);
        Worker workers[THREADS];
        json_t *health;
        int64_t began;
        double seconds;

        p->options.limits.published = true;
        p->options.limits.time_scale = (double)scale;
        p->options.limits.urgent_reserve = 0;
        peer_restart(p, false);
        plant_users(p, THREADS);
        json_decref(peer_admin_call("POST", "/limits",
                                    arena_printf(p->arena,
                                                 "{\"enabled\":true,\"tenant_size\":\"S\",\"time_scale\":%zu,"
                                                 "\"other_share\":%.2f}",
                                                 scale, other_share)));
        began = clock_mono(&clock_system).us;
        run_workers(p, workers, updates / THREADS, true);
        seconds = (double)(clock_mono(&clock_system).us - began) / 1e6;
        *ret_good = 0;
        for (size_t i = 0; i < THREADS; ++i)
                *ret_good += workers[i].n_good;
        health = peer_admin_call("GET", "/health", NULL);
        *ret_throttled = (size_t)json_integer_value(json_object_get(health, "throttled"));
        assert_int_equal(json_integer_value(json_object_get(health, "hold_violations")), 0);
        json_decref(health);
        /* What was there at the beginning, and what came since. */
        *ret_used = (double)*ret_good / (3000 + 20 * (double)scale * seconds * (1 - other_share));
        print_message("%zu of %zu updates in %.2f s, %.1f %% of the budget, %zu refused\n", *ret_good,
                      updates, seconds, *ret_used * 100, *ret_throttled);
}

/* The published limits, time scaled: whoever keeps to them is never refused, and uses them up. */
static void test_published_limits(void **state)
{
        size_t n_good, n_throttled;
        double used;

        run_load(*state, 0, &n_good, &n_throttled, &used);
        assert_int_equal(n_throttled, 0);
        assert_int_equal(n_good, number_of("SOSYNC_UPDATES", 300 * THREADS));
        if (getenv("SOSYNC_UPDATES")) /* a loaded machine is slower than a hundred times the limits */
                assert_true(used >= 0.97);
}

/* Somebody else takes half: no storm of refusals, and never a request inside a hold. */
static void test_shared_limits(void **state)
{
        size_t n_good, n_throttled;
        double used;

        run_load(*state, 0.5, &n_good, &n_throttled, &used);
        if (n_throttled > 4 && n_throttled * 1000 > n_good)
                fail_msg("%zu refusals", n_throttled);
}

/* A stop in the middle of everything: all calls end, nothing hangs. */
static void test_stop_under_load(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];

        plant_users(p, THREADS);
        peer_fault("{\"method\":\"PATCH\",\"action\":{\"delay_ms\":20000}}");
        for (size_t i = 0; i < THREADS; ++i) {
                workers[i] = (Worker){ .p = p, .number = i, .n = 1 };
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        /* The journal answers when the first have arrived. */
        json_decref(peer_admin_call("GET", "/journal?method=PATCH&min=1&wait_ms=5000", NULL));
        target_stop(p->target, TARGET_STOP_ALL);
        for (size_t i = 0; i < THREADS; ++i) {
                pthread_join(workers[i].thread, NULL);
                assert_int_equal(workers[i].n_good, 0);
        }
        no_faults();
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_one_renewal),
                TEST(test_published_limits),
                TEST(test_shared_limits),
                TEST(test_stop_under_load),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph under load", tests, NULL, NULL);
}
