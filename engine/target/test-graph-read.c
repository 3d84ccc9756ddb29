/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/test-script.h"

#include <string.h>

#define ADA   "0a0a0a0a-0000-4000-8000-00000000000a"
#define EVE   "0e0e0e0e-0000-4000-8000-00000000000e"
#define GROUP "0b0b0b0b-0000-4000-8000-00000000000b"

typedef struct Kept Kept;

struct Kept {
        ObjectSink sink;
        TargetObject object;
        unsigned n_objects;
        size_t n_links, n_calls;
        int stop;
        char attribute[32];
};

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        Kept *k = (Kept *)sink;

        k->object = *o;
        ++k->n_objects;
        return 0;
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n)
{
        Kept *k = (Kept *)sink;

        snprintf(k->attribute, sizeof(k->attribute), "%s", attribute);
        k->n_links += n;
        ++k->n_calls;
        return k->stop;
}

static int fetch(Script *s, const char *type, MatchBy by, const char *value, const char *attribute, Kept *k)
{
        const char *names[] = { "displayName", attribute };
        Match m = {
                .type = type, .by = by, .value = value, .attributes = names, .n_attributes = attribute ? 2 : 1
        };

        *k = (Kept){ .sink = { .object = on_object, .links = on_links }, .stop = k->stop };
        return target_fetch(s->target, script_call(s), &m, &k->sink, &s->diag);
}

static void test_look_ups(void **state)
{
        Script *s = *state;
        const char *one = "{\"id\":\"" ADA "\",\"displayName\":\"Ada\"}";
        Kept k = { 0 };

        SCRIPT(s, { .method = "GET",
                    .url = "/users/" ADA "?$select=id,onPremisesSyncEnabled,displayName",
                    .status = 200,
                    .body = one });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, NULL, &k), 0);
        assert_string_equal(object_text(k.object.object, "displayName"), "Ada");
        SCRIPT(s, { .method = "GET", .url = "/users/o%27neil%40x.test?*", .status = 200, .body = one });
        assert_int_equal(fetch(s, "user", MATCH_UPN, "o'neil@x.test", NULL, &k), 0);
        SCRIPT(s,
               { .method = "GET", .url = "/users('%24o%27%27neil%40x.test')?*", .status = 200, .body = one });
        assert_int_equal(fetch(s, "user", MATCH_UPN, "$o'neil@x.test", NULL, &k), 0);
        SCRIPT(s, { .method = "GET",
                    .url = "/users?$filter=onPremisesImmutableId%20eq%20'a%2Bb%2F%3D%3D'&$select=*",
                    .status = 200,
                    .body = "{\"value\":[{\"id\":\"" ADA "\"}]}" });
        assert_int_equal(fetch(s, "user", MATCH_ANCHOR, "a+b/==", NULL, &k), 0);
        SCRIPT(s, { .method = "GET",
                    .url = "/groups(uniqueName='a%2Bb%2F%3D%3D')?*",
                    .status = 404,
                    .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}" });
        assert_int_equal(fetch(s, "group", MATCH_ANCHOR, "a+b/==", NULL, &k), TARGET_E_NOT_FOUND);
        assert_int_equal(k.n_objects, 0);
        SCRIPT(s, { .method = "GET",
                    .url = "/groups?$filter=onPremisesSecurityIdentifier%20eq%20'S-1-5-21-7'&$select=*",
                    .status = 200,
                    .body = "{\"value\":[]}" });
        assert_int_equal(fetch(s, "group", MATCH_SID, "S-1-5-21-7", NULL, &k), TARGET_E_NOT_FOUND);
        SCRIPT(s, { .method = "GET",
                    .url = "/users?$filter=mail%20eq%20'a%40x'%20or%20proxyAddresses/"
                           "any(p:p%20eq%20'smtp:a%40x')&*",
                    .status = 200,
                    .body = "{\"value\":[{\"id\":\"" ADA "\"},{\"id\":\"" EVE "\"}]}" });
        assert_int_equal(fetch(s, "user", MATCH_MAIL, "a@x", NULL, &k), TARGET_E_AMBIGUOUS);
        assert_non_null(strstr(diag_text(&s->diag), ADA ", " EVE));
        SCRIPT(s, { .method = "GET", .url = "/users?*", .status = 200, .body = "{\"value\":[]}" });
        assert_int_equal(fetch(s, "user", MATCH_ANCHOR, "x", NULL, &k), TARGET_E_NOT_FOUND);
        script_done(s);
        s->n_requests = 0;
        assert_int_equal(fetch(s, "group", MATCH_UPN, "x@y", NULL, &k), TARGET_E_NOT_FOUND);
        assert_int_equal(fetch(s, "user", MATCH_ID, "../admin", NULL, &k), TARGET_E_NOT_FOUND);
        assert_int_equal(fetch(s, "user", MATCH_UPN, "", NULL, &k), TARGET_E_NOT_FOUND);
        assert_int_equal(s->n_requests, 0);
}

