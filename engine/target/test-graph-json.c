/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ADA "0a0a0a0a-0000-4000-8000-00000000000a"

static void test_parse(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *json = json_loads(
                "{\"id\":\"" ADA
                "\",\"onPremisesSyncEnabled\":null,\"displayName\":\"Ada\",\"jobTitle\":null,"
                "\"accountEnabled\":false,\"businessPhones\":[\"+44 1\",\"+44 2\"],\"mailNickname\":\"ada\","
                "\"proxyAddresses\":[\"SMTP:a@x\",\"smtp:b@x\"],\"faxNumber\":\"\",\"somethingNew\":{\"x\":["
                "1]},"
                "\"onPremisesExtensionAttributes\":{\"extensionAttribute1\":\"one\",\"extensionAttribute2\":"
                "null}}",
                0, NULL);
        TargetObject o;

        assert_int_equal(graph_object_parse(json, NULL, "user", a, &o, NULL), 0);
        json_decref(json); /* nothing points into it */
        assert_false(o.mastered_elsewhere);
        assert_string_equal(object_text(o.object, "displayName"), "Ada");
        assert_string_equal(object_text(o.object, "alias"), "ada");
        assert_string_equal(object_text(o.object, "telephoneNumber"), "+44 1");
        assert_string_equal(object_text(o.object, "extensionAttribute1"), "one");
        assert_null(object_find(o.object, "extensionAttribute2"));
        assert_null(object_find(o.object, "title"));
        assert_false(object_get(o.object, "accountEnabled").b);
        assert_int_equal(object_get(o.object, "proxyAddresses").n, 2);
        assert_string_equal(o.object->type, "user");
}

static void test_parse_garbage(void **state)
{
        static const char *const texts[] = {
                "[]",
                "{}",
                "{\"id\":7}",
                "{\"id\":\"x\"}",
                "{\"id\":\"" ADA "\",\"displayName\":5}",
                "{\"id\":\"" ADA "\",\"displayName\":[\"x\"]}",
                "{\"id\":\"" ADA "\",\"accountEnabled\":\"true\"}",
                "{\"id\":\"" ADA "\",\"businessPhones\":\"x\"}",
                "{\"id\":\"" ADA "\",\"businessPhones\":[1]}",
                "{\"id\":\"" ADA "\",\"onPremisesExtensionAttributes\":[]}",
                "{\"id\":\"" ADA "\",\"onPremisesExtensionAttributes\":{\"extensionAttribute1\":{}}}",
                "{\"id\":\"" ADA "\",\"onPremisesSyncEnabled\":\"yes\"}",
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(texts); ++i) {
                json_t *json = json_loads(texts[i], 0, NULL);
                Diag diag = DIAG_INIT;
                TargetObject o;

                assert_non_null(json);
                if (graph_object_parse(json, NULL, "user", a, &o, &diag) != TARGET_E_GARBAGE ||
                    !diag_any(&diag))
                        fail_msg("%s", texts[i]);
                diag_deinit(&diag);
                json_decref(json);
        }
}

static void test_select(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *some[] = { "alias",     "extensionAttribute2", "manager",
                               "homePhone", "extensionAttribute9", "nonsense" };
        const char *services[] = { "aboutMe", "skills", "title" };
        const char *all = graph_select(NULL, "user", NULL, 0, false, a);

        assert_string_equal(graph_select(NULL, "user", some, N_ELEMENTS(some), false, a),
                            "id,onPremisesSyncEnabled,mailNickname,onPremisesExtensionAttributes");
        assert_non_null(strstr(all, ",onPremisesImmutableId"));
        assert_non_null(strstr(all, ",proxyAddresses"));
        assert_null(strstr(all, "manager"));
        /* What lives in another service is asked for by name, and never with a list. */
        assert_null(strstr(all, "aboutMe"));
        assert_string_equal(graph_select(NULL, "user", services, N_ELEMENTS(services), false, a),
                            "id,onPremisesSyncEnabled,aboutMe,skills,jobTitle");
        assert_string_equal(graph_select(NULL, "user", services, N_ELEMENTS(services), true, a),
                            "id,onPremisesSyncEnabled,jobTitle");
        assert_string_equal(graph_quote(a, "O'Neil & co=+/"), "O%27%27Neil%20%26%20co%3D%2B%2F");
}

/* What a value becomes in the body of a request. What the check before has let through may still be odd. */
static void test_body(void **state)
{
        static const Value two[] = { { .type = VALUE_STRING, .n = 3, .s = " a " },
                                     { .type = VALUE_STRING, .n = 1, .s = " " } };
        const struct {
                TargetAttributeKind kind;
                Value value;
                const char *text;
        } cases[] = {
                { TARGET_TEXT, value_string("  Ada \t"), "{\"p\":\"Ada\"}" },
                { TARGET_TEXT, value_string(" "), "{\"p\":null}" },
                { TARGET_TEXT, value_int(-7), "{\"p\":\"-7\"}" },
                { TARGET_TEXT, value_list(two, 2), "{\"p\":\"a\"}" },
                { TARGET_TEXT, value_bool(true), "{\"p\":null}" },
                { TARGET_TEXT, VALUE_NULL, "{\"p\":null}" },
                { TARGET_TEXTS, value_list(two, 2), "{\"p\":[\"a\"]}" },
                { TARGET_TEXTS, value_string("a"), "{\"p\":[\"a\"]}" },
                { TARGET_FIRST_OF, VALUE_NULL, "{\"p\":[]}" },
                { TARGET_BOOL, value_bool(false), "{\"p\":false}" },
                { TARGET_BOOL, value_string("TRUE"), "{\"p\":true}" },
                { TARGET_BOOL, value_int(1), "{\"p\":null}" },
                { TARGET_INTEGER, value_int(42), "{\"p\":42}" },
                { TARGET_INTEGER, value_string("-9223372036854775808"), "{\"p\":-9223372036854775808}" },
                { TARGET_INTEGER, value_string("many"), "{\"p\":null}" },
                { TARGET_TIME, value_string("20261122085419.0Z"), "{\"p\":\"2026-11-22T08:54:19Z\"}" },
                { TARGET_TIME, value_string("soon"), "{\"p\":null}" },
                { TARGET_EXTENSION, value_string("x"), "{\"onPremisesExtensionAttributes\":{\"p\":\"x\"}}" },
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                const TargetAttribute at = { .name = "p", .property = "p", .kind = cases[i].kind };
                json_t *body = json_object();
                char *text;

                graph_body_set(body, &at, cases[i].value);
                text = json_dumps(body, JSON_COMPACT);
                if (strcmp(text, cases[i].text) != 0)
                        fail_msg("%zu: %s, not %s", i, text, cases[i].text);
                free(text);
                json_decref(body);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_parse_garbage),
                cmocka_unit_test(test_select),
                cmocka_unit_test(test_body),
        };

        return cmocka_run_group_tests_name("graph-json", tests, NULL, NULL);
}
