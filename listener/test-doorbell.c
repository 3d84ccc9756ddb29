/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener/doorbell.h"
#include "listener/fake-ldap.h"

static const char *const controls[] = { CONTROL_NOTIFICATION };

typedef struct Fixture {
        FakeLdap fake;
        Doorbell bell;
        Diag diag;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        fake_init(&f->fake);
        f->fake.conn->dse.controls = controls;
        f->fake.conn->dse.n_controls = 1;
        f->fake.conn->dse.usn = 100;
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

static Mono at(int64_t us)
{
        return (Mono){ us };
}

/* The server's answer to the beat under way. */
static void beat(Fixture *f, uint64_t usn, int64_t now)
{
        char text[24];
        FakeAttribute attribute = { "highestCommittedUSN", { { 0 } }, 1 };

        snprintf(text, sizeof(text), "%llu", (unsigned long long)usn);
        attribute.values[0] = FAKE_TEXT(text);
        fake_entry(&f->fake, f->bell.beat_id, "", &attribute, 1);
        fake_done(&f->fake, f->bell.beat_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        for (int i = 0; i < 2; i++) {
                LDAPMessage *m = NULL;
                bool ours = false;

                assert_int_equal(conn_next(f->fake.conn, &m, &f->diag), 0);
                assert_non_null(m);
                assert_int_equal(doorbell_message(&f->bell, m, at(now), &ours, &f->diag), 0);
                assert_true(ours);
                ldap_msgfree(m);
        }
        assert_int_equal(f->bell.beat_id, 0);
}

static void ring(Fixture *f, int64_t now)
{
        LDAPMessage *m = NULL;
        bool ours = false;

        fake_entry(&f->fake, f->bell.bell_id, "CN=x", NULL, 0);
        assert_int_equal(conn_next(f->fake.conn, &m, &f->diag), 0);
        assert_int_equal(doorbell_message(&f->bell, m, at(now), &ours, &f->diag), 0);
        assert_true(ours);
        ldap_msgfree(m);
}

static void test_first_look_is_due_at_once(void **state)
{
        Fixture *f = *state;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(1000), &f->diag), 0);
        assert_int_not_equal(f->bell.bell_id, 0);
        assert_true(doorbell_wants_look(&f->bell, at(1000)));
        doorbell_look_begins(&f->bell, at(1000));
        doorbell_look_ends(&f->bell, at(2000), true);
        assert_false(doorbell_wants_look(&f->bell, at(10000000)));
}

