/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/test-script.h"

#include <string.h>

#define GROUP "0b0b0b0b-0000-4000-8000-00000000000b"

static ObjectId id_of(const char *text)
{
        ObjectId id;

        assert_true(guid_parse(text, &id));
        return id;
}

static ObjectId member(size_t i)
{
        char text[64];

        snprintf(text, sizeof(text), "0c0c0c0c-0000-4000-8000-%012zu", i);
        return id_of(text);
}

static int apply(Script *s, const Op *ops, size_t n, OpResult *results)
{
        return target_apply(s->target, script_call(s), ops, n, results, &s->diag);
}

static size_t fill_links(Op *ops, size_t n, OpKind kind)
{
        for (size_t i = 0; i < n; ++i)
                ops[i] = (Op){ .kind = kind,
                               .type = "group",
                               .id = id_of(GROUP),
                               .attribute = "member",
                               .link = member(i) };
        return n;
}

static size_t count_refs(const char *body)
{
        size_t n = 0;

        for (const char *at = body; (at = strstr(at, "/directoryObjects/")); ++at)
                ++n;
        return n;
}

static void test_members_by_twenty(void **state)
{
        Script *s = *state;
        Op ops[45];
        OpResult results[45];
        json_t *body;

        fill_links(ops, 45, OP_LINK);
        SCRIPT(s, { .method = "PATCH", .url = "/groups/" GROUP, .status = 204 },
               { .method = "PATCH", .url = "/groups/" GROUP, .status = 204 },
               { .method = "PATCH", .url = "/groups/" GROUP, .status = 204 });
        assert_int_equal(apply(s, ops, 45, results), 0);
        script_done(s);
        assert_int_equal(count_refs(s->requests[0].body), 20);
        assert_int_equal(count_refs(s->requests[1].body), 20);
        assert_int_equal(count_refs(s->requests[2].body), 5);
        body = script_body(&s->requests[2]);
        assert_string_equal(json_string_value(json_array_get(json_object_get(body, "members@odata.bind"), 4)),
                            SCRIPT_BASE "/directoryObjects/0c0c0c0c-0000-4000-8000-000000000044");
        json_decref(body);
}

static void test_removals(void **state)
{
        Script *s = *state;
        Op ops[3];
        OpResult results[3];

        fill_links(ops, 3, OP_UNLINK);
        SCRIPT(s,
               { .method = "DELETE",
                 .url = "/groups/" GROUP "/members/0c0c0c0c-0000-4000-8000-000000000000/$ref",
                 .status = 204 },
               { .method = "DELETE",
                 .url = "/groups/" GROUP "/members/0c0c0c0c-0000-4000-8000-000000000001/$ref",
                 .status = 404,
                 .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":\"gone\"}}" },
               { .method = "DELETE",
                 .url = "/groups/" GROUP "/members/0c0c0c0c-0000-4000-8000-000000000002/$ref",
                 .status = 204 });
        assert_int_equal(apply(s, ops, 3, results), 0);
        script_done(s);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_UNCHANGED);
        assert_int_equal(results[2].state, OP_DONE);
}

/* A service that knows who is a member already and who exists, and answers without naming anybody. */
static bool is_member[64], is_missing[64], names;

static void answer_bind(Script *s, HttpRequest *r, const ScriptRequest *kept)
{
        bool already = false, missing = false;
        size_t which = 0;

        if (strcmp(kept->method, "GET") == 0) {
                script_reply(r, 200, "{\"id\":\"" GROUP "\"}");
                return;
        }
        for (const char *at = kept->body; (at = strstr(at, "-8000-")); ++at) {
                size_t i = strtoul(at + 6, NULL, 10);

                if (strncmp(at - 18, "0c0c0c0c", 8) != 0)
                        continue;
                already |= is_member[i];
                missing |= is_missing[i];
                if (is_missing[i])
                        which = i;
        }
        if (missing) {
                script_reply(r, 404,
                             arena_printf(s->arena,
                                          "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":"
                                          "\"Resource '%s%012zu' does not exist\"}}",
                                          names ? "0c0c0c0c-0000-4000-8000-" : "", which));
                return;
        }
        if (already) {
                script_reply(r, 400,
                             "{\"error\":{\"code\":\"Request_BadRequest\",\"message\":\"One or more added "
                             "object references "
                             "already exist for the following modified properties: 'members'.\"}}");
                return;
        }
        for (const char *at = kept->body; (at = strstr(at, "-8000-")); ++at)
                is_member[strtoul(at + 6, NULL, 10)] = true;
        script_reply(r, 204, NULL);
}

