/* SPDX-License-Identifier: Apache-2.0 */

/* Texts that YAML would take for something else: what is written is what is read. */

#include "engine/rules/rules-internal.h"
#include "engine/rules/write-yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(Arena *a, const Rule *const *one)
{
        const char *text;
        Str s;

        str_init(&s, SIZE_MAX);
        write_yaml_rules(&s, one, 1);
        text = arena_strdup(a, s.data);
        str_deinit(&s);
        return text;
}

static void test_odd_texts(void **state)
{
        static const char *const texts[] = {
                "x",
                "a b",
                "yes",
                "No",
                "null",
                "~",
                "12",
                "1e5",
                "0x1F",
                "True",
                "- x",
                "a: b",
                "a #b",
                "#",
                "'",
                "''",
                "it's",
                "\"",
                "a\\b",
                "a\nb",
                " a",
                "a ",
                "a  b",
                "\ta",
                "{a}",
                "[a]",
                "a,b",
                "&x",
                "*x",
                "!x",
                "|",
                ">",
                "%a%",
                "@a",
                "`",
                "a\x01"
                "b",
                "\xc2\x85",
                "\xe2\x80\xa8",
                "\xef\xbb\xbf"
                "a",
                "ä日本𐐀",
                "---",
                "...",
                "?",
                "a:",
                ":a",
                "long words that go on and on and on, so that the text is folded somewhere between two of "
                "them, or not",
                "long  words  with  two  blanks  each  that  go  on  and  on  and  on,  so  that  nothing  "
                "is  lost  in  it",
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                const char *quoted = strchr(texts[i], '"') ? "\"x\"" : arena_printf(a, "\"%s\"", texts[i]);
                const Flow flows[] = {
                        { .target = "title", .type = FLOW_CONSTANT, .source = texts[i] },
                        { .target = "company",
                          .type = FLOW_EXPRESSION,
                          .source = arena_printf(a, "%s & [a] & %s", quoted, quoted),
                          .merge = FLOW_MERGE_MERGE,
                          .apply_once = true },
                };
                const ScopeClause clause = { .attribute = "b", .op = SCOPE_ENDSWITH, .value = texts[i] };
                const ScopeGroup scope = { .clauses = &clause, .n_clauses = 1 };
                const Rule rule = {
                        .name = texts[i],
                        .id = "00000000-0000-0000-0000-0000000000a1",
                        .description = texts[i],
                        .source_type = "user",
                        .target_type = "person",
                        .link = RULE_LINK_PROVISION,
                        .scope = &scope,
                        .n_scope = 1,
                        .flows = flows,
                        .n_flows = 2,
                };
                const Rule *one = &rule;
                const char *text = text_of(a, &one);
                RulesFile file = { .name = "x.yaml", .text = text, .n = strlen(text) };
                const Rule *const *rules;
                const RuleSet *set;
                size_t n;

                if (rules_load_text(a, &file, 1, &set, &diag))
                        fail_msg("%s\n%s", diag_text(&diag), text);
                rules = rules_all(set, &n);
                assert_string_equal(rules[0]->name, texts[i]);
                assert_string_equal(rules[0]->description, texts[i]);
                assert_string_equal(rules[0]->scope[0].clauses[0].value, texts[i]);
                assert_string_equal(rules[0]->flows[0].source, texts[i]);
                assert_string_equal(rules[0]->flows[1].source, flows[1].source);
                assert_int_equal(rules[0]->flows[1].merge, FLOW_MERGE_MERGE);
                assert_true(rules[0]->flows[1].apply_once);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_odd_texts) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
