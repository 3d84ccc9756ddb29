/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "report/text.h"

#include <string.h>

static char *render(const char *name, size_t columns, bool colour)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *text;
        Str s;

        str_init(&s, (size_t)64 << 20);
        text_report(fixture_make(a, name), columns, colour, &s);
        text = str_take(&s);
        str_deinit(&s);
        return text;
}

/* Nothing but text and line breaks, and no line beyond the width unless one word is. */
static void assert_tame(const char *text, size_t columns)
{
        assert_true(str_is_utf8(text, strlen(text)));
        for (const char *p = text; *p; p++)
                assert_true((unsigned char)*p >= 0x20 || *p == '\n');
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                size_t n = strcspn(line, "\n"), longest = 0;
                char *copy = strndup(line, n);

                for (const char *w = copy; *w; w += strcspn(w, " "), w += strspn(w, " "))
                        longest = strcspn(w, " ") > longest ? strcspn(w, " ") : longest;
                if (str_chars(copy) > columns && longest < columns / 2)
                        fail_msg("line of %zu characters: %s", str_chars(copy), copy);
                free(copy);
        }
}

static void test_all(void **state)
{
        static const size_t widths[] = { 60, 80, 120 };

        for (size_t i = 0; i < n_fixtures; i++) {
                if (str_is(fixtures[i].name, "hostile") || str_is(fixtures[i].name, "long-values"))
                        continue; /* their lines are one word */
                for (size_t k = 0; k < N_ELEMENTS(widths); k++) {
                        char *text = render(fixtures[i].name, widths[k], false);

                        assert_tame(text, widths[k]);
                        assert_non_null(strstr(text, "Determine whether the object's"));
                        free(text);
                }
        }
}

static void test_hostile(void **state)
{
        char *text = render("hostile", 80, false);

        assert_tame(text, SIZE_MAX);
        assert_non_null(strstr(text, "\\x1b[31mred"));
        assert_non_null(strstr(text, "\\xe2\\x80\\xae"));
        free(text);

        /* With colours, the only sequences are ours: select graphic rendition. */
        text = render("hostile", 80, true);
        for (const char *p = strchr(text, 0x1b); p; p = strchr(p + 1, 0x1b))
                assert_true(p[1] == '[' && p[2 + strspn(p + 2, "0123456789")] == 'm');
        free(text);
}

static void test_contents(void **state)
{
        char *text = render("parked", 80, false);

        assert_non_null(strstr(text, "Parked: The change of Ada Lovelace failed"));
        assert_non_null(strstr(text, "  fail 10   121 ms  Export the object to Microsoft Entra ID\n"));
        assert_non_null(strstr(text, "Code       AttributeValueMustBeUnique\n"));
        assert_non_null(strstr(text, "What to do Find both objects"));
        assert_non_null(strstr(text, "Modified properties (planned)\n"));
        free(text);

        text = render("update-user", 80, false);
        assert_non_null(strstr(text, "Directory to Graph: 236 ms\n"));
        assert_non_null(strstr(text, "  jobTitle  Analyst -> Principal Analyst\n"));
        assert_null(strstr(text, "Troubleshooting"));
        free(text);

        text = render("no-change", 80, false);
        assert_non_null(strstr(text, "  -     8"));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_contents),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
