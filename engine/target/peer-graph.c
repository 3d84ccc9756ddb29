/* SPDX-License-Identifier: Apache-2.0 */

/*
 * target-graph against everything that can go wrong between it and the service: each fault ends in its named
 * condition, nothing is sent twice, nothing leaves inside a hold.
 */

#include "engine/target/peer.h"

#include "base/str.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static size_t count_token_requests(Peer *p)
{
        return peer_count_requests(p, "POST", "/oauth2/v2.0/token", false);
}

/* A 429 in every form: held for exactly so long, only the scope, and nothing leaves meanwhile. */
static void throttle(Peer *p, const char *retry_after, int64_t least_us, int64_t most_us)
{
        ObjectId id = peer_create_user(p, "ada");
        int64_t wait;

        peer_fault(arena_printf(p->arena,
                                "{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":429%s%s}}",
                                retry_after ? ",\"retry_after\":" : "", retry_after ? retry_after : ""));
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_int_equal(last.state, OP_NOT_SENT);
        assert_int_equal(last.http_status, 429);
        assert_string_equal(last.code, "Throttled");
        wait = p->call.retry_at.us - clock_mono(&clock_system).us;
        assert_in_range(wait, least_us, most_us);
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_int_equal(last.http_status, 0);
        assert_in_range(target_take(p->target, LANE_URGENT, clock_mono(&clock_system)), 1, most_us);
        assert_end(p, fetch(p, &id), 0); /* reads have limits of their own */
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 1);
        assert_int_equal(peer_hold_violations(), 0);
}

static void test_429_seconds(void **state)
{
        throttle(*state, "30", 28000000, 30000000);
}

static void test_429_fraction(void **state)
{
        throttle(*state, "\"12.128\"", 11000000, 12128000);
}

static void test_429_date(void **state)
{
        throttle(*state, "\"date:60\"", 58000000, 61000000);
}

static void test_429_without(void **state)
{
        throttle(*state, NULL, 298000000, 300000000);
}

static void test_429_nonsense(void **state)
{
        throttle(*state, "\"soon\"", 298000000, 300000000);
}

/* A short hold is sat out in place; the write arrives once. */
static void test_429_retried(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        peer_restart(p, true);
        peer_fault("{\"method\":\"PATCH\",\"count\":2,\"action\":{\"status\":429,\"retry_after\":\"0.2\"}}");
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(last.state, OP_DONE);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 3);
        assert_int_equal(peer_hold_violations(), 0);
}

/* One that waits shortly in the queue of the HTTP thread leaves when the hold has ended. */
static void test_429_waits_in_place(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":429,\"retry_after\":\"0.3\"}}");
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(peer_hold_violations(), 0);
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
                     op_set_bool("group", NULL, "mailEnabled", false),
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

static void test_401_in_mid_run(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        assert_int_equal(count_token_requests(p), 1);
        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":401,\"code\":"
                   "\"InvalidAuthenticationToken\"}}");
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(last.state, OP_DONE);
        assert_int_equal(count_token_requests(p), 2);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", true), 1);

        peer_fault(
                "{\"method\":\"PATCH\",\"action\":{\"status\":401,\"code\":\"InvalidAuthenticationToken\"}}");
        assert_end(p, set_title(p, &id), TARGET_E_REFUSED);
        assert_int_equal(last.state, OP_NOT_SENT);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 4);
        no_faults();
}

static void test_secret(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        json_decref(peer_admin_call("POST", "/app", "{\"secret\":\"another one\"}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "the client secret is wrong"));
        assert_null(strstr(diag_text(&p->diag), "a secret + with & signs"));

        json_decref(peer_admin_call("POST", "/app", "{\"secret_expired\":true}"));
        peer_restart(p, false);
        assert_end(p, set_title(p, &id), TARGET_E_REFUSED);
        assert_int_equal(last.state, OP_NOT_SENT);

        json_decref(peer_admin_call("POST", "/app",
                                    "{\"secret\":\"a secret + with & signs\",\"secret_expired\":false}"));
        assert_int_equal(chmod(p->secret_file, 0640), 0);
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "mode 0640"));
        assert_int_equal(chmod(p->secret_file, 0600), 0);
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), 0);
}

