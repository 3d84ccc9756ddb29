/* SPDX-License-Identifier: Apache-2.0 */

/*
 * target-graph against everything that can go wrong between it and the service: each fault ends in its named
 * condition, nothing is sent twice, nothing leaves inside a hold.
 */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <string.h>

static OpResult last;

static int set_title(Peer *p, const ObjectId *id)
{
        Op op = op_set("user", id, "title", "x");

        return peer_apply(p, &op, 1, &last);
}

static int fetch(Peer *p, const ObjectId *id)
{
        PeerSink sink = { 0 };

        return peer_fetch_id(p, "user", id, &sink);
}

static int create(Peer *p, const char *name, OpResult *ret_result)
{
        Op ops[] = {
                op_create("user", arena_printf(p->arena, "anchor-%s==", name)),
                op_set("user", NULL, "userPrincipalName",
                       arena_printf(p->arena, "%s@corp.contoso.test", name)),
                op_set("user", NULL, "displayName", name),
                op_set("user", NULL, "alias", name),
                op_set_bool("user", NULL, "accountEnabled", true),
        };
        OpResult results[N_ELEMENTS(ops)];
        int r = peer_apply(p, ops, N_ELEMENTS(ops), results);

        *ret_result = results[0];
        return r;
}

static bool exists(Peer *p, const char *name)
{
        PeerSink sink = { 0 };

        return peer_fetch(p, "user", MATCH_ANCHOR, arena_printf(p->arena, "anchor-%s==", name), &sink) == 0;
}

static void no_faults(void)
{
        json_decref(peer_admin_call("DELETE", "/faults", NULL));
}

static void test_5xx(void **state)
{
        static const int statuses[] = { 500, 502, 503, 504 };
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        for (size_t i = 0; i < N_ELEMENTS(statuses); ++i) {
                peer_fault(arena_printf(p->arena,
                                        "{\"path\":\"/v1.0/*\",\"count\":2,\"action\":{\"status\":%d}}",
                                        statuses[i]));
                assert_end(p, fetch(p, &id), TARGET_E_TRANSIENT);
                assert_end(p, set_title(p, &id), TARGET_E_TRANSIENT);
                assert_int_equal(last.state, OP_FAILED); /* perhaps with effect */
                assert_string_equal(last.code, "ServiceUnavailable");
                assert_int_equal(last.http_status, statuses[i]);
        }
        assert_end(p, set_title(p, &id), 0);
}

static void test_5xx_retried(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        peer_restart(p, true);
        peer_fault("{\"path\":\"/v1.0/"
                   "users*\",\"count\":2,\"action\":{\"status\":503,\"retry_after\":\"0.1\"}}");
        assert_end(p, fetch(p, &id), 0); /* reads are repeated */
        assert_int_equal(peer_hold_violations(), 0);
        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":504,\"effect\":true}}");
        assert_end(p, set_title(p, &id),
                   TARGET_E_TRANSIENT); /* a write that may have had its effect is not */
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 1);
}

/* The create took effect and nobody heard of it. It is never sent again by itself; who looks finds it. */
static void test_lost_create(void **state)
{
        static const char *const actions[] = {
                "{\"reset\":\"after\"}",
                "{\"status\":504,\"effect\":true}",
                "{\"status\":503,\"effect\":true}",
                "{\"truncate\":20}",
                "{\"truncate\":0}",
        };
        Peer *p = *state;
        OpResult result;

        peer_restart(p, true);
        peer_create_user(p, "warm"); /* a kept connection: libcurl repeats on those by itself */
        for (size_t i = 0; i < N_ELEMENTS(actions); ++i) {
                const char *name = arena_printf(p->arena, "u%zu", i);
                size_t before = peer_count_requests(p, "POST", "/v1.0/users", false);
                int r;

                peer_fault(arena_printf(
                        p->arena, "{\"method\":\"POST\",\"path\":\"/v1.0/users\",\"count\":1,\"action\":%s}",
                        actions[i]));
                r = create(p, name, &result);
                if (r != TARGET_E_TRANSIENT && r != TARGET_E_GARBAGE)
                        fail_msg("%s: %d", actions[i], r);
                assert_int_equal(result.state, OP_FAILED);
                assert_int_equal(peer_count_requests(p, "POST", "/v1.0/users", false), before + 1);
                assert_true(exists(p, name));
        }
}

