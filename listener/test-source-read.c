/* SPDX-License-Identifier: Apache-2.0 */

/* What Samba does not do: attributes in ranges as Windows cuts them, objects that change under the reader. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener/fake-ldap.h"
#include "listener/source-ldap-private.h"

static const ObjectId group = { { 0xaa } };

typedef struct Fixture {
        FakeLdap fake;
        ClockFake clock;
        Source *source;
        Arena *arena;
        SourceEntry entry;
        Diag diag;
        int id; /* of the next request */
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));
        SourceLdap *s;

        fake_init(&f->fake);
        clock_fake_init(&f->clock, (Mono){ 1000000 }, (Wall){ 1 });
        f->arena = arena_new(ARENA_LIMIT_RUN);
        f->id = 1;
        assert_int_equal(source_ldap_new(&f->source, &(SourceLdapConfig){ .ldap = &f->fake.config,
                                                                          .clock = &f->clock.clock }),
                         0);
        s = (SourceLdap *)f->source;
        s->conn = f->fake.conn;
        s->used = (Mono){ 1000000 };
        s->renew_at = MONO_NEVER;
        f->fake.conn = NULL; /* the Source's now */
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        source_free(f->source);
        diag_deinit(&f->diag);
        arena_free(f->arena);
        fake_deinit(&f->fake);
        free(f);
        return 0;
}

/* An answer with uSNChanged, and members [first, last] under this name, plus an empty "member" as Windows
 * has. */
static void answer(Fixture *f, unsigned usn, const char *name, unsigned first, unsigned last)
{
        char number[16], dns[4][100];
        FakeAttribute attributes[] = {
                { "objectGUID", { FAKE_BYTES(group.bytes, 16) }, 1 },
                { "uSNChanged", { { 0 } }, 1 },
                { "member", { { 0 } }, 0 },
                { name, { { 0 } }, 0 },
        };

        snprintf(number, sizeof(number), "%u", usn);
        attributes[1].values[0] = FAKE_TEXT(number);
        for (unsigned i = first; i <= last && name; i++) {
                char *dn = dns[i - first];

                snprintf(dn, 100, "<GUID=000000%02x-0000-0000-0000-000000000000>;CN=m%u", i + 1, i);
                attributes[3].values[attributes[3].n_values++] = FAKE_TEXT(dn);
        }
        fake_entry(&f->fake, f->id, "CN=Group,DC=test", attributes, name ? 4 : 3);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

static int read_group(Fixture *f, uint64_t at_least)
{
        static const char *const links[] = { "member" };

        return source_read(f->source,
                           &(SourceQuery){
                                   .id = &group,
                                   .at_least = { .server = { { 0xdc } }, .number = at_least },
                                   .links = links,
                                   .n_links = 1,
                           },
                           f->arena, &f->entry, &f->diag);
}

static void test_ranges_are_followed_to_their_end(void **state)
{
        static const uint8_t next[] = "member;range=2-*";
        Fixture *f = *state;
        uint8_t request[1000];
        size_t n;

        answer(f, 7, "member;range=0-1", 0, 1);
        answer(f, 7, "member;range=2-3", 2, 3);
        answer(f, 7, "member;range=4-*", 4, 4);
        assert_int_equal(read_group(f, 0), 0);
        assert_int_equal(f->entry.n_links, 1);
        assert_int_equal(f->entry.links[0].n_ids, 5);
        assert_int_equal(f->entry.links[0].n_unknown, 0);
        assert_int_equal(f->entry.version.number, 7);
        fake_request(&f->fake, request, sizeof(request));
        n = fake_request(&f->fake, request, sizeof(request));
        assert_non_null(memmem(request, n, next, sizeof(next) - 1));
}

static void test_changed_meanwhile_is_read_again(void **state)
{
        Fixture *f = *state;

        answer(f, 7, "member;range=0-1", 0, 1);
        answer(f, 8, "member;range=2-*", 2, 3);
        answer(f, 8, "member;range=0-1", 0, 1);
        answer(f, 8, "member;range=2-*", 2, 2);
        assert_int_equal(read_group(f, 0), 0);
        assert_int_equal(f->entry.links[0].n_ids, 3);
        assert_int_equal(f->entry.version.number, 8);
}

static void test_changing_for_ever_is_stale(void **state)
{
        Fixture *f = *state;

        for (unsigned i = 0; i < 3; i++) {
                answer(f, 2 * i, "member;range=0-1", 0, 1);
                answer(f, 2 * i + 1, "member;range=2-*", 2, 3);
        }
        assert_int_equal(read_group(f, 0), SOURCE_E_STALE);
        assert_non_null(strstr(diag_text(&f->diag), "changes faster than it can be read"));
}

/* A server whose ranges lead nowhere must not keep us. */
static void test_ranges_that_do_not_lead_on(void **state)
{
        Fixture *f = *state;

        answer(f, 7, "member;range=0-1", 0, 1);
        answer(f, 7, "member;range=0-1", 0, 1);
        assert_int_equal(read_group(f, 0), 0);
        assert_int_equal(f->entry.links[0].n_ids, 2);
        answer(f, 7, "member;range=0-1", 0, 1);
        answer(f, 7, NULL, 1, 0);
        assert_int_equal(read_group(f, 0), 0);
        assert_int_equal(f->entry.links[0].n_ids, 2);
}

static void test_older_than_the_change(void **state)
{
        Fixture *f = *state;

        answer(f, 7, NULL, 1, 0);
        assert_int_equal(read_group(f, 8), SOURCE_E_STALE);
        assert_string_equal(
                diag_text(&f->diag),
                "ldap://fake.test: the server has CN=Group,DC=test at version 7, but the change was 8");
        answer(f, 8, NULL, 1, 0);
        assert_int_equal(read_group(f, 8), 0);
        assert_int_equal(f->entry.links[0].n_ids, 0);
}

/* A question about one object has one answer; a server that goes on would have the worker for ever. */
static void test_results_without_end(void **state)
{
        Fixture *f = *state;

        fake_entry(&f->fake, f->id, "CN=Group,DC=test", NULL, 0);
        fake_entry(&f->fake, f->id, "CN=Group,DC=test", NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_UNREACHABLE);
        assert_non_null(strstr(diag_text(&f->diag), "more entries than there can be"));
}

static void test_conditions(void **state)
{
        Fixture *f = *state;

        fake_done(&f->fake, f->id++, LDAP_NO_SUCH_OBJECT, "0000208D", NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_NOT_FOUND);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_NOT_FOUND);
        fake_done(&f->fake, f->id++, LDAP_INSUFFICIENT_ACCESS, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_REFUSED);
        fake_done(&f->fake, f->id++, LDAP_BUSY, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_UNREACHABLE);
        fake_done(&f->fake, f->id++, LDAP_REFERRAL, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_UNREACHABLE);
}