/* Credentials are tried in order: the first file is not there, the second is right. */
static void test_second_credential(void **state)
{
        Peer *p = *state;
        GraphCredential credentials[] = { { .secret_file = "/nonexistent/secret" },
                                          { .secret_file = p->secret_file } };
        ObjectId id;

        p->options.credentials = (ConfigList){ .items = credentials, .n_items = 2 };
        peer_restart(p, false);
        id = peer_create_user(p, "ada");
        assert_end(p, fetch(p, &id), 0);
        p->options.credentials = (ConfigList){ .items = &p->credential, .n_items = 1 };
        peer_restart(p, false);
}

static void test_token_faults(void **state)
{
        static const struct {
                const char *action;
                int end;
        } cases[] = {
                { "{\"status\":503}", TARGET_E_TRANSIENT },
                { "{\"status\":429,\"retry_after\":1}", TARGET_E_TRANSIENT },
                { "{\"reset\":\"before\"}", TARGET_E_TRANSIENT },
                { "{\"reset\":\"after\"}", TARGET_E_TRANSIENT },
                { "{\"html\":true}", TARGET_E_GARBAGE },
                { "{\"garbage\":true}", TARGET_E_GARBAGE },
                { "{\"status\":200,\"body\":\"{\\\"access_token\\\":\\\"a\\\\r\\\\nX: "
                  "y\\\",\\\"token_type\\\":\\\"Bearer\\\","
                  "\\\"expires_in\\\":3599}\"}",
                  TARGET_E_GARBAGE },
        };
        Peer *p = *state;
        PeerSink sink = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                int r;

                peer_restart(p, false);
                peer_fault(arena_printf(p->arena, "{\"path\":\"/*/oauth2/*\",\"count\":1,\"action\":%s}",
                                        cases[i].action));
                r = peer_fetch(p, "user", MATCH_UPN, "ada@corp.contoso.test", &sink);
                if (r != cases[i].end)
                        fail_msg("%s: %d: %s", cases[i].action, r, diag_text(&p->diag));
        }
}