static void test_reset_before(void **state)
{
        Peer *p = *state;
        OpResult result;
        ObjectId id;

        peer_restart(p, true);
        id = peer_create_user(p, "warm");
        peer_fault("{\"method\":\"POST\",\"path\":\"/v1.0/"
                   "users\",\"count\":1,\"action\":{\"reset\":\"before\"}}");
        assert_end(p, create(p, "ada", &result), TARGET_E_TRANSIENT);
        assert_int_equal(result.state, OP_FAILED);
        assert_int_equal(peer_count_requests(p, "POST", "/v1.0/users", false), 2);
        assert_false(exists(p, "ada"));
        assert_end(p, create(p, "ada", &result), 0);
        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"reset\":\"after\"}}");
        assert_end(p, set_title(p, &id), TARGET_E_TRANSIENT);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 1);
        peer_fault("{\"method\":\"GET\",\"count\":1,\"action\":{\"reset\":\"before\"}}");
        assert_end(p, fetch(p, &id), 0); /* reads are repeated */
}

/* A lost upsert of a group is found by its key, and made once. */
static void test_lost_group(void **state)
{
        Peer *p = *state;
        Op ops[] = { op_create("group", "g"), op_set("group", NULL, "displayName", "g"),
                     op_set("group", NULL, "alias", "g"), op_set_bool("group", NULL, "mailEnabled", false),
                     op_set_bool("group", NULL, "securityEnabled", true) };
        OpResult results[N_ELEMENTS(ops)];
        json_t *state_json;

        peer_fault("{\"method\":\"PATCH\",\"path\":\"/v1.0/"
                   "groups*\",\"count\":1,\"action\":{\"reset\":\"after\"}}");
        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), TARGET_E_TRANSIENT);
        assert_int_equal(results[0].state, OP_FAILED);
        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        assert_int_equal(results[0].state, OP_DONE);
        assert_false(guid_is_zero(&results[0].id));
        state_json = peer_admin_call("GET", "/state", NULL);
        assert_int_equal(json_array_size(json_object_get(state_json, "groups")), 1);
        json_decref(state_json);
}

static void test_nonsense(void **state)
{
        static const char *const actions[] = {
                "{\"html\":true}",
                "{\"garbage\":true}",
                "{\"content_type\":\"text/plain\"}",
                "{\"status\":200,\"body\":\"[1,2]\"}",
                "{\"status\":200,\"body\":\"{\\\"id\\\":5}\"}",
                "{\"status\":200,\"body\":\"{\\\"id\\\":\\\"x\\\"}\"}",
                "{\"status\":302,\"body\":\"{}\"}",
                "{\"status\":404,\"content_type\":\"text/html\",\"body\":\"<html>proxy</html>\"}",
                "{\"status\":403,\"content_type\":\"text/html\",\"body\":\"<html>proxy</html>\"}",
        };
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        for (size_t i = 0; i < N_ELEMENTS(actions); ++i) {
                int r;

                peer_fault(
                        arena_printf(p->arena, "{\"method\":\"GET\",\"count\":1,\"action\":%s}", actions[i]));
                r = fetch(p, &id);
                if (r != TARGET_E_GARBAGE)
                        fail_msg("%s: %d", actions[i], r);
        }
        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"html\":true}}");
        assert_end(p, set_title(p, &id), TARGET_E_GARBAGE);
        assert_int_equal(last.state, OP_FAILED);
        assert_string_equal(last.code, "UnexpectedAnswer");
        assert_end(p, set_title(p, &id), 0);
}

/* The token must not follow a page to another host. */
static void test_next_link(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "g");
        PeerSink sink = { 0 };

        peer_fault("{\"path\":\"/v1.0/groups/*/members\",\"count\":1,\"action\":{\"status\":200,\"body\":"
                   "\"{\\\"value\\\":[],\\\"@odata.nextLink\\\":\\\"http://127.0.0.2:9/v1.0/x\\\"}\"}}");
        assert_end(p, peer_fetch_id(p, "group", &group, &sink), TARGET_E_GARBAGE);
        assert_non_null(strstr(diag_text(&p->diag), "another host"));
}

static void test_pages(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "g");
        PeerSink sink = { 0 };
        Str body;

        str_init(&body, (size_t)4 << 20);
        str_printf(&body, "{\"users\":[");
        for (int i = 0; i < 2500; ++i)
                str_printf(&body, "%s{\"id\":\"00000000-0000-4000-8000-%012d\",\"displayName\":\"u%d\"}",
                           i ? "," : "", i, i);
        str_printf(&body, "],\"groups\":[{\"id\":\"%s\",\"members\":[", peer_id(p, &group));
        for (int i = 0; i < 2500; ++i)
                str_printf(&body, "%s\"00000000-0000-4000-8000-%012d\"", i ? "," : "", i);
        str_add(&body, "]}]}");
        json_decref(peer_admin_call("POST", "/objects", body.data));
        str_deinit(&body);
        assert_end(p, peer_fetch_id(p, "group", &group, &sink), 0);
        assert_int_equal(sink.n_members, 2500);
        assert_int_equal(sink.n_pages, 3);
        assert_int_equal(p->call.n_reads, 4);
        assert_int_equal(p->call.n_request_ids, 4);
}

