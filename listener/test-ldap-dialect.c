/* SPDX-License-Identifier: Apache-2.0 */

/* OpenLDAP's and 389 Directory Server's entries with AD's names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "listener/ldap-dialect.h"

#define UUID "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

typedef struct World {
        Arena *a;
        ObjectBuilder b;
} World;

static LdapEntry translated(World *w, Vendor vendor)
{
        LdapEntry e = { .dn = "cn=x" };

        e.object = object_finish(&w->b, &e.id, NULL, e.dn);
        dialect_entry(dialect_of(vendor), w->a, &e);
        return e;
}

static int setup(void **state)
{
        static World w;

        w.a = arena_new(0);
        object_build(&w.b, w.a);
        *state = &w;
        return 0;
}

static int teardown(void **state)
{
        arena_free(((World *)*state)->a);
        return 0;
}

static void text(World *w, const char *name, const char *value)
{
        object_add(&w->b, name, value_string(value));
}

static void test_person(void **state)
{
        World *w = *state;
        Value *uids = arena_new_array(w->a, Value, 2);
        char id[GUID_TEXT_MAX];
        LdapEntry e;

        uids[0] = value_string("ada");
        uids[1] = value_string("countess");
        text(w, "objectClass", "inetOrgPerson");
        text(w, "entryUUID", UUID);
        text(w, "entryCSN", "20261122085419.000002Z#000001#001#000000");
        object_add(&w->b, "uid", value_list(uids, 2));
        text(w, "departmentNumber", "42");
        e = translated(w, VENDOR_OPENLDAP);
        assert_string_equal(guid_format(&e.id, id), UUID);
        assert_int_equal(e.usn & 0xff, 1);
        assert_int_equal((e.usn >> 8) % 1000000, 2);
        assert_string_equal(object_text(e.object, "sAMAccountName"), "ada");
        assert_string_equal(object_text(e.object, "department"), "42");
        assert_int_equal(object_get(e.object, "userAccountControl").i, 512);
        assert_true(object_get(e.object, "accountExpires").i == INT64_MAX);
        assert_int_equal(object_get(e.object, "objectGUID").n, 16);
        assert_int_equal(object_get(e.object, "objectClass").type, VALUE_LIST);
        assert_true(value_is_none(object_get(e.object, "groupType")));
}

/* What is locked for a while, after wrong passwords, is not disabled. */
static void test_locked(void **state)
{
        static const struct {
                Vendor vendor;
                const char *name, *value;
                int control;
        } rows[] = {
                { VENDOR_OPENLDAP, "pwdAccountLockedTime", "000001010000Z", 514 },
                { VENDOR_OPENLDAP, "pwdAccountLockedTime", "20261122085419Z", 512 },
                { VENDOR_389, "nsAccountLock", "TRUE", 514 },
                { VENDOR_389, "nsAccountLock", "true", 514 },
                { VENDOR_389, "nsAccountLock", "false", 512 },
        };
        World *w = *state;

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                LdapEntry e;

                object_build(&w->b, w->a);
                text(w, "objectClass", "inetOrgPerson");
                text(w, rows[i].name, rows[i].value);
                e = translated(w, rows[i].vendor);
                assert_int_equal(object_get(e.object, "userAccountControl").i, rows[i].control);
        }
}

