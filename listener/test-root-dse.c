/* SPDX-License-Identifier: Apache-2.0 */

/* Servers that Samba is not: read-only, no Active Directory, without what a server is known by. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "listener/fake-ldap.h"

static const uint8_t invocation[16] = { 0xab, 1 };

typedef struct Fixture {
        FakeLdap fake;
        Diag diag;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        fake_init(&f->fake);
        f->fake.conn->dse = (RootDse){ 0 };
        f->fake.conn->server_id = (ObjectId){ { 0 } };
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        diag_deinit(&f->diag);
        fake_deinit(&f->fake);
        free(f);
        return 0;
}

/* A root DSE with these capabilities and this vendor (NULL: none). */
static void root_dse(Fixture *f, const char *vendor, const char *capability, const char *service)
{
        FakeAttribute attributes[] = {
                { "namingContexts", { FAKE_TEXT("CN=Configuration,dc=test"), FAKE_TEXT("dc=TEST") }, 2 },
                { "highestCommittedUSN", { FAKE_TEXT("18446744073709551615") }, 1 },
                { "supportedControl", { FAKE_TEXT(CONTROL_DIRSYNC), FAKE_TEXT("not an oid \xff") }, 2 },
                { "supportedCapabilities", { FAKE_TEXT("1.2.840.113556.1.4.800"), FAKE_TEXT("") }, 1 },
                { "dsServiceName", { FAKE_TEXT("CN=NTDS Settings") }, service ? 1 : 0 },
                { "vendorName", { FAKE_TEXT("") }, 0 },
        };

        if (capability)
                attributes[3].values[attributes[3].n_values++] = FAKE_TEXT(capability);
        if (vendor)
                attributes[5].values[attributes[5].n_values++] = FAKE_TEXT(vendor);
        fake_entry(&f->fake, 1, "", attributes, N_ELEMENTS(attributes));
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

static void identity(Fixture *f, const void *value, size_t n)
{
        const FakeAttribute attribute = { "invocationId", { FAKE_BYTES(value, n) }, value ? 1 : 0 };

        fake_entry(&f->fake, 2, "CN=NTDS Settings", &attribute, 1);
        fake_done(&f->fake, 2, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

static void test_windows(void **state)
{
        Fixture *f = *state;

        root_dse(f, NULL, NULL, "x");
        identity(f, invocation, 16);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
        assert_int_equal(f->fake.conn->dse.vendor, VENDOR_WINDOWS);
        assert_true(f->fake.conn->dse.usn == UINT64_MAX);
        assert_true(conn_supports(f->fake.conn, CONTROL_DIRSYNC));
        assert_false(conn_supports(f->fake.conn, CONTROL_NOTIFICATION));
        assert_memory_equal(f->fake.conn->server_id.bytes, invocation, 16);
}

static void test_samba(void **state)
{
        Fixture *f = *state;

        root_dse(f, "Samba Team (https://www.samba.org)", NULL, "x");
        identity(f, invocation, 16);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
        assert_int_equal(f->fake.conn->dse.vendor, VENDOR_SAMBA);
}

static void test_read_only(void **state)
{
        Fixture *f = *state;

        root_dse(f, NULL, "1.2.840.113556.1.4.1920", "x");
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_UNSUITABLE);
        assert_non_null(strstr(diag_text(&f->diag), "a read-only domain controller"));
}

static void test_another_base(void **state)
{
        Fixture *f = *state;

        f->fake.config.base = "DC=other";
        root_dse(f, NULL, NULL, "x");
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_UNSUITABLE);
        assert_string_equal(diag_text(&f->diag),
                            "ldap://fake.test: source.base DC=other is no naming context of this "
                            "server, which has: CN=Configuration,dc=test; dc=TEST");
}

static void test_identity_unreadable(void **state)
{
        Fixture *f = *state;

        root_dse(f, NULL, NULL, "x");
        identity(f, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_REFUSED);
        assert_non_null(strstr(diag_text(&f->diag), "cannot read invocationId"));
}

static void test_identity_of_another_length(void **state)
{
        Fixture *f = *state;

        root_dse(f, NULL, NULL, "x");
        identity(f, invocation, 15);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_REFUSED);
}

static void test_no_service_name(void **state)
{
        Fixture *f = *state;

        root_dse(f, NULL, NULL, NULL);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_PROTOCOL);
}

static void test_no_active_directory(void **state)
{
        const FakeAttribute attribute = { "objectClass", { FAKE_TEXT("top") }, 1 };
        Fixture *f = *state;

        fake_entry(&f->fake, 1, "", &attribute, 1);
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
        assert_int_equal(f->fake.conn->dse.vendor, VENDOR_OTHER);
}