static void answer(Fixture *f, const char *name, const char *usn)
{
        FakeAttribute attribute = { name, { FAKE_TEXT(usn) }, 1 };

        assert_int_equal(doorbell_tick(&f->bell, at(100), &f->diag), 0);
        fake_entry(&f->fake, f->bell.beat_id, "", &attribute, 1);
        fake_done(&f->fake, f->bell.beat_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        for (int i = 0; i < 2; i++) {
                LDAPMessage *m = NULL;
                bool ours = false;

                assert_int_equal(conn_next(f->fake.conn, &m, &f->diag), 0);
                assert_int_equal(doorbell_message(&f->bell, m, at(100), &ours, &f->diag), 0);
                ldap_msgfree(m);
        }
}

/* Of 389 Directory Server: it counts a change before it can be read, and rings after. */
static void test_a_ring_without_a_new_number_is_late(void **state)
{
        static const char *const rings[] = { CONTROL_PSEARCH };
        Fixture *f = *state;

        f->fake.conn->dse.vendor = VENDOR_389;
        f->fake.conn->dse.controls = rings;
        f->fake.conn->dse.n_controls = 1;
        f->fake.conn->dse.usn_attribute = "lastusn;userroot";
        f->fake.conn->dse.usn = 5;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        assert_false(f->bell.bell_lost);
        answer(f, "lastusn;userroot", "5");
        assert_int_equal(f->bell.usn, 6);
        doorbell_look_begins(&f->bell, at(100));
        doorbell_look_ends(&f->bell, at(100), true);
        assert_false(f->bell.late);
        ring(f, 100);
        answer(f, "lastusn;userroot", "6");
        assert_false(f->bell.late);
        doorbell_look_begins(&f->bell, at(100));
        doorbell_look_ends(&f->bell, at(100), true);
        ring(f, 100);
        answer(f, "lastusn;userroot", "6");
        assert_true(f->bell.late);
}

/* The USN that counts is the one from before the look. */
static void test_what_moves_during_a_look_is_looked_for_again(void **state)
{
        Fixture *f = *state;

        f->fake.conn->dse.vendor = VENDOR_SAMBA;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        assert_int_equal(doorbell_tick(&f->bell, at(0), &f->diag), 0);
        beat(f, 101, 10);
        doorbell_look_begins(&f->bell, at(20));
        f->bell.usn = 102; /* as a beat during the look would see it */
        doorbell_look_ends(&f->bell, at(30), true);
        assert_true(doorbell_wants_look(&f->bell, at(30 + 4 * 10)));
        assert_int_equal(f->bell.usn_looked, 101);
}

static void test_a_failed_look_covers_nothing(void **state)
{
        Fixture *f = *state;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        doorbell_look_begins(&f->bell, at(0));
        doorbell_look_ends(&f->bell, at(10), false);
        assert_true(doorbell_wants_look(&f->bell, at(LOOK_WINDOWS_US + 10)));
}

static void test_samba_beats_every_25_ms_and_rests_four_looks(void **state)
{
        Fixture *f = *state;

        f->fake.conn->dse.vendor = VENDOR_SAMBA;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        doorbell_look_begins(&f->bell, at(0));
        doorbell_look_ends(&f->bell, at(0), true);
        assert_int_equal(doorbell_next(&f->bell, true).us, 0);
        assert_int_equal(doorbell_tick(&f->bell, at(0), &f->diag), 0);
        assert_int_equal(doorbell_next(&f->bell, true).us, MONO_NEVER.us);
        beat(f, 100, 200);
        assert_int_equal(doorbell_next(&f->bell, true).us, 25200);
        assert_int_equal(doorbell_tick(&f->bell, at(25199), &f->diag), 0);
        assert_int_equal(f->bell.beat_id, 0);
        assert_int_equal(doorbell_tick(&f->bell, at(25200), &f->diag), 0);
        assert_int_not_equal(f->bell.beat_id, 0);
        beat(f, 105, 25400);
        assert_true(doorbell_wants_look(&f->bell, at(25400)));
        doorbell_look_begins(&f->bell, at(25400));
        doorbell_look_ends(&f->bell, at(35400), true);
        f->bell.usn = 106;
        /* One of 10 ms after one of 0: a quarter of it counts. */
        assert_false(doorbell_wants_look(&f->bell, at(35400 + 9999)));
        assert_true(doorbell_wants_look(&f->bell, at(35400 + 10000)));
}

/* On average the server spends a fifth of its time on us, whatever single looks take; our own time is ours.
 */
static void test_share_of_the_server(void **state)
{
        Fixture *f = *state;
        int64_t now = 0, looked = 0;

        f->fake.conn->dse.vendor = VENDOR_SAMBA;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        for (int i = 0; i < 1000; i++) {
                int64_t us = i % 2 ? 1000 : 1000000;

                doorbell_look_begins(&f->bell, at(now));
                now += us;
                looked += us;
                now += 5000000;
                doorbell_look_waited(&f->bell, 5000000);
                doorbell_look_ends(&f->bell, at(now), true);
                now = f->bell.look_at.us;
        }
        now -= 1000 * (int64_t)5000000;
        assert_in_range(looked * 100 / now, 18, 22);
}

/* Who has caught up for a minute is not deaf for four. */
static void test_a_long_look_is_as_long_as_what_it_brings(void **state)
{
        Fixture *f = *state;

        f->fake.conn->dse.vendor = VENDOR_SAMBA;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        doorbell_look_begins(&f->bell, at(0));
        assert_int_equal(doorbell_look_page(&f->bell, true, &f->diag), 0);
        assert_int_equal(doorbell_look_page(&f->bell, false, &f->diag), 0);
        doorbell_look_ends(&f->bell, at(60000000), true);
        f->bell.usn++;
        assert_true(doorbell_wants_look(&f->bell, at(60000000)));
        doorbell_look_begins(&f->bell, at(60000000));
        assert_int_equal(doorbell_look_page(&f->bell, false, &f->diag), 0);
        doorbell_look_ends(&f->bell, at(60010000), true);
        f->bell.usn++;
        assert_false(doorbell_wants_look(&f->bell, at(60049999)));
        assert_true(doorbell_wants_look(&f->bell, at(60050000)));
}

static void test_windows_rings_and_is_asked_twice_a_second(void **state)
{
        Fixture *f = *state;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        doorbell_look_begins(&f->bell, at(0));
        doorbell_look_ends(&f->bell, at(1000), true);
        assert_int_equal(doorbell_tick(&f->bell, at(1000), &f->diag), 0);
        beat(f, 100, 2000);
        assert_int_equal(doorbell_next(&f->bell, true).us, 2000 + BEAT_SLOW_US);
        /* However often it rings, its root DSE is read when a look may follow. */
        for (int i = 0; i < 100; i++) {
                ring(f, 3000 + i);
                assert_int_equal(doorbell_next(&f->bell, true).us, 1000 + LOOK_WINDOWS_US);
                assert_int_equal(doorbell_tick(&f->bell, at(3000 + i), &f->diag), 0);
                assert_int_equal(f->bell.beat_id, 0);
        }
        assert_int_equal(doorbell_tick(&f->bell, at(1000 + LOOK_WINDOWS_US), &f->diag), 0);
        beat(f, 101, 502000);
        assert_true(doorbell_wants_look(&f->bell, at(502000)));
        assert_int_equal(doorbell_next(&f->bell, false).us, 502000 + BEAT_SLOW_US);
        /* A ring without a movement (another naming context's, or our own echo) costs no look. */
        doorbell_look_begins(&f->bell, at(600000));
        doorbell_look_ends(&f->bell, at(601000), true);
        ring(f, 700000);
        assert_int_equal(doorbell_tick(&f->bell, at(601000 + LOOK_WINDOWS_US), &f->diag), 0);
        beat(f, 101, 1102000);
        assert_false(doorbell_wants_look(&f->bell, at(10000000)));
}

static void test_a_ring_during_a_beat_is_not_lost(void **state)
{
        Fixture *f = *state;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        assert_int_equal(doorbell_tick(&f->bell, at(0), &f->diag), 0);
        ring(f, 10);
        beat(f, 100, 20);
        /* The look that is due covers it, perhaps; it is asked after that. */
        doorbell_look_begins(&f->bell, at(20));
        doorbell_look_ends(&f->bell, at(30), true);
        assert_int_equal(doorbell_tick(&f->bell, f->bell.look_at, &f->diag), 0);
        assert_int_not_equal(f->bell.beat_id, 0);
}

/* The sixth notification on a connection, or a server that has had enough: beats must do, and the feed lives.
 */
static void test_without_a_bell(void **state)
{
        Fixture *f = *state;
        LDAPMessage *m = NULL;
        bool ours = false;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        fake_done(&f->fake, f->bell.bell_id, LDAP_ADMINLIMIT_EXCEEDED,
                  "00002024: MaxNotificationPerConn reached", NULL, NULL, 0);
        assert_int_equal(conn_next(f->fake.conn, &m, &f->diag), 0);
        assert_int_equal(doorbell_message(&f->bell, m, at(10), &ours, &f->diag), 0);
        ldap_msgfree(m);
        assert_true(ours && f->bell.bell_lost);
        assert_non_null(strstr(diag_text(&f->diag), "MaxNotificationPerConn"));
        assert_int_equal(f->bell.interval_us, BEAT_NO_BELL_US);

        f->fake.conn->dse.n_controls = 0;
        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        assert_true(f->bell.bell_lost);
        assert_int_equal(f->bell.bell_id, 0);
}

/* MS-ADTS 3.1.1.3.4.1.9: only (objectClass=*), and a control without value. */
static void test_registration_is_these_bytes(void **state)
{
        static const uint8_t control[] = { 0x30, 0x1b, 0x04, 0x16, '1', '.', '2',  '.',  '8', '4',
                                           '0',  '.',  '1',  '1',  '3', '5', '5',  '6',  '.', '1',
                                           '.',  '4',  '.',  '5',  '2', '8', 0x01, 0x01, 0xff };
        static const uint8_t filter[] = { 0x87, 0x0b, 'o', 'b', 'j', 'e', 'c', 't', 'C', 'l', 'a', 's', 's' };
        Fixture *f = *state;
        uint8_t request[1000];
        size_t n;

        assert_int_equal(doorbell_start(&f->bell, f->fake.conn, "DC=test", at(0), &f->diag), 0);
        n = fake_request(&f->fake, request, sizeof(request));
        assert_non_null(memmem(request, n, control, sizeof(control)));
        assert_non_null(memmem(request, n, filter, sizeof(filter)));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_first_look_is_due_at_once),
                CASE(test_a_ring_without_a_new_number_is_late),
                CASE(test_what_moves_during_a_look_is_looked_for_again),
                CASE(test_a_failed_look_covers_nothing),
                CASE(test_samba_beats_every_25_ms_and_rests_four_looks),
                CASE(test_share_of_the_server),
                CASE(test_a_long_look_is_as_long_as_what_it_brings),
                CASE(test_windows_rings_and_is_asked_twice_a_second),
                CASE(test_a_ring_during_a_beat_is_not_lost),
                CASE(test_without_a_bell),
                CASE(test_registration_is_these_bytes),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
