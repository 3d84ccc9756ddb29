/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/test-script.h"

#include <string.h>

#define ADA   "0a0a0a0a-0000-4000-8000-00000000000a"
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

static const char *text_at(const json_t *json, const char *key)
{
        return json_string_value(json_object_get(json, key));
}

static void check_password(const json_t *body, char *ret, size_t size)
{
        const json_t *profile = json_object_get(body, "passwordProfile");
        const char *password = text_at(profile, "password");

        assert_non_null(password);
        assert_true(strlen(password) >= 32);
        assert_true(strpbrk(password, "0123456789") && strpbrk(password, "ABCDEFGHJKLMNPQRSTUVWXYZ") &&
                    strpbrk(password, "abcdefghijkmnopqrstuvwxyz"));
        assert_true(json_is_true(json_object_get(profile, "forceChangePasswordNextSignIn")));
        snprintf(ret, size, "%s", password);
}

static void test_create_user(void **state)
{
        Script *s = *state;
        Op ops[] = {
                { .kind = OP_CREATE,
                  .type = "user",
                  .anchor = "YW5jaG9y",
                  .request_id = "0d0d0d0d-0000-4000-8000-00000000000d" },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "userPrincipalName",
                  .value = value_string("ada.l@corp.test") },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "displayName",
                  .value = value_string("Ada \"Countess\" L\xc3\xb6velace") },
                { .kind = OP_SET, .type = "user", .attribute = "accountEnabled", .value = value_bool(true) },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "telephoneNumber",
                  .value = value_string("+44 1") },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "extensionAttribute7",
                  .value = value_string("seven") },
                { .kind = OP_SET, .type = "user", .attribute = "company", .value = value_string("   ") },
                { .kind = OP_SET, .type = "user", .attribute = "pager", .value = value_string("x") },
                { .kind = OP_SET, .type = "user", .attribute = "alias", .value = value_string("ada.l") },
        };
        OpResult results[N_ELEMENTS(ops)];
        char first[64], second[64];
        json_t *body;

        SCRIPT(s, { .method = "POST", .url = "/users", .status = 201, .body = "{\"id\":\"" ADA "\"}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        script_done(s);
        body = script_body(&s->requests[0]);
        assert_string_equal(text_at(body, "onPremisesImmutableId"), "YW5jaG9y");
        assert_string_equal(text_at(body, "userPrincipalName"), "ada.l@corp.test");
        assert_string_equal(text_at(body, "displayName"), "Ada \"Countess\" L\xc3\xb6velace");
        assert_string_equal(text_at(body, "mailNickname"), "ada.l");
        assert_true(json_is_true(json_object_get(body, "accountEnabled")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(body, "businessPhones"), 0)),
                            "+44 1");
        assert_string_equal(
                text_at(json_object_get(body, "onPremisesExtensionAttributes"), "extensionAttribute7"),
                "seven");
        assert_true(json_is_null(json_object_get(body, "companyName")));
        assert_null(json_object_get(body, "pager"));
        check_password(body, first, sizeof(first));
        json_decref(body);
        assert_string_equal(script_header(&s->requests[0], "client-request-id"),
                            "0d0d0d0d-0000-4000-8000-00000000000d");
        assert_string_equal(script_header(&s->requests[0], "Authorization"), "Bearer t1");
        assert_string_equal(script_header(&s->requests[0], "Content-Type"), "application/json");
        assert_string_equal(script_header(&s->requests[0], "x-ms-throttle-priority"), "Normal");
        assert_null(script_header(&s->requests[0], "Prefer"));
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[0].http_status, 201);
        assert_true(guid_is(&results[0].id, &(ObjectId){ 0 }) == false);
        assert_int_equal(results[7].state, OP_NOT_WRITABLE);
        assert_int_equal(s->call.n_writes, 1);
        assert_int_equal(s->call.n_request_ids, 1);

        /* A new password for each try. */
        SCRIPT(s, { .method = "POST", .url = "/users", .end = HTTP_LOST });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), TARGET_E_TRANSIENT);
        assert_int_equal(results[0].state, OP_FAILED);
        assert_string_equal(results[0].code, "AnswerLost");
        body = script_body(&s->requests[0]);
        check_password(body, second, sizeof(second));
        json_decref(body);
        assert_string_not_equal(first, second);
}