/* "A page of results may contain zero or more results" (paging). */
static void test_pages_of_a_filter(void **state)
{
        static const char empty[] = "{\"value\":[],\"@odata.nextLink\":\"" SCRIPT_BASE "/users?page=2\"}";
        static const char ada[] =
                "{\"value\":[{\"id\":\"" ADA "\"}],\"@odata.nextLink\":\"" SCRIPT_BASE "/users?page=3\"}";
        Script *s = *state;
        Kept k = { 0 };

        SCRIPT(s, { .method = "GET", .url = "/users?$filter*", .status = 200, .body = empty },
               { .method = "GET",
                 .url = "/users?page=2",
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"" ADA "\"}]}" });
        assert_int_equal(fetch(s, "user", MATCH_ANCHOR, "x", NULL, &k), 0);
        script_done(s);
        assert_int_equal(k.n_objects, 1);
        SCRIPT(s, { .method = "GET", .url = "/users?$filter*", .status = 200, .body = ada },
               { .method = "GET",
                 .url = "/users?page=3",
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"" EVE "\"}]}" });
        assert_int_equal(fetch(s, "user", MATCH_MAIL, "x", NULL, &k), TARGET_E_AMBIGUOUS);
        SCRIPT(s, { .method = "GET", .url = "/users?$filter*", .status = 200, .body = empty },
               { .method = "GET", .url = "/users?page=2", .status = 200, .body = empty });
        assert_int_equal(fetch(s, "user", MATCH_ANCHOR, "x", NULL, &k), TARGET_E_GARBAGE);
        /* A list that is not there says nothing about who is in it. */
        SCRIPT(s, { .method = "GET",
                    .url = "/users?$filter*",
                    .status = 404,
                    .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}" });
        assert_int_equal(fetch(s, "user", MATCH_ANCHOR, "x", NULL, &k), TARGET_E_GARBAGE);
        script_done(s);
}

static void test_manager(void **state)
{
        Script *s = *state;
        Kept k = { 0 };

        SCRIPT(s,
               { .method = "GET",
                 .url = "/users/" ADA
                        "?$select=id,onPremisesSyncEnabled,displayName&$expand=manager($select=id)",
                 .status = 200,
                 .body = "{\"id\":\"" ADA
                         "\",\"manager\":{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"" EVE "\"}}" });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, "manager", &k), 0);
        assert_int_equal(k.n_links, 1);
        assert_string_equal(k.attribute, "manager");
        SCRIPT(s, { .method = "GET", .url = "/users/*", .status = 200, .body = "{\"id\":\"" ADA "\"}" });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, "manager", &k), 0);
        assert_int_equal(k.n_links, 0);
        SCRIPT(s, { .method = "GET",
                    .url = "/users/*",
                    .status = 200,
                    .body = "{\"id\":\"" ADA "\",\"manager\":{}}" });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, "manager", &k), TARGET_E_GARBAGE);
}