static size_t take_apart(Script *s, size_t n, size_t n_already, size_t n_missing, uint64_t seed)
{
        Op ops[64];
        OpResult results[64];

        memset(is_member, 0, sizeof(is_member));
        memset(is_missing, 0, sizeof(is_missing));
        for (size_t i = 0; i < n_already + n_missing;) {
                size_t k;

                seed = seed * UINT64_C(6364136223846793005) + 1;
                k = (seed >> 33) % n;
                if (is_member[k] || is_missing[k])
                        continue;
                *(i < n_already ? &is_member[k] : &is_missing[k]) = true;
                ++i;
        }
        fill_links(ops, n, OP_LINK);
        s->answer = answer_bind;
        s->n_requests = 0;
        assert_int_equal(apply(s, ops, n, results), 0);
        for (size_t i = 0; i < n; ++i) {
                assert_true(is_member[i] != is_missing[i]);
                if (is_missing[i])
                        assert_int_equal(results[i].state, OP_REFERENCE_MISSING);
                n_already -= results[i].state == OP_UNCHANGED;
                n_missing -= results[i].state == OP_REFERENCE_MISSING;
        }
        assert_int_equal(n_already, 0);
        assert_int_equal(n_missing, 0);
        return s->n_requests;
}

static void test_take_apart(void **state)
{
        Script *s = *state;

        names = false;
        assert_int_equal(take_apart(s, 20, 0, 0, 1), 1);
        assert_in_range(take_apart(s, 20, 1, 0, 2), 3, 11);
        assert_in_range(take_apart(s, 20, 0, 1, 3), 3, 12); /* one look at the group among them */
        assert_in_range(take_apart(s, 20, 20, 0, 4), 39, 39);
        for (uint64_t seed = 1; seed < 60; ++seed)
                take_apart(s, 1 + seed % 50, seed % 3 % (1 + seed % 50), 0, seed);
        for (uint64_t seed = 100; seed < 160; ++seed)
                take_apart(s, 10 + seed % 40, seed % 4, seed % 5, seed);
        names = true; /* the answer says which one: no halving */
        assert_in_range(take_apart(s, 20, 0, 1, 5), 3, 3);
}

static void answer_bind_all(Script *s, HttpRequest *r, const ScriptRequest *kept)
{
        script_reply(r, 204, NULL);
}

static void answer_gone(Script *s, HttpRequest *r, const ScriptRequest *kept)
{
        script_reply(r, 404, "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":\"no\"}}");
}

static void test_group_gone(void **state)
{
        Script *s = *state;
        Op ops[20];
        OpResult results[20];

        fill_links(ops, 20, OP_LINK);
        s->answer = answer_gone;
        assert_int_equal(apply(s, ops, 20, results), TARGET_E_REJECTED);
        assert_int_equal(s->n_requests, 2);
        assert_int_equal(results[0].state, OP_FAILED);
        assert_string_equal(results[19].code, "ObjectNotFound");
}

/* Asked after each answer; from the n-th time on something newer waits. */
static bool gives_way(void *context)
{
        size_t *left = context;

        return *left == 0 || --*left == 0;
}

/* What is under way comes to its end, the rest is certainly without effect. The last request ends as ever. */
static void test_gives_way(void **state)
{
        Script *s = *state;
        static Op ops[1000];
        static OpResult results[1000];
        size_t left = 3, n_done = 0;
        Call *call;

        fill_links(ops, 1000, OP_LINK);
        s->answer = answer_bind_all;
        call = script_call(s);
        call->gives_way = gives_way;
        call->context = &left;
        assert_int_equal(target_apply(s->target, call, ops, 1000, results, &s->diag), TARGET_E_OVERTAKEN);
        assert_in_range(s->n_requests, 3, 3 + GRAPH_WINDOW);
        for (size_t i = 0; i < 1000; ++i) {
                assert_true(results[i].state == OP_DONE || results[i].state == OP_NOT_SENT);
                n_done += results[i].state == OP_DONE;
        }
        assert_int_equal(n_done, s->n_requests * GRAPH_BIND_MAX);

        left = 1;
        s->n_requests = 0;
        call = script_call(s);
        call->gives_way = gives_way;
        call->context = &left;
        assert_int_equal(target_apply(s->target, call, ops, 20, results, &s->diag), 0);
        assert_int_equal(s->n_requests, 1);
        assert_int_equal(left, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, script_setup, script_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_members_by_twenty), TEST(test_removals),  TEST(test_take_apart),
                TEST(test_group_gone),        TEST(test_gives_way),
        };

        return cmocka_run_group_tests_name("graph-links", tests, NULL, NULL);
}
