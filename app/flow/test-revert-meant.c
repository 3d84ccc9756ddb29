/* SPDX-License-Identifier: Apache-2.0 */

/* Which run, and which version of the rules, a beginning means: one, or it is refused. */

#include "app/flow/revert-meant.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
        const char *run, *rules;
} journal[] = {
        { "e36bf4e9-0000-4000-8000-000000000001", "9e68bc4ec7fa3996" },
        { "e36bf4e9-0000-4000-8000-000000000001", "9e68bc4ec7fa3996" },
        { "e36bffff-0000-4000-8000-000000000002", "9e68bc4ec7fa3996" },
        { "00aa0000-0000-4000-8000-000000000003", "9e68000000000000" },
        { "11bb0000-0000-4000-8000-000000000004", NULL },
};

static const struct {
        const char *run, *rules;
        int result;
        size_t n; /* entries that are meant */
        const char *said;
} rows[] = {
        { NULL, NULL, 0, 5, NULL },
        { "e36bf4e9-0000-4000-8000-000000000001", NULL, 0, 2, NULL },
        { "E36BF4E9", NULL, 0, 2, NULL },
        { "00aa", NULL, 0, 1, NULL },
        { NULL, "9e68b", 0, 3, NULL },
        { "e36b", NULL, REVERT_E_UNCLEAR, 3,
          "more than one run begins with \"e36b\": e36bf4e9-0000-4000-8000-000000000001, "
          "e36bffff-0000-4000-8000-000000000002" },
        { NULL, "9e68", REVERT_E_UNCLEAR, 4, "more than one version of the rules begins with \"9e68\"" },
        { "e36b", "9e680", REVERT_E_NO_SUCH, 0, "of a run \"e36b\"" },
        { "00aa", "9e68", 0, 1, NULL },
        { "dead", NULL, REVERT_E_NO_SUCH, 0, "of a run \"dead\"" },
        { NULL, "dead", REVERT_E_NO_SUCH, 0, "of a version of the rules \"dead\"" },
        { "", NULL, REVERT_E_UNCLEAR, 0, "--run: \"\" is not an id or at least 4 characters" },
        { "e", NULL, REVERT_E_UNCLEAR, 0, "--run: \"e\"" },
        { "e36", NULL, REVERT_E_UNCLEAR, 0, "--run: \"e36\"" },
        { "zzzz", NULL, REVERT_E_UNCLEAR, 0, "--run: \"zzzz\"" },
        { "e36bf4e9-0000-4000-8000-0000000000011", NULL, REVERT_E_UNCLEAR, 0, "is not an id" },
        { NULL, "", REVERT_E_UNCLEAR, 0, "--rules: \"\"" },
        { NULL, "NOPE", REVERT_E_UNCLEAR, 0, "--rules: \"NOPE\"" },
};

static void test_rows(void **state)
{
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
                RevertMeant m;
                size_t n = 0;
                int r = revert_meant_init(&m, a, rows[i].run, rows[i].rules, &diag);

                for (size_t k = 0; r == 0 && k < N_ELEMENTS(journal); k++) {
                        JournalEntry e = { .rules_version = journal[k].rules };

                        assert_true(guid_parse(journal[k].run, &e.run));
                        n += revert_meant_is(&m, &e);
                }
                r = r ? r : revert_meant_check(&m, &diag);
                if (r != rows[i].result || n != rows[i].n)
                        fail_msg("row %zu: %d, %zu entries: %s", i, r, n, diag_text(&diag));
                if (rows[i].said && !strstr(diag_text(&diag), rows[i].said))
                        fail_msg("row %zu: %s", i, diag_text(&diag));
        }
}

/* However many it fits, some are named. */
static void test_many(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        RevertMeant m;

        assert_int_equal(revert_meant_init(&m, a, "abcd", NULL, &diag), 0);
        for (uint8_t i = 0; i < 100; i++) {
                JournalEntry e = { .dn = NULL };
                char text[GUID_TEXT_MAX];

                snprintf(text, sizeof(text), "abcdef01-0000-4000-8000-0000000000%02x", i);
                assert_true(guid_parse(text, &e.run));
                assert_true(revert_meant_is(&m, &e));
        }
        assert_int_equal(revert_meant_check(&m, &diag), REVERT_E_UNCLEAR);
        assert_true(str_ends(diag_text(&diag), "000003, ..."));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_many) };

        return cmocka_run_group_tests_name("revert-meant", tests, NULL, NULL);
}
