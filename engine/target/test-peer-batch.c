/* SPDX-License-Identifier: Apache-2.0 */

/* Requests that travel together ($batch): what joins and what does not, and what becomes of each. */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <pthread.h>
#include <string.h>

#define THREADS 40
#define ROUNDS  5

typedef struct Worker Worker;

struct Worker {
        Peer *p;
        pthread_t thread;
        size_t number, n_good, n_throttled, n_transient, n_ids, n_writes;
        Lane lane;
        bool creates;
        size_t rounds;
};

static int create(const Worker *w, Call *call, size_t i, Diag *diag)
{
        const char *name = arena_printf(call->arena, "new-%zu-%zu", w->number, i);
        ObjectId none = { 0 };
        OpResult results[5];
        Op ops[] = {
                op_create("user", arena_printf(call->arena, "anchor-%s", name)),
                op_set("user", &none, "userPrincipalName",
                       arena_printf(call->arena, "%s@corp.contoso.test", name)),
                op_set("user", &none, "displayName", name),
                op_set("user", &none, "alias", name),
                op_set_bool("user", &none, "accountEnabled", true),
        };

        return target_apply(w->p->target, call, ops, N_ELEMENTS(ops), results, diag);
}

static int update(const Worker *w, Call *call, size_t i, Diag *diag)
{
        OpResult result;
        ObjectId id;
        Op op;

        guid_parse(arena_printf(call->arena, "00000000-0000-4000-8000-%012zu", w->number), &id);
        op = op_set("user", &id, "title", arena_printf(call->arena, "title %zu", i));
        return target_apply(w->p->target, call, &op, 1, &result, diag);
}

static void *work(void *context)
{
        Worker *w = context;
        Arena *arena = arena_new(0);
        Diag diag = DIAG_INIT;

        for (size_t i = 0; i < w->rounds; ++i) {
                Mono now = clock_mono(&clock_system);
                Call call = {
                        .lane = w->lane, .now = now, .deadline = mono_add(now, 20000000), .arena = arena
                };
                int r = w->creates ? create(w, &call, i, &diag) : update(w, &call, i, &diag);

                w->n_good += r == 0;
                w->n_throttled += r == TARGET_E_THROTTLED;
                w->n_transient += r == TARGET_E_TRANSIENT;
                w->n_ids += call.n_request_ids;
                w->n_writes += call.n_writes;
                arena_reset(arena);
        }
        diag_deinit(&diag);
        arena_free(arena);
        return NULL;
}

static void plant(void)
{
        Str body;

        str_init(&body, (size_t)1 << 20);
        str_add(&body, "{\"users\":[");
        for (size_t i = 0; i < THREADS; ++i)
                str_printf(&body, "%s{\"id\":\"00000000-0000-4000-8000-%012zu\",\"displayName\":\"u\"}",
                           i ? "," : "", i);
        str_add(&body, "]}");
        json_decref(peer_admin_call("POST", "/objects", body.data));
        str_deinit(&body);
}

static void run(Peer *p, Worker *workers, size_t rounds, void (*shape)(Worker *w))
{
        for (size_t i = 0; i < THREADS; ++i) {
                workers[i] = (Worker){ .p = p, .number = i, .lane = LANE_NORMAL, .rounds = rounds };
                if (shape)
                        shape(&workers[i]);
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; ++i)
                pthread_join(workers[i].thread, NULL);
}

static size_t good_of(const Worker *workers)
{
        size_t n = 0;

        for (size_t i = 0; i < THREADS; ++i)
                n += workers[i].n_good;
        return n;
}

/* Requests that came in a batch: all, and those whose path has this part. */
static size_t batched(const char *method, const char *part)
{
        json_t *journal = peer_admin_call("GET", "/journal?limit=100000", NULL), *record;
        size_t n = 0, i;

        json_array_foreach(json_object_get(journal, "records"), i, record)
        {
                const char *path = json_string_value(json_object_get(record, "path"));

                n += json_is_integer(json_object_get(record, "batch")) &&
                     strcmp(json_string_value(json_object_get(record, "method")), method) == 0 &&
                     (!part || strstr(path, part));
        }
        json_decref(journal);
        return n;
}

