/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/fixture.h"
#include "engine/rules/rules-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Case {
        const char *attribute; /* as in fixture.h, or the name alone: absent */
        ScopeOperator op;
        const char *value;
        bool met;
} Case;

static const Case cases[] = {
        { "department=Sales", SCOPE_EQUAL, "Sales", true },
        { "department=Sales", SCOPE_EQUAL, "sales", true },
        { "department=Sales", SCOPE_EQUAL, "Sales ", false },
        { "department", SCOPE_EQUAL, "Sales", false },
        { "department", SCOPE_EQUAL, "", false },
        { "department=\xc3\x84rzte", SCOPE_EQUAL, "\xc3\xa4rzte", true },
        { "department=\xc3\x84rzte", SCOPE_STARTSWITH, "\xc3\xa4r", true },
        { "department=Sales", SCOPE_NOTEQUAL, "Sales", false },
        { "department=Sales", SCOPE_NOTEQUAL, "IT", true },
        { "department", SCOPE_NOTEQUAL, "Sales", true },

        /* The shipped rules write booleans in five ways. */
        { "cloudFiltered:b=True", SCOPE_EQUAL, "TRUE", true },
        { "cloudFiltered:b=True", SCOPE_EQUAL, "true", true },
        { "cloudFiltered:b=False", SCOPE_EQUAL, "False", true },
        { "cloudFiltered:b=True", SCOPE_NOTEQUAL, "True", false },
        { "cloudFiltered:b=False", SCOPE_NOTEQUAL, "True", true },
        { "cloudFiltered", SCOPE_NOTEQUAL, "True", true },
        { "cloudMastered", SCOPE_EQUAL, "False", false },

        /* Numbers are compared as numbers, texts as texts. */
        { "memberCount:i=900", SCOPE_LESSTHAN, "50000", true },
        { "memberCount:i=50000", SCOPE_LESSTHAN, "50000", false },
        { "memberCount:i=50000", SCOPE_LESSTHAN_OR_EQUAL, "50000", true },
        { "memberCount:i=50001", SCOPE_GREATERTHAN, "50000", true },
        { "memberCount:i=50000", SCOPE_GREATERTHAN_OR_EQUAL, "50000", true },
        { "memberCount:i=49999", SCOPE_GREATERTHAN_OR_EQUAL, "50000", false },
        { "memberCount:i=7", SCOPE_EQUAL, "7", true },
        { "memberCount:i=7", SCOPE_EQUAL, "seven", false },
        { "memberCount", SCOPE_LESSTHAN, "50000", false },
        { "department=900", SCOPE_LESSTHAN, "50000", false },
        { "department=b", SCOPE_GREATERTHAN, "a", true },
        { "department=B", SCOPE_LESSTHAN_OR_EQUAL, "b", true },
        { "department=a", SCOPE_LESSTHAN, "B", true },

        { "mail=ada@contoso.test", SCOPE_CONTAINS, "@CONTOSO", true },
        { "mail=ada@contoso.test", SCOPE_CONTAINS, "fabrikam", false },
        { "mail", SCOPE_CONTAINS, "x", false },
        { "mail=ada@contoso.test", SCOPE_NOTCONTAINS, "@contoso", false },
        { "mail", SCOPE_NOTCONTAINS, "x", true },
        { "adminDescription=User_1", SCOPE_STARTSWITH, "User_", true },
        { "adminDescription=User_1", SCOPE_NOTSTARTSWITH, "User_", false },
        { "adminDescription=Use", SCOPE_NOTSTARTSWITH, "User_", true },
        { "adminDescription", SCOPE_NOTSTARTSWITH, "User_", true },
        { "mail=ada@contoso.test", SCOPE_ENDSWITH, "@contoso.test", true },
        { "mail=test", SCOPE_ENDSWITH, "@contoso.test", false },
        { "mail=ada@contoso.test", SCOPE_NOTENDSWITH, "@contoso.test", false },
        { "mail", SCOPE_NOTENDSWITH, "@contoso.test", true },

        { "mail", SCOPE_ISNULL, NULL, true },
        { "mail=", SCOPE_ISNULL, NULL, true },
        { "mail=a", SCOPE_ISNULL, NULL, false },
        { "mail=a", SCOPE_ISNOTNULL, NULL, true },
        { "mail", SCOPE_ISNOTNULL, NULL, false },
        { "accountEnabled:b=False", SCOPE_ISNOTNULL, NULL, true },

        { "proxyAddresses:l=SMTP:a@x|smtp:b@x", SCOPE_ISIN, "smtp:b@x", true },
        { "proxyAddresses:l=SMTP:a@x|smtp:b@x", SCOPE_ISIN, "smtp:c@x", false },
        { "proxyAddresses:l=SMTP:a@x|smtp:b@x", SCOPE_ISNOTIN, "smtp:c@x", true },
        { "proxyAddresses:l=SMTP:a@x|smtp:b@x", SCOPE_ISNOTIN, "smtp:a@x", false },
        { "proxyAddresses", SCOPE_ISIN, "a", false },
        { "proxyAddresses", SCOPE_ISNOTIN, "a", true },

        { "userAccountControl:i=514", SCOPE_ISBITSET, "2", true },
        { "userAccountControl:i=512", SCOPE_ISBITSET, "2", false },
        { "userAccountControl:i=512", SCOPE_ISBITNOTSET, "2", true },
        { "userAccountControl:i=514", SCOPE_ISBITNOTSET, "2", false },
        { "userAccountControl:i=514", SCOPE_ISBITSET, "&H202", true },
        { "userAccountControl:i=514", SCOPE_ISBITSET, "0x203", false },
        { "userAccountControl=514", SCOPE_ISBITSET, "2", true },
        { "userAccountControl", SCOPE_ISBITSET, "2", false },
        { "userAccountControl", SCOPE_ISBITNOTSET, "2", true },
        { "groupType:i=-2147483646", SCOPE_ISBITSET, "&H80000000", true },

        { "connector=2B3E8F2C-0f6f-4c4e-9d64-2f1f6f2d6a10", SCOPE_EQUAL, "%Connector.ID%", true },
        { "mail=ada@corp.contoso.test", SCOPE_ENDSWITH, "@%Domain.FQDN%", true },
        { "mail=%Nobody%", SCOPE_EQUAL, "%Nobody%", true },
        { "mail=100%", SCOPE_EQUAL, "100%", true },
        { "manager:r=CN=Ada,DC=x", SCOPE_EQUAL, "cn=ada,dc=x", true },
        { "objectGUID:x=33221100554477668899aabbccddeeff", SCOPE_EQUAL,
          "00112233-4455-6677-8899-AABBCCDDEEFF", true },
        { "objectGUID:x=00", SCOPE_EQUAL, "00", false },
};

