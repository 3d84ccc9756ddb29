/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The language, from a file of examples (argument 1), and from the shared vectors if there are any: the
 * environment variable SOSYNC_SHARED names their folder.
 *
 *      InStr([mail], "@")                  the expression; "strict: " in front: with strict operators
 *      {"mail": "ada@contoso.test"}        attributes; "%x%" is a parameter, "imported:x" a confirmed value
 *      4                                   the value; or "syntax 7: ...", "type 7: ...", "rule 7: ...",
 *                                          "budget 7: ..." with the offset; " due ..." if the clock counts
 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/expr/expr.h"
#include "engine/model/civil.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-22T08:31:15Z */
#define NOW_MS ((int64_t)1795336275000)

static const char *cases_path;

static Value value_of(Arena *a, const json_t *j)
{
        const char *text;
        uint8_t *data;
        size_t n;

        switch (json_typeof(j)) {
        case JSON_TRUE:
        case JSON_FALSE:
                return value_bool(json_is_true(j));
        case JSON_INTEGER:
                return value_int(json_integer_value(j));
        case JSON_STRING:
                return value_string(arena_strdup(a, json_string_value(j)));
        case JSON_ARRAY: {
                Value *list = arena_new_array(a, Value, json_array_size(j));

                for (size_t i = 0; i < json_array_size(j); i++)
                        list[i] = value_of(a, json_array_get(j, i));
                return value_list(list, json_array_size(j));
        }
        case JSON_OBJECT:
                if ((text = json_string_value(json_object_get(j, "hex")))) {
                        assert_true(str_unhex(a, text, &data, &n));
                        return value_bytes(data, n);
                }
                if ((text = json_string_value(json_object_get(j, "ref")))) {
                        Ref *ref = arena_new_of(a, Ref);

                        ref->text = arena_strdup(a, text);
                        return value_ref(ref);
                }
                if ((text = json_string_value(json_object_get(j, "time")))) {
                        Wall t;

                        assert_true(wall_parse(text, &t));
                        return value_time(filetime_from_unix_ms(t.ms));
                }
                if ((text = json_string_value(json_object_get(j, "token"))))
                        return value_token(str_is(text, "IgnoreThisFlow") ? VALUE_IGNORE_THIS_FLOW
                                                                          : VALUE_AUTHORITATIVE_NULL);
                fail_msg("an input that is not known");
                return VALUE_NULL;
        default:
                return VALUE_NULL;
        }
}

/* Exact, unlike value_text(). */
static const char *show(Arena *a, Value v)
{
        switch ((ValueType)v.type) {
        case VALUE_BOOL:
                return v.b ? "true" : "false";
        case VALUE_INT:
                return arena_printf(a, "%lld", (long long)v.i);
        case VALUE_TIME:
                return arena_printf(a, "time \"%s\"", value_text(a, v, 100));
        case VALUE_STRING: {
                json_t *j = json_stringn_nocheck(v.s, v.n);
                char *text = json_dumps(j, JSON_ENCODE_ANY);
                const char *copy;

                assert_int_equal(v.s[v.n], '\0');
                assert_int_equal(strlen(v.s), v.n);
                copy = arena_strdup(a, text ? text : "(not UTF-8)");
                free(text);
                json_decref(j);
                return copy;
        }
        case VALUE_BYTES:
                return arena_printf(a, "hex \"%s\"", str_hex(a, v.bytes, v.n));
        case VALUE_REF:
                return arena_printf(a, "ref \"%s\"", v.ref->text);
        case VALUE_LIST: {
                const char *text = "";

                for (size_t i = 0; i < v.n; i++)
                        text = arena_printf(a, "%s%s%s", text, i ? ", " : "", show(a, v.list[i]));
                return arena_printf(a, "[%s]", text);
        }
        case VALUE_TOKEN:
                return value_type_name(v);
        default:
                return "null";
        }
}

typedef struct Inputs {
        const Object *object, *imported;
        ExprParameter *parameters;
        size_t n_parameters;
} Inputs;

static void inputs_of(Arena *a, json_t *j, Inputs *ret)
{
        ObjectBuilder object, imported;
        const char *key, *dn = NULL;
        json_t *value;

        object_build(&object, a);
        object_build(&imported, a);
        *ret = (Inputs){ .parameters = arena_new_array(a, ExprParameter, json_object_size(j)) };
        json_object_foreach(j, key, value)
        {
                if (*key == '%') {
                        ExprParameter *p = &ret->parameters[ret->n_parameters++];

                        p->name = arena_strndup(a, key + 1, strlen(key) - 2);
                        p->value = arena_strdup(a, json_string_value(value));
                } else if (str_starts(key, "imported:")) {
                        object_add(&imported, arena_strdup(a, key + strlen("imported:")), value_of(a, value));
                } else if (str_is(key, "object dn")) {
                        dn = arena_strdup(a, json_string_value(value));
                } else {
                        object_add(&object, arena_strdup(a, key), value_of(a, value));
                }
        }
        ret->object = object_finish(&object, NULL, "user", dn);
        ret->imported = object_finish(&imported, NULL, "user", NULL);
}

static const char *failure(Arena *a, int r, size_t offset, Diag *diag)
{
        static const char *const names[] = { "syntax", "rule", "type", "budget" };
        const char *text;

        assert_in_range(r, EXPR_E_SYNTAX, EXPR_E_BUDGET);
        text = arena_printf(a, "%s %zu: %s", names[r - EXPR_E_SYNTAX], offset, diag_text(diag));
        diag_deinit(diag);
        return text;
}

