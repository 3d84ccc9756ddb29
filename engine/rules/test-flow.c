/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/test-world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_precedence(void **state)
{
        World *w = *state;
        RuleInput both = INPUT("a", 0, "title=Own", "early=1", "late=1");
        RuleInput late = INPUT("a", 0, "late=1");
        RuleInput own = INPUT("a", 0, "title=Own", "late=1");
        RuleInput none = INPUT("a", 0, "cn=x");

        assert_value(w, inbound(w, &both, 1), "title", "First", "First");
        assert_value(w, inbound(w, &own, 1), "title", "Own", "Join");
        assert_value(w, inbound(w, &late, 1), "title", "Second", "Second");
        assert_value(w, inbound(w, &none, 1), "title", "(none)", NULL);
        assert_int_equal(flowed_find(inbound(w, &late, 1), "title")->precedence, 110);
        assert_int_equal(flowed_find(inbound(w, &late, 1), "title")->mapping, FLOW_CONSTANT);
}

static void test_special_results(void **state)
{
        World *w = *state;
        RuleInput hidden = INPUT("a", 0, "department=IT", "hide=1", "late=1");
        RuleInput shown = INPUT("a", 0, "department=IT", "late=1");
        RuleInput left = INPUT("a", 0, "company=C", "leave=1");
        RuleInput left_late = INPUT("a", 0, "company=C", "leave=1", "late=1");
        const FlowedObject *mv = inbound(w, &hidden, 1);

        assert_value(w, mv, "department", "(null)", "Join");
        assert_true(value_is_none(flowed_get(mv, "department")));
        assert_null(object_find(flowed_object(w->a, mv), "department"));
        assert_value(w, inbound(w, &shown, 1), "department", "IT", "Join");

        mv = inbound(w, &left, 1);
        assert_value(w, mv, "company", "(none)", NULL);
        assert_true(flowed_is_kept(mv, "company"));
        assert_false(flowed_is_kept(mv, "title"));
        mv = inbound(w, &left_late, 1);
        assert_value(w, mv, "company", "Second", "Second");
        assert_false(flowed_is_kept(mv, "company"));
}

static void test_keep(void **state)
{
        World *w = *state;
        RuleInput before = INPUT("a", 0, "company=Old", "once=1", "title=T");
        RuleInput after = INPUT("a", 0, "company=New", "leave=1", "once=2");
        const FlowedObject *old = inbound(w, &before, 1), *now = inbound_again(w, &after, 1, old);
        const FlowedObject *kept;

        assert_true(flowed_find(old, "comment")->once);
        assert_true(flowed_is_kept(now, "comment"));
        kept = flowed_keep(w->a, now, old);
        assert_value(w, kept, "company", "Old", "Join");
        assert_value(w, kept, "comment", "1", "Join");
        assert_value(w, kept, "title", "(none)", NULL);
        assert_int_equal(kept->n_kept, 0);
        for (size_t i = 1; i < kept->n_values; i++)
                assert_true(strcmp(kept->values[i - 1].name, kept->values[i].name) < 0);

        kept = flowed_keep(w->a, inbound(w, &after, 1), NULL);
        assert_value(w, kept, "company", "(none)", NULL);
        assert_value(w, kept, "comment", "2", "Join");
}

/* "once: true" gives way to the next rule when the object is there, and comes first when it is new. */
static void test_once_steps_aside(void **state)
{
        World *w = *state;
        RuleInput has = INPUT("a", 0, "early=1", "sn=Lovelace"), other = INPUT("a", 0, "early=1", "sn=King");
        RuleInput none = INPUT("a", 0, "early=1"), plain = INPUT("a", 0, "sn=Lovelace");
        const FlowedObject *made = inbound(w, &has, 1), *mv;

        assert_value(w, made, "sn", "Once", "First");
        mv = flowed_keep(w->a, inbound_again(w, &other, 1, made), made);
        assert_value(w, mv, "sn", "King", "Join");
        /* Nobody else has a value: what is there stays, whoever gave it. */
        mv = flowed_keep(w->a, inbound_again(w, &none, 1, made), made);
        assert_value(w, mv, "sn", "Once", "First");
        mv = flowed_keep(w->a, inbound_again(w, &none, 1, mv), mv);
        assert_value(w, mv, "sn", "Once", "First");
        /* It comes into scope of an object that is there: as if it were not. */
        made = inbound(w, &plain, 1);
        mv = flowed_keep(w->a, inbound_again(w, &other, 1, made), made);
        assert_value(w, mv, "sn", "King", "Join");
}

