/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/fixture.h"
#include "engine/rules/rules-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The beginning of every text here: a rule that joins, so that others have something to flow into. */
#define JOIN                                                                    \
        "rules:\n"                                                              \
        "  - name: Join\n"                                                      \
        "    direction: Inbound\n"                                              \
        "    source_type: user\n"                                               \
        "    target_type: person\n"                                             \
        "    link: Provision\n"                                                 \
        "    precedence: 100\n"                                                 \
        "    join:\n"                                                           \
        "      - clauses: [{source: objectGUID, target: sourceAnchorBinary}]\n" \
        "    flows:\n"                                                          \
        "      - {target: cn, source: cn}\n"                                    \
        "  - name: Mine\n"

#define MINE JOIN "    direction: Inbound\n    source_type: user\n    target_type: person\n"
#define MORE MINE "    precedence: 50\n"

static void test_folder(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *set = NULL;
        char folder[] = "/tmp/test-rules-XXXXXX";
        const char *path;

        assert_non_null(mkdtemp(folder));
        assert_int_equal(rules_load(a, folder, &set, &diag), RULE_E_INVALID);
        assert_non_null(strstr(diag_text(&diag), "0 rule files (*.yaml)"));

        diag_clear(&diag);
        path = arena_printf(a, "%s/mine.yml", folder);
        assert_int_equal(str_write_file(path, "rules: []\n", 10, 0600), 0);
        assert_int_equal(rules_load(a, folder, &set, &diag), RULE_E_INVALID);
        assert_non_null(strstr(diag_text(&diag), "a rule file is named *.yaml"));
        unlink(path);
        rmdir(folder);

        diag_clear(&diag);
        assert_int_equal(rules_load(a, folder, &set, &diag), RULE_E_INVALID);
        assert_non_null(strstr(diag_text(&diag), "No such file"));
        assert_int_equal(rules_load(a, folder, &set, NULL), RULE_E_INVALID);
        assert_null(set);
}

static const char *version_of(Arena *a, const char *text)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *set = fixture_rules(a, text, &diag);

        if (!set)
                fail_msg("%s", diag_text(&diag));
        return rules_version(set);
}

/* What it means, not how it is written. */
static void test_version(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *plain = version_of(a, MORE "    flows: [{target: title, expression: 'Trim([a])'}]\n");

        assert_int_equal(strlen(plain), 16);
        assert_string_equal(
                plain, version_of(a, MORE "    description: other words\n    # and a comment\n    flows:\n"
                                          "      - target: title\n        merge: Update\n"
                                          "        expression: ' Trim ( [a] ) '\n"));
        assert_string_not_equal(
                plain, version_of(a, MORE "    flows: [{target: title, expression: 'Trim([b])'}]\n"));
        assert_string_not_equal(
                plain,
                version_of(a, MORE "    flows: [{target: title, expression: 'Trim([a])', once: true}]\n"));
        assert_string_not_equal(plain, version_of(a, MORE
                                                  "    disabled: true\n"
                                                  "    flows: [{target: title, expression: 'Trim([a])'}]\n"));
        assert_string_not_equal(plain, version_of(a, MINE
                                                  "    precedence: 51\n"
                                                  "    flows: [{target: title, expression: 'Trim([a])'}]\n"));
}

static char *repeat(const char *text, size_t n)
{
        char *s = malloc(strlen(text) * n + 1), *p = s;

        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, text);
        return s;
}

/* Files of a size nobody writes: a finding, soon. */
static void test_sizes(void **state)
{
        static const char flow[] = "      - {target: a, source: a}\n";
        static const char clause[] = "          - {attribute: a, operator: ISNULL}\n";
        static const char group[] = "      - clauses: [{attribute: a, operator: ISNULL}]\n";
        const struct {
                const char *before, *text, *after;
                size_t n;
                const char *finding;
        } sizes[] = {
                { MORE "    flows:\n", flow, "", 1001, "1001 flows; at most 1000 are allowed" },
                { MORE "    scope:\n      - clauses:\n", clause, "", 257, "1 to 256 clauses, not 257" },
                { MORE "    scope:\n", group, "", 65, "65 groups of clauses; at most 64" },
                { MORE "    flows: [{target: a, expression: '", "(", "1'}]\n", 10000, "of the expression: " },
                { MORE "    flows: [{target: a, expression: '", "Trim(", "1'}]\n", 10000,
                  "of the expression: " },
                { MORE "    flows: [{target: a, expression: '\"", "xxxxxxxxxx", "\"'}]\n", 200000,
                  "of the expression: " },
                { "rules:\n", "  - {name: a}\n", "", 2001, "is missing" },
                { "", "[", "", 100000, "rules.yaml:1:" },
                { "rules: [", "{", "", 100000, "rules.yaml:1:" },
        };

        for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
                _cleanup_(cleanup_free) char *middle = repeat(sizes[i].text, sizes[i].n);
                bool found = false;

                assert_null(fixture_rules(
                        a, arena_printf(a, "%s%s%s", sizes[i].before, middle, sizes[i].after), &diag));
                for (size_t k = 0; k < diag.n_items; k++)
                        found |= strstr(diag.items[k].text, sizes[i].finding) != NULL;
                if (!found)
                        fail_msg("case %zu: %s", i, diag_text(&diag));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_folder),
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
