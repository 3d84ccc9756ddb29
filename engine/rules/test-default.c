/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Objects as directories have them, through the whole shipped set: test-default-user.txt and
 * test-default-group.txt, whose beginning says how to read them.
 */
enum {
        LINES_MAX = 40
};

typedef struct Case {
        const char *name;
        char *type;
        char *dn;
        const char *attributes[LINES_MAX];
        size_t n_attributes;
        const char *imported[LINES_MAX];
        size_t n_imported;
        const char *expected[LINES_MAX];
        size_t n_expected;
} Case;

static bool value_matches(const char *got, const char *wanted)
{
        size_t n = strlen(wanted);

        if (n > 3 && strcmp(wanted + n - 3, "...") == 0)
                return strncmp(got, wanted, n - 3) == 0;
        return strcmp(got, wanted) == 0;
}

static const char *lookup(const FlowedObject *o, const char *name, Arena *a)
{
        if (strncmp(name, "rule.", 5) == 0) {
                const FlowedValue *v = flowed_find(o, name + 5);

                return v ? v->rule : "(none)";
        }
        if (strncmp(name, "link.", 5) == 0) {
                const FlowedLink *l = flowed_find_link(o, name + 5);

                return l ? l->rule : "(none)";
        }
        return fixture_text(a, o, name);
}

static void check(const Case *c, const FixtureResult *f, const char *expected, Arena *a, const Diag *diag)
{
        const char *value = strchr(expected, '=') + 1;
        const char *name = arena_strndup(a, expected, (size_t)(value - expected) - 1);
        const FlowedObject *o = f->target;
        const char *got;

        if (strcmp(name, "fails") == 0) {
                if (f->r != RULE_E_FAILED || !strstr(diag_text(diag), value))
                        fail_msg("%s: expected to fail with \"%s\", got \"%s\"", c->name, value,
                                 diag_text(diag));
                return;
        }
        if (f->r)
                fail_msg("%s: %s", c->name, diag_text(diag));
        if (strcmp(name, "why") == 0) {
                if (f->target || !f->why || !strstr(f->why, value))
                        fail_msg("%s: expected \"%s\", got \"%s\"", c->name, value,
                                 f->why ? f->why : "an object");
                return;
        }
        if (strcmp(name, "join") == 0) {
                assert_string_equal(f->join->name, value);
                return;
        }
        if (strncmp(name, "mv", 2) == 0) {
                o = f->mv;
                name += name[2] == '.' ? 3 : 2;
        }
        if (!o)
                fail_msg("%s: nothing goes out: %s", c->name, f->why);
        if (strcmp(name, "kept") == 0) {
                if (!flowed_is_kept(o, value))
                        fail_msg("%s: %s is not kept", c->name, value);
                return;
        }
        got = lookup(o, name, a);
        if (!value_matches(got, value))
                fail_msg("%s: %s should be \"%s\", is \"%s\"", c->name, name, value, got);
}

static void run(const RuleSet *set, const Case *c)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const Object *o = fixture_object(a, c->type, c->dn, c->attributes);
        const Object *imported = c->n_imported ? fixture_object(a, c->type, NULL, c->imported) : NULL;
        FixtureResult f = fixture_run(set, o, imported, a, &diag);

        assert_true(c->n_expected > 0);
        for (size_t i = 0; i < c->n_expected; i++)
                check(c, &f, c->expected[i], a, &diag);
}

static const char *unabbreviated(const char *line)
{
        if (strcmp(line, "@GUID") == 0)
                return "objectGUID:x=33221100554477668899aabbccddeeff";
        if (strcmp(line, "@SID") == 0)
                return "objectSid:x=010500000000000515000000a065cf7e784b9b5fe77c8770f4010000";
        return line;
}

static void add_line(Case *c, char *line)
{
        assert_true(c->n_attributes < LINES_MAX - 1 && c->n_imported < LINES_MAX - 1 &&
                    c->n_expected < LINES_MAX - 1);
        if (str_starts(line, "  -> ")) {
                c->expected[c->n_expected++] = line + 5;
        } else if (str_starts(line, "  imported ")) {
                c->imported[c->n_imported++] = line + 11;
        } else if (str_starts(line, "  ")) {
                c->attributes[c->n_attributes++] = unabbreviated(line + 2);
        } else {
                c->type = line;
                c->dn = strchr(line, ' ');
                *c->dn++ = '\0';
        }
}

