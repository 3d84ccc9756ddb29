/* SPDX-License-Identifier: Apache-2.0 */

/* Catalogue: complete, without doubles, and known to everybody who names a code. */

#include "engine/steps/catalogue.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_rows(void **state)
{
        size_t n;
        const CatalogueRow *rows = catalogue_all(&n);

        assert_true(n > 20);
        for (size_t i = 0; i < n; i++) {
                assert_ptr_equal(catalogue_find(rows[i].code), &rows[i]); /* so it is there once */
                assert_true(str_ends(rows[i].reason, "."));
                assert_true(str_ends(rows[i].action, "."));
                assert_int_not_equal(rows[i].exit_status, EXIT_DONE);
                assert_int_not_equal(rows[i].category, ERROR_CATEGORY_SUCCESS);
        }
}

static void test_unknown(void **state)
{
        assert_string_equal(catalogue_find("NoSuchCode")->code, "Unknown");
        assert_string_equal(catalogue_find(NULL)->code, "Unknown");
        assert_int_equal(catalogue_find("NoSuchCode")->exit_status, EXIT_OBJECT);
}

static void test_exit_status(void **state)
{
        static const struct {
                Disposition disposition;
                Result result;
                const char *code;
                ExitStatus expected;
        } rows[] = {
                { DISPOSITION_DONE, RESULT_SUCCESS, NULL, EXIT_DONE },
                { DISPOSITION_DONE, RESULT_WARNING, "BlockedInCloud", EXIT_DONE },
                { DISPOSITION_NO_CHANGE, RESULT_SUCCESS, NULL, EXIT_DONE },
                { DISPOSITION_STAGED, RESULT_SUCCESS, NULL, EXIT_DONE },
                { DISPOSITION_OUT_OF_SCOPE, RESULT_SKIPPED, "OrganizationalUnitNotInScope",
                  EXIT_OUT_OF_SCOPE },
                { DISPOSITION_OUT_OF_SCOPE, RESULT_SKIPPED, "ObjectTypeNotInScope", EXIT_OUT_OF_SCOPE },
                { DISPOSITION_OUT_OF_SCOPE, RESULT_FAILURE, "SourceObjectNotFound", EXIT_OBJECT },
                { DISPOSITION_PARKED, RESULT_FAILURE, "AttributeValueMustBeUnique", EXIT_OBJECT },
                { DISPOSITION_RETRY, RESULT_FAILURE, "Throttled", EXIT_THROTTLED },
                { DISPOSITION_RETRY, RESULT_FAILURE, "SourceUnreachable", EXIT_UNREACHABLE },
                { DISPOSITION_RETRY, RESULT_FAILURE, "TargetRefused", EXIT_UNREACHABLE },
                { DISPOSITION_RETRY, RESULT_FAILURE, NULL, EXIT_OBJECT },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                Outcome o = { .disposition = rows[i].disposition,
                              .result = rows[i].result,
                              .error.code = rows[i].code };

                assert_int_equal(catalogue_exit_status(&o), rows[i].expected);
        }
}

/* The text between the next two quotation marks behind `p`, if it has the form of a code. */
static const char *code_behind(Arena *a, const char *p)
{
        const char *begin = strchr(p, '"'), *end = begin ? strchr(begin + 1, '"') : NULL;

        if (!end || end - begin > 64 || begin[1] < 'A' || begin[1] > 'Z' ||
            strcspn(begin + 1, " %:;") < (size_t)(end - begin) - 1)
                return NULL;
        return arena_strndup(a, begin + 1, (size_t)(end - begin) - 1);
}

static unsigned check_file(Arena *a, const char *path)
{
        /* Each of them is followed by a code. What Graph refuses for good reaches the report as it is. */
        static const char *const calls[] = {
                "step_fail(run, STEP_E_", "fail(run, STEP_E_",         "step_warn(run, ",
                "set(e, GRAPH_REJECTED,", "set(e, GRAPH_CONFLICT,",    "set(e, GRAPH_DENIED,",
                "set(e, GRAPH_NOT_FOUND", "refuse(result, OP_FAILED,",
        };
        _cleanup_(cleanup_free) char *text = NULL;
        unsigned n_codes = 0;
        size_t n;

        assert_int_equal(str_read_file(path, 1 << 20, &text, &n), 0);
        for (size_t i = 0; i < N_ELEMENTS(calls); i++)
                for (const char *p = strstr(text, calls[i]); p; p = strstr(p + 1, calls[i])) {
                        const char *code = code_behind(a, p);

                        if (!code)
                                continue;
                        n_codes++;
                        if (str_is(catalogue_find(code)->code, "Unknown"))
                                fail_msg("%s: %s is not in the catalogue", path, code);
                }
        return n_codes;
}

static void test_every_code_is_known(void **state)
{
        static const char *const folders[] = { "steps", "target" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *engine = getenv("ENGINE_SOURCE");
        unsigned n_codes = 0;

        assert_non_null(engine);
        for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
                const char *folder = arena_printf(a, "%s/%s", engine, folders[i]);
                DIR *d = opendir(folder);

                assert_non_null(d);
                for (struct dirent *e = readdir(d); e; e = readdir(d))
                        if (str_ends(e->d_name, ".c") && !str_starts(e->d_name, "test-"))
                                n_codes += check_file(a, arena_printf(a, "%s/%s", folder, e->d_name));
                closedir(d);
        }
        assert_true(n_codes > 40); /* else it looks for the wrong thing */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_every_code_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
