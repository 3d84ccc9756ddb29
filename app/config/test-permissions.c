/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config/permissions.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static PermissionsFound probe(Arena *a, int estate, int soft_match, const char *const *roles, size_t n)
{
        Config c = { .target = { .estate = estate, .soft_match = soft_match } };
        PermissionsFound found;

        permissions_probe(&c, &(TokenClaims){ .roles = roles, .n_roles = n }, a, &found);
        return found;
}

static bool misses(const PermissionsFound *f, const char *name)
{
        for (size_t i = 0; i < f->n_missing; i++)
                if (str_is(f->missing[i]->name, name))
                        return true;
        return false;
}

static void test_alone(void **state)
{
        static const char *const roles[] = { "User.ReadWrite.All", "Group.ReadWrite.All",
                                             "Organization.Read.All", "Mail.ReadWrite" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        PermissionsFound f = probe(a, ESTATE_ALONE, SOFT_MATCH_REPORT, roles, 4);

        assert_true(misses(&f, "RoleManagement.Read.Directory"));
        assert_false(misses(&f, "User.ReadWrite.All"));
        assert_false(misses(&f, "User.EnableDisableAccount.All"));
        assert_int_equal(f.n_beyond, 1);
        assert_string_equal(f.beyond[0], "Mail.ReadWrite");
        f = probe(a, ESTATE_ALONE, SOFT_MATCH_OFF, roles, 4);
        assert_true(misses(&f, "RoleManagement.Read.Directory")); /* also for what is written */
        (void)state;
}

/* Beside Entra Connect, the right to write everything is more than is needed; what it includes is not
 * missing. */
static void test_beside(void **state)
{
        static const char *const roles[] = { "User.ReadWrite.All", "Organization.Read.All" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        PermissionsFound f = probe(a, ESTATE_CONNECT, SOFT_MATCH_REPORT, roles, 2);

        assert_false(misses(&f, "User.EnableDisableAccount.All"));
        assert_true(misses(&f, "Group.Read.All"));
        assert_int_equal(f.n_beyond, 1);
        assert_string_equal(f.beyond[0], "User.ReadWrite.All");
        (void)state;
}

/* The first week: who reads is not told to give that up, and what writes waits. */
static void test_staging(void **state)
{
        static const char *const roles[] = { "User.Read.All", "Group.Read.All", "Organization.Read.All" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Config c = { .target = { .estate = ESTATE_ALONE }, .staging = true };
        PermissionsFound f;

        permissions_probe(&c, &(TokenClaims){ .roles = roles, .n_roles = 3 }, a, &f);
        assert_int_equal(f.n_beyond, 0);
        for (size_t i = 0; i < f.n_missing; i++)
                assert_true(f.missing[i]->writes || f.missing[i]->optional ||
                            str_is(f.missing[i]->name, "RoleManagement.Read.Directory"));
        assert_true(misses(&f, "User.ReadWrite.All"));
        c.staging = false;
        permissions_probe(&c, &(TokenClaims){ .roles = roles, .n_roles = 3 }, a, &f);
        assert_int_equal(f.n_beyond, 2);
        (void)state;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alone),
                cmocka_unit_test(test_beside),
                cmocka_unit_test(test_staging),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
