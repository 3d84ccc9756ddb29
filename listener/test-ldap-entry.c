/* SPDX-License-Identifier: Apache-2.0 */

/* Entries, answers and errors as they come out of libldap, from bytes that a server wrote. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listener/fake-ldap.h"
#include "listener/ldap-entry.h"

static const uint8_t guid[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 0, 0x77 };

typedef struct Got {
        FakeLdap *fake;
        Arena *arena;
        EntryNames names;
        bool ranges;
        LdapEntry entry;
        unsigned n;
        int result;
        Diag diag;
} Got;

static int take(void *context, LDAPMessage *message)
{
        Got *g = context;

        g->n++;
        g->result =
                entry_read(g->fake->conn->ld, message, g->names, g->ranges, g->arena, &g->entry, &g->diag);
        return 0;
}

static int search_within(Got *g, int64_t us)
{
        return conn_search(g->fake->conn, &(ConnSearch){ .base = "DC=test", .scope = LDAP_SCOPE_BASE }, us,
                           "test", take, g, NULL, &g->diag);
}

static int search(Got *g)
{
        return search_within(g, 1000000);
}

typedef struct Fixture {
        FakeLdap fake;
        Got got;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        fake_init(&f->fake);
        f->got.fake = &f->fake;
        f->got.arena = arena_new(0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        diag_deinit(&f->got.diag);
        arena_free(f->got.arena);
        fake_deinit(&f->fake);
        free(f);
        return 0;
}

static void test_entry(void **state)
{
        static const char *const asked[] = { "DisplayName", "member;range=0-99" };
        Fixture *f = *state;
        const FakeAttribute attributes[] = {
                { "objectguid", { FAKE_BYTES(guid, 16) }, 1 },
                { "displayname", { FAKE_TEXT("Ada") }, 1 },
                { "objectClass", { FAKE_TEXT("top"), FAKE_TEXT("user") }, 2 },
                { "proxyAddresses", { FAKE_TEXT("SMTP:a@b") }, 1 },
                { "uSNChanged", { FAKE_TEXT("4711") }, 1 },
                { "whenChanged", { FAKE_TEXT("20261122085419.0Z") }, 1 },
                { "isDeleted", { FAKE_TEXT("TRUE") }, 1 },
                { "title", { { 0 } }, 0 },
                { "unknownOnes", { FAKE_TEXT("1"), FAKE_TEXT("2") }, 2 },
                { "member;range=0-1", { FAKE_TEXT("CN=a"), FAKE_TEXT("CN=b") }, 2 },
        };

        f->got.names = (EntryNames){ asked, N_ELEMENTS(asked) };
        f->got.ranges = true;
        fake_entry(&f->fake, 1, "<GUID=67452301-ab89-efcd-0000-000000000077>;CN=Ada,DC=test", attributes,
                   N_ELEMENTS(attributes));
        fake_reference(&f->fake, 1, "ldap://other.test/DC=other");
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(search(&f->got), 0);
        assert_int_equal(f->got.n, 1);
        assert_int_equal(f->got.result, 0);
        assert_string_equal(f->got.entry.dn, "CN=Ada,DC=test");
        assert_memory_equal(f->got.entry.id.bytes, guid, 16);
        assert_int_equal(f->got.entry.usn, 4711);
        assert_int_equal(f->got.entry.n_told, 7); /* `title` has lost its value: that is told too */
        assert_int_equal(f->got.entry.changed.ms, 1795337659000);
        assert_true(f->got.entry.deleted);
        /* Names as asked for, else as the schema has them, else as they came. */
        assert_string_equal(object_text(f->got.entry.object, "DisplayName"), "Ada");
        assert_non_null(object_find(f->got.entry.object, "objectGUID"));
        assert_non_null(object_find(f->got.entry.object, "unknownOnes"));
        assert_int_equal(object_get(f->got.entry.object, "proxyAddresses").type, VALUE_LIST);
        assert_null(object_find(f->got.entry.object, "title"));
        assert_null(object_find(f->got.entry.object, "member"));
        assert_int_equal(f->got.entry.n_ranges, 1);
        assert_string_equal(f->got.entry.ranges[0].attribute, "member");
        assert_int_equal(f->got.entry.ranges[0].next, 2);
        assert_int_equal(value_count(f->got.entry.ranges[0].values), 2);
}

