/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct Case Case;

struct Case {
        int status;
        const char *body;
        GraphVerdict verdict;
        const char *code, *property, *conflict_id;
};

#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define DETAILS(code, message, list) \
        "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\",\"details\":[" list "]}}"
#define DETAIL(code, target) "{\"code\":\"" code "\",\"message\":\"m\",\"target\":\"" target "\"}"
#define ID                   "0a0a0a0a-0000-4000-8000-00000000000a"

static const Case cases[] = {
        { 400,
          DETAILS("Request_BadRequest",
                  "Another object with the same value for property userPrincipalName already exists.",
                  DETAIL("ObjectConflict", "userPrincipalName") "," DETAIL("ConflictingObjects", "User_" ID)),
          GRAPH_CONFLICT, "AttributeValueMustBeUnique", "userPrincipalName", ID },
        { 400, DETAILS("Request_BadRequest", "x", DETAIL("ConflictingObjects", "nonsense")), GRAPH_CONFLICT,
          "AttributeValueMustBeUnique", NULL, NULL },
        { 400, ERROR("Request_MultipleObjectsWithSameKeyValue", "x"), GRAPH_CONFLICT,
          "AttributeValueMustBeUnique", NULL, NULL },
        { 409, ERROR("Request_MultipleObjectsWithSameKeyValue", "x"), GRAPH_CONFLICT,
          "AttributeValueMustBeUnique", NULL, NULL },
        { 400,
          ERROR("Request_BadRequest", "Unable to update the specified properties for on-premises mastered "
                                      "Directory Sync objects or objects currently undergoing migration."),
          GRAPH_REJECTED, "MasteredElsewhere", NULL, NULL },
        { 400,
          ERROR("Request_BadRequest", "One or more added object references already exist for the following "
                                      "modified properties: 'members'."),
          GRAPH_EXISTS, "ReferenceExists", NULL, NULL },
        { 400,
          ERROR("Request_BadRequest", "The domain portion of the userPrincipalName property is invalid. You "
                                      "must use one of the verified domain names in your organization."),
          GRAPH_REJECTED, "DomainNotVerified", NULL, NULL },
        { 400, DETAILS("Request_BadRequest", "x", DETAIL("InvalidValue", "userPrincipalName")),
          GRAPH_REJECTED, "IdentityDataValidationFailed", "userPrincipalName", NULL },
        { 400, DETAILS("Request_BadRequest", "x", DETAIL("InvalidLength", "jobTitle")), GRAPH_REJECTED,
          "DataValidationFailed", "jobTitle", NULL },
        { 400, ERROR("BadRequest", "x"), GRAPH_REJECTED, "RequestRefused", NULL, NULL },
        { 401, ERROR("InvalidAuthenticationToken", "x"), GRAPH_UNAUTHORISED, "CredentialsRefused", NULL,
          NULL },
        { 401, "<html>", GRAPH_UNAUTHORISED, "CredentialsRefused", NULL, NULL },
        { 403, ERROR("Authorization_RequestDenied", "x"), GRAPH_DENIED, "InsufficientPrivileges", NULL,
          NULL },
        { 403, ERROR("Directory_QuotaExceeded", "x"), GRAPH_REJECTED, "DirectoryQuotaExceeded", NULL, NULL },
        { 403, "<html>", GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 404, ERROR("Request_ResourceNotFound", "x"), GRAPH_NOT_FOUND, "ObjectNotFound", NULL, NULL },
        { 404, ERROR("Directory_ObjectNotFound", "x"), GRAPH_NOT_FOUND, "ObjectNotFound", NULL, NULL },
        { 404, ERROR("SyncStateInvalid", "x"), GRAPH_REJECTED, "RequestRefused", NULL, NULL },
        { 404, ERROR("UnknownError", ""), GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 404, ERROR("", ""), GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 400, ERROR("UnknownError", ""), GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 403, ERROR("UnknownError", ""), GRAPH_DENIED, "InsufficientPrivileges", NULL, NULL },
        { 404, "", GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 404, "{\"error\":\"text\"}", GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 404, "{\"error\":{\"code\":5}}", GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 409, ERROR("Directory_ConcurrencyViolation", "x"), GRAPH_AGAIN, "ConcurrencyViolation", NULL,
          NULL },
        { 503, ERROR("Directory_ConcurrencyViolation", "x"), GRAPH_AGAIN, "ConcurrencyViolation", NULL,
          NULL },
        { 412, ERROR("PreconditionFailed", "x"), GRAPH_AGAIN, "ConcurrencyViolation", NULL, NULL },
        { 424, ERROR("FailedDependency", "x"), GRAPH_AGAIN, "ConcurrencyViolation", NULL, NULL },
        { 429, "", GRAPH_THROTTLED, "Throttled", NULL, NULL },
        { 429, ERROR("TooManyRequests", "x"), GRAPH_THROTTLED, "Throttled", NULL, NULL },
        { 500, ERROR("Service_InternalServerError", "x"), GRAPH_UNAVAILABLE, "ServiceUnavailable", NULL,
          NULL },
        { 503, "<html>", GRAPH_UNAVAILABLE, "ServiceUnavailable", NULL, NULL },
        { 504, "", GRAPH_UNAVAILABLE, "ServiceUnavailable", NULL, NULL },
        { 302, "{}", GRAPH_NONSENSE, "UnexpectedAnswer", NULL, NULL },
        { 415, ERROR("RequestUnsupportedMediaType", "x"), GRAPH_REJECTED, "RequestRefused", NULL, NULL },
};