/* Who signs in elsewhere gets no password, unless the service insists. */
static void test_create_federated(void **state)
{
        Script *s = *state;
        Op ops[] = {
                { .kind = OP_CREATE, .type = "user", .anchor = "YW5jaG9y" },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "userPrincipalName",
                  .value = value_string("ada@FED.test") },
                { .kind = OP_SET, .type = "user", .attribute = "displayName", .value = value_string("Ada") },
                { .kind = OP_SET, .type = "user", .attribute = "accountEnabled", .value = value_bool(true) },
                { .kind = OP_SET, .type = "user", .attribute = "alias", .value = value_string("ada") },
        };
        static const char tenant[] =
                "{\"value\":[{\"id\":\"" ADA "\",\"displayName\":\"T\",\"verifiedDomains\":["
                "{\"name\":\"corp.test\",\"type\":\"Managed\",\"isInitial\":true},"
                "{\"name\":\"fed.test\",\"type\":\"Federated\",\"isInitial\":false}]}]}";
        static const char missing[] =
                "{\"error\":{\"code\":\"Request_BadRequest\",\"message\":\"A value is required for property "
                "'passwordProfile' of resource 'User'.\",\"details\":[{\"code\":\"MissingValue\","
                "\"message\":\"A value is required.\",\"target\":\"passwordProfile\"}]}}";
        OpResult results[N_ELEMENTS(ops)];
        TargetInfo info;
        char password[64];
        json_t *body;

        SCRIPT(s, { .method = "GET", .url = "/organization?*", .status = 200, .body = tenant });
        assert_int_equal(target_info(s->target, script_call(s), &info, &s->diag), 0);
        assert_int_equal(info.n_verified_domains, 2);
        assert_int_equal(info.n_federated_domains, 1);
        assert_string_equal(info.federated_domains[0], "fed.test");

        SCRIPT(s, { .method = "POST", .url = "/users", .status = 201, .body = "{\"id\":\"" ADA "\"}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        script_done(s);
        body = script_body(&s->requests[0]);
        assert_null(json_object_get(body, "passwordProfile"));
        assert_string_equal(text_at(body, "onPremisesImmutableId"), "YW5jaG9y");
        json_decref(body);

        SCRIPT(s, { .method = "POST", .url = "/users", .status = 400, .body = missing },
               { .method = "POST", .url = "/users", .status = 201, .body = "{\"id\":\"" ADA "\"}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        script_done(s);
        assert_int_equal(results[0].state, OP_DONE);
        body = script_body(&s->requests[1]);
        check_password(body, password, sizeof(password));
        json_decref(body);
}

static void test_create_group(void **state)
{
        Script *s = *state;
        Op ops[] = {
                { .kind = OP_CREATE, .type = "group", .anchor = "a/b='c'+" },
                { .kind = OP_SET,
                  .type = "group",
                  .attribute = "displayName",
                  .value = value_string("Pilots & Co. (all)") },
                { .kind = OP_SET, .type = "group", .attribute = "mailEnabled", .value = value_bool(false) },
                { .kind = OP_SET,
                  .type = "group",
                  .attribute = "securityEnabled",
                  .value = value_bool(true) },
                { .kind = OP_SET,
                  .type = "group",
                  .attribute = "sourceAnchor",
                  .value = value_string("a/b='c'+") },
                { .kind = OP_SET, .type = "group", .attribute = "alias", .value = value_string("pilots") },
        };
        OpResult results[N_ELEMENTS(ops)];
        json_t *body;

        SCRIPT(s, { .method = "PATCH",
                    .url = "/groups(uniqueName='a%2Fb%3D%27%27c%27%27%2B')",
                    .status = 201,
                    .body = "{\"id\":\"" GROUP "\"}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        body = script_body(&s->requests[0]);
        assert_string_equal(text_at(body, "mailNickname"), "pilots");
        assert_null(json_object_get(body, "uniqueName"));
        assert_null(json_object_get(body, "passwordProfile"));
        json_decref(body);
        assert_string_equal(script_header(&s->requests[0], "Prefer"), "create-if-missing");

        /* It was there: 204 has no id, so it is asked for. */
        SCRIPT(s, { .method = "PATCH", .url = "/groups(*", .status = 204 },
               { .method = "GET",
                 .url = "/groups(uniqueName='a%2Fb%3D%27%27c%27%27%2B')?$select=id",
                 .status = 200,
                 .body = "{\"id\":\"" GROUP "\"}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        script_done(s);
        assert_true(guid_is(&results[0].id, &(ObjectId){ 0 }) == false);

        /* Graph cannot make mail-enabled ones: said without asking. */
        ops[2].value = value_bool(true);
        SCRIPT(s, { 0 });
        s->n_steps = 0;
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), TARGET_E_REJECTED);
        assert_string_equal(results[0].code, "NotWritableThroughGraph");
}

static void test_update(void **state)
{
        Script *s = *state;
        ObjectId ada = id_of(ADA), boss = member(1);
        Op ops[] = {
                { .kind = OP_SET, .type = "user", .id = ada, .attribute = "title", .value = value_int(7) },
                { .kind = OP_LINK, .type = "user", .id = ada, .attribute = "manager", .link = boss },
                { .kind = OP_UNSET, .type = "user", .id = ada, .attribute = "telephoneNumber" },
                { .kind = OP_UNSET, .type = "user", .id = ada, .attribute = "extensionAttribute1" },
                { .kind = OP_UNSET, .type = "user", .id = ada, .attribute = "mobile" },
                { .kind = OP_UNLINK, .type = "user", .id = ada, .attribute = "manager" },
                { .kind = OP_REVOKE_SESSIONS, .type = "user", .id = ada },
        };
        OpResult results[N_ELEMENTS(ops)];
        json_t *body;

        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 204 },
               { .method = "PUT", .url = "/users/" ADA "/manager/$ref", .status = 204 },
               { .method = "POST",
                 .url = "/users/" ADA "/revokeSignInSessions",
                 .status = 200,
                 .body = "{\"value\":true}" });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), 0);
        script_done(s);
        for (size_t i = 0; i < N_ELEMENTS(ops); ++i)
                assert_int_equal(results[i].state, OP_DONE);
        body = script_body(&s->requests[0]);
        assert_int_equal(json_object_size(body), 4);
        assert_string_equal(text_at(body, "jobTitle"), "7");
        assert_int_equal(json_array_size(json_object_get(body, "businessPhones")), 0);
        assert_true(json_is_array(json_object_get(body, "businessPhones")));
        assert_true(json_is_null(json_object_get(json_object_get(body, "onPremisesExtensionAttributes"),
                                                 "extensionAttribute1")));
        assert_true(json_is_null(json_object_get(body, "mobilePhone")));
        json_decref(body);
        assert_string_equal(s->requests[1].body,
                            "{\"@odata.id\":\"" SCRIPT_BASE "/users/0c0c0c0c-0000-4000-8000-000000000001\"}");
        assert_int_equal(s->call.n_writes, 3);
}

static void test_nothing_to_send(void **state)
{
        Script *s = *state;
        Op op = { .kind = OP_SET,
                  .type = "user",
                  .id = id_of(ADA),
                  .attribute = "proxyAddresses",
                  .value = value_string("x") };
        OpResult result;

        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(result.state, OP_NOT_WRITABLE);
        assert_int_equal(s->n_requests, 0);
}

/* A refused PATCH in which the account was to be turned off: it is turned off all the same. */
static void test_disable_in_company(void **state)
{
        Script *s = *state;
        ObjectId ada = id_of(ADA);
        Op ops[] = {
                { .kind = OP_SET,
                  .type = "user",
                  .id = ada,
                  .attribute = "usageLocation",
                  .value = value_string("XX") },
                { .kind = OP_SET,
                  .type = "user",
                  .id = ada,
                  .attribute = "title",
                  .value = value_string("x") },
                { .kind = OP_SET,
                  .type = "user",
                  .id = ada,
                  .attribute = "accountEnabled",
                  .value = value_bool(false) },
        };
        OpResult results[N_ELEMENTS(ops)];

        SCRIPT(s,
               { .method = "PATCH",
                 .url = "/users/" ADA,
                 .status = 400,
                 .body = "{\"error\":{\"code\":\"Request_BadRequest\",\"message\":\"Invalid "
                         "value\",\"details\":"
                         "[{\"code\":\"InvalidValue\",\"message\":\"m\",\"target\":\"usageLocation\"}]}}" },
               { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), TARGET_E_REJECTED);
        script_done(s);
        assert_int_equal(results[0].state, OP_FAILED);
        assert_string_equal(results[0].code, "DataValidationFailed");
        assert_int_equal(results[1].state, OP_DONE);
        assert_int_equal(results[2].state, OP_DONE);
        assert_string_equal(s->requests[1].body, "{\"jobTitle\":\"x\",\"accountEnabled\":false}");
        assert_string_equal(s->call.error_code, "Request_BadRequest");
        assert_string_equal(s->call.error_text, "Invalid value");
}

static void test_throttled(void **state)
{
        Script *s = *state;
        Op op = { .kind = OP_SET,
                  .type = "user",
                  .id = id_of(ADA),
                  .attribute = "title",
                  .value = value_string("x") };
        Limiter *l = target_graph_limiter(s->target);
        Mono now = s->clock.mono;
        OpResult result;

        SCRIPT(s, { .method = "PATCH",
                    .url = "/users/" ADA,
                    .status = 429,
                    .retry_after = "17",
                    .scope = "Tenant_Application/ReadWrite/a/b" });
        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_THROTTLED);
        assert_int_equal(s->call.retry_at.us, now.us + 17000000);
        assert_int_equal(limiter_held(l, LIMITER_WRITE, now).us, now.us + 17000000);
        assert_int_equal(limiter_held(l, LIMITER_READ, now).us, now.us + 17000000);
        assert_int_equal(result.state, OP_NOT_SENT);
        assert_int_equal(result.http_status, 429);
        assert_true(target_take(s->target, LANE_URGENT, now) > 16000000);

        s->clock.mono.us += 20000000;
        now = s->clock.mono;
        SCRIPT(s, { .method = "PATCH",
                    .url = "/users/" ADA,
                    .status = 429,
                    .scope = "Tenant_Application/Write/a/b" });
        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_THROTTLED);
        assert_int_equal(limiter_held(l, LIMITER_WRITE, now).us, now.us + 300000000);
        assert_int_equal(limiter_held(l, LIMITER_READ, now).us, 0);

        /* "Now" is not how long: who came back at once would be refused at once. */
        s->clock.mono.us += 400000000;
        now = s->clock.mono;
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 429, .retry_after = "0" });
        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_THROTTLED);
        assert_int_equal(s->call.retry_at.us, now.us + 1000000);
        assert_int_equal(limiter_held(l, LIMITER_WRITE, now).us, now.us + 1000000);
}