static void test_merge(void **state)
{
        World *w = *state;
        RuleInput i = INPUT("a", 0, "proxyAddresses:l=SMTP:a@x|smtp:b@x", "otherPager:l=1|2",
                            "morePages:l=smtp:A@X|smtp:c@x|1", "late=1");
        RuleInput alone = INPUT("a", 0, "otherPager=1");
        const FlowedObject *mv = inbound(w, &i, 1);

        assert_value(w, mv, "proxyAddresses", "SMTP:a@x, smtp:b@x, smtp:c@x, 1", "Join");
        assert_value(w, mv, "otherPager", "1, 2, smtp:A@X, smtp:c@x", "Join");
        /* For many values by the schema, so a list of one. */
        assert_int_equal(flowed_get(inbound(w, &alone, 1), "otherPager").type, VALUE_LIST);
}

static void test_values(void **state)
{
        World *w = *state;
        RuleInput blank = INPUT("a", 0, "sn=   ", "title:l=One|Two");
        const FlowedObject *mv = inbound(w, &blank, 1);

        assert_value(w, mv, "sn", "(none)", NULL);
        assert_value(w, mv, "title", "One", "Join");
        assert_value(w, mv, "c", "DE", "Join");
        assert_int_equal(flowed_get(mv, "cloudFiltered").type, VALUE_BOOL);
        assert_value(w, mv, "info", "from corp.contoso.test", "Join");
        assert_value(w, mv, "pager", "(none)", NULL);
}

/* Account forest and resource forest: rule first, then the source that was connected first. */
static void test_two_sources(void **state)
{
        World *w = *state;
        RuleInput inputs[] = {
                INPUT("b", 1, "title=B", "sn=SnB", "proxyAddresses=smtp:b@x"),
                INPUT("a", 0, "title=A", "proxyAddresses=smtp:a@x"),
        };
        RuleInput unjoined[] = { inputs[0], INPUT("a", 0, "title=A", "skip=1", "early=1") };
        const FlowedObject *mv = inbound(w, inputs, 2);

        assert_value(w, mv, "title", "A", "Join");
        assert_int_equal(flowed_find(mv, "title")->source, 0);
        assert_value(w, mv, "sn", "SnB", "Join");
        assert_int_equal(flowed_find(mv, "sn")->source, 1);
        assert_value(w, mv, "st", "B", "Forest B");
        assert_value(w, mv, "proxyAddresses", "smtp:a@x, smtp:b@x", "Join");
        /* Nothing flows from an object that no rule joins. */
        assert_value(w, inbound(w, unjoined, 2), "title", "B", "Join");
        assert_int_equal(inbound(w, NULL, 0)->n_values, 0);
}

/* An expression that looks at the clock says when to look again; the earliest of all inputs counts. */
static void test_due(void **state)
{
        World *w = *state;
        int64_t in_an_hour = filetime_from_unix_ms(fixture_now.ms + 3600 * 1000);
        const char *later = arena_printf(w->a, "expires:i=%lld", (long long)in_an_hour + 10000000);
        const char *soon = arena_printf(w->a, "expires:i=%lld", (long long)in_an_hour);
        RuleInput inputs[] = { INPUT("a", 0, later), INPUT("b", 1, soon) };
        RuleInput past = INPUT("a", 0, "expires:i=130000000000000000"), never = INPUT("a", 0, "cn=x");

        assert_int_equal((inbound(w, inputs, 1)->due.ms - fixture_now.ms) / 1000, 3601);
        assert_int_equal((inbound(w, inputs, 2)->due.ms - fixture_now.ms) / 1000, 3600);
        assert_value(w, inbound(w, &past, 1), "pwdLastSet", "gone", "Join");
        assert_int_equal(inbound(w, &past, 1)->due.ms, 0);
        assert_int_equal(inbound(w, &never, 1)->due.ms, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_precedence),  cmocka_unit_test(test_special_results),
                cmocka_unit_test(test_keep),        cmocka_unit_test(test_once_steps_aside),
                cmocka_unit_test(test_merge),       cmocka_unit_test(test_values),
                cmocka_unit_test(test_two_sources), cmocka_unit_test(test_due),
        };

        return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
