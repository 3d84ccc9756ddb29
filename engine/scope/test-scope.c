/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "engine/scope/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define BASE "DC=corp,DC=contoso,DC=test"

static const Dn *dn_of(Arena *a, const char *text)
{
        const Dn *dn = NULL;

        assert_int_equal(dn_parse(a, text, &dn, NULL), 0);
        return dn;
}

static void test_longest_match(void **state)
{
        static const char *const include[] = { "OU=Staff," BASE, "OU=Apprentices,OU=Leavers,OU=Staff," BASE };
        static const char *const exclude[] = { "OU=Leavers,OU=Staff," BASE };
        static const struct {
                const char *dn;
                bool in;
                const char *rule;
                bool excluded;
        } cases[] = {
                { "CN=Ada,OU=Staff," BASE, true, "OU=Staff," BASE, false },
                { "cn=ada,ou=STAFF,dc=corp,dc=Contoso,dc=test", true, "OU=Staff," BASE, false },
                { "OU=Staff," BASE, true, "OU=Staff," BASE, false },
                { "CN=Ada,OU=Leavers,OU=Staff," BASE, false, "OU=Leavers,OU=Staff," BASE, true },
                { "CN=Ada,OU=x,OU=Leavers,OU=Staff," BASE, false, "OU=Leavers,OU=Staff," BASE, true },
                { "CN=Ada,OU=Apprentices,OU=Leavers,OU=Staff," BASE, true,
                  "OU=Apprentices,OU=Leavers,OU=Staff," BASE, false },
                { "CN=Ada,OU=Service," BASE, false, BASE, true },
                { BASE, false, BASE, true },
                { "CN=Ada,OU=Staff,DC=other,DC=test", false, BASE, false },
                { "CN=Ada,OU=XStaff," BASE, false, BASE, true },
                { "DC=contoso,DC=test", false, BASE, false },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Scope *s;

        assert_int_equal(scope_new(a, BASE, include, 2, exclude, 1, NULL, 0, &s, NULL), 0);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                ScopeAnswer answer = scope_judge(s, dn_of(a, cases[i].dn));

                if (answer.in != cases[i].in || strcmp(answer.rule, cases[i].rule) != 0 ||
                    answer.excluded != cases[i].excluded)
                        fail_msg("%s: in %d, rule %s, excluded %d", cases[i].dn, answer.in, answer.rule,
                                 answer.excluded);
        }
        assert_string_equal(scope_base(s)->text, BASE);
        assert_true(scope_has_base(s, dn_of(a, "OU=x," BASE)));
        assert_false(scope_has_base(s, dn_of(a, "DC=test")));
}

static void test_no_includes(void **state)
{
        static const char *const both[] = { "OU=Staff," BASE };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ScopeAnswer answer;
        const Scope *s;

        assert_int_equal(scope_new(a, BASE, NULL, 0, NULL, 0, NULL, 0, &s, NULL), 0);
        answer = scope_judge(s, dn_of(a, "CN=x," BASE));
        assert_true(answer.in);
        assert_string_equal(answer.rule, BASE);
        assert_false(answer.excluded);

        assert_int_equal(scope_new(a, BASE, both, 1, both, 1, NULL, 0, &s, NULL), 0);
        assert_false(scope_judge(s, dn_of(a, "CN=x,OU=Staff," BASE)).in);
}

