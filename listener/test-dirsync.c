/* SPDX-License-Identifier: Apache-2.0 */

/* What Samba does not do: pages with MoreResults, refused cookies, a queue that is full in the middle. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "listener/fake-ldap.h"
#include "listener/feed-dirsync.h"

static const char *const controls[] = { CONTROL_NOTIFICATION, CONTROL_DIRSYNC };

/* The sink writes down what it is given: "2 entries, position, catch-up". */
typedef struct Fixture {
        FeedSink sink;
        FakeLdap fake;
        ClockFake clock;
        struct event_base *base;
        Feed *feed;
        FeedDirsync *f;
        Str log;
        unsigned n_full;
        uint8_t position[1000];
        size_t n_position;
        FeedState told;
        Diag diag;
        int id; /* of the next request */
} Fixture;

static int sink_batch(FeedSink *sink, const FeedBatch *b)
{
        Fixture *f = (Fixture *)sink;

        if (f->n_full) {
                f->n_full--;
                str_add(&f->log, "full ");
                return FEED_E_FULL;
        }
        for (size_t i = 0; i < b->n_entries; i++)
                str_printf(&f->log, "%s%s ", b->entries[i].dn, b->entries[i].gone ? "(gone)" : "");
        if (b->position) {
                assert_true(b->position->n <= sizeof(f->position));
                memcpy(f->position, b->position->data, b->position->n);
                f->n_position = b->position->n;
        }
        str_printf(&f->log, "[%s%s] ", b->position ? "position" : "", b->catch_up ? " catch-up" : "");
        return 0;
}

static void sink_state(FeedSink *sink, const FeedStatus *s)
{
        ((Fixture *)sink)->told = s->state;
}