#define DENIED \
        "{\"error\":{\"code\":\"Authorization_RequestDenied\",\"message\":\"Insufficient privileges\"}}"

/* "If successful, this method returns a 204 No Content response code" (user-update): what says anything else
 * has perhaps not asked Graph. */
static void test_success_of_somebody_else(void **state)
{
        static const ScriptStep answers[] = {
                { .status = 200 },
                { .status = 202 },
                { .status = 200, .body = "{}" },
                { .status = 200, .body = "{\"error\":{\"code\":\"Request_BadRequest\"}}" },
                { .status = 200, .body = "blocked", .content_type = "text/plain" },
        };
        static const struct {
                OpKind kind;
                const char *type, *attribute, *method;
        } writes[] = {
                { OP_SET, "user", "title", "PATCH" },       { OP_LINK, "user", "manager", "PUT" },
                { OP_LINK, "group", "member", "PATCH" },    { OP_UNLINK, "group", "member", "DELETE" },
                { OP_REVOKE_SESSIONS, "user", "", "POST" },
        };
        Script *s = *state;

        for (size_t w = 0; w < N_ELEMENTS(writes); ++w) {
                for (size_t i = 0; i < N_ELEMENTS(answers); ++i) {
                        ScriptStep step = answers[i];
                        Op op = { .kind = writes[w].kind,
                                  .type = writes[w].type,
                                  .id = id_of(ADA),
                                  .link = id_of(GROUP),
                                  .attribute = writes[w].attribute,
                                  .value = value_string("x") };
                        OpResult result;

                        step.method = writes[w].method;
                        step.url = "/*";
                        script_steps(s, &step, 1);
                        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_GARBAGE);
                        assert_int_equal(result.state, OP_FAILED);
                        assert_string_equal(result.code, "UnexpectedAnswer");
                }
        }
        script_done(s);
}