static void test_consent_withdrawn(void **state)
{
        Peer *p = *state;
        ObjectId ids[3] = { peer_create_user(p, "a"), peer_create_user(p, "b"), peer_create_user(p, "c") };
        OpResult result;

        json_decref(peer_admin_call("POST", "/app", "{\"roles\":[\"User.Read.All\"]}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &ids[0]), 0);
        /* One refusal may be one protected person. Three in a row are not. */
        assert_end(p, set_title(p, &ids[0]), TARGET_E_REJECTED);
        assert_string_equal(last.code, "InsufficientPrivileges");
        assert_end(p, set_title(p, &ids[0]), TARGET_E_REJECTED);
        assert_end(p, set_title(p, &ids[1]), TARGET_E_REJECTED);
        assert_end(p, set_title(p, &ids[2]), TARGET_E_REFUSED);
        assert_end(p, create(p, "d", &result), TARGET_E_REFUSED);
        json_decref(peer_admin_call("POST", "/app", "{\"roles\":[]}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &ids[0]), TARGET_E_REFUSED);
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

/* In the middle of a long list the service wants a pause: what is done is done, the rest is not sent. */
static void test_throttled_in_the_middle(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "g");
        size_t n_done = 0, n_not_sent = 0;
        PeerSink sink = { 0 };
        OpResult results[200];
        Op ops[200];

        for (size_t i = 0; i < 200; ++i) {
                ObjectId user = peer_create_user(p, arena_printf(p->arena, "u%zu", i));

                ops[i] = op_link("group", &group, "member", &user);
        }
        peer_fault("{\"method\":\"PATCH\",\"after\":3,\"action\":{\"status\":429,\"retry_after\":100}}");
        assert_end(p, peer_apply(p, ops, 200, results), TARGET_E_THROTTLED);
        for (size_t i = 0; i < 200; ++i) {
                n_done += results[i].state == OP_DONE;
                n_not_sent += results[i].state == OP_NOT_SENT;
        }
        assert_int_equal(n_done, 60);
        assert_int_equal(n_not_sent, 140);
        no_faults();
        assert_end(p, peer_fetch_id(p, "group", &group, &sink), 0);
        assert_int_equal(sink.n_members, 60);
        assert_int_equal(peer_hold_violations(), 0);
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
        assert_int_equal(count_token_requests(p), 1);
}

/* The published limits, time scaled: whoever keeps to them is never refused. */
static void test_published_limits(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];
        json_t *health;
        size_t n_good = 0;

        p->options.limits.published = true;
        p->options.limits.time_scale = 100;
        p->options.limits.urgent_reserve = 0;
        peer_restart(p, false);
        plant_users(p, THREADS);
        json_decref(peer_admin_call("POST", "/limits",
                                    "{\"enabled\":true,\"tenant_size\":\"S\",\"time_scale\":100}"));
        run_workers(p, workers, 300, true);
        for (size_t i = 0; i < THREADS; ++i)
                n_good += workers[i].n_good;
        health = peer_admin_call("GET", "/health", NULL);
        assert_int_equal(json_integer_value(json_object_get(health, "throttled")), 0);
        assert_int_equal(json_integer_value(json_object_get(health, "hold_violations")), 0);
        assert_int_equal(n_good, 300 * THREADS);
        json_decref(health);
}

/* Somebody else takes half: no storm of refusals, and never a request inside a hold. */
static void test_shared_limits(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];
        json_t *health;

        p->options.limits.published = true;
        p->options.limits.time_scale = 100;
        p->options.limits.urgent_reserve = 0;
        peer_restart(p, false);
        plant_users(p, THREADS);
        json_decref(peer_admin_call("POST", "/limits",
                                    "{\"enabled\":true,\"tenant_size\":\"S\",\"time_scale\":100,"
                                    "\"other_share\":0.5}"));
        run_workers(p, workers, 300, true);
        health = peer_admin_call("GET", "/health", NULL);
        if (json_integer_value(json_object_get(health, "throttled")) > 4)
                fail_msg("%d refusals", (int)json_integer_value(json_object_get(health, "throttled")));
        assert_int_equal(json_integer_value(json_object_get(health, "hold_violations")), 0);
        json_decref(health);
}

/* A stop in the middle of everything: all calls end, nothing hangs. */
static void test_stop_under_load(void **state)
{
        Peer *p = *state;
        Worker workers[THREADS];

        plant_users(p, THREADS);
        peer_fault("{\"method\":\"PATCH\",\"action\":{\"delay_ms\":2000}}");
        for (size_t i = 0; i < THREADS; ++i) {
                workers[i] = (Worker){ .p = p, .number = i, .n = 1 };
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        /* The journal answers when the first have arrived. */
        json_decref(peer_admin_call("GET", "/journal?method=PATCH&min=1&wait_ms=5000", NULL));
        target_stop(p->target);
        for (size_t i = 0; i < THREADS; ++i) {
                pthread_join(workers[i].thread, NULL);
                assert_int_equal(workers[i].n_good, 0);
        }
        no_faults();
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
                TEST(test_429_seconds),
                TEST(test_429_fraction),
                TEST(test_429_date),
                TEST(test_429_without),
                TEST(test_429_nonsense),
                TEST(test_429_retried),
                TEST(test_429_waits_in_place),
                TEST(test_5xx),
                TEST(test_5xx_retried),
                TEST(test_lost_create),
                TEST(test_reset_before),
                TEST(test_lost_group),
                TEST(test_nonsense),
                TEST(test_next_link),
                TEST(test_pages),
                TEST(test_401_in_mid_run),
                TEST(test_secret),
                TEST(test_second_credential),
                TEST(test_token_faults),
                TEST(test_consent_withdrawn),
                TEST(test_deadline),
                TEST(test_unreachable),
                TEST(test_mastered_elsewhere),
                TEST(test_refusals),
                TEST(test_concurrency),
                TEST(test_throttled_in_the_middle),
                TEST(test_one_renewal),
                TEST(test_published_limits),
                TEST(test_shared_limits),
                TEST(test_stop_under_load),
                TEST(test_password),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph faults", tests, NULL, NULL);
}