static void make_feed(Fixture *f)
{
        FeedConfig c = { .ldap = &f->fake.config, .clock = &f->clock.clock };
        static const Log log;

        assert_int_equal(feed_dirsync_ops.new(&f->feed, &c, f->base, &f->sink, &log, &f->diag), 0);
        f->f = (FeedDirsync *)f->feed;
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        fake_init(&f->fake);
        f->fake.config.bind = (BindConfig){ .mechanism = BIND_SIMPLE, .dn = "CN=reader" };
        f->fake.conn->dse.controls = controls;
        f->fake.conn->dse.n_controls = 2;
        f->fake.conn->dse.usn = 100;
        clock_fake_init(&f->clock, (Mono){ 1000000000 }, (Wall){ 1795337659000 });
        f->sink = (FeedSink){ .batch = sink_batch, .state = sink_state };
        f->base = event_base_new();
        str_init(&f->log, 100000);
        make_feed(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        feed_free(f->feed); /* and the connection with it, once it has been given one */
        event_base_free(f->base);
        str_deinit(&f->log);
        diag_deinit(&f->diag);
        fake_deinit(&f->fake);
        free(f);
        return 0;
}

static void start(Fixture *f, const Position *from)
{
        assert_int_equal(feed_start(f->feed, from), 0);
        if (f->fake.conn) {
                f->f->link.conn = f->fake.conn;
                f->fake.conn = NULL;
        }
        assert_int_equal(f->f->link.ops->connected(&f->f->link, &f->diag), 0);
        f->id++; /* the bell */
}

/* As the link does it: everything that has come, then what is due. Return: the first failure. */
static int turn(Fixture *f)
{
        FeedLink *l = &f->f->link;
        int r = 0;

        for (int i = 0; i < 100 && r == 0 && !l->blocked; i++) {
                LDAPMessage *m = NULL;

                r = conn_next(l->conn, &m, &f->diag);
                if (r || !m)
                        break;
                r = l->ops->message(l, m, &f->diag);
                ldap_msgfree(m);
        }
        return r ? r : l->ops->tick(l, clock_mono(l->clock), &f->diag);
}

static void wait_a_second(Fixture *f)
{
        clock_fake_advance(&f->clock, 1000000);
}

static void entry(Fixture *f, int id, const char *name)
{
        uint8_t guid[16] = { 0 };
        char dn[100];
        const FakeAttribute attribute = { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 };

        memcpy(guid, name, strlen(name) < sizeof(guid) ? strlen(name) : sizeof(guid));
        snprintf(dn, sizeof(dn), "CN=%s", name);
        fake_entry(&f->fake, id, dn, &attribute, 1);
}

static void page_end(Fixture *f, int id, bool more, char cookie)
{
        uint8_t value[] = {
                0x30, 0x0a, 0x02, 0x01, more, 0x02, 0x01, 0x00, 0x04, 0x02, 'c', (uint8_t)cookie
        };

        fake_done(&f->fake, id, LDAP_SUCCESS, NULL, CONTROL_DIRSYNC, value, sizeof(value));
}

static void beat(Fixture *f, const char *usn)
{
        const FakeAttribute attribute = { "highestCommittedUSN", { FAKE_TEXT(usn) }, 1 };

        assert_int_not_equal(f->f->bell.beat_id, 0);
        fake_entry(&f->fake, f->f->bell.beat_id, "", &attribute, 1);
        fake_done(&f->fake, f->f->bell.beat_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

static void told(Fixture *f, const char *log)
{
        assert_string_equal(f->log.data, log);
        str_reset(&f->log);
}

/* Bring a feed to where it watches: position from now on, and a first look that finds nothing. */
static void watch(Fixture *f)
{
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        page_end(f, f->f->look_id, false, '1');
        beat(f, "100");
        assert_int_equal(turn(f), 0);
        wait_a_second(f);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
        page_end(f, f->f->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->told, FEED_WATCHING);
        told(f, "[position] ");
}

static void news(Fixture *f, const char *usn)
{
        f->f->bell.rung = true;
        wait_a_second(f);
        assert_int_equal(turn(f), 0);
        beat(f, usn);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
}

static void test_from_now_on_takes_all_pages_and_no_entry(void **state)
{
        static const char filter[] = "objectClass";
        Fixture *f = *state;
        uint8_t request[1000];
        size_t n;

        start(f, NULL);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NOW);
        entry(f, f->f->look_id, "a server that does not know the filter");
        page_end(f, f->f->look_id, true, '1');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
        assert_int_equal(f->f->look, LOOK_NOW);
        page_end(f, f->f->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
        assert_int_equal(f->f->look, LOOK_NONE);
        for (int i = 0; i < 3; i++)
                n = fake_request(&f->fake, request, sizeof(request));
        /* (!(objectClass=*)) */
        assert_non_null(memmem(request, n, filter, strlen(filter)));
        assert_non_null(memmem(request, n, "\xa2\x0d\x87\x0b", 4));
}

static void test_pages_carry_their_positions(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->f->look_id, "a");
        entry(f, f->f->look_id, "b");
        page_end(f, f->f->look_id, true, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a CN=b [position] ");
        entry(f, f->f->look_id, "c");
        page_end(f, f->f->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "CN=c [position] ");
        assert_int_equal(f->f->look, LOOK_NONE);
        assert_memory_equal(f->f->cookie, "c4", 2);
}

static void test_a_look_without_news_writes_nothing(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        page_end(f, f->f->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "");
        clock_fake_advance(&f->clock, 61000000);
        news(f, "111");
        page_end(f, f->f->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
}

static void test_batches_are_bounded(void **state)
{
        Fixture *f = *state;
        char name[16];

        watch(f);
        news(f, "110");
        for (int i = 0; i < BATCH_ENTRIES + 1; i++) {
                snprintf(name, sizeof(name), "n%d", i);
                entry(f, f->f->look_id, name);
                /* Not more than the socket holds. */
                if (i % 50 == 0)
                        assert_int_equal(turn(f), 0);
        }
        while (f->f->n_entries != 1)
                assert_int_equal(turn(f), 0);
        assert_non_null(strstr(f->log.data, "CN=n4999 [] "));
        str_reset(&f->log);
        page_end(f, f->f->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=n5000 [position] ");
}

static void test_tombstones(void **state)
{
        static const uint8_t guid[16] = { 1 };
        Fixture *f = *state;
        const FakeAttribute attributes[] = { { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 },
                                             { "isDeleted", { FAKE_TEXT("TRUE") }, 1 } };

        watch(f);
        news(f, "110");
        fake_entry(&f->fake, f->f->look_id, "CN=x\\0ADEL:1,CN=Deleted Objects", attributes, 1);
        fake_entry(&f->fake, f->f->look_id, "CN=y", attributes, 2);
        page_end(f, f->f->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=x\\0ADEL:1,CN=Deleted Objects(gone) CN=y(gone) [position] ");
}

static void test_full_queue_gets_the_same_batch_again(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->f->look_id, "a");
        page_end(f, f->f->look_id, true, '3');
        f->n_full = 2;
        assert_int_equal(turn(f), 0);
        assert_true(f->f->held && f->f->link.blocked);
        feed_pause(f->feed, true);
        assert_int_equal(turn(f), 0);
        told(f, "full full ");
        feed_pause(f->feed, false);
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position] ");
        assert_int_equal(turn(f), 0);
        assert_false(f->f->held || f->f->link.blocked);
        /* and on with the next page */
        entry(f, f->f->look_id, "b");
        page_end(f, f->f->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        told(f, "CN=b [position] ");
}

static void test_paused_in_the_middle_of_a_look(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        feed_pause(f->feed, true);
        assert_int_equal(turn(f), 0);
        assert_true(f->f->link.blocked);
        entry(f, f->f->look_id, "a");
        page_end(f, f->f->look_id, false, '3');
        assert_int_equal(turn(f), 0);
        told(f, "");
        feed_pause(f->feed, false);
        assert_int_equal(turn(f), 0); /* unblocks */
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position] ");
}

static void test_refused_cookie_leads_to_catch_up(void **state)
{
        static const int codes[] = { LDAP_PROTOCOL_ERROR, LDAP_UNAVAILABLE_CRITICAL_EXTENSION };
        Fixture *f = *state;

        watch(f);
        for (size_t i = 0; i < N_ELEMENTS(codes); i++) {
                news(f, i ? "120" : "110");
                fake_done(&f->fake, f->f->look_id, codes[i], "0000203D: Error processing control", NULL, NULL,
                          0);
                assert_int_equal(turn(f), 0);
                assert_int_equal(f->f->look, LOOK_CATCH_UP);
                assert_int_equal(f->told, FEED_CATCHING_UP);
                entry(f, f->f->look_id, "a");
                page_end(f, f->f->look_id, false, '3');
                assert_int_equal(turn(f), 0);
                told(f, "CN=a [position catch-up] ");
                assert_int_equal(f->told, FEED_WATCHING);
        }
}

/* Refused without a cookie: nothing else can be tried, and nothing may loop. */
static void test_refused_catch_up_is_the_end(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_done(&f->fake, f->f->look_id, LDAP_PROTOCOL_ERROR, "", NULL, NULL, 0);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->f->look_id, LDAP_PROTOCOL_ERROR, "", NULL, NULL, 0);
        assert_int_equal(turn(f), CONN_E_REJECTED);
}

static void test_rights_revoked_concludes_nothing(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_done(&f->fake, f->f->look_id, LDAP_INSUFFICIENT_ACCESS, "00002105: LdapErr", NULL, NULL, 0);
        assert_int_equal(turn(f), CONN_E_REFUSED);
        told(f, "");
        assert_true(f->f->has_mark);
        assert_non_null(strstr(f->diag.items[f->diag.n_items - 1].text, "DS-Replication-Get-Changes"));
}

static void test_answer_without_cookie(void **state)
{
        static const uint8_t empty[] = { 0x30, 0x08, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x04, 0x00 };
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_done(&f->fake, f->f->look_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        f->f->link.ops->lost(&f->f->link);
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->f->look_id, LDAP_SUCCESS, NULL, CONTROL_DIRSYNC, empty, sizeof(empty));
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        assert_memory_equal(f->f->cookie, "c2", 2);
}

static void test_entry_without_guid(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_entry(&f->fake, f->f->look_id, "CN=nobody", NULL, 0);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        assert_non_null(strstr(diag_text(&f->diag), "without objectGUID: CN=nobody"));
}

/* What was not stored is forgotten with the connection, and comes again from the last cookie. */
static void test_lost_in_the_middle(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->f->look_id, "a");
        assert_int_equal(turn(f), 0);
        f->f->link.ops->lost(&f->f->link);
        assert_int_equal(f->f->n_entries, 0);
        assert_memory_equal(f->f->cookie, "c2", 2);
        f->f->link.conn->dse.usn = 110;
        assert_int_equal(f->f->link.ops->connected(&f->f->link, &f->diag), 0);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
        told(f, "");
}

/* Stop, and start a second feed with what the first one stored. */
static void again(Fixture *f)
{
        f->fake.conn = f->f->link.conn;
        f->f->link.conn = NULL;
        feed_free(f->feed);
        make_feed(f);
}

static void test_resumes_from_a_stored_position(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        again(f);
        from = (Position){ f->position, f->n_position };
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
        assert_false(f->f->catch_up);
}

static void test_usn_that_fell_leads_to_catch_up(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        again(f);
        f->fake.conn->dse.usn = 50;
        from = (Position){ f->position, f->n_position };
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_CATCH_UP);
}

static void test_another_server_keeps_the_cookie(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        again(f);
        f->fake.conn->dse.usn = 50;
        f->fake.conn->server_id = (ObjectId){ { 0xee } };
        from = (Position){ f->position, f->n_position };
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
}

static void test_catch_up_survives_a_restart(void **state)
{
        Fixture *f = *state;
        Position from;

        f->fake.config.initial = FEED_INITIAL_ALL;
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_CATCH_UP);
        entry(f, f->f->look_id, "a");
        page_end(f, f->f->look_id, true, '1');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position catch-up] ");
        again(f);
        from = (Position){ f->position, f->n_position };
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_CATCH_UP);
        entry(f, f->f->look_id, "b");
        page_end(f, f->f->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        told(f, "CN=b [position catch-up] ");
        assert_false(f->f->catch_up);
}