/* Where a base was seen at first, absence is believed only as long as it is. */
static void test_absence(void **state)
{
        Fixture *f = *state;
        Conn *c = ((SourceLdap *)f->source)->conn;

        c->dse.vendor = VENDOR_389;
        c->dse.database = group;
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        fake_entry(&f->fake, f->id, "dc=test", NULL, 0);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_NOT_FOUND);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        fake_done(&f->fake, f->id++, LDAP_NO_SUCH_OBJECT, NULL, NULL, NULL, 0);
        assert_int_equal(read_group(f, 0), SOURCE_E_UNREACHABLE);
}

static void test_membership_is_one_question(void **state)
{
        static const uint8_t filter[] = "<GUID=000000aa-0000-0000-0000-000000000000>";
        Fixture *f = *state;
        uint8_t request[1000];
        bool member = false;
        size_t n;

        fake_entry(&f->fake, f->id, "CN=Group (x),DC=test", NULL, 0);
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(source_is_member(f->source, "CN=Group (x),DC=test", &group, &member, &f->diag), 0);
        assert_true(member);
        n = fake_request(&f->fake, request, sizeof(request));
        assert_non_null(memmem(request, n, filter, sizeof(filter) - 1));
        fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(source_is_member(f->source, "CN=Group (x),DC=test", &group, &member, &f->diag), 0);
        assert_false(member);
}

/* An account that may not see CN=Partitions: it is asked again and again, and what was asked is not kept. */
static void test_names_nobody_tells(void **state)
{
        Fixture *f = *state;
        SourceLdap *s = (SourceLdap *)f->source;
        SourceInfo info;
        size_t used = 0;

        s->conn->dse.config_context = "CN=Configuration,DC=test";
        s->conn->dse.root_context = "DC=test";
        for (int i = 0; i < 3; i++) {
                const FakeAttribute name = { "dnsRoot", { FAKE_TEXT("corp.test") }, 1 };

                /* The domain's are there, the forest's are not. */
                fake_entry(&f->fake, f->id, "CN=CORP,CN=Partitions,CN=Configuration,DC=test", &name, 1);
                fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
                fake_done(&f->fake, f->id++, LDAP_INSUFFICIENT_ACCESS, NULL, NULL, NULL, 0);
                assert_int_equal(source_info(f->source, &info, &f->diag), SOURCE_E_REFUSED);
                if (i == 0)
                        used = arena_used(s->arena);
                assert_int_equal(arena_used(s->arena), used);
        }
        for (int i = 0; i < 2; i++) {
                const FakeAttribute name = { "dnsRoot", { FAKE_TEXT("corp.test") }, 1 };

                fake_entry(&f->fake, f->id, "CN=CORP,CN=Partitions,CN=Configuration,DC=test", &name, 1);
                fake_done(&f->fake, f->id++, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        }
        assert_int_equal(source_info(f->source, &info, &f->diag), 0);
        assert_string_equal(info.domain_fqdn, "corp.test");
        assert_string_equal(info.forest_fqdn, "corp.test");
        assert_null(info.domain_netbios);
}

static void test_idle_connections_are_closed(void **state)
{
        Fixture *f = *state;
        SourceLdap *s = (SourceLdap *)f->source;

        source_idle(f->source, (Mono){ 1000000 + SOURCE_LDAP_IDLE_US - 1 });
        assert_non_null(s->conn);
        source_idle(f->source, (Mono){ 1000000 + SOURCE_LDAP_IDLE_US });
        assert_null(s->conn);
}

static void test_filter_escape(void **state)
{
        Fixture *f = *state;

        assert_string_equal(filter_escape(f->arena, "CN=a*(b)\\,DC=x"), "CN=a\\2a\\28b\\29\\5c,DC=x");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_ranges_are_followed_to_their_end),
                CASE(test_changed_meanwhile_is_read_again),
                CASE(test_changing_for_ever_is_stale),
                CASE(test_ranges_that_do_not_lead_on),
                CASE(test_older_than_the_change),
                CASE(test_conditions),
                CASE(test_absence),
                CASE(test_results_without_end),
                CASE(test_membership_is_one_question),
                CASE(test_names_nobody_tells),
                CASE(test_idle_connections_are_closed),
                CASE(test_filter_escape),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
