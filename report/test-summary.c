/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "base/str.h"
#include "report/summary.h"

#include <string.h>

static const char *text_at(const json_t *j, const char *a, const char *b)
{
        const json_t *v = json_object_get(j, a);

        return json_string_value(b ? json_object_get(v, b) : v);
}

static void assert_members(const json_t *j, const char *const *names, size_t n)
{
        assert_int_equal(json_object_size(j), n);
        for (size_t i = 0; i < n; i++)
                assert_non_null(json_object_get(j, names[i]));
}

/* Exactly the names of the resource type: no more, no fewer. */
static void test_names(void **state)
{
        static const char *const top[] = {
                "id",
                "activityDateTime",
                "changeId",
                "cycleId",
                "durationInMilliseconds",
                "initiatedBy",
                "jobId",
                "modifiedProperties",
                "provisioningAction",
                "provisioningStatusInfo",
                "provisioningSteps",
                "servicePrincipal",
                "sourceIdentity",
                "sourceSystem",
                "targetIdentity",
                "targetSystem",
                "tenantId",
        };
        static const char *const step[] = { "name", "provisioningStepType", "status", "description",
                                            "details" };
        static const char *const modified[] = { "displayName", "oldValue", "newValue" };
        static const char *const error[] = { "errorCode", "reason", "additionalDetails", "errorCategory",
                                             "recommendedAction" };

        for (size_t i = 0; i < n_fixtures; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const Outcome *o = fixture_make(a, fixtures[i].name);
                json_t *j = summary_json(o), *steps = json_object_get(j, "provisioningSteps"), *v, *info;
                size_t k;

                assert_members(j, top, N_ELEMENTS(top));
                assert_int_equal(json_array_size(steps), 10);
                json_array_foreach(steps, k, v) assert_members(v, step, N_ELEMENTS(step));
                json_array_foreach(json_object_get(j, "modifiedProperties"), k, v)
                        assert_members(v, modified, N_ELEMENTS(modified));
                info = json_object_get(j, "provisioningStatusInfo");
                assert_int_equal(json_object_size(info), 2);
                v = json_object_get(info, "errorInformation");
                if (o->error.code)
                        assert_members(v, error, N_ELEMENTS(error));
                else
                        assert_true(json_is_null(v));
                json_decref(j);
        }
}

static void test_values(void **state)
{
        Arena *a = arena_new(0);
        json_t *j = summary_json(fixture_make(a, "disable")), *v, *details;

        assert_string_equal(text_at(j, "id", NULL), "1f0c2d3e-58a4-4c1b-9b7d-6e2f8a10c4d7");
        assert_string_equal(text_at(j, "activityDateTime", NULL), "2026-11-22T08:31:15.123Z");
        assert_string_equal(text_at(j, "provisioningAction", NULL), "disable");
        assert_string_equal(text_at(j, "provisioningStatusInfo", "status"), "warning");
        assert_string_equal(text_at(j, "tenantId", NULL), "3f2b7f60-54a1-4a0e-9f0e-0d8c6a1b2c3d");
        assert_true(str_starts(text_at(j, "jobId", NULL), "sosync.3f2b7f6054a14a0e9f0e0d8c6a1b2c3d."));
        assert_string_equal(text_at(j, "cycleId", NULL), "");
        assert_string_equal(text_at(j, "initiatedBy", "initiatorType"), "system");
        assert_string_equal(text_at(j, "sourceIdentity", "identityType"), "user");
        v = json_array_get(json_object_get(j, "modifiedProperties"), 0);
        assert_string_equal(text_at(v, "displayName", NULL), "accountEnabled");
        assert_string_equal(text_at(v, "oldValue", NULL), "True");
        assert_string_equal(text_at(v, "newValue", NULL), "False");
        assert_int_equal(json_integer_value(json_object_get(j, "durationInMilliseconds")), 215);

        v = json_array_get(json_object_get(j, "provisioningSteps"), 9);
        assert_string_equal(text_at(v, "name", NULL), "Export");
        assert_string_equal(text_at(v, "provisioningStepType", NULL), "export");
        details = json_object_get(v, "details");
        assert_int_equal(json_array_size(json_object_get(details, "requestIds")), 2);
        v = json_array_get(json_object_get(details, "attributeInfo"), 0);
        assert_string_equal(text_at(v, "name", NULL), "accountEnabled");
        assert_true(json_is_false(json_object_get(v, "isMultiValued")));
        assert_string_equal(text_at(v, "operation", NULL), "update");
        assert_string_equal(text_at(v, "syncRule", NULL), "Out to AAD - User Identity");
        assert_true(json_is_null(json_object_get(v, "valueAdd")));
        /* Names of details are member names. */
        v = json_array_get(json_object_get(j, "provisioningSteps"), 3);
        assert_string_equal(text_at(v, "details", "readIn"), "2.913 ms");
        details = json_object_get(json_object_get(j, "servicePrincipal"), "details");
        assert_int_equal(json_integer_value(json_object_get(details, "latencyInMilliseconds")), 236);
        json_decref(j);

        j = summary_json(fixture_make(a, "staged"));
        assert_string_equal(text_at(j, "initiatedBy", "initiatorType"), "user");
        assert_string_equal(text_at(j, "initiatedBy", "displayName"), "alice (uid 1000)");
        /* What was asked for; whether the service is in staging is a detail of step 2. */
        details = json_object_get(json_object_get(j, "initiatedBy"), "details");
        assert_true(json_is_true(json_object_get(details, "stagingRequested")));
        assert_null(json_object_get(details, "staging"));
        json_decref(j);

        j = summary_json(fixture_make(a, "out-of-scope"));
        assert_string_equal(text_at(j, "targetIdentity", "id"), "");
        v = json_array_get(json_object_get(j, "provisioningSteps"), 2);
        assert_string_equal(text_at(v, "status", NULL), "skipped");
        v = json_array_get(json_object_get(j, "provisioningSteps"), 3);
        assert_string_equal(text_at(v, "description", NULL), "Not run: an earlier step ended the run.");
        json_decref(j);
        arena_free(a);
}

/* The same change has the same id at every try, another one another. */
static void test_ids(void **state)
{
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);
        char first[64];
        json_t *j;

        fixture_base(a, o);
        j = summary_json(o);
        snprintf(first, sizeof(first), "%s", text_at(j, "changeId", NULL));
        json_decref(j);
        memcpy(o->run_id, "other", 5);
        o->tries++;
        j = summary_json(o);
        assert_string_equal(text_at(j, "changeId", NULL), first);
        json_decref(j);
        o->change.seen.ms++;
        j = summary_json(o);
        assert_string_not_equal(text_at(j, "changeId", NULL), first);
        json_decref(j);
        arena_free(a);
}

static void test_text_forms(void **state)
{
        for (size_t i = 0; i < n_fixtures; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const Outcome *o = fixture_make(a, fixtures[i].name);
                char *line = summary_text(o, true), *pages = summary_text(o, false);
                json_t *one = json_loads(line, 0, NULL), *other = json_loads(pages, 0, NULL);

                assert_null(strchr(line, '\n'));
                assert_true(str_is_utf8(pages, strlen(pages)));
                assert_non_null(one);
                assert_true(json_equal(one, other));
                /* A stable order: id leads. */
                assert_true(str_starts(line, "{\"id\":"));
                json_decref(one);
                json_decref(other);
                free(line);
                free(pages);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_text_forms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
