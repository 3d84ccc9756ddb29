/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "listener/fake-ldap.h"
#include "listener/repl-meta.h"

static void number(const char *oid, uint32_t wanted)
{
        uint32_t is = 0;

        assert_int_equal(repl_number(oid, &is), wanted != 0xffffffff);
        if (wanted != 0xffffffff)
                assert_int_equal(is, wanted);
}

/* As Samba 4.17 has them on an object of its own. */
static void test_numbers(void **state)
{
        (void)state;
        number("2.5.4.0", 0);                          /* objectClass */
        number("2.5.4.42", 0x2a);                      /* givenName */
        number("1.2.840.113556.1.2.281", 0x20119);     /* nTSecurityDescriptor */
        number("1.2.840.113556.1.4.8", 0x90008);       /* userAccountControl */
        number("1.2.840.113556.1.4.656", 0x90290);     /* userPrincipalName */
        number("0.9.2342.19200300.100.1.3", 0x150003); /* mail */
        number("1.2.840.113556.1.4.7000.102.1", 0xffffffff);
        number("1.2.840.113556.1.4.16384", 0xffffffff);
        number("1.2.840.113556.1.4.99999", 0xffffffff);
        number("8", 0xffffffff);
        number("", 0xffffffff);
}

#define N_ENTRIES 3
#define SIZE      (16 + 48 * N_ENTRIES)

static void test_blob(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const ReplName items[] = { { "userAccountControl", 0x90008 }, { "title", 12 }, { "mail", 0x150003 } };
        const ReplNames names = { .items = items, .n = 3 };
        uint8_t blob[SIZE] = { 1, [8] = N_ENTRIES };
        const uint8_t entries[N_ENTRIES][4] = { { 3 }, { 12 }, { 8, 0, 9 } };
        const NamedStamp *stamps;

        (void)state;
        for (size_t i = 0; i < N_ENTRIES; i++) {
                uint8_t *e = blob + 16 + 48 * i;

                memcpy(e, entries[i], 4);
                e[4] = (uint8_t)(i + 1);
                e[8] = 0xe9;
                e[12] = 3;
                memset(e + 16, 0xa0, 16);
        }
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 2);
        assert_string_equal(stamps[0].attribute, "title");
        assert_int_equal(stamps[0].stamp.version, 2);
        assert_int_equal(stamps[0].stamp.time, (3LL << 32) + 0xe9);
        assert_int_equal(stamps[0].stamp.origin.bytes[15], 0xa0);
        assert_string_equal(stamps[1].attribute, "userAccountControl");
        assert_int_equal(stamps[1].stamp.version, 3);
        /* Cut short, longer than it is, of another version, no blob: none, and nothing is read beyond it. */
        for (size_t n = 0; n < SIZE; n++)
                assert_int_equal(
                        repl_meta_parse(value_bytes(arena_memdup(a, blob, n), n), &names, a, &stamps), 0);
        blob[11] = 0xff;
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 0);
        blob[11] = 0;
        blob[0] = 2;
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 0);
        assert_int_equal(repl_meta_parse(value_string("x"), &names, a, &stamps), 0);
        assert_int_equal(repl_meta_parse(VALUE_NULL, &names, a, &stamps), 0);
}

static void put_schema(FakeLdap *f, const char *name, const char *oid, const char *number)
{
        const FakeAttribute attributes[] = {
                { "lDAPDisplayName", { FAKE_TEXT(name ? name : "") }, name != NULL },
                { "attributeID", { FAKE_TEXT(oid ? oid : "") }, oid != NULL },
                { "msDS-IntId", { FAKE_TEXT(number ? number : "") }, number != NULL },
        };

        fake_entry(f, 1, "CN=x,CN=Schema", attributes, 3);
}

/* What a schema says of the attributes that were asked for; what it says otherwise is nobody's number. */
static void test_names(void **state)
{
        static const char *const asked[] = { "userAccountControl", "employeeID", "mail", "title" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        ReplNames names;
        FakeLdap f;

        (void)state;
        fake_init(&f);
        put_schema(&f, "useraccountcontrol", "1.2.840.113556.1.4.8", NULL);
        put_schema(&f, "employeeID", "1.3.6.1.4.1.99999.1", "-1234567890"); /* as Windows writes it: signed */
        put_schema(&f, "notAsked", "2.5.4.12", NULL);
        put_schema(&f, NULL, "2.5.4.12", "12");
        put_schema(&f, "\xff\xfe", "2.5.4.12", "12");
        put_schema(&f, "title", NULL, NULL);
        put_schema(&f, "title", "1.3.6.1.4.1.99999.2", NULL);
        put_schema(&f, "title", "nonsense", "nonsense");
        put_schema(&f, "mail", "0.9.2342.19200300.100.1.3", "0");
        fake_done(&f, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(repl_names_read(f.conn, asked, 4, a, &names, &diag), 0);
        assert_int_equal(names.n, 3);
        assert_ptr_equal(names.items[0].attribute, asked[0]); /* as asked for */
        assert_int_equal(names.items[0].number, 0x90008);
        assert_ptr_equal(names.items[1].attribute, asked[1]);
        assert_int_equal(names.items[1].number, (uint32_t)-1234567890);
        assert_int_equal(names.items[2].number, 0x150003);
        fake_deinit(&f);
}

/* A schema that says the same a hundred times has no more room than there are names. */
static void test_names_without_end(void **state)
{
        static const char *const asked[] = { "mail", "title" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        ReplNames names;
        FakeLdap f;

        (void)state;
        fake_init(&f);
        for (int i = 0; i < 100; i++)
                put_schema(&f, "title", "2.5.4.12", NULL);
        fake_done(&f, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(repl_names_read(f.conn, asked, 2, a, &names, &diag), 0);
        assert_int_equal(names.n, 2);
        fake_done(&f, 2, LDAP_INSUFFICIENT_ACCESS, "no", NULL, NULL, 0);
        assert_int_equal(repl_names_read(f.conn, asked, 2, a, &names, &diag), CONN_E_REFUSED);
        fake_deinit(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_blob),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_names_without_end),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