static void test_object_security_by_itself(void **state)
{
        Fixture *f = *state;

        start(f, NULL);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->f->look_id, LDAP_INSUFFICIENT_ACCESS, "", NULL, NULL, 0);
        assert_int_equal(turn(f), 0);
        assert_true(f->f->flags & DIRSYNC_OBJECT_SECURITY);
        page_end(f, f->f->look_id, false, '1');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
}

static void test_no_directory_of_ours(void **state)
{
        Fixture *f = *state;

        assert_int_equal(feed_start(f->feed, NULL), 0);
        f->f->link.conn = f->fake.conn;
        f->fake.conn = NULL;
        f->f->link.conn->dse.n_controls = 0;
        assert_int_equal(f->f->link.ops->connected(&f->f->link, &f->diag), CONN_E_UNSUITABLE);
        assert_non_null(strstr(diag_text(&f->diag), "does not offer DirSync"));
        f->f->link.conn->dse.vendor = VENDOR_OTHER;
        assert_int_equal(f->f->link.ops->connected(&f->f->link, &f->diag), CONN_E_UNSUITABLE);
        assert_non_null(strstr(diag_text(&f->diag), "no Active Directory"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_from_now_on_takes_all_pages_and_no_entry),
                CASE(test_pages_carry_their_positions),
                CASE(test_a_look_without_news_writes_nothing),
                CASE(test_batches_are_bounded),
                CASE(test_tombstones),
                CASE(test_full_queue_gets_the_same_batch_again),
                CASE(test_paused_in_the_middle_of_a_look),
                CASE(test_refused_cookie_leads_to_catch_up),
                CASE(test_refused_catch_up_is_the_end),
                CASE(test_rights_revoked_concludes_nothing),
                CASE(test_answer_without_cookie),
                CASE(test_entry_without_guid),
                CASE(test_lost_in_the_middle),
                CASE(test_resumes_from_a_stored_position),
                CASE(test_usn_that_fell_leads_to_catch_up),
                CASE(test_another_server_keeps_the_cookie),
                CASE(test_catch_up_survives_a_restart),
                CASE(test_object_security_by_itself),
                CASE(test_no_directory_of_ours),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