static void test_group(void **state)
{
        World *w = *state;
        LdapEntry e;
        Value v;

        text(w, "objectClass", "groupOfUniqueNames");
        text(w, "cn", "Staff");
        text(w, "uniqueMember", "cn=ada,dc=test");
        text(w, "nsUniqueId", "f81d4fae-7dec11d0-a76500a0-c91e6bf6");
        text(w, "entryusn", "77");
        e = translated(w, VENDOR_389);
        v = object_get(e.object, "objectClass");
        assert_int_equal(v.n, 2);
        assert_string_equal(value_at(v, 1).s, "group");
        v = value_at(object_get(e.object, "member"), 0);
        assert_int_equal(v.type, VALUE_REF);
        assert_string_equal(v.ref->text, "cn=ada,dc=test");
        assert_string_equal(object_text(e.object, "sAMAccountName"), "Staff");
        assert_int_equal(object_get(e.object, "groupType").i, -2147483646);
        assert_int_equal(e.usn, 77);
        assert_string_equal(dialect_id_filter(dialect_of(VENDOR_389), w->a, &e.id),
                            "(nsUniqueId=f81d4fae-7dec11d0-a76500a0-c91e6bf6)");
        assert_string_equal(dialect_id_filter(dialect_of(VENDOR_OPENLDAP), w->a, &e.id),
                            "(entryUUID=" UUID ")");
}

/* What an entry has itself is not replaced. */
static void test_own_names(void **state)
{
        World *w = *state;
        LdapEntry e;

        text(w, "objectClass", "inetOrgPerson");
        text(w, "uid", "ada");
        text(w, "sAMAccountName", "alovelace");
        e = translated(w, VENDOR_OPENLDAP);
        assert_string_equal(object_text(e.object, "sAMAccountName"), "alovelace");
}

static void test_hostile(void **state)
{
        static const char *const bad[] = { "", "x", "f81d4fae7dec11d0a76500a0c91e6bf", UUID "0",
                                           "f81d4fag-7dec-11d0" };
        World *w = *state;

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                LdapEntry e;

                object_build(&w->b, w->a);
                text(w, "entryUUID", bad[i]);
                text(w, "entryCSN", bad[i]);
                e = translated(w, VENDOR_OPENLDAP);
                assert_true(guid_is_zero(&e.id));
                assert_int_equal(e.usn, 0);
        }
        assert_int_equal(dialect_csn_number("20261122085419Z#000000#001#000000"), 0);
        assert_int_equal(dialect_csn_number("99999999999999.000000Z#000000#001#000000"), 0);
        assert_int_equal(dialect_csn_number("20261122085419.Z#000000#001#000000"), 0);
        assert_int_equal(dialect_csn_number("20261122085419.000000Z000000#001#000000"), 0);
        assert_int_equal(dialect_csn_number("20261122085419.000000Z#00000g#001#000000"), 0);
        assert_int_equal(dialect_csn_number("20261122085419.000000Z#0000001#001#000000"), 0);
        assert_int_equal(dialect_csn_number("20261122085419.0000\x11\x12Z#000000#001#000000"), 0);
}

static void test_order(void **state)
{
        static const char *const csns[] = {
                "20261122085419.000000Z#000000#001#000000", "20261122085419.000000Z#000001#001#000000",
                "20261122085419.000001Z#000000#002#000000", "20261122085420.000000Z#000000#001#000000",
                "20991231235959.999999Z#0000ff#001#000000",
        };

        (void)state;
        for (size_t i = 1; i < N_ELEMENTS(csns); i++)
                assert_true(dialect_csn_number(csns[i - 1]) < dialect_csn_number(csns[i]));
}

static void test_ask(void **state)
{
        static const char *const names[] = { "displayName", "sAMAccountName", "userAccountControl" };
        World *w = *state;
        Str s;
        const char *const *asked;
        size_t n;

        assert_ptr_equal(dialect_ask(dialect_of(VENDOR_WINDOWS), w->a, names, 3, &n), names);
        asked = dialect_ask(dialect_of(VENDOR_OPENLDAP), w->a, names, 3, &n);
        str_init(&s, 1000);
        for (size_t i = 0; i < n; i++)
                str_printf(&s, "%s ", asked[i]);
        assert_string_equal(s.data,
                            "displayName sAMAccountName userAccountControl objectClass modifyTimestamp "
                            "entryUUID entryCSN uid cn pwdAccountLockedTime nsAccountLock ");
        str_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_person, setup, teardown),
                cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_group, setup, teardown),
                cmocka_unit_test_setup_teardown(test_own_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
