/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "engine/scope/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ADA   "CN=Ada,OU=Staff,DC=x"
#define GROUP "CN=VPN-Admins,OU=Groups,DC=x"

typedef struct World {
        Arena *a;
        UrgentRule disabled, any_title, staff, group, staff_title, nothing;
} World;

static const Dn *dn_of(World *w, const char *text)
{
        const Dn *dn;

        assert_int_equal(dn_parse(w->a, text, &dn, NULL), 0);
        return dn;
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        const Expr *e = NULL;
        size_t offset;

        w->a = arena_new(0);
        *state = w;
        if (expr_parse(w->a, "IsBitSet([userAccountControl],2)", &(ExprOptions){ 0 }, &e, &offset, NULL))
                return -1;
        w->disabled = (UrgentRule){ .attribute = "userAccountControl", .when = e, .revoke_sessions = true };
        w->any_title = (UrgentRule){ .attribute = "title" };
        w->staff = (UrgentRule){ .ou = dn_of(w, "OU=Staff,DC=x") };
        w->group = (UrgentRule){ .group = GROUP };
        w->staff_title = (UrgentRule){ .attribute = "title", .ou = dn_of(w, "OU=Staff,DC=x") };
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        arena_free(w->a);
        free(w);
        return 0;
}

static UrgentAnswer ask(World *w, UrgentRule rule, const char *dn, const char *attribute, Value v)
{
        const ObjectId id = { { 0 } };
        ObjectBuilder b;

        object_build(&b, w->a);
        if (attribute)
                object_add(&b, attribute, v);
        return scope_urgent(&rule, 1, dn_of(w, dn), object_finish(&b, &id, "user", dn), NULL, (Wall){ 1 },
                            w->a);
}

static void test_attribute(void **state)
{
        World *w = *state;

        assert_true(ask(w, w->disabled, ADA, "userAccountControl", value_int(514)).urgent);
        assert_true(ask(w, w->disabled, ADA, "userAccountControl", value_int(514)).revoke_sessions);
        assert_false(ask(w, w->disabled, ADA, "userAccountControl", value_int(512)).urgent);
        assert_false(ask(w, w->disabled, ADA, "title", value_string("x")).urgent);
        /* A condition that cannot be evaluated is not met. */
        assert_false(ask(w, w->disabled, ADA, "userAccountControl", value_string("x")).urgent);
        assert_true(ask(w, w->any_title, ADA, "title", value_string("x")).urgent);
        assert_true(ask(w, w->any_title, ADA, "Title", value_string("x")).urgent);
        assert_false(ask(w, w->any_title, ADA, "titles", value_string("x")).urgent);
        assert_false(ask(w, w->any_title, ADA, NULL, VALUE_NULL).urgent);
        assert_false(ask(w, w->nothing, ADA, "title", value_string("x")).urgent);
}

static void test_ou(void **state)
{
        World *w = *state;

        assert_true(ask(w, w->staff, ADA, NULL, VALUE_NULL).urgent);
        assert_false(ask(w, w->staff, "CN=Ada,OU=Other,DC=x", NULL, VALUE_NULL).urgent);
        assert_true(ask(w, w->staff_title, ADA, "title", value_string("x")).urgent);
        assert_false(ask(w, w->staff_title, ADA, "sn", value_string("x")).urgent);
        assert_false(ask(w, w->staff_title, "CN=Ada,DC=x", "title", value_string("x")).urgent);
}

static void test_group(void **state)
{
        World *w = *state;

        assert_true(ask(w, w->group, GROUP, "member", value_string("x")).urgent);
        assert_true(ask(w, w->group, "cn=vpn-admins, ou=groups, dc=X", "member;range=1-1", value_string("x"))
                            .urgent);
        assert_false(ask(w, w->group, GROUP, "description", value_string("x")).urgent);
        assert_false(ask(w, w->group, ADA, "member", value_string("x")).urgent);
}

/* All rules are asked, until nothing more can be added. */
static void test_several(void **state)
{
        World *w = *state;
        const UrgentRule rules[] = { w->any_title, w->staff, w->disabled };
        const ObjectId id = { { 0 } };
        UrgentAnswer answer;
        ObjectBuilder b;

        object_build(&b, w->a);
        object_add(&b, "title", value_string("x"));
        object_add(&b, "userAccountControl", value_int(514));
        answer = scope_urgent(rules, 3, dn_of(w, ADA), object_finish(&b, &id, "user", ADA), NULL, (Wall){ 1 },
                              w->a);
        assert_true(answer.urgent);
        assert_true(answer.revoke_sessions);
        answer = scope_urgent(rules, 0, dn_of(w, ADA), object_finish(&b, &id, "user", ADA), NULL, (Wall){ 1 },
                              w->a);
        assert_false(answer.urgent);
}

/* An entry that brings everything is urgent for what is not as it was. */
static void test_before(void **state)
{
        World *w = *state;
        const ObjectId id = { { 0 } };
        const Object *entry, *same, *other, *nothing;
        ObjectBuilder b;

        object_build(&b, w->a);
        nothing = object_finish(&b, &id, "user", ADA);
        object_build(&b, w->a);
        object_add(&b, "userAccountControl", value_int(514));
        entry = same = object_finish(&b, &id, "user", ADA);
        object_build(&b, w->a);
        object_add(&b, "userAccountControl", value_int(512));
        other = object_finish(&b, &id, "user", ADA);
        assert_false(scope_urgent(&w->disabled, 1, dn_of(w, ADA), entry, same, (Wall){ 1 }, w->a).urgent);
        assert_true(scope_urgent(&w->disabled, 1, dn_of(w, ADA), entry, other, (Wall){ 1 }, w->a).urgent);
        assert_true(scope_urgent(&w->disabled, 1, dn_of(w, ADA), entry, nothing, (Wall){ 1 }, w->a).urgent);
        assert_true(scope_urgent(&w->disabled, 1, dn_of(w, ADA), entry, NULL, (Wall){ 1 }, w->a).urgent);
        assert_true(scope_urgent(&w->staff, 1, dn_of(w, ADA), entry, same, (Wall){ 1 }, w->a).urgent);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attribute), cmocka_unit_test(test_before),  cmocka_unit_test(test_ou),
                cmocka_unit_test(test_group),     cmocka_unit_test(test_several),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
