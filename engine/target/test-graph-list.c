/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-tenant.h"
#include "engine/target/test-script.h"

#define DELTA      "/users/delta?$deltatoken=abc"
#define NEXT       "/users/delta?$skiptoken=def"
#define ERROR(c)   "{\"error\":{\"code\":\"" c "\",\"message\":\"Somehow.\"}}"
#define LINK(n, u) "{\"value\":[],\"@odata." n "\":\"" SCRIPT_BASE u "\"}"

static int on_object(void *context, const TargetObject *o, const ObjectId *manager)
{
        return 0;
}

static int changes(Script *s, const char *link, const char **ret_link)
{
        const char *names[] = { "displayName" };
        const TenantList list = {
                .type = "user",
                .attributes = names,
                .n_attributes = 1,
                .object = on_object,
        };

        diag_clear(&s->diag);
        return graph_tenant_changes(s->target, LANE_RECONCILE, &list, link, s->arena, ret_link, &s->diag);
}

/* Whatever a request with a token is refused for: it is begun anew. Without one there is nothing to begin. */
static void test_token_gone(void **state)
{
        static const struct {
                int status;
                const char *body;
                int with, without;
        } cases[] = {
                { 410, ERROR("resyncRequired"), TARGET_E_NOT_FOUND, TARGET_E_NOT_FOUND },
                { 410, "gone", TARGET_E_NOT_FOUND, TARGET_E_NOT_FOUND },
                { 400, ERROR("syncStateNotFound"), TARGET_E_NOT_FOUND, TARGET_E_GARBAGE },
                { 400, ERROR("Request_BadRequest"), TARGET_E_NOT_FOUND, TARGET_E_GARBAGE },
                { 404, ERROR("SyncStateInvalid"), TARGET_E_NOT_FOUND, TARGET_E_GARBAGE },
                /* Of the caller, or of somebody in between. */
                { 400, "<html>", TARGET_E_GARBAGE, TARGET_E_GARBAGE },
                { 403, ERROR("Authorization_RequestDenied"), TARGET_E_REFUSED, TARGET_E_REFUSED },
                { 503, ERROR("ServiceNotAvailable"), TARGET_E_TRANSIENT, TARGET_E_TRANSIENT },
        };
        Script *s = *state;
        const char *link;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const ScriptStep with = {
                        .method = "GET", .url = DELTA, .status = cases[i].status, .body = cases[i].body
                };
                ScriptStep first = with, pages[2] = { { .method = "GET",
                                                        .url = "/users/delta?$select=*",
                                                        .status = 200,
                                                        .body = LINK("nextLink", NEXT) },
                                                      with };

                first.url = "/users/delta?$select=*";
                pages[1].url = NEXT;
                script_steps(s, &with, 1);
                assert_int_equal(changes(s, SCRIPT_BASE DELTA, &link), cases[i].with);
                script_done(s);
                script_steps(s, &first, 1);
                assert_int_equal(changes(s, NULL, &link), cases[i].without);
                script_done(s);
                script_steps(s, pages, 2);
                assert_int_equal(changes(s, NULL, &link), cases[i].with);
                script_done(s);
        }
}

static void test_changes(void **state)
{
        Script *s = *state;
        const char *link = NULL;

        SCRIPT(s,
               { .method = "GET",
                 .url = "/users/delta?$select=*",
                 .status = 200,
                 .body = LINK("nextLink", NEXT) },
               { .method = "GET", .url = NEXT, .status = 200, .body = LINK("deltaLink", DELTA) });
        assert_int_equal(changes(s, NULL, &link), 0);
        script_done(s);
        assert_string_equal(link, SCRIPT_BASE DELTA);
        /* A link of another host is not followed. */
        assert_int_equal(changes(s, "https://elsewhere.test/v1.0" DELTA, &link), TARGET_E_NOT_FOUND);
        SCRIPT(s, { .method = "GET",
                    .url = DELTA,
                    .status = 200,
                    .body = "{\"value\":[],\"@odata.deltaLink\":\"https://elsewhere.test/v1.0\"}" });
        assert_int_equal(changes(s, SCRIPT_BASE DELTA, &link), TARGET_E_GARBAGE);
        script_done(s);
}

/* What people read has no link in it, and no token of one. */
static void test_words(void **state)
{
        Script *s = *state;
        const char *link;

        SCRIPT(s, { .method = "GET", .url = DELTA, .status = 503 });
        assert_int_equal(changes(s, SCRIPT_BASE DELTA, &link), TARGET_E_TRANSIENT);
        assert_string_equal(diag_text(&s->diag), "Microsoft Graph: GET /users/delta?$deltatoken=...: "
                                                 "503 not available (request-id request-id)");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, script_setup, script_teardown)
        const struct CMUnitTest tests[] = { TEST(test_token_gone), TEST(test_changes), TEST(test_words) };

        return cmocka_run_group_tests_name("graph-list", tests, NULL, NULL);
}