static void test_parse(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                const Case *c = &cases[i];
                GraphError e;

                graph_error_parse(&e, c->status, "application/json", c->body, strlen(c->body), a);
                if (e.verdict != c->verdict || !str_is(e.code, c->code) || !str_is(e.property, c->property) ||
                    !str_is(e.conflict_id, c->conflict_id))
                        fail_msg("%d %s: %d %s %s %s", c->status, c->body, (int)e.verdict, e.code,
                                 e.property ?: "-", e.conflict_id ?: "-");
        }
}

static void test_content_type(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *body = ERROR("Request_ResourceNotFound", "x");
        GraphError e;

        graph_error_parse(&e, 404, "text/html", body, strlen(body), a);
        assert_int_equal(e.verdict, GRAPH_NONSENSE);
        graph_error_parse(&e, 404, "Application/JSON; charset=utf-8", body, strlen(body), a);
        assert_int_equal(e.verdict, GRAPH_NOT_FOUND);
        graph_error_parse(&e, 404, "application/json", NULL, 0, a);
        assert_int_equal(e.verdict, GRAPH_NONSENSE);
}

static void test_retry_after(void **state)
{
        static const struct {
                const char *value, *date;
                int64_t us;
        } forms[] = {
                { "0", "", 0 },
                { "30", "", 30000000 },
                { "2.128", "", 2128000 },
                { "0.0000019", "", 1 },
                { "99999999999999999999999", "", 3600000000 },
                { "", "", -1 },
                { "-5", "", -1 },
                { "5s", "", -1 },
                { "1e3", "", -1 },
                { "soon", "", -1 },
                /* The wall clock of the test says 31 December 2025, 12:00:00. */
                { "Wed, 31 Dec 2025 12:01:00 GMT", "", 60000000 },
                { "Wed, 31 Dec 2025 11:00:00 GMT", "", 0 },
                /* A service whose clock is an hour off is measured by its own. */
                { "Wed, 31 Dec 2025 13:00:30 GMT", "Wed, 31 Dec 2025 13:00:00 GMT", 30000000 },
                { "Wed, 31 Dec 2025 12:00:30 GMT", "nonsense", 30000000 },
                { "Fri, 31 Dec 2027 12:00:00 GMT", "", 3600000000 },
        };
        Wall now = { INT64_C(1767182400000) };

        for (size_t i = 0; i < N_ELEMENTS(forms); ++i) {
                int64_t us = http_retry_after(forms[i].value, forms[i].date, now);

                if (us != forms[i].us)
                        fail_msg("%s: %lld", forms[i].value, (long long)us);
        }
}

static void test_scope(void **state)
{
        assert_int_equal(graph_throttle_scope("Tenant_Application/Write/a/b", LIMITER_READ), LIMITER_WRITE);
        assert_int_equal(graph_throttle_scope("Tenant_Application/Read/a/b", LIMITER_WRITE), LIMITER_READ);
        assert_int_equal(graph_throttle_scope("Application/ReadWrite/a/b", LIMITER_WRITE), _LIMITER_SCOPE_N);
        assert_int_equal(graph_throttle_scope("Tenant/write", LIMITER_READ), LIMITER_WRITE);
        assert_int_equal(graph_throttle_scope("", LIMITER_WRITE), LIMITER_WRITE);
        assert_int_equal(graph_throttle_scope("nonsense", LIMITER_READ), LIMITER_READ);
        assert_int_equal(graph_throttle_scope("a/Reading/b", LIMITER_WRITE), LIMITER_WRITE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_content_type),
                cmocka_unit_test(test_retry_after),
                cmocka_unit_test(test_scope),
        };

        return cmocka_run_group_tests_name("graph-error", tests, NULL, NULL);
}