static const char *evaluate(Arena *a, const Expr *e, const Inputs *inputs)
{
        ExprEnv env = { .object = inputs->object,
                        .imported = inputs->imported,
                        .parameters = inputs->parameters,
                        .n_parameters = inputs->n_parameters,
                        .now = { NOW_MS } };
        Diag diag = DIAG_INIT;
        ExprResult result;
        char due[WALL_TEXT_MAX];
        int r;

        r = expr_eval(e, &env, a, &result, &diag);
        if (r)
                return failure(a, r, result.offset, &diag);
        diag_deinit(&diag);
        if (result.due.ms)
                return arena_printf(a, "%s due %s", show(a, result.value), wall_format(result.due, due));
        return show(a, result.value);
}

/* What the expression gives; its canonical text must give the same, and itself. */
static const char *run(Arena *a, const char *expression, const Inputs *inputs)
{
        ExprOptions options = { .strict_operators = str_starts(expression, "strict: ") };
        const char *text, *printed, *again_text;
        const Expr *e, *again;
        Diag diag = DIAG_INIT;
        size_t offset = 999999;
        int r;

        if (options.strict_operators)
                expression += strlen("strict: ");
        r = expr_parse(a, expression, &options, &e, &offset, &diag);
        if (r)
                return failure(a, r, offset, &diag);
        text = evaluate(a, e, inputs);

        printed = expr_print(a, e);
        r = expr_parse(a, printed, &options, &again, &offset, &diag);
        if (r)
                fail_msg("%s\nprinted as %s\nis not accepted: %s", expression, printed, diag_text(&diag));
        assert_string_equal(expr_print(a, again), printed);
        again_text = evaluate(a, again, inputs);
        if (!strstr(text, ": ")) /* errors have another offset */
                assert_string_equal(again_text, text);
        return text;
}

static char *next_line(char **text, size_t *number)
{
        char *line = *text, *end = strchr(line, '\n');

        if (end)
                *end = '\0';
        *text = end ? end + 1 : line + strlen(line);
        ++*number;
        return line;
}

static void test_cases(void **state)
{
        _cleanup_(cleanup_free) char *data = NULL;
        size_t n, number = 0, n_cases = 0, n_failed = 0;
        char *text;

        assert_int_equal(str_read_file(cases_path, (size_t)4 << 20, &data, &n), 0);
        for (text = data; *text;) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *expression = next_line(&text, &number), *expected, *got;
                size_t at = number;
                json_error_t error;
                json_t *j;
                Inputs inputs;

                if (!*expression || *expression == '#')
                        continue;
                j = json_loads(next_line(&text, &number), JSON_ALLOW_NUL, &error);
                if (!j)
                        fail_msg("line %zu: %s", number, error.text);
                inputs_of(a, j, &inputs);
                expected = next_line(&text, &number);
                got = run(a, expression, &inputs);
                json_decref(j);
                n_cases++;
                if (strcmp(got, expected) != 0) {
                        print_error("line %zu: %s\n  expected %s\n  got      %s\n", at, expression, expected,
                                    got);
                        n_failed++;
                }
        }
        print_message("%zu cases, %zu failed\n", n_cases, n_failed);
        assert_int_equal(n_failed, 0);
        assert_true(n_cases > 0);
}

static const char *expected_text(Arena *a, const json_t *expected, const char *type)
{
        if (json_is_string(expected) && str_is(type, "dt"))
                return arena_printf(a, "time \"%s\"", json_string_value(expected));
        return show(a, value_of(a, expected));
}

static bool is_expected(Arena *a, const json_t *vector, const char *got)
{
        const json_t *expected = json_object_get(vector, "expected");
        const char *message = json_string_value(json_object_get(expected, "message"));

        if (json_is_true(json_object_get(expected, "error"))) {
                const char *colon = strstr(got, ": ");

                if (message)
                        return str_starts(got, "rule ") && str_is(colon + 2, message);
                return str_starts(got, "type ") || str_starts(got, "rule ") || str_starts(got, "syntax ");
        }
        return str_is(
                got, expected_text(a, expected, json_string_value(json_object_get(vector, "expected_type"))));
}

static void test_vectors(void **state)
{
        const char *folder = getenv("SOSYNC_SHARED");
        size_t n_passed = 0, n_failed = 0, n_unknown = 0, i;
        char path[4096];
        json_error_t error;
        json_t *vectors, *vector;

        snprintf(path, sizeof(path), "%s/reference/expression-vectors.json", folder ? folder : ".");
        vectors = json_load_file(path, 0, &error);
        if (!vectors) {
                print_message("skipped: no shared vectors\n");
                skip();
        }
        json_array_foreach(vectors, i, vector)
        {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const char *expression = json_string_value(json_object_get(vector, "expression")), *got;
                Inputs inputs;

                inputs_of(a, json_object_get(vector, "inputs"), &inputs);
                got = run(a, expression, &inputs);
                if (strstr(got, ": unknown function ")) {
                        n_unknown++;
                } else if (is_expected(a, vector, got)) {
                        n_passed++;
                } else {
                        print_error("vector %zu: %s\n  got %s\n", i, expression, got);
                        n_failed++;
                }
        }
        print_message("%zu shared vectors passed, %zu failed, %zu skipped (functions of another part)\n",
                      n_passed, n_failed, n_unknown);
        json_decref(vectors);
        assert_int_equal(n_failed, 0);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_vectors),
        };

        if (argc != 2)
                return EXIT_FAILURE;
        cases_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