static void test_token_expires(void **state)
{
        Script *s = *state;
        Op op = { .kind = OP_SET,
                  .type = "user",
                  .id = id_of(ADA),
                  .attribute = "title",
                  .value = value_string("x") };
        OpResult result;

        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(s->n_tokens, 1);
        /* Refused in mid-run: one new token, one repetition; however much of the refusal has come. */
        SCRIPT(s,
               { .method = "PATCH",
                 .url = "/users/" ADA,
                 .status = 401,
                 .body = "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}" },
               { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(s->n_tokens, 2);
        assert_string_equal(script_header(&s->requests[1], "Authorization"), "Bearer t2");
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 401, .end = HTTP_CUT },
               { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(s->n_tokens, 3);
        assert_string_equal(s->requests[0].body, s->requests[1].body);
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 401, .body = "{}" },
               { .method = "PATCH", .url = "/users/" ADA, .status = 401, .body = "{}" });
        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_REFUSED);
        assert_int_equal(result.state, OP_NOT_SENT);
        /* A permission is missing: a young token would say the same again, an older one may not know better.
         */
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 403, .body = DENIED });
        assert_int_equal(apply(s, &op, 1, &result), TARGET_E_REJECTED);
        assert_int_equal(s->n_tokens, 4);
        s->clock.mono.us += INT64_C(30000000);
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 403, .body = DENIED },
               { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(s->n_tokens, 5);
        /* It has run out: fetched before the request. */
        s->clock.mono.us += INT64_C(3600000000);
        SCRIPT(s, { .method = "PATCH", .url = "/users/" ADA, .status = 204 });
        assert_int_equal(apply(s, &op, 1, &result), 0);
        assert_int_equal(s->n_tokens, 6);
}

