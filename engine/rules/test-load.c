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

typedef struct Case {
        const char *text;
        const char *finding; /* part of it, with the place; NULL: it loads */
} Case;

static const Case cases[] = {
        { MORE "    flows: [{target: title, source: title}]\n", NULL },
        { MORE "    link: StickyJoin\n    join: [{clauses: [{source: mail, target: mail, case_sensitive: "
               "true}]}]\n",
          NULL },
        { MORE "    scope: [{clauses: [{attribute: a, operator: ISNOTBITSET, value: 2}]}]\n"
               "    flows: [{target: title, source: title}]\n",
          NULL },
        { MORE "    flows: [{target: mine-too_1, expression: 'Trim([title])', merge: Replace, once: true}]\n",
          NULL },
        { MORE
          "    flows: [{target: proxyAddresses, constant: '%Connector.ID%', merge: MergeCaseInsensitive}]\n",
          NULL },

        { MORE "    flows: [{target: title, expression: 'IIF(True && 1 = 1, \"a\", \"b\")'}]\n", NULL },
        { "strict_operators: true\n" MORE
          "    flows: [{target: title, expression: 'IIF(True && 1 = 1, \"a\", \"b\")'}]\n",
          "rule \"Mine\": flow to \"title\": at character 13 of the expression: " },

        /* What the reader finds. */
        { "", "rules.yaml:1:1: the key \"rules\" is missing" },
        { "rules: {}\n", "rules.yaml:1:8: rules: expected a list" },
        { "rules: [1]\n", "rules.yaml:1:9: rules.0: expected a mapping" },
        { "\t", "rules.yaml:1:" },
        { MORE "    flow: []\n", "rules.yaml:17:5: rules.1: unknown key \"flow\"; did you mean \"flows\"?" },
        { MORE "    flows: [{target: title, source: title, mrge: Update}]\n", "did you mean \"merge\"?" },
        { JOIN "    direction: Upwards\n    source_type: u\n    target_type: p\n    precedence: 1\n",
          "expected Inbound or Outbound" },
        { MINE "    precedence: first\n    flows: [{target: title, source: title}]\n",
          "expected a whole number" },
        { MINE "    precedence: -1\n    flows: [{target: title, source: title}]\n", "from 0 to 1000000" },
        { MORE "    scope: [{clauses: [{attribute: a, operator: LIKE, value: b}]}]\n",
          "rules.yaml:17:49: rules.1.scope.0.clauses.0.operator: " },
        { MORE "    link: Stick\n", "rules.yaml:17:11: rules.1.link: " },

        /* What one rule says that cannot be. */
        { MORE "    flows: [{target: title}]\n",
          "flow to \"title\": give one of source, constant, expression" },
        { MORE "    flows: [{target: title, source: a, constant: b}]\n",
          "constant, expression, not several" },
        { MORE "    flows: [{target: '[title]', source: a}]\n", "an attribute is written without brackets" },
        { MORE "    flows: [{target: title, source: 'Trim([a])'}]\n",
          "rules.yaml:17:13: rule \"Mine\": \"Trim([a])\" is not the name of an attribute" },
        { MORE "    flows: [{target: accountEnabled, constant: Ja}]\n",
          "\"Ja\" is not of the attribute's type (True or" },
        { MORE "    flows: [{target: countryCode, constant: DE}]\n",
          "is not of the attribute's type (integer)" },
        { MORE "    flows: [{target: title, expression: 'Foo([a])'}]\n",
          "rules.yaml:17:13: rule \"Mine\": flow to \"title\": at character 1 of the expression: " },
        { MORE "    flows: [{target: title, expression: 'Trim([a]'}]\n",
          "at character 9 of the expression: " },
        { MORE "    flows: [{target: title, expression: ''}]\n", "of the expression: " },
        { MORE "    flows: [{target: title, expression: 'Count([member])'}]\n",
          "an expression cannot read [member], whose values are not loaded; their number is "
          "ValueCount(\"member\")" },
        { MORE "    flows: [{target: title, source: member}]\n", "links flow only to links" },
        { MORE "    flows: [{target: member, constant: x}]\n", "links have no constant value" },
        { MORE "    scope: [{clauses: []}]\n    flows: [{target: title, source: a}]\n",
          "a group of clauses has 1 to 256 clauses, not 0" },
        { MORE "    scope: [{clauses: [{attribute: a, operator: EQUAL}]}]\n", "EQUAL needs a value" },
        { MORE "    scope: [{clauses: [{attribute: dn, operator: ISMEMBEROF, value: 'CN=A\\, b,DC=x'}]}]\n"
               "    flows: [{target: title, source: title}]\n",
          NULL },
        { MORE "    scope: [{clauses: [{attribute: dn, operator: ISMEMBEROF}]}]\n",
          "ISMEMBEROF needs a value" },
        { MORE "    scope: [{clauses: [{attribute: dn, operator: ISNOTMEMBEROF, value: Pilot}]}]\n",
          "ISNOTMEMBEROF needs the DN of a group, not \"Pilot\": " },
        { MORE
          "    scope: [{clauses: [{attribute: dn, operator: ISMEMBEROF, value: 'CN=a,%Domain.LDAP%'}]}]\n",
          "ISMEMBEROF needs the DN of a group, without parameters, not \"CN=a,%Domain.LDAP%\"" },
        { MORE "    connector: entra\n    scope: [{clauses: [{attribute: dn, operator: ISMEMBEROF, value: "
               "'CN=a,DC=x'}]}]\n",
          "only inbound rules from a directory can" },
        { MORE "    scope: [{clauses: [{attribute: a, operator: ISNULL, value: x}]}]\n",
          "ISNULL takes no value" },
        { MORE "    scope: [{clauses: [{attribute: a, operator: ISBITSET, value: two}]}]\n",
          "ISBITSET needs a number (a mask, as 2 or &H2), not \"two\"" },
        { MORE "    join: [{clauses: []}]\n", "a group of clauses has 1 to 256 clauses, not 0" },
        { MORE "    join: [{clauses: [{source: member, target: member}]}]\n",
          "a link attribute cannot be compared" },
        { MORE "    link: StickyJoin\n", "StickyJoin needs join rules" },
        { MORE, "rules.yaml:12:5: rule \"Mine\": does nothing: no flows, no join rules, and link type Join" },
        { MORE "    id: mine\n    flows: [{target: title, source: a}]\n", "\"mine\" is not a GUID" },

        /* What only all rules together show. */
        { MINE "    precedence: 100\n    flows: [{target: title, source: a}]\n",
          "rules.yaml:12:5: rule \"Mine\": precedence 100 is taken by rule \"Join\" (" },
        { MORE "    flows: [{target: title, source: a}]\n"
               "  - {name: Join, direction: Inbound, source_type: user, target_type: person, precedence: 1,\n"
               "     flows: [{target: c, source: c}]}\n",
          "rule \"Join\": the name is taken by rule \"Join\" (" },
        { MORE "    flows: [{target: cn, source: a, merge: Merge}]\n",
          "its merge type is not that of rule " },
        { MORE "    flows: [{target: c, source: a}, {target: c, source: b}]\n", "two flows to \"c\"" },
        { JOIN
          "    direction: Inbound\n    source_type: contact\n    target_type: person\n    precedence: 50\n"
          "    flows: [{target: cn, source: cn}]\n",
          "no inbound rule from \"contact\" to \"person\" has join rules or link type Provision" },
        { JOIN "    direction: Outbound\n    source_type: person\n    target_type: user\n    precedence: 50\n"
               "    link: Provision\n    flows: [{target: cn, source: CN}]\n",
          "rule \"Mine\": flow to \"cn\": the metaverse has no attribute \"CN\"" },
        { JOIN "    direction: Outbound\n    source_type: person\n    target_type: user\n    precedence: 50\n"
               "    link: Provision\n    flows: [{target: cn, expression: 'UCase([Cn])'}]\n",
          "the metaverse has no attribute \"Cn\"" },
        { JOIN
          "    direction: Outbound\n    source_type: person\n    target_type: user\n    precedence: 100\n"
          "    link: Provision\n    flows: [{target: cn, source: cn}]\n",
          NULL },
        /* What goes to a directory and what goes to the tenant have nothing to do with one another. */
        { JOIN
          "    direction: Outbound\n    source_type: person\n    target_type: user\n    precedence: 200\n"
          "    link: Provision\n    flows: [{target: proxyAddresses, source: proxyAddresses}]\n"
          "  - {name: Back, direction: Outbound, source_type: person, target_type: user, precedence: 201,\n"
          "     connector: a, link: Provision, flows: [{target: proxyAddresses, source: cn, merge: "
          "Merge}]}\n",
          NULL },
};

