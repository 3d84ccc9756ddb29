/* SPDX-License-Identifier: Apache-2.0 */

/* What no expression may do, however it is written; and what the examples cannot show. */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/expr/functions.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *cases_path, *cert_cases_path;

static const char *repeat(Arena *a, const char *left, const char *unit, size_t n, const char *right)
{
        size_t n_left = strlen(left), n_unit = strlen(unit), n_right = strlen(right);
        char *text = arena_alloc(a, n_left + n * n_unit + n_right + 1), *p = text;

        p = mempcpy(p, left, n_left);
        for (size_t i = 0; i < n; i++)
                p = mempcpy(p, unit, n_unit);
        p = mempcpy(p, right, n_right);
        *p = '\0';
        return text;
}

static const Expr *parse(Arena *a, const char *text)
{
        Diag diag = DIAG_INIT;
        const Expr *e = NULL;

        if (expr_parse(a, text, NULL, &e, NULL, &diag))
                fail_msg("%.200s: %s", text, diag_text(&diag));
        diag_deinit(&diag);
        return e;
}

static void assert_syntax_error(Arena *a, const char *text, size_t at, const char *message)
{
        Diag diag = DIAG_INIT;
        const Expr *e = NULL;
        size_t offset = 0;

        assert_int_equal(expr_parse(a, text, NULL, &e, &offset, &diag), EXPR_E_SYNTAX);
        assert_int_equal(offset, at);
        assert_string_equal(diag_text(&diag), message);
        assert_null(e);
        diag_deinit(&diag);
}

static int eval_text(Arena *a, const char *text, const Object *object, ExprResult *ret, Diag *diag)
{
        ExprEnv env = { .object = object };

        return expr_eval(parse(a, text), &env, a, ret, diag);
}

static void test_depth(void **state)
{
        static const struct {
                const char *left, *unit, *close;
        } nests[] = { { "", "(", ")" }, { "", "-", "" }, { "", "Trim(", ")" }, { "", "1 + (", ")" } };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(nests); i++) {
                const char *inner =
                        repeat(a, i == 2 ? "\"x\"" : "[x]", nests[i].close, EXPR_DEPTH_MAX - 1, "");
                const char *text = repeat(a, "", nests[i].unit, EXPR_DEPTH_MAX - 1, inner);

                expr_print(a, parse(a, text));
                text = repeat(a, "", nests[i].unit, EXPR_DEPTH_MAX, inner);
                assert_syntax_error(a, text, EXPR_DEPTH_MAX * strlen(nests[i].unit),
                                    "nested more than 200 levels deep");
                text = repeat(a, "", nests[i].unit, 10000, "1");
                assert_syntax_error(a, text,
                                    i == 3 ? 4 + 199 * 5 + 1 : EXPR_DEPTH_MAX * strlen(nests[i].unit),
                                    "nested more than 200 levels deep");
        }
}

static void test_size(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *text = repeat(a, "1", " + 1", 150000, "");
        ExprResult result;

        assert_int_equal(eval_text(a, text, NULL, &result, NULL), 0);
        assert_int_equal(result.value.i, 150001);
        assert_string_equal(expr_print(a, parse(a, text)), text);

        text = repeat(a, "\"x\"", "&\"x\"", 200000, "");
        assert_int_equal(eval_text(a, text, NULL, &result, NULL), 0);
        assert_int_equal(result.value.n, 200001);

        assert_syntax_error(a, repeat(a, "\"", "x", (size_t)10 << 20, "\""), EXPR_TEXT_MAX,
                            "longer than 1 MB");
        assert_syntax_error(a, repeat(a, "", "[x]", 300000, ""), 3,
                            "expected an operator or the end of the text, found [x]");
        assert_syntax_error(a, "\xff", 0, "not UTF-8");
        assert_syntax_error(a, "\"\xff\"", 0, "not UTF-8");
        assert_syntax_error(a, "", 0, "expected an operand, found the end of the text");

        /* Many names, each its own, without quadratic work. */
        {
                char *names = arena_alloc(a, EXPR_TEXT_MAX), *p = names;

                for (int i = 0; i < 80000; i++)
                        p += snprintf(p, 16, "%s[%d]", i ? "&" : "", i);
                parse(a, names);
        }
}

static const Object *many(Arena *a, size_t n)
{
        Value *list = arena_new_array(a, Value, n);
        ObjectBuilder b;

        for (size_t i = 0; i < n; i++)
                list[i] = value_string(arena_printf(a, "value %zu", i));
        object_build(&b, a);
        object_add(&b, "x", value_list(list, n));
        return object_finish(&b, NULL, "user", NULL);
}