static void test_malformed(void **state)
{
        static const char *const include[] = { "OU=x" BASE, "OU x" };
        static const char *const exclude[] = { "nothing" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const Scope *s = NULL;

        assert_int_equal(scope_new(a, "base", include, 2, exclude, 1, NULL, 0, &s, &diag), DN_E_MALFORMED);
        assert_null(s);
        assert_int_equal(diag.n_items, 3);
        assert_non_null(strstr(diag.items[0].text, "base: \"base\" is not a distinguished name: "));
        assert_non_null(strstr(diag.items[1].text, "include: \"OU x\" is not a distinguished name: "));
        assert_non_null(strstr(diag.items[2].text, "exclude: \"nothing\" is not a distinguished name: "));
}

static const char *type_of(const char *classes)
{
        char copy[300];
        Value values[16];
        size_t n = 0;

        snprintf(copy, sizeof(copy), "%s", classes);
        for (char *part = strtok(copy, " "); part; part = strtok(NULL, " "))
                values[n++] = value_string(part);
        return scope_type_of(n == 1 ? values[0] : value_list(values, n));
}

static void test_types(void **state)
{
        static const char *const types[] = { "user", "group" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Scope *s;

        assert_string_equal(type_of("top person organizationalPerson user"), "user");
        assert_string_equal(type_of("user organizationalPerson person top"), "user");
        assert_string_equal(type_of("top person organizationalPerson user inetOrgPerson"), "inetOrgPerson");
        assert_string_equal(type_of("top person organizationalPerson inetOrgPerson"), "inetOrgPerson");
        assert_string_equal(type_of("top person organizationalPerson user computer"), "computer");
        assert_string_equal(
                type_of("top person organizationalPerson user computer msDS-GroupManagedServiceAccount"),
                "msDS-GroupManagedServiceAccount");
        assert_string_equal(type_of("top person organizationalPerson contact"), "contact");
        assert_string_equal(type_of("top group"), "group");
        assert_string_equal(type_of("TOP GROUP"), "group");
        assert_string_equal(type_of("group"), "group");
        assert_string_equal(type_of("top domain domainDNS"), "domainDNS");
        assert_string_equal(type_of("top organizationalUnit"), "organizationalUnit");
        assert_string_equal(type_of("top domain domainDNS"), "domainDNS");
        assert_string_equal(type_of("top dcObject organization"), "organization");
        assert_string_equal(type_of("locality"), "locality");
        assert_string_equal(type_of("top container"), "container");
        assert_string_equal(type_of("top foreignSecurityPrincipal"), "foreignSecurityPrincipal");
        assert_string_equal(type_of("top secret"), "");
        assert_string_equal(scope_type_of(VALUE_NULL), "");

        assert_int_equal(scope_new(a, BASE, NULL, 0, NULL, 0, types, 2, &s, NULL), 0);
        assert_true(scope_has_type(s, "user"));
        assert_true(scope_has_type(s, "Group"));
        assert_false(scope_has_type(s, "computer"));
        assert_false(scope_has_type(s, ""));
        assert_int_equal(scope_new(a, BASE, NULL, 0, NULL, 0, NULL, 0, &s, NULL), 0);
        assert_true(scope_has_type(s, "computer"));
        assert_false(scope_has_type(s, ""));
}

/* ---- properties: random trees of OUs, seed printed ---- */

typedef struct Random {
        uint64_t state;
} Random;

static uint32_t next(Random *r, uint32_t n)
{
        r->state = r->state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(r->state >> 33) % n;
}

/* A path of up to five OUs of three names: many are below one another. */
static const char *random_dn(Random *r, Arena *a, bool odd_case)
{
        const char *dn = BASE;

        for (uint32_t depth = next(r, 6); depth > 0; depth--) {
                char letter = "abc"[next(r, 3)];

                if (odd_case && next(r, 2))
                        letter = (char)(letter - 32);
                dn = arena_printf(a, odd_case && next(r, 2) ? "ou=%c, %s" : "OU=%c,%s", letter, dn);
        }
        return dn;
}

/* The same question answered the slow way: all that hold it, the longest of them. */
static bool expected(Arena *a, const Dn *dn, const char *const *include, size_t n_include,
                     const char *const *exclude, size_t n_exclude)
{
        size_t longest = 0;
        bool in = n_include == 0, found = false;

        for (size_t i = 0; i < n_include + n_exclude; i++) {
                const Dn *entry = dn_of(a, i < n_include ? include[i] : exclude[i - n_include]);

                if (!dn_is_below(dn, entry) || (found && entry->n_rdns < longest))
                        continue;
                if (found && entry->n_rdns == longest)
                        in = in && i < n_include;
                else
                        in = i < n_include;
                longest = entry->n_rdns;
                found = true;
        }
        return in;
}

static void test_property(void **state)
{
        uint64_t seed = (uint64_t)time(NULL);

        for (int round = 0; round < 400; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Random r = { .state = seed + (uint64_t)round * 7919 };
                const char *include[6], *exclude[6], *reversed[6];
                size_t n_include = next(&r, 6), n_exclude = next(&r, 6);
                const Scope *s, *other;

                for (size_t i = 0; i < n_include; i++)
                        include[i] = random_dn(&r, a, false);
                for (size_t i = 0; i < n_exclude; i++)
                        exclude[i] = random_dn(&r, a, false);
                for (size_t i = 0; i < n_include; i++)
                        reversed[i] = include[n_include - 1 - i];
                assert_int_equal(
                        scope_new(a, BASE, include, n_include, exclude, n_exclude, NULL, 0, &s, NULL), 0);
                assert_int_equal(
                        scope_new(a, BASE, reversed, n_include, exclude, n_exclude, NULL, 0, &other, NULL),
                        0);
                for (int k = 0; k < 20; k++) {
                        const char *text = random_dn(&r, a, true);
                        const Dn *dn = dn_of(a, arena_printf(a, "CN=x,%s", text));
                        ScopeAnswer answer = scope_judge(s, dn);
                        bool should = expected(a, dn, include, n_include, exclude, n_exclude);

                        if (answer.in != should || scope_judge(other, dn).in != should)
                                fail_msg("seed %llu, round %d: %s should be %s", (unsigned long long)seed,
                                         round, text, should ? "in" : "out");
                        /* What decided holds the object. */
                        assert_true(dn_is_below(dn, dn_of(a, answer.rule)));
                        assert_true(answer.in || answer.excluded);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_longest_match), cmocka_unit_test(test_no_includes),
                cmocka_unit_test(test_malformed),     cmocka_unit_test(test_types),
                cmocka_unit_test(test_property),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
