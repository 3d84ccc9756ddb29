/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/test-world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const FlowedObject *outbound(World *w, const FlowedObject *mv, const Object *imported,
                                    const char **ret_why)
{
        const FlowedObject *target = NULL;

        if (rules_outbound(w->set, mv, imported, fixture_parameters, n_fixture_parameters, fixture_now, w->a,
                           &target, ret_why, &w->diag))
                fail_msg("%s", diag_text(&w->diag));
        return target;
}

static void test_outbound(void **state)
{
        World *w = *state;
        const Object *imported = fixture_object(w->a, "user", NULL, (const char *[]){ "old=was", NULL });
        RuleInput i = INPUT("a", 3, "title=T");
        const FlowedObject *mv = inbound(w, &i, 1), *target;
        const char *why = NULL;
        FlowedObject other = *mv;

        target = outbound(w, mv, NULL, &why);
        assert_string_equal(target->type, "user");
        assert_value(w, target, "title", "T", "Out");
        assert_int_equal(flowed_find(target, "title")->source, 3);
        assert_value(w, target, "mixed", "DET", "Out");
        assert_int_equal(flowed_find(target, "mixed")->source, 3);
        assert_value(w, target, "fresh", "yes", "Out");
        assert_value(w, target, "old", "(none)", NULL);
        assert_true(flowed_is_kept(target, "usageLocation"));

        target = outbound(w, mv, imported, &why);
        assert_value(w, target, "fresh", "(none)", NULL);
        assert_true(flowed_is_kept(target, "fresh"));
        assert_value(w, target, "old", "was", "Out");

        other.n_values = 0;
        assert_null(outbound(w, &other, NULL, &why));
        assert_string_equal(why, "rule \"Out\" asks for c EQUAL DE, and c is absent");
        other.type = "device";
        assert_null(outbound(w, &other, NULL, &why));
        assert_string_equal(why, "no outbound rule provisions objects of metaverse type \"device\"");
}

/* A rule that only joins has nothing to make. */
static void test_outbound_join_only(void **state)
{
        World *w = *state;
        FlowedValue st = { .name = "st", .value = value_string("B"), .rule = "x" };
        FlowedObject mv = { .type = "person", .values = &st, .n_values = 1 };
        const Object *imported = fixture_object(w->a, "guest", NULL, (const char *[]){ "mail=a", NULL });
        const char *why = NULL;

        assert_null(outbound(w, &mv, NULL, &why));
        assert_string_equal(why, "rule \"Out join only\" only joins, and Entra ID has no such object");
        assert_string_equal(outbound(w, &mv, imported, &why)->type, "guest");
}

static void test_links(void **state)
{
        World *w = *state;
        RuleInput two[] = {
                INPUT("a", 0, "ValueCount:member:i=0"),
                INPUT("b", 1, "ValueCount:member:i=5"),
        };
        const FlowedObject *mv, *target;
        const FlowedLink *link;
        const char *why = NULL;

        /* Like values: who has some is preferred; an empty group flows all the same. */
        mv = inbound(w, two, 2);
        assert_int_equal(mv->n_links, 1);
        assert_int_equal(mv->links[0].source, 1);
        mv = inbound(w, two, 1);
        assert_int_equal(mv->n_links, 1);
        assert_int_equal(mv->links[0].source, 0);
        assert_null(flowed_find(mv, "member"));

        target = outbound(w, inbound(w, two, 2), NULL, &why);
        link = flowed_find_link(target, "member");
        assert_non_null(link);
        assert_string_equal(link->rule, "Out");
        assert_string_equal(link->from, "member");
        assert_int_equal(link->source, 1);
        assert_null(flowed_find_link(target, "manager"));
        assert_true(rules_flows_links(w->set, RULE_OUTBOUND, "user", "member"));
        assert_false(rules_flows_links(w->set, RULE_OUTBOUND, "guest", "member"));
        assert_false(rules_flows_links(w->set, RULE_OUTBOUND, "user", "title"));
}

/* The members are not there, but their number is. */
static void test_member_count(void **state)
{
        World *w = *state;
        RuleInput some = INPUT("a", 0, "ValueCount:member:i=70000"), unknown = INPUT("a", 0, "cn=x");

        assert_value(w, inbound(w, &some, 1), "memberCount", "70000", "Join");
        assert_value(w, inbound(w, &unknown, 1), "memberCount", "(none)", NULL);
}

static void test_find_join(void **state)
{
        World *w = *state;
        RuleInput joined = INPUT("a", 0, "cn=x"), skipped = INPUT("a", 0, "skip=1");
        RuleInput strange = { .object = fixture_object(w->a, "computer", NULL, (const char *[]){ NULL }) };
        RuleInput tenant = INPUT("Entra", 0, "cn=x");
        const char *why = NULL;

        assert_string_equal(rules_find_join(w->set, &joined, w->a, &why)->name, "Join");
        assert_null(rules_find_join(w->set, &skipped, w->a, &why));
        assert_string_equal(why, "rule \"Join\" asks for skip ISNULL, and skip is \"1\"");
        assert_null(rules_find_join(w->set, &strange, w->a, &why));
        assert_string_equal(why, "no inbound rule joins or provisions objects of type \"computer\"");
        assert_null(rules_find_join(w->set, &tenant, w->a, &why));
}

static void assert_names(const char *const *names, size_t n, const char *expected)
{
        char joined[1000] = "";

        for (size_t i = 0; i < n; i++) {
                strcat(joined, names[i]);
                strcat(joined, " ");
        }
        assert_string_equal(joined, expected);
}

static void test_names(void **state)
{
        World *w = *state;
        const char *const *names;
        size_t n;

        names = rules_source_attributes(w->set, "user", &n);
        assert_names(names, n,
                     "company department early expires hide late leave member morePages objectGUID once "
                     "otherPager proxyAddresses skip sn title ");
        names = rules_join_attributes(w->set, "person", &n);
        assert_names(names, n, "sourceAnchorBinary ");
        names = rules_target_attributes(w->set, RULE_OUTBOUND, "user", &n);
        assert_names(names, n, "fresh member mixed old title usageLocation ");
        for (size_t i = 0; i < n; i++)
                assert_true(rules_flows(w->set, RULE_OUTBOUND, "user", names[i]));
        assert_false(rules_flows(w->set, RULE_OUTBOUND, "user", "department"));
        assert_false(rules_flows(w->set, RULE_OUTBOUND, "group", "title"));
        assert_null(rules_source_attributes(w->set, "group", &n));
        assert_int_equal(n, 0);
        assert_true(rules_knows_type(w->set, "user"));
        assert_false(rules_knows_type(w->set, "computer"));
        assert_string_equal(rules_all(w->set, &n)[0]->name, "First");
        assert_int_equal(n, 6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outbound),  cmocka_unit_test(test_outbound_join_only),
                cmocka_unit_test(test_links),     cmocka_unit_test(test_member_count),
                cmocka_unit_test(test_find_join), cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