static void test_budget(void **state)
{
        static const char *const hungry[] = {
                "Select($a, [x], Select($b, [x], Select($c, [x], 1)))",
                "Select($a, [x], Join([x], \"----------------------------------------\"))",
                "With($a, Join([x]), With($b, Replace($a, \"v\", $a), With($c, Replace($b, \"v\", $b), "
                "Replace($c, \"v\", $c))))",
                "PadLeft(\"x\", 10000000, \"y\") & PadLeft(\"x\", 10000000, \"y\")",
                "Select($a, [x], PCase(Replace(PadLeft(\"x\", 100000, \"y\"), \"y\", \" y\")))",
                "Select($a, [x], PadLeft(\"x\", 1000000, \"y\"))",
                "Select($a, [x], UCase(PadLeft(\"x\", 1000000, \"y\")))",
                "Select($a, [x], InStr(PadLeft(\"x\", 1000000, \"y\"), \"z\"))",
                "Select($a, [x], RemoveDuplicates([x]))",
                "Split(PadLeft(\"x\", 5000000, \",\"), \",\")",
                "Left([x], 1) & CStr(Count(Select($a, [x], Count(Select($b, [x], $b)))))",
                "With($p, PadLeft(\"x\", 5000000, \" \"), Select($a, [x], Trim($p)))",
                "With($p, PadLeft(\"x\", 5000000, \" \"), Select($a, [x], IsNumeric($p)))",
                "With($p, PadLeft(\"x\", 5000000, \" \"), Select($a, [x], IsDate($p)))",
                "With($p, PadLeft(\"x\", 5000000, \"y\"), With($q, PadLeft(\"x\", 5000000, \"y\"), "
                "Select($a, [x], $p = $q)))",
                "With($p, PadLeft(\"x\", 500000, \"y\"), Select($a, [x], Contains($a, $p, CaseInsensitive)))",
                "With($p, PadLeft(\"x\", 500000, \"y\"), Select($a, [x], Word($p, 9, $p)))",
                "With($p, PadLeft(\"x\", 500000, \"y\"), Select($a, [x], InStrRev($p, \"yyx\")))",
                "With($p, PadLeft(\"x\", 500000, \"y\"), Select($a, [x], ConvertToBase64($p)))",
                "Select($a, [x], Contains([x], \"none\"))",
                "Select($a, [x], Join([x]))",
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(hungry); i++) {
                const Object *object = many(a, 3000);
                size_t before = arena_used(a);
                Diag diag = DIAG_INIT;
                ExprResult result;
                const char *text = hungry[i];
                int r;

                if (strstr(text, "& Count"))
                        text = "Left([x], 1) & CStr(Count(Select($a, [x], Count(Select($b, [x], $b)))))";
                if (strstr(text, "\" y\""))
                        text = "Select($a, [x], PCase(Replace(PadLeft(\"x\", 100000, \"y\"), \"y\", \" "
                               "y\")))";
                r = eval_text(a, text, object, &result, &diag);
                if (r != EXPR_E_BUDGET)
                        fail_msg("%s: %d, %s", text, r, diag_text(&diag));
                if (arena_used(a) - before > (size_t)500 << 20)
                        fail_msg("%s: %zu MB", text, (arena_used(a) - before) >> 20);
                diag_deinit(&diag);
                arena_reset(a);
        }
}

static void test_many_values(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Object *object = many(a, 100000);
        ExprResult result;

        assert_int_equal(eval_text(a, "IIF(Right([x], 1) = \"7\", NULL, UCase([x]))", object, &result, NULL),
                         0);
        assert_int_equal(result.value.n, 90000);
        assert_string_equal(result.value.list[7].s, "VALUE 8");
        assert_int_equal(eval_text(a, "RemoveDuplicates([x])", object, &result, NULL), 0);
        assert_int_equal(result.value.n, 100000);
}

/* The evaluator's marks on dates and numbers do not get out. */
static void test_clean_result(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ExprResult result;

        assert_int_equal(eval_text(a, "Select($a, Split(\"x,y\", \",\"), Now())", NULL, &result, NULL), 0);
        assert_int_equal(result.value.n, 2);
        assert_int_equal(result.value.list[0].n, 0);
        assert_int_equal(result.value.list[1].n, 0);
        assert_int_equal(eval_text(a, "NumFromDate(Now()) + 1", NULL, &result, NULL), 0);
        assert_int_equal(result.value.n, 0);
}