/* What a name is, is remembered for the entries to come, whatever their order; options are not lost. */
static void test_spellings(void **state)
{
        static const char *const asked[] = { "DisplayName", "proxyaddresses" };
        Fixture *f = *state;
        const FakeAttribute one[] = {
                { "displayname", { FAKE_TEXT("Ada") }, 1 },
                { "proxyAddresses", { FAKE_TEXT("SMTP:a@b") }, 1 },
                { "someThing", { FAKE_TEXT("1") }, 1 },
                { "someThing;lang-de", { FAKE_TEXT("2") }, 1 },
        };
        const FakeAttribute other[] = { one[3], one[0], { "some", { FAKE_TEXT("3") }, 1 }, one[2], one[1] };
        Spellings spellings;

        spellings_init(&spellings);
        f->got.names = (EntryNames){ asked, N_ELEMENTS(asked), &spellings };
        for (int i = 0; i < 3; i++) {
                fake_entry(&f->fake, i + 1, "CN=Ada", i == 1 ? other : one,
                           i == 1 ? N_ELEMENTS(other) : N_ELEMENTS(one));
                fake_done(&f->fake, i + 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
                assert_int_equal(search(&f->got), 0);
                assert_string_equal(object_text(f->got.entry.object, "DisplayName"), "Ada");
                assert_int_equal(object_get(f->got.entry.object, "proxyaddresses").type, VALUE_LIST);
                assert_string_equal(object_text(f->got.entry.object, "someThing"), "1");
                assert_string_equal(object_text(f->got.entry.object, "someThing;lang-de"), "2");
                assert_int_equal(object_find(f->got.entry.object, "some") != NULL, i == 1);
                assert_int_equal(spellings.n, i == 0 ? 4 : 5);
        }
        spellings_deinit(&spellings);
}

static void test_incremental_values_keep_their_option(void **state)
{
        Fixture *f = *state;
        const FakeAttribute attributes[] = {
                { "member;range=1-1", { FAKE_TEXT("CN=new") }, 1 },
                { "member;range=0-0", { FAKE_TEXT("CN=old") }, 1 },
                { "manager;range=1-1", { FAKE_TEXT("CN=boss") }, 1 },
        };

        fake_entry(&f->fake, 1, "CN=Group", attributes, N_ELEMENTS(attributes));
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(search(&f->got), 0);
        assert_non_null(object_find(f->got.entry.object, "member;range=1-1"));
        assert_non_null(object_find(f->got.entry.object, "member;range=0-0"));
        assert_int_equal(object_get(f->got.entry.object, "manager").type, VALUE_REF);
}

static void test_names_that_are_none(void **state)
{
        static const char *const bad[] = { "", "two words", "x\xff", "line\n" };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                const FakeAttribute attribute = { bad[i], { FAKE_TEXT("x") }, 1 };

                fake_entry(&f->fake, (int)i + 1, "CN=x", &attribute, 1);
                fake_done(&f->fake, (int)i + 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
                assert_int_equal(search(&f->got), 0);
                assert_int_equal(f->got.result, ENTRY_E_INVALID);
        }
}

static void test_name_of_the_entry_must_be_text(void **state)
{
        Fixture *f = *state;

        fake_entry(&f->fake, 1, "CN=\xff", NULL, 0);
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(search(&f->got), 0);
        assert_int_equal(f->got.result, ENTRY_E_INVALID);
        assert_string_equal(diag_text(&f->got.diag), "an entry whose name is not UTF-8");
}

static void test_entry_that_is_cut_short(void **state)
{
        /* A message whose lengths are right, around an attribute list whose are not. */
        static const uint8_t cut[] = { 0x30, 0x13, 0x02, 0x01, 0x01, 0x64, 0x0e, 0x04, 0x04, 'C', 'N',
                                       '=',  'x',  0x30, 0x06, 0x30, 0x7f, 0x04, 0x01, 'a',  0x31 };
        Fixture *f = *state;

        fake_bytes(&f->fake, cut, sizeof(cut));
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(search(&f->got), 0);
        assert_int_equal(f->got.result, ENTRY_E_INVALID);
}

static void test_results_are_translated(void **state)
{
        static const struct {
                int code, condition;
                const char *says, *word;
        } cases[] = {
                { LDAP_NO_SUCH_OBJECT, CONN_E_NOT_FOUND, "0000208D: NameErr", "No such object" },
                { LDAP_INVALID_DN_SYNTAX, CONN_E_NOT_FOUND, "", "Invalid DN" },
                { LDAP_INSUFFICIENT_ACCESS, CONN_E_REFUSED, "00002105: LdapErr", "00002105" },
                { LDAP_BUSY, CONN_E_UNREACHABLE, "", "busy" },
                { LDAP_TIMELIMIT_EXCEEDED, CONN_E_LIMIT, "", "Time limit" },
                { LDAP_ADMINLIMIT_EXCEEDED, CONN_E_LIMIT, "00002024", "00002024" },
                { LDAP_UNAVAILABLE_CRITICAL_EXTENSION, CONN_E_REJECTED, "", "Critical extension" },
                { LDAP_PROTOCOL_ERROR, CONN_E_REJECTED, "0000203D", "0000203D" },
                { LDAP_REFERRAL, CONN_E_UNSUITABLE, "", "refers to another" },
                { LDAP_STRONG_AUTH_REQUIRED, CONN_E_REFUSED, "x", "ldaps://" },
                { LDAP_OPERATIONS_ERROR, CONN_E_REFUSED,
                  "000004DC: LdapErr: In order to perform this operation a successful bind must be completed",
                  "000004DC" },
                { 4711, CONN_E_REJECTED, "two\nlines\x1b[31m", "two" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                fake_done(&f->fake, (int)i + 1, cases[i].code, cases[i].says, NULL, NULL, 0);
                assert_int_equal(search(&f->got), cases[i].condition);
                if (!strstr(diag_text(&f->got.diag), cases[i].word) ||
                    strpbrk(diag_text(&f->got.diag), "\n\x1b"))
                        fail_msg("%d: %s", cases[i].code, diag_text(&f->got.diag));
        }
}

static void test_why_credentials_are_refused(void **state)
{
        static const struct {
                const char *data, *word;
        } cases[] = {
                { "52e", "wrong name or password" },
                { "525", "no such account" },
                { "530", "time of day" },
                { "532", "password has expired" },
                { "533", "disabled" },
                { "701", "account has expired" },
                { "773", "must be changed" },
                { "775", "locked" },
                { "80090346", "channel binding" },
                { "9999", "does not say why" },
                { "", "does not say why" },
        };
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        char says[200];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                snprintf(says, sizeof(says),
                         "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data %s, "
                         "v1db1",
                         cases[i].data);
                assert_int_equal(conn_translate(LDAP_INVALID_CREDENTIALS, says, "ldaps://dc1", "CN=x", &diag),
                                 CONN_E_REFUSED);
                if (*cases[i].data && !strstr(diag_text(&diag), cases[i].word))
                        fail_msg("%s: %s", cases[i].data, diag_text(&diag));
        }
        assert_int_equal(conn_translate(LDAP_INVALID_CREDENTIALS,
                                        "SASL(-13): authentication failure: GSSAPI Failure: "
                                        "gss_accept_sec_context",
                                        "ldaps://dc1", "bind with Kerberos", &diag),
                         CONN_E_REFUSED);
        assert_non_null(strstr(diag_text(&diag), "cannot take the Kerberos ticket"));
        diag_clear(&diag);
        assert_int_equal(conn_translate(LDAP_INVALID_CREDENTIALS, NULL, "ldaps://dc1", "CN=x", &diag),
                         CONN_E_REFUSED);
        assert_string_equal(diag_text(&diag),
                            "ldaps://dc1: CN=x: credentials refused: wrong name or password");
}

static void test_notice_of_disconnection(void **state)
{
        Fixture *f = *state;
        LDAPMessage *message = NULL;

        assert_int_equal(conn_next(f->fake.conn, &message, &f->got.diag), 0);
        assert_null(message);
        /* With a text, libldap 2.5 loses the few bytes of it; that is its affair, but not for a leak checker.
         */
        fake_notice(&f->fake, LDAP_UNAVAILABLE, "");
        assert_int_equal(conn_next(f->fake.conn, &message, &f->got.diag), CONN_E_UNREACHABLE);
        assert_string_equal(diag_text(&f->got.diag),
                            "ldap://fake.test: the server ends the connection: Server is unavailable");
        assert_true(f->fake.conn->broken);
}

static void test_connection_lost(void **state)
{
        Fixture *f = *state;

        close(f->fake.fd);
        f->fake.fd = -1;
        assert_int_equal(search(&f->got), CONN_E_UNREACHABLE);
        assert_true(f->fake.conn->broken);
}

static void test_silence(void **state)
{
        Fixture *f = *state;

        assert_int_equal(conn_search(f->fake.conn, &(ConnSearch){ .base = "" }, 10000, "test", take, &f->got,
                                     NULL, &f->got.diag),
                         CONN_E_UNREACHABLE);
        assert_string_equal(diag_text(&f->got.diag), "ldap://fake.test: test: no answer within 0.0 s");
}

static void test_garbage(void **state)
{
        Fixture *f = *state;

        fake_bytes(&f->fake, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        assert_int_not_equal(search(&f->got), 0);
        assert_true(f->fake.conn->broken);
}

/* More than a socket holds: written while it is read. */
typedef struct Large {
        FakeLdap *fake;
        const FakeAttribute *attributes;
        size_t n;
} Large;

static void *write_large(void *context)
{
        const Large *l = context;

        fake_entry(l->fake, 1, "CN=x", l->attributes, l->n);
        fake_done(l->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        return NULL;
}

static void assert_too_large(Fixture *f, const FakeAttribute *attributes, size_t n, const char *why)
{
        Large large = { &f->fake, attributes, n };
        pthread_t writer;

        assert_int_equal(pthread_create(&writer, NULL, write_large, &large), 0);
        /* Who writes 64 MiB shares the machine with other tests. */
        assert_int_equal(search_within(&f->got, (int64_t)60 * 1000000), 0);
        pthread_join(writer, NULL);
        assert_int_equal(f->got.result, ENTRY_E_TOO_LARGE);
        assert_string_equal(diag_text(&f->got.diag), why);
}

static void test_large_value(void **state)
{
        _cleanup_(cleanup_free) char *data = calloc(1, VALUE_MAX + 1);
        const FakeAttribute attribute = { "thumbnailPhoto;binary", { { data, VALUE_MAX + 1 } }, 1 };

        assert_too_large(*state, &attribute, 1,
                         "CN=x: attribute thumbnailPhoto: a value is longer than 10 MiB");
}

static void test_large_entry(void **state)
{
        _cleanup_(cleanup_free) char *data = calloc(1, VALUE_MAX);
        const FakeValue v = { data, VALUE_MAX };
        const FakeAttribute attributes[] = { { "a", { v, v, v, v }, 4 },
                                             { "b", { v, v, { data, (4 << 20) + 1 } }, 3 } };
        Fixture *f = *state;

        /* liblber refuses a message above PDU_MAX before it reads it; this one is just below. */
        assert_true(7 * VALUE_MAX > ENTRY_MAX);
        assert_too_large(f, attributes, 2, "CN=x: attribute b: the entry is longer than 64 MiB");
}

static void test_many_attributes(void **state)
{
        static FakeAttribute attributes[10001];
        static char names[10001][8];

        for (size_t i = 0; i < N_ELEMENTS(attributes); i++) {
                snprintf(names[i], sizeof(names[i]), "a%zu", i);
                attributes[i] = (FakeAttribute){ names[i], { FAKE_TEXT("x") }, 1 };
        }
        assert_too_large(*state, attributes, N_ELEMENTS(attributes),
                         "CN=x: an entry with more than 10000 attributes");
}

static void test_many_ranges(void **state)
{
        static char names[9][32];
        FakeAttribute attributes[9];
        Fixture *f = *state;

        for (unsigned i = 0; i < 9; i++) {
                snprintf(names[i], sizeof(names[i]), "member%u;range=0-%u", i, i);
                attributes[i] = (FakeAttribute){ names[i], { FAKE_TEXT("CN=a") }, 1 };
        }
        f->got.ranges = true;
        fake_entry(&f->fake, 1, "CN=x", attributes, 9);
        fake_done(&f->fake, 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(search(&f->got), 0);
        assert_int_equal(f->got.entry.n_ranges, 9);
        for (unsigned i = 0; i < 9; i++) {
                assert_int_equal(f->got.entry.ranges[i].next, i + 1);
                assert_int_equal(f->got.entry.ranges[i].attribute[6], '0' + (int)i);
        }
}

static int take_brief(void *context, LDAPMessage *message)
{
        Got *g = context;

        g->n++;
        entry_read_brief(g->fake->conn->ld, message, g->arena, &g->entry);
        return 0;
}

/* Only who it is: of an entry that is odd in every other way, too. */
static void test_brief(void **state)
{
        static const char *const names[] = { "<GUID=67452301-ab89-efcd-0000-000000000077>;CN=Ada,DC=test",
                                             "CN=\xff" };
        Fixture *f = *state;
        const FakeAttribute attributes[] = {
                { "two words", { FAKE_TEXT("x") }, 1 },
                { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 },
        };
        const FakeAttribute short_one = { "objectGUID", { FAKE_BYTES(guid, 15) }, 1 };

        for (int i = 0; i < 2; i++) {
                fake_entry(&f->fake, i + 1, names[i], attributes, 2);
                fake_done(&f->fake, i + 1, LDAP_SUCCESS, NULL, NULL, NULL, 0);
                assert_int_equal(conn_search(f->fake.conn, &(ConnSearch){ .base = "" }, 1000000, "test",
                                             take_brief, &f->got, NULL, &f->got.diag),
                                 0);
                assert_string_equal(f->got.entry.dn, i == 0 ? "CN=Ada,DC=test" : "");
                assert_memory_equal(f->got.entry.id.bytes, guid, 16);
                assert_int_equal(f->got.entry.n_told, 1);
                assert_memory_equal(f->got.entry.object->id.bytes, guid, 16);
        }
        fake_entry(&f->fake, 3, "CN=x", &short_one, 1);
        fake_done(&f->fake, 3, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(conn_search(f->fake.conn, &(ConnSearch){ .base = "" }, 1000000, "test", take_brief,
                                     &f->got, NULL, &f->got.diag),
                         0);
        assert_true(guid_is_zero(&f->got.entry.id));
}

/* The length alone is enough: nothing of it is read, let alone allocated. */
static void test_message_of_two_gigabytes(void **state)
{
        static const uint8_t huge[] = { 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01, 0x64 };
        Fixture *f = *state;

        fake_bytes(&f->fake, huge, sizeof(huge));
        assert_int_not_equal(search(&f->got), 0);
        assert_true(f->fake.conn->broken);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_entry),
                CASE(test_spellings),
                CASE(test_incremental_values_keep_their_option),
                CASE(test_names_that_are_none),
                CASE(test_name_of_the_entry_must_be_text),
                CASE(test_entry_that_is_cut_short),
                CASE(test_results_are_translated),
                CASE(test_why_credentials_are_refused),
                CASE(test_notice_of_disconnection),
                CASE(test_connection_lost),
                CASE(test_silence),
                CASE(test_garbage),
                CASE(test_message_of_two_gigabytes),
                CASE(test_large_value),
                CASE(test_large_entry),
                CASE(test_many_attributes),
                CASE(test_many_ranges),
                CASE(test_brief),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