static void run_file(const RuleSet *set, const char *folder, const char *name, size_t n_expected)
{
        _cleanup_(cleanup_free) char *path = NULL, *text = NULL;
        Case c = { 0 };
        char *rest;
        size_t n = 0;

        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        assert_int_equal(str_read_file(path, (size_t)1 << 20, &text, NULL), 0);
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                if (*line == '#')
                        continue;
                if (*line != '*') {
                        add_line(&c, line);
                        continue;
                }
                if (c.name)
                        run(set, &c);
                c = (Case){ .name = line + 2 };
                n++;
        }
        run(set, &c);
        /* So that a file that is cut does not pass. */
        assert_true(n >= n_expected);
}

static void test_objects(void **state)
{
        const char *folder = getenv("RULES_DATA");
        _cleanup_(arena_freep) Arena *config = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *set;

        if (rules_load(config, NULL, &set, &diag))
                fail_msg("%s", diag_text(&diag));
        assert_non_null(folder); /* set by meson.build */
        run_file(set, folder, "test-default-user.txt", 25);
        run_file(set, folder, "test-default-group.txt", 14);
}

/* Names and numbers as administrators know them. */
static void test_set(void **state)
{
        static const struct {
                int precedence;
                const char *name;
        } known[] = {
                { 100, "In from AD - User Join" },
                { 101, "In from AD - InetOrgPerson Join" },
                { 102, "In from AD - User AccountEnabled" },
                { 103, "In from AD - InetOrgPerson AccountEnabled" },
                { 104, "In from AD - User Common from Exchange" },
                { 105, "In from AD - InetOrgPerson Common from Exchange" },
                { 106, "In from AD - User Common" },
                { 107, "In from AD - InetOrgPerson Common" },
                { 108, "In from AD - User Exchange" },
                { 109, "In from AD - InetOrgPerson Exchange" },
                { 110, "In from AD - User Lync" },
                { 111, "In from AD - InetOrgPerson Lync" },
                { 112, "In from AD - Group Join" },
                { 113, "In from AD - Group Exchange" },
                { 114, "In from AD - Group Common" },
                { 115, "In from AD - Contact Join" },
                { 116, "In from AD - Contact Common" },
                { 117, "In from AD - Contact Lync" },
                { 118, "In from AD - ForeignSecurityPrincipal Join User" },
                { 119, "In from AAD - User Join" },
                { 120, "In from AAD - Contact Join" },
                { 121, "In from AAD - Group Join" },
                { 123, "Out to AAD - User Join" },
                { 124, "Out to AAD - User Identity" },
                { 125, "Out to AAD - User ExchangeOnline" },
                { 126, "Out to AAD - User DynamicsCRM" },
                { 129, "Out to AAD - User SharePointOnline" },
                { 131, "Out to AAD - Contact Join" },
                { 132, "Out to AAD - Contact Identity" },
                { 133, "Out to AAD - Contact ExchangeOnline" },
                { 139, "Out to AAD - Group Join" },
                { 140, "Out to AAD - Group Identity" },
                { 141, "Out to AAD - Group ExchangeOnline" },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *const *names;
        const Rule *const *rules;
        const RuleSet *set;
        bool member = false;
        size_t n;

        assert_int_equal(rules_load(a, NULL, &set, NULL), 0);
        rules = rules_all(set, &n);
        assert_int_equal(n, N_ELEMENTS(known));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(rules[i]->name, known[i].name);
                assert_int_equal(rules[i]->precedence, known[i].precedence);
                assert_non_null(rules[i]->tag);
                assert_non_null(rules[i]->description);
        }
        assert_true(rules_knows_type(set, "user"));
        assert_true(rules_knows_type(set, "inetOrgPerson"));
        assert_true(rules_knows_type(set, "group"));
        assert_false(rules_knows_type(set, "computer"));
        assert_true(rules_knows_type(set, "contact"));

        names = rules_join_attributes(set, "person", &n);
        assert_int_equal(n, 3);
        assert_string_equal(names[0], "mail");
        assert_string_equal(names[1], "objectSidString");
        assert_string_equal(names[2], "sourceAnchorBinary");
        names = rules_source_attributes(set, "group", &n);
        for (size_t i = 0; i < n; i++) {
                member |= strcmp(names[i], "member") == 0;
                assert_string_not_equal(names[i], "dn");
                assert_null(strchr(names[i], ':'));
        }
        assert_true(member);
        assert_true(rules_flows_links(set, RULE_INBOUND, "group", "member"));
        assert_true(rules_flows_links(set, RULE_OUTBOUND, "group", "member"));
        assert_false(rules_flows_links(set, RULE_OUTBOUND, "user", "member"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_objects),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