#define GROUP_STEP                                                            \
        {                                                                     \
                .method = "GET", .url = "/groups/" GROUP "?*", .status = 200, \
                .body = "{\"id\":\"" GROUP "\"}"                              \
        }
#define FIRST_PAGE "/groups/" GROUP "/members?$select=id&$top=999"

static void test_pages(void **state)
{
        Script *s = *state;
        Kept k = { 0 };

        SCRIPT(s, GROUP_STEP,
               { .method = "GET",
                 .url = FIRST_PAGE,
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"" ADA "\"},{\"id\":\"" EVE
                         "\"}],\"@odata.nextLink\":\"" SCRIPT_BASE "/next?page=2\"}" },
               { .method = "GET",
                 .url = "/next?page=2",
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"" GROUP "\"}]}" });
        assert_int_equal(fetch(s, "group", MATCH_ID, GROUP, "member", &k), 0);
        script_done(s);
        assert_int_equal(k.n_links, 3);
        assert_int_equal(k.n_calls, 2);
        assert_int_equal(s->call.n_reads, 3);

        k.stop = 1; /* enough after the first page */
        SCRIPT(s, GROUP_STEP,
               { .method = "GET",
                 .url = FIRST_PAGE,
                 .status = 200,
                 .body = "{\"value\":[{\"id\":\"" ADA "\"}],\"@odata.nextLink\":\"" SCRIPT_BASE "/next\"}" });
        assert_int_equal(fetch(s, "group", MATCH_ID, GROUP, "member", &k), 0);
        script_done(s);
}

static void test_pages_garbage(void **state)
{
        static const char *const bodies[] = {
                "{\"value\":[],\"@odata.nextLink\":\"https://evil.test/v1.0/next\"}",
                "{\"value\":[],\"@odata.nextLink\":\"https://graph.test.evil.test/v1.0/next\"}",
                "{\"value\":[],\"@odata.nextLink\":\"http://graph.test/v1.0/next\"}",
                "{\"value\":[],\"@odata.nextLink\":\"https://graph.test@evil.test/\"}",
                "{\"value\":[],\"@odata.nextLink\":7}",
                "{\"value\":[],\"@odata.nextLink\":null}",
                "{\"value\":[{\"id\":\"x\"}]}",
                "{\"value\":{}}",
                "{}",
        };
        Script *s = *state;

        for (size_t i = 0; i < N_ELEMENTS(bodies); ++i) {
                Kept k = { 0 };

                SCRIPT(s, GROUP_STEP,
                       { .method = "GET", .url = FIRST_PAGE, .status = 200, .body = bodies[i] });
                if (fetch(s, "group", MATCH_ID, GROUP, "member", &k) != TARGET_E_GARBAGE)
                        fail_msg("%s", bodies[i]);
                script_done(s);
        }
}

static void test_ends(void **state)
{
        static const struct {
                ScriptStep step;
                int end;
        } cases[] = {
                { { .status = 200, .body = "<html>", .content_type = "text/html" }, TARGET_E_GARBAGE },
                { { .status = 200, .body = "{\"id\":" }, TARGET_E_GARBAGE },
                { { .status = 200 }, TARGET_E_GARBAGE },
                { { .status = 200, .body = "{\"id\":\"" EVE "\"}" }, TARGET_E_GARBAGE }, /* somebody else */
                { { .status = 200, .body = "{\"id\":\"" ADA "\",\"error\":{}}" }, TARGET_E_GARBAGE },
                { { .status = 404, .body = "{\"error\":{\"code\":\"UnknownError\"}}" }, TARGET_E_GARBAGE },
                { { .status = 403, .body = "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}" },
                  TARGET_E_REFUSED },
                { { .status = 500 }, TARGET_E_TRANSIENT },
                { { .status = 429, .retry_after = "1" }, TARGET_E_THROTTLED },
                { { .end = HTTP_LOST }, TARGET_E_TRANSIENT },
                { { .end = HTTP_UNREACHABLE, .unsent = true }, TARGET_E_UNREACHABLE },
                { { .end = HTTP_GARBAGE }, TARGET_E_GARBAGE },
                { { .end = HTTP_HELD, .unsent = true }, TARGET_E_THROTTLED },
                { { .end = HTTP_STOPPED }, TARGET_E_TRANSIENT },
                { { .status = 400, .body = "{\"error\":{\"code\":\"BadRequest\"}}" }, TARGET_E_GARBAGE },
        };
        Script *s = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                ScriptStep step = cases[i].step;
                Kept k = { 0 };
                int r;

                step.method = "GET";
                step.url = "/users/*";
                script_steps(s, &step, 1);
                r = fetch(s, "user", MATCH_ID, ADA, NULL, &k);
                if (r != cases[i].end)
                        fail_msg("case %zu: %d", i, r);
                assert_int_equal(k.n_objects, 0);
                assert_true(diag_any(&s->diag));
        }
}