static void test_names(void **state)
{
        static const char *const expected[] = { "%P.x%", "%q%", "a", "b", "c", "d", "member" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *const *names;
        size_t n;

        expr_names(parse(a,
                         "IIF(IsPresent([b]), [a] & %q% & [b], ImportedValue(\"c\") & %P.x% & "
                         "ImportedValue(\"b\") & CStr(ValueCount(\"member\"))) & Join(Select($x, [d], $x))"),
                   a, &names, &n);
        assert_int_equal(n, N_ELEMENTS(expected));
        for (size_t i = 0; i < n; i++)
                assert_string_equal(names[i], expected[i]);
        expr_names(parse(a, "1"), a, &names, &n);
        assert_int_equal(n, 0);
}

/* Every function has its section of examples, its help, and a row that agrees with itself. */
static void test_functions(void **state)
{
        _cleanup_(cleanup_free) char *cases = NULL, *cert_cases = NULL;
        const ExprFunction *functions;
        size_t n;

        assert_int_equal(str_read_file(cases_path, (size_t)4 << 20, &cases, NULL), 0);
        assert_int_equal(str_read_file(cert_cases_path, (size_t)4 << 20, &cert_cases, NULL), 0);
        functions = expr_functions(&n);
        assert_true(n >= 60);
        for (size_t i = 0; i < n; i++) {
                const Function *f = function_find(functions[i].name, strlen(functions[i].name));
                char call[64], section[64];

                assert_non_null(f);
                assert_true(functions[i].min <= functions[i].max || functions[i].max == -1);
                assert_true(strlen(functions[i].help) > 5);
                snprintf(call, sizeof(call), " %s(", functions[i].name);
                if (!strstr(functions[i].signature, call))
                        fail_msg("%s: %s", functions[i].name, functions[i].signature);
                snprintf(section, sizeof(section), "\n## %s\n", functions[i].name);
                if (!strstr(cases, section) && !strstr(cert_cases, call + 1))
                        fail_msg("%s has no section of examples", functions[i].name);
                if (f->call) {
                        assert_int_equal(strlen(f->params), f->max);
                        assert_true(f->max <= FUNCTION_ARGS_MAX);
                }
                assert_int_equal(!!f->call + !!f->lazy + (f->form == FORM_NAMES), 1);
        }
}

typedef struct Shared {
        const Expr *const *exprs;
        size_t n_exprs;
        const Object *object;
        unsigned n_wrong;
} Shared;

static void *evaluate_shared(void *data)
{
        Shared *shared = data;
        unsigned n_wrong = 0;

        for (int round = 0; round < 200; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                ExprEnv env = { .object = shared->object, .now = { 1 } };

                for (size_t i = 0; i < shared->n_exprs; i++) {
                        ExprResult result;

                        n_wrong += expr_eval(shared->exprs[i], &env, a, &result, NULL) != 0 ||
                                   value_count(result.value) != (i == 0 ? 10 : 1);
                }
        }
        __atomic_add_fetch(&shared->n_wrong, n_wrong, __ATOMIC_SEQ_CST);
        return NULL;
}

/* One compiled expression, many threads; the thread sanitizer looks on. */
static void test_threads(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Expr *exprs[] = {
                parse(a, "IIF(InStr([x], \"9\") = 7, [x] & \"!\", UCase(Trim([x])))"),
                parse(a, "Join(Select($i, [x], $i & $i), \",\")"),
                parse(a, "FormatDateTime(Now(), \"yyyy\")"),
        };
        Shared shared = { .exprs = exprs, .n_exprs = N_ELEMENTS(exprs), .object = many(a, 10) };
        pthread_t threads[4];

        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, evaluate_shared, &shared), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(shared.n_wrong, 0);
}

/* The examples with a few bytes changed: nothing crashes, and what is accepted can be printed and read again.
 */
static void test_mutations(void **state)
{
        static const char bytes[] = "()[]\"%$,&|<>=+-*HF09azAZ_ \\\n";
        _cleanup_(cleanup_free) char *cases = NULL;
        unsigned seed = 391;
        char *text;
        size_t n;

        assert_int_equal(str_read_file(cases_path, (size_t)4 << 20, &cases, &n), 0);
        for (text = strtok(cases, "\n"); text; text = strtok(NULL, "\n")) {
                for (int round = 0; round < 8; round++) {
                        _cleanup_(arena_freep) Arena *a = arena_new(0);
                        ExprOptions options = { .strict_operators = round & 1 };
                        ExprEnv env = { .object = many(a, 3) };
                        unsigned at_start = seed;
                        char *changed = arena_strdup(a, text);
                        const Expr *e, *again;
                        const char *printed;
                        ExprResult result;

                        for (int k = 1 + rand_r(&seed) % 3; k > 0; k--)
                                changed[(unsigned)rand_r(&seed) % strlen(text)] =
                                        bytes[(unsigned)rand_r(&seed) % (sizeof(bytes) - 1)];
                        if (expr_parse(a, changed, &options, &e, NULL, NULL))
                                continue;
                        printed = expr_print(a, e);
                        if (expr_parse(a, printed, &options, &again, NULL, NULL) ||
                            strcmp(expr_print(a, again), printed) != 0)
                                fail_msg("seed %u: %s: %s", at_start, changed, printed);
                        (void)expr_eval(e, &env, a, &result, NULL);
                }
        }
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_depth),        cmocka_unit_test(test_size),
                cmocka_unit_test(test_budget),       cmocka_unit_test(test_many_values),
                cmocka_unit_test(test_clean_result), cmocka_unit_test(test_names),
                cmocka_unit_test(test_functions),    cmocka_unit_test(test_threads),
                cmocka_unit_test(test_mutations),
        };

        if (argc != 3)
                return EXIT_FAILURE;
        cases_path = argv[1];
        cert_cases_path = argv[2];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
