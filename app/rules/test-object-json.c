/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rules/object-json.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Bench {
        Arena *a;
        Diag diag;
        char path[64];
} Bench;

static int setup(void **state)
{
        Bench *b = calloc(1, sizeof(*b));
        int fd;

        b->a = arena_new(0);
        snprintf(b->path, sizeof(b->path), "/tmp/test-object-json-XXXXXX");
        fd = mkstemp(b->path);
        *state = b;
        return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
        Bench *b = *state;

        remove(b->path);
        arena_free(b->a);
        diag_deinit(&b->diag);
        free(b);
        return 0;
}

static bool read_text(Bench *b, const char *text, const char *type, ObjectFile *ret)
{
        assert_int_equal(str_write_file(b->path, text, strlen(text), 0600), 0);
        diag_clear(&b->diag);
        return object_json_read(b->a, b->path, type, ret, &b->diag);
}

static const char *dump(Bench *b, Value v)
{
        json_t *j = json_pack("{s:s, s:o}", "type", object_json_type(v), "value", object_json_value(v));
        char *text = json_dumps(j, JSON_COMPACT);
        const char *copy = arena_strdup(b->a, text);

        free(text);
        json_decref(j);
        return copy;
}

/* What was read is written the same way. */
static void test_values(void **state)
{
        static const struct {
                const char *in, *out;
        } cases[] = {
                { "\"Ada\"", "{\"type\":\"str\",\"value\":\"Ada\"}" },
                { "\"\"", "{\"type\":\"str\",\"value\":\"\"}" },
                { "9223372036854775807", "{\"type\":\"num\",\"value\":9223372036854775807}" },
                { "true", "{\"type\":\"bool\",\"value\":true}" },
                { "null", "{\"type\":\"null\",\"value\":null}" },
                { "[]", "{\"type\":\"null\",\"value\":null}" },
                { "[\"a\", null, \"b\"]", "{\"type\":\"mvstr\",\"value\":[\"a\",\"b\"]}" },
                { "[{\"hex\": \"00ff\"}]", "{\"type\":\"mvbin\",\"value\":[{\"hex\":\"00ff\"}]}" },
                { "[1, \"a\"]", "{\"type\":\"mv\",\"value\":[1,\"a\"]}" },
                { "{\"hex\": \"00FF\"}", "{\"type\":\"bin\",\"value\":{\"hex\":\"00ff\"}}" },
                { "{\"ref\": \"CN=x\"}", "{\"type\":\"ref\",\"value\":{\"ref\":\"CN=x\"}}" },
                { "{\"time\": \"2026-11-22T08:15:00Z\"}",
                  "{\"type\":\"dt\",\"value\":\"2026-11-22T08:15:00Z\"}" },
                { "{\"token\": \"IgnoreThisFlow\"}",
                  "{\"type\":\"token\",\"value\":{\"token\":\"IgnoreThisFlow\"}}" },
                { "{\"token\": \"AuthoritativeNull\"}",
                  "{\"type\":\"token\",\"value\":{\"token\":\"AuthoritativeNull\"}}" },
        };
        Bench *b = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                ObjectFile file;

                if (!read_text(b, arena_printf(b->a, "{\"x\": %s}", cases[i].in), NULL, &file))
                        fail_msg("%s", diag_text(&b->diag));
                assert_string_equal(dump(b, object_get(file.object, "x")), cases[i].out);
        }
        /* Bytes that say they are text. */
        assert_string_equal(dump(b, value_string("\xff")), "{\"type\":\"str\",\"value\":{\"hex\":\"ff\"}}");
}

static void test_keys(void **state)
{
        Bench *b = *state;
        ObjectFile file;

        assert_true(read_text(
                b,
                "{\"dn\": \"CN=Ada,DC=x\", \"objectClass\": [\"top\", \"group\"], \"%Domain.FQDN%\": "
                "\"x.test\", \"imported:mail\": \"a@b\", \"%\": \"odd\"}",
                NULL, &file));
        assert_string_equal(file.object->dn, "CN=Ada,DC=x");
        assert_string_equal(file.object->type, "group");
        assert_int_equal(file.n_parameters, 1);
        assert_string_equal(file.parameters[0].name, "Domain.FQDN");
        assert_string_equal(file.parameters[0].value, "x.test");
        assert_string_equal(object_text(file.imported, "mail"), "a@b");
        assert_string_equal(object_text(file.object, "%"), "odd");

        assert_true(read_text(b, "{}", NULL, &file));
        assert_string_equal(file.object->type, "user");
        assert_null(file.object->dn);
        assert_null(file.imported);
        assert_true(read_text(b, "{}", "contact", &file));
        assert_string_equal(file.object->type, "contact");
}

static void test_findings(void **state)
{
        static const struct {
                const char *text, *finding;
        } cases[] = {
                { "", "end of file" },
                { "[]", "is not a JSON object of attributes" },
                { "{\"x\": ", ":1:" },
                { "{\"x\": 1.5}", "\"x\" is not a value" },
                { "{\"x\": [[1]]}", "\"x\" is not a value" },
                { "{\"x\": {\"hex\": \"0\"}}", "\"x\" is not a value" },
                { "{\"x\": {\"token\": \"Other\"}}", "\"x\" is not a value" },
                { "{\"x\": \"a\\u0000b\"}", "" },
                { "{\"x\": 1, \"x\": 2}", "duplicate" },
                { "{\"%A%\": 1}", "the parameter \"%A%\" is not a text" },
        };
        Bench *b = *state;
        ObjectFile file;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (read_text(b, cases[i].text, NULL, &file))
                        fail_msg("%s was taken", cases[i].text);
                if (!strstr(diag_text(&b->diag), cases[i].finding))
                        fail_msg("expected \"%s\", got \"%s\"", cases[i].finding, diag_text(&b->diag));
        }
        diag_clear(&b->diag);
        assert_false(object_json_read(b->a, "/nonexistent", NULL, &file, &b->diag));
        assert_string_equal(diag_text(&b->diag), "/nonexistent: No such file or directory");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_values, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
