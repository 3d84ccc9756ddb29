/* SPDX-License-Identifier: Apache-2.0 */

/* The answer to a $batch, taken apart: each request gets its own, whatever the service says of the whole.
 * What needs a network is in test-peer-batch.c. */

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 3

typedef struct Three {
        HttpRequest items[N];
        HttpBundle bundle;
        Arena *arena;
} Three;

static int setup(void **state)
{
        Three *t = calloc(1, sizeof(*t));

        t->arena = arena_new(0);
        http_request_init(&t->bundle.carrier);
        for (size_t i = 0; i < N; ++i) {
                http_request_init(&t->items[i]);
                t->bundle.items[t->bundle.n_items++] = &t->items[i];
        }
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Three *t = *state;

        for (size_t i = 0; i < N; ++i)
                http_request_deinit(&t->items[i]);
        http_request_deinit(&t->bundle.carrier);
        arena_free(t->arena);
        free(t);
        return 0;
}

static void answer(Three *t, HttpEnd end, int status, const char *body)
{
        t->bundle.carrier.end = end;
        t->bundle.carrier.answer.status = status;
        t->bundle.carrier.answer.body = strdup(body);
        t->bundle.carrier.answer.n_body = strlen(body);
        graph_unbatch(NULL, &t->bundle);
}

static GraphVerdict verdict_of(Three *t, size_t i)
{
        const HttpAnswer *a = &t->items[i].answer;
        GraphError e;

        graph_error_parse(&e, a->status, a->content_type, a->body, a->n_body, t->arena);
        return e.verdict;
}

/* In any order. One is throttled until a time of its own; of the whole an older description says 424 then
 * (throttling guidance), and one that names another request is not done either. */
static void test_failed_dependency(void **state)
{
        Three *t = *state;

        answer(t, HTTP_ANSWERED, 424,
               "{\"responses\":["
               "{\"id\":\"2\",\"status\":424,\"body\":{\"error\":{\"code\":\"FailedDependency\",\"message\":"
               "\"x\"}}},"
               "{\"id\":\"0\",\"status\":204},"
               "{\"id\":\"1\",\"status\":429,\"headers\":{\"Retry-After\":\"7\",\"request-id\":\"abc\"},"
               "\"body\":{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"x\"}}}]}");
        for (size_t i = 0; i < N; ++i)
                assert_int_equal(t->items[i].end, HTTP_ANSWERED);
        assert_int_equal(t->items[0].answer.status, 204);
        assert_int_equal(t->items[1].answer.status, 429);
        assert_string_equal(t->items[1].answer.retry_after, "7");
        assert_string_equal(t->items[1].answer.request_id, "abc");
        assert_int_equal(verdict_of(t, 1), GRAPH_THROTTLED);
        /* Certainly not done: it is tried again, and no object is parked for it. */
        assert_int_equal(verdict_of(t, 2), GRAPH_AGAIN);
}

/* What is not mentioned may have had its effect; what is mentioned twice counts once. */
static void test_not_mentioned(void **state)
{
        Three *t = *state;

        answer(t, HTTP_ANSWERED, 200,
               "{\"responses\":[{\"id\":\"0\",\"status\":204},{\"id\":\"0\",\"status\":400},"
               "{\"id\":\"17\",\"status\":204},{\"id\":\"1\",\"status\":\"204\"}]}");
        assert_int_equal(t->items[0].answer.status, 204);
        assert_int_equal(t->items[1].end, HTTP_LOST);
        assert_int_equal(t->items[2].end, HTTP_LOST);
}

/* The whole is refused: so is each. */
static void test_whole(void **state)
{
        Three *t = *state;

        answer(t, HTTP_ANSWERED, 429, "{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"x\"}}");
        for (size_t i = 0; i < N; ++i) {
                assert_int_equal(t->items[i].end, HTTP_ANSWERED);
                assert_int_equal(verdict_of(t, i), GRAPH_THROTTLED);
        }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_failed_dependency),
                TEST(test_not_mentioned),
                TEST(test_whole),
        };

        return cmocka_run_group_tests_name("graph-batch", tests, NULL, NULL);
}