static void test_info(void **state)
{
        Script *s = *state;
        TargetInfo info, again;
        ScriptStep step = { .method = "GET",
                            .url = "/organization?*",
                            .status = 200,
                            .body = "{\"value\":[{\"id\":\"x\",\"displayName\":\"Contoso\","
                                    "\"onPremisesSyncEnabled\":true,\"verifiedDomains\":"
                                    "[{\"name\":\"contoso.onmicrosoft.com\",\"isInitial\":true},{\"name\":"
                                    "\"contoso.com\"}]}]}" };

        script_steps(s, &step, 1);
        assert_int_equal(target_info(s->target, script_call(s), &info, &s->diag), 0);
        assert_string_equal(info.tenant_name, "Contoso");
        assert_string_equal(info.initial_domain, "contoso.onmicrosoft.com");
        assert_int_equal(info.n_verified_domains, 2);
        assert_string_equal(info.verified_domains[1], "contoso.com");
        assert_true(info.on_premises_sync);
        /* Kept for minutes, then asked again; texts that have not changed stay where they are. */
        assert_int_equal(target_info(s->target, script_call(s), &again, &s->diag), 0);
        s->clock.mono.us += INT64_C(301000000);
        script_steps(s, &step, 1);
        assert_int_equal(target_info(s->target, script_call(s), &again, &s->diag), 0);
        script_done(s);
        assert_ptr_equal(again.tenant_name, info.tenant_name);
        assert_ptr_equal(again.verified_domains, info.verified_domains);
}

/* The header of every answer keeps the budget true. */
static void test_units(void **state)
{
        Script *s = *state;
        Limiter *l = target_graph_limiter(s->target);
        LimiterStats before, after;
        Kept k = { 0 };

        limiter_stats(l, s->clock.mono, &before);
        SCRIPT(s, { .method = "GET",
                    .url = "/users/*",
                    .status = 200,
                    .body = "{\"id\":\"" ADA "\"}",
                    .unit = "5" });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, NULL, &k), 0);
        limiter_stats(l, s->clock.mono, &after);
        assert_in_range(after.used[LIMITER_READ] - before.used[LIMITER_READ], 3900, 4100);
        SCRIPT(s, { .method = "GET",
                    .url = "/users/*",
                    .status = 200,
                    .body = "{\"id\":\"" ADA "\"}",
                    .percentage = "0.95",
                    .scope = "Tenant_Application/Write/a/b" });
        assert_int_equal(fetch(s, "user", MATCH_ID, ADA, NULL, &k), 0);
        limiter_stats(l, s->clock.mono, &after);
        assert_true(after.used[LIMITER_WRITE] > 2000000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, script_setup, script_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_look_ups),      TEST(test_pages_of_a_filter),
                TEST(test_manager),       TEST(test_pages),
                TEST(test_pages_garbage), TEST(test_ends),
                TEST(test_info),          TEST(test_units),
        };

        return cmocka_run_group_tests_name("graph-read", tests, NULL, NULL);
}
