/* SPDX-License-Identifier: Apache-2.0 */

/* Journal: its bounds, its numbers, and what it never keeps */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal.h"

static void note(Journal *journal, const char *type, const char *body)
{
        Call call = {
                .method = METHOD_POST,
                .target = "/v1.0/users?$top=1",
                .content_type = type,
                .body = body,
                .n_body = strlen(body),
        };
        Answer answer = { .status = 201, .changed = true };

        journal_add(journal, journal_number(journal), 0, &call, &answer, false);
}

static void test_bounds(void **state)
{
        Journal journal;
        const Entry *e;

        journal_init(&journal, 10, 1 << 20, NULL);
        for (int i = 0; i < 25; ++i)
                note(&journal, "application/json", "{}");
        assert_int_equal(journal.first, 16);
        assert_int_equal(journal.last, 25);
        assert_int_equal(journal.dropped, 15);
        assert_null(journal_find(&journal, 15));
        e = journal_find(&journal, 16);
        assert_non_null(e);
        assert_int_equal(e->number, 16);
        journal_clear(&journal);
        assert_int_equal(journal.n_bytes, 0);
        note(&journal, "application/json", "{}");
        assert_int_equal(journal.first, 26);
        assert_non_null(journal_find(&journal, 26));
        journal_deinit(&journal);
}

static void test_bytes(void **state)
{
        Journal journal;

        journal_init(&journal, 1000, 2000, NULL);
        for (int i = 0; i < 100; ++i)
                note(&journal, "application/json", "{}");
        assert_true(journal.n_bytes <= 2000);
        assert_true(journal.dropped > 50);
        assert_int_equal(journal.first, journal.dropped + 1);
        journal_deinit(&journal);
}

static void test_secrets(void **state)
{
        static const struct {
                const char *type, *body, *kept;
        } cases[] = {
                { "application/json", "{\"a\":1}", "{\"a\":1}" },
                { "application/json", "{\"p\":[{\"Password\":\"x\"}]}", "{\"p\":[{\"Password\":\"***\"}]}" },
                { "application/json", "{\"pass\\u0077ord\":\"x\"}", "{\"password\":\"***\"}" },
                { "application/json", "{\"password\":\"x\"",
                  "(not JSON, and withheld because it may hold a secret)" },
                { NULL, "password=x", "(not JSON, and withheld because it may hold a secret)" },
                { "application/x-www-form-urlencoded", "a=b&client_secret=x&c", "a=b&client_secret=***&c" },
                { "application/x-www-form-urlencoded", "CLIENT_ASSERTION=x", "CLIENT_ASSERTION=***" },
        };
        Journal journal;

        journal_init(&journal, 100, 1 << 20, NULL);
        for (size_t i = 0; i < ARRAY_LENGTH(cases); ++i) {
                const Entry *e;

                note(&journal, cases[i].type, cases[i].body);
                e = journal_find(&journal, journal.last);
                assert_string_equal(e->text, "/v1.0/users");
                assert_string_equal(e->text + e->query, "$top=1");
                assert_string_equal(e->text + e->body, cases[i].kept);
        }
        journal_deinit(&journal);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_secrets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