static void mix(Worker *w)
{
        w->creates = w->number % 4 == 1;
        if (w->number % 4 == 2)
                w->lane = LANE_URGENT;
}

/* Everything arrives once; a report has an id for each request; urgent work and creates travel alone. */
static void test_joined(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];
        json_t *json;

        plant();
        json_decref(peer_admin_call("POST", "/latency", "{\"min_ms\":5,\"max_ms\":15}"));
        run(p, workers, ROUNDS, mix);
        assert_int_equal(good_of(workers), THREADS * ROUNDS);
        for (size_t i = 0; i < THREADS; ++i) {
                assert_int_equal(workers[i].n_writes, ROUNDS);
                assert_int_equal(workers[i].n_ids, ROUNDS);
        }
        assert_true(batched("PATCH", NULL) > 0);
        assert_int_equal(batched("POST", NULL), 0);
        for (size_t i = 2; i < THREADS; i += 4)
                assert_int_equal(batched("PATCH", arena_printf(p->arena, "%012zu", i)), 0);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", true), THREADS / 4 * 3 * ROUNDS);
        assert_int_equal(peer_count_requests(p, "POST", "/v1.0/users", true), THREADS / 4 * ROUNDS);
        json = peer_admin_call("GET", "/health", NULL);
        assert_int_equal(json_integer_value(json_object_get(json, "throttled")), 0);
        json_decref(json);
}

/* Few at a time: nothing waits for company. */
static void test_alone(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        OpResult result;

        for (int i = 0; i < 20; ++i) {
                Op op = op_set("user", &id, "title", i % 2 ? "a" : "b");

                assert_end(p, peer_apply(p, &op, 1, &result), 0);
        }
        assert_int_equal(peer_count_requests(p, "POST", "$batch", false), 0);
}

/* One is throttled, one is refused, one fails: the others do not notice. */
static void test_each_by_itself(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];

        plant();
        json_decref(peer_admin_call("POST", "/latency", "{\"min_ms\":20,\"max_ms\":20}"));
        peer_fault(
                "{\"path\":\"*000000000007\",\"action\":{\"status\":400,\"code\":\"Request_BadRequest\"}}");
        peer_fault("{\"path\":\"*000000000023\",\"action\":{\"status\":503}}");
        run(p, workers, ROUNDS, NULL);
        assert_int_equal(good_of(workers), (THREADS - 2) * ROUNDS);
        assert_int_equal(workers[23].n_transient, ROUNDS);
        assert_true(batched("PATCH", NULL) > 0);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", true), (THREADS - 2) * ROUNDS);

        /* A 429 of one holds the scope it names, until its own Retry-After. */
        peer_fault("{\"path\":\"*000000000011\",\"count\":1,"
                   "\"action\":{\"status\":429,\"code\":\"TooManyRequests\",\"retry_after\":\"1\"}}");
        run(p, workers, 1, NULL);
        assert_int_equal(workers[11].n_throttled, 1);
        assert_int_equal(good_of(workers), THREADS - 3);
}

/* The connection is lost after the whole had its effect: each may have had its own, and none is sent twice.
 */
static void test_whole_is_lost(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];
        size_t n_transient = 0;

        plant();
        json_decref(peer_admin_call("POST", "/latency", "{\"min_ms\":20,\"max_ms\":20}"));
        peer_fault("{\"path\":\"/v1.0/$batch\",\"count\":1,\"action\":{\"reset\":\"after\"}}");
        peer_fault("{\"path\":\"/v1.0/$batch\",\"count\":1,\"action\":{\"html\":true}}");
        run(p, workers, ROUNDS, NULL);
        for (size_t i = 0; i < THREADS; ++i)
                n_transient += workers[i].n_transient;
        assert_true(n_transient > 0);
        for (size_t i = 0; i < THREADS; ++i)
                assert_int_equal(workers[i].n_writes, ROUNDS);
        assert_true(peer_count_requests(p, "PATCH", "/users/", true) <= THREADS * ROUNDS);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_joined),
                TEST(test_alone),
                TEST(test_each_by_itself),
                TEST(test_whole_is_lost),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph, many requests in one", tests, NULL, NULL);
}