static void test_findings(void **state)
{
        size_t n_wrong = 0;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
                const RuleSet *set = fixture_rules(a, cases[i].text, &diag);
                bool found = false;

                if (!cases[i].finding) {
                        if (!set)
                                print_error("case %zu: %s\n", i, diag_text(&diag));
                        n_wrong += !set;
                        continue;
                }
                for (size_t k = 0; k < diag.n_items; k++)
                        found |= strstr(diag.items[k].text, cases[i].finding) != NULL;
                if (set || !found)
                        print_error("case %zu: expected \"%s\", got \"%s\"\n", i, cases[i].finding,
                                    diag_text(&diag));
                n_wrong += set || !found;
        }
        assert_int_equal(n_wrong, 0);
}

static void test_all_in_one_pass(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        assert_null(fixture_rules(a,
                                  MORE "    lnk: Join\n"
                                       "    flows: [{target: a, expression: 'Foo()'}, {target: b}]\n",
                                  &diag));
        assert_int_equal(diag.n_items, 3);
        assert_non_null(strstr(diag.items[0].text, "rules.yaml:17:5"));
        assert_non_null(strstr(diag.items[1].text, "rules.yaml:18:13"));
        assert_non_null(strstr(diag.items[2].text, "give one of"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_findings),
                cmocka_unit_test(test_all_in_one_pass),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