/* Nobody was made: the next run does not look for one who may have been. */
static void test_create_denied(void **state)
{
        Script *s = *state;
        Op ops[] = {
                { .kind = OP_CREATE, .type = "user", .anchor = "AAA=" },
                { .kind = OP_SET,
                  .type = "user",
                  .attribute = "userPrincipalName",
                  .value = value_string("ada@corp.test") },
                { .kind = OP_SET, .type = "user", .attribute = "displayName", .value = value_string("Ada") },
                { .kind = OP_SET, .type = "user", .attribute = "accountEnabled", .value = value_bool(true) },
                { .kind = OP_SET, .type = "user", .attribute = "alias", .value = value_string("ada") },
        };
        OpResult results[N_ELEMENTS(ops)];

        SCRIPT(s, { .method = "POST", .url = "/users", .status = 403, .body = DENIED });
        assert_int_equal(apply(s, ops, N_ELEMENTS(ops), results), TARGET_E_REFUSED);
        assert_int_equal(results[0].state, OP_NOT_SENT);
        script_done(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, script_setup, script_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_create_user),   TEST(test_create_federated),         TEST(test_create_group),
                TEST(test_update),        TEST(test_nothing_to_send),          TEST(test_disable_in_company),
                TEST(test_throttled),     TEST(test_success_of_somebody_else), TEST(test_token_expires),
                TEST(test_create_denied),
        };

        return cmocka_run_group_tests_name("graph-write", tests, NULL, NULL);
}