static void test_deadline(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        Op op = op_set("user", &id, "title", "x");
        Mono start;

        peer_fault("{\"method\":\"PATCH\",\"action\":{\"delay_ms\":3000}}");
        peer_fault("{\"method\":\"GET\",\"action\":{\"drip_ms\":400}}");
        start = clock_mono(&clock_system);
        peer_call(p)->deadline = mono_add(start, 200000);
        assert_end(p, target_apply(p->target, &p->call, &op, 1, &last, &p->diag), TARGET_E_TRANSIENT);
        assert_int_equal(last.state, OP_FAILED);
        assert_string_equal(last.code, "AnswerLost");
        assert_in_range(clock_mono(&clock_system).us - start.us, 150000, 1500000);
        p->options.timeout_us = 200000;
        assert_end(p, fetch(p, &id), TARGET_E_TRANSIENT);
        no_faults();
}

static void test_unreachable(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        snprintf(p->graph, sizeof(p->graph), "http://127.0.0.1:1/v1.0");
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_UNREACHABLE);
        assert_end(p, set_title(p, &id), TARGET_E_UNREACHABLE);
        assert_int_equal(last.state, OP_NOT_SENT);
        assert_string_equal(last.code, "TargetUnreachable");
        snprintf(p->login, sizeof(p->login), "http://127.0.0.1:1");
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_UNREACHABLE);
}

static void test_mastered_elsewhere(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        PeerSink sink = { 0 };

        json_decref(peer_admin_call(
                "POST", "/objects",
                arena_printf(p->arena, "{\"users\":[{\"id\":\"%s\",\"onPremisesSyncEnabled\":true}]}",
                             peer_id(p, &id))));
        assert_end(p, peer_fetch_id(p, "user", &id, &sink), 0);
        assert_true(sink.object.mastered_elsewhere);
        assert_end(p, set_title(p, &id), TARGET_E_REJECTED);
        assert_string_equal(last.code, "MasteredElsewhere");
}

static void test_refusals(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        Op domain = op_set("user", &id, "userPrincipalName", "ada@elsewhere.example");
        Op form = op_set("user", &id, "userPrincipalName", "a<d>a@corp.contoso.test");

        assert_end(p, peer_apply(p, &domain, 1, &last), TARGET_E_REJECTED);
        assert_string_equal(last.code, "DomainNotVerified");
        assert_end(p, peer_apply(p, &form, 1, &last), TARGET_E_REJECTED);
        assert_string_equal(last.code, "IdentityDataValidationFailed");
}

/* Several writers of one group are in each other's way now and then: tried again, no error. */
static void test_concurrency(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "g");
        Op ops[60];
        OpResult results[60];

        for (size_t i = 0; i < 60; ++i) {
                ObjectId user = peer_create_user(p, arena_printf(p->arena, "u%zu", i));

                ops[i] = op_link("group", &group, "member", &user);
        }
        peer_fault("{\"method\":\"PATCH\",\"count\":3,\"action\":{\"status\":409,\"code\":\"Directory_"
                   "ConcurrencyViolation\"}}");
        assert_end(p, peer_apply(p, ops, 60, results), 0);
        for (size_t i = 0; i < 60; ++i)
                assert_int_equal(results[i].state, OP_DONE);
        assert_int_equal(peer_count_requests(p, "PATCH", "/groups/", true), 3);
}

/* Passwords, secrets and tokens are nowhere to be read. */
static void test_password(void **state)
{
        Peer *p = *state;
        json_t *all;
        char *text;

        peer_create_user(p, "ada");
        peer_create_user(p, "eve");
        all = peer_admin_call("GET", "/state", NULL);
        text = json_dumps(all, 0);
        assert_non_null(strstr(text, "\"passwordsSet\": 1"));
        free(text);
        json_decref(all);
        assert_int_equal(peer_count_requests(p, "POST", "/v1.0/users", true), 2);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_5xx),
                TEST(test_5xx_retried),
                TEST(test_lost_create),
                TEST(test_reset_before),
                TEST(test_lost_group),
                TEST(test_nonsense),
                TEST(test_next_link),
                TEST(test_pages),
                TEST(test_deadline),
                TEST(test_unreachable),
                TEST(test_mastered_elsewhere),
                TEST(test_refusals),
                TEST(test_concurrency),
                TEST(test_password),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph faults", tests, NULL, NULL);
}