static void test_operators(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const Case *c = &cases[i];
                const char *attributes[] = { strchr(c->attribute, '=') ? c->attribute : "cn=x", NULL };
                const Object *o = fixture_object(a, "user", NULL, attributes);
                ScopeClause clause = {
                        .attribute = arena_strndup(a, c->attribute, strcspn(c->attribute, ":=")),
                        .op = c->op,
                        .value = c->value,
                };
                ScopeGroup group = { .clauses = &clause, .n_clauses = 1 };
                Rule rule = { .name = "r", .scope = &group, .n_scope = 1 };

                if (rule_in_scope(&rule, o, fixture_parameters, n_fixture_parameters) != c->met)
                        fail_msg("case %zu: %s %s %s should be %s", i, c->attribute,
                                 scope_operator_name(c->op), c->value ? c->value : "",
                                 c->met ? "met" : "not met");
        }
}

static void test_groups(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Object *o = fixture_object(a, "user", NULL, (const char *[]){ "a=1", "b=2", NULL });
        const ScopeClause both[] = { { .attribute = "a", .op = SCOPE_EQUAL, .value = "1" },
                                     { .attribute = "b", .op = SCOPE_EQUAL, .value = "3" } };
        const ScopeClause one[] = { { .attribute = "b", .op = SCOPE_EQUAL, .value = "2" } };
        const ScopeGroup groups[] = { { both, 2 }, { one, 1 } };
        Rule rule = { .name = "Mine", .scope = groups, .n_scope = 1 };

        assert_false(rule_in_scope(&rule, o, NULL, 0));
        assert_string_equal(rule_why_not(&rule, o, NULL, 0, a),
                            "rule \"Mine\" asks for b EQUAL 3, and b is \"2\"");
        rule.n_scope = 2;
        assert_true(rule_in_scope(&rule, o, NULL, 0));
        rule.n_scope = 0;
        assert_true(rule_in_scope(&rule, o, NULL, 0));
}

static void test_member(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Object *in = fixture_object(a, "user", NULL, (const char *[]){ "ISMEMBEROF:p:b=True", NULL });
        const Object *out = fixture_object(a, "user", NULL, (const char *[]){ "ISMEMBEROF:p:b=False", NULL });
        const Object *unasked = fixture_object(a, "user", NULL, (const char *[]){ "cn=x", NULL });
        ScopeClause clause = {
                .attribute = "dn", .op = SCOPE_ISMEMBEROF, .value = "cn=P", .group = "ISMEMBEROF:p"
        };
        const ScopeGroup group = { .clauses = &clause, .n_clauses = 1 };
        Rule rule = { .name = "Mine", .scope = &group, .n_scope = 1 };

        assert_true(rule_in_scope(&rule, in, NULL, 0));
        assert_false(rule_in_scope(&rule, out, NULL, 0));
        assert_false(rule_in_scope(&rule, unasked, NULL, 0));
        assert_string_equal(rule_why_not(&rule, out, NULL, 0, a),
                            "rule \"Mine\" asks for members of cn=P, and the object is none");
        clause.op = SCOPE_ISNOTMEMBEROF;
        assert_false(rule_in_scope(&rule, in, NULL, 0));
        assert_true(rule_in_scope(&rule, out, NULL, 0));
        assert_true(rule_in_scope(&rule, unasked, NULL, 0));
        assert_string_equal(rule_why_not(&rule, in, NULL, 0, a),
                            "rule \"Mine\" asks for everybody but members of cn=P, and the object is one");
}

static void test_mask(void **state)
{
        int64_t mask = 0;

        assert_true(text_to_mask("2", &mask));
        assert_int_equal(mask, 2);
        assert_true(text_to_mask("&HFf", &mask));
        assert_int_equal(mask, 255);
        assert_true(text_to_mask("0x80000000", &mask));
        assert_int_equal(mask, 0x80000000);
        assert_false(text_to_mask("&H", &mask));
        assert_false(text_to_mask("&Hxy", &mask));
        assert_false(text_to_mask("two", &mask));
        assert_false(text_to_mask("&H1234567890123456", &mask));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_operators),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_member),
                cmocka_unit_test(test_mask),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