static void other_dse(Fixture *f, const char *class, const char *vendor)
{
        const FakeAttribute attributes[] = {
                { "objectClass", { FAKE_TEXT(class) }, 1 },
                { "vendorName", { FAKE_TEXT(vendor) }, 1 },
                { "namingContexts", { FAKE_TEXT("dc=TEST") }, 1 },
        };

        fake_entry(&f->fake, 1, "", attributes, N_ELEMENTS(attributes));
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

/* The database is known by the entry at its base, the server by that and its address. */
static void test_openldap(void **state)
{
        const FakeAttribute base[] = {
                { "entryUUID", { FAKE_TEXT("f81d4fae-7dec-11d0-a765-00a0c91e6bf6") }, 1 },
                { "contextCSN", { FAKE_TEXT("a#0#1#0"), FAKE_TEXT("b#0#2#0") }, 2 },
        };
        Fixture *f = *state;
        char id[GUID_TEXT_MAX];

        other_dse(f, "OpenLDAProotDSE", "");
        fake_entry(&f->fake, 2, "dc=test", base, N_ELEMENTS(base));
        fake_done(&f->fake, 2, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
        assert_int_equal(f->fake.conn->dse.vendor, VENDOR_OPENLDAP);
        assert_string_equal(guid_format(&f->fake.conn->dse.database, id),
                            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert_int_equal(f->fake.conn->dse.n_context_csn, 2);
        assert_false(guid_is_zero(&f->fake.conn->server_id));
        assert_false(guid_is(&f->fake.conn->server_id, &f->fake.conn->dse.database));
}

static void test_389(void **state)
{
        const FakeAttribute base = { "nsUniqueId", { FAKE_TEXT("f81d4fae-7dec11d0-a76500a0-c91e6bf6") }, 1 };
        Fixture *f = *state;

        other_dse(f, "top", "389 Project");
        fake_entry(&f->fake, 2, "dc=test", &base, 1);
        fake_done(&f->fake, 2, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
        assert_int_equal(f->fake.conn->dse.vendor, VENDOR_389);
        assert_false(guid_is_zero(&f->fake.conn->dse.database));
}

/* Two databases, each with a counter: that of the base, or none. */
static void two_databases(Fixture *f, bool mapped)
{
        const FakeAttribute base = { "nsUniqueId", { FAKE_TEXT("f81d4fae-7dec11d0-a76500a0-c91e6bf6") }, 1 };
        const FakeAttribute dse[] = {
                { "vendorName", { FAKE_TEXT("389 Project") }, 1 },
                { "namingContexts", { FAKE_TEXT("dc=other"), FAKE_TEXT("dc=TEST") }, 2 },
                { "lastusn;second", { FAKE_TEXT("900") }, 1 },
                { "lastusn;userroot", { FAKE_TEXT("41") }, 1 },
        };
        const FakeAttribute other[] = { { "cn", { FAKE_TEXT("dc=other") }, 1 },
                                        { "nsslapd-backend", { FAKE_TEXT("second") }, 1 } };
        const FakeAttribute ours[] = { { "cn", { FAKE_TEXT("dc=test"), FAKE_TEXT("dc\\=test") }, 2 },
                                       { "nsslapd-backend", { FAKE_TEXT("userroot") }, 1 } };

        fake_entry(&f->fake, 1, "", dse, N_ELEMENTS(dse));
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        fake_entry(&f->fake, 2, "dc=test", &base, 1);
        fake_done(&f->fake, 2, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        if (mapped) {
                fake_entry(&f->fake, 3, "cn=dc\\3Dtest,cn=mapping tree,cn=config", ours, 2);
                fake_entry(&f->fake, 3, "cn=dc\\3Dother,cn=mapping tree,cn=config", other, 2);
        }
        fake_done(&f->fake, 3, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        fake_entry(&f->fake, 4, "", dse, N_ELEMENTS(dse));
        fake_done(&f->fake, 4, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), 0);
}

static void test_389_counts_for_each_database(void **state)
{
        Fixture *f = *state;

        two_databases(f, true);
        assert_string_equal(f->fake.conn->dse.usn_attribute, "lastusn;userroot");
        assert_int_equal(f->fake.conn->dse.usn, 42);
}

static void test_389_whose_databases_are_not_told_apart(void **state)
{
        Fixture *f = *state;

        two_databases(f, false);
        assert_null(f->fake.conn->dse.usn_attribute);
}

static void test_base_unreadable(void **state)
{
        Fixture *f = *state;

        other_dse(f, "OpenLDAProotDSE", "");
        fake_done(&f->fake, 2, LDAP_NO_SUCH_OBJECT, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_REFUSED);
        assert_non_null(strstr(diag_text(&f->diag), "cannot read entryUUID of "));
}

static void test_no_root_dse(void **state)
{
        Fixture *f = *state;

        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_identify(f->fake.conn, &f->diag), CONN_E_PROTOCOL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_windows),
                CASE(test_samba),
                CASE(test_read_only),
                CASE(test_another_base),
                CASE(test_identity_unreadable),
                CASE(test_identity_of_another_length),
                CASE(test_no_service_name),
                CASE(test_no_active_directory),
                CASE(test_openldap),
                CASE(test_389),
                CASE(test_389_counts_for_each_database),
                CASE(test_389_whose_databases_are_not_told_apart),
                CASE(test_base_unreadable),
                CASE(test_no_root_dse),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
