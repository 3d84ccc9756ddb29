/* SPDX-License-Identifier: Apache-2.0 */

/* The uSNChanged feed on a scripted server: pages, what comes late or twice, positions, a full queue. */

#include "listener/test-feed.h"

static const char *const controls[] = { CONTROL_NOTIFICATION, CONTROL_PAGED };

static int setup(void **state)
{
        Fixture *f = fixture(&feed_usn_ops, controls, N_ELEMENTS(controls));

        f->fake.conn->dse.usn = 100;
        f->tells_version = true;
        make_feed(f);
        *state = f;
        return 0;
}

static void go_on(Fixture *f)
{
        assert_int_equal(turn(f), 0);
}

static void wait_s(Fixture *f, int64_t s)
{
        clock_fake_advance(&f->clock, s * 1000000);
}

static void entry(Fixture *f, const char *name, const char *usn)
{
        uint8_t guid[16] = { 0 };
        char dn[100];
        const FakeAttribute attributes[] = { { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 },
                                             { "uSNChanged", { FAKE_TEXT(usn) }, 1 } };

        memcpy(guid, name, strlen(name));
        snprintf(dn, sizeof(dn), "CN=%s", name);
        fake_entry(&f->fake, f->usn->look_id, dn, attributes, 2);
}

static void page_end(Fixture *f, bool more)
{
        uint8_t value[] = { 0x30, 0x06, 0x02, 0x01, 0x00, 0x04, 0x01, 'p' };

        if (!more) {
                value[1] = 0x05;
                value[6] = 0x00;
        }
        fake_done(&f->fake, f->usn->look_id, LDAP_SUCCESS, NULL, CONTROL_PAGED, value,
                  sizeof(value) - (more ? 0 : 1));
        go_on(f);
}

/* Which look is under way, or was the last one, and its lower bound. */
static void asked(Fixture *f, UsnLook look, uint64_t since)
{
        assert_int_equal(f->usn->look, look);
        assert_int_equal(f->usn->since, since);
}

static void beat(Fixture *f, const char *usn)
{
        const FakeAttribute attribute = { "highestCommittedUSN", { FAKE_TEXT(usn) }, 1 };
        int id;

        f->usn->bell.rung = true;
        go_on(f);
        id = f->usn->bell.beat_id;
        assert_int_not_equal(id, 0);
        fake_entry(&f->fake, id, "", &attribute, 1);
        fake_done(&f->fake, id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        go_on(f);
}

/* Bring a feed to where it watches: position from now on, and a first look that finds nothing. */
static void watch(Fixture *f)
{
        start(f, NULL);
        go_on(f);
        told(f, "[position] ");
        beat(f, "100");
        asked(f, USN_LOOK_NEWS, 101);
        page_end(f, false);
        assert_int_equal(f->told, FEED_WATCHING);
        told(f, "");
        wait_s(f, 1);
}

static void test_pages(void **state)
{
        static const char filter[] = "uSNChanged\x04\x03"
                                     "101";
        Fixture *f = *state;
        uint8_t request[1000];
        size_t n = 0;

        watch(f);
        beat(f, "110");
        asked(f, USN_LOOK_NEWS, 101);
        entry(f, "a", "101");
        page_end(f, true);
        told(f, "CN=a@101 [] ");
        entry(f, "b", "108");
        page_end(f, false);
        told(f, "CN=b@108 [position] ");
        assert_int_equal(f->usn->look, USN_LOOK_NONE);
        assert_int_equal(f->usn->mark.usn, 110);
        for (int i = 0; i < 3; i++) /* the bell, the beat, the look */
                n = fake_request(&f->fake, request, sizeof(request));
        assert_non_null(memmem(request, n, filter, sizeof(filter) - 1));
        wait_s(f, 1);
        beat(f, "111");
        asked(f, USN_LOOK_NEWS, 111);
}

/* What was committed while the look ran may come with it, and not again with the next. */
static void test_newer_than_the_look(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        entry(f, "a", "112");
        page_end(f, false);
        told(f, "CN=a@112 [position] ");
        wait_s(f, 1);
        beat(f, "113");
        asked(f, USN_LOOK_NEWS, 111);
        entry(f, "a", "112");
        entry(f, "b", "113");
        page_end(f, false);
        told(f, "CN=b@113 [position] ");
}

/* A USN that becomes visible late: the server's USN does not move any more. */
static void test_sweep_finds_what_comes_late(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        entry(f, "a", "110");
        page_end(f, false);
        told(f, "CN=a@110 [position] ");
        for (int i = 0; i < 4; i++) {
                wait_s(f, 10);
                assert_true(f->usn->bell.beat_id ||
                            f->usn->link.ops->next(&f->usn->link).us <= clock_mono(&f->clock.clock).us);
                beat(f, "110");
                asked(f, USN_LOOK_SWEEP, 101);
                entry(f, "a", "110");
                if (i == 2)
                        entry(f, "late", "105");
                page_end(f, false);
                told(f, i == 2 ? "CN=late@105 [position] " : "");
        }
        wait_s(f, 60);
        beat(f, "110");
        asked(f, USN_LOOK_NONE, 101); /* the window is empty */
        assert_true(f->usn->link.ops->next(&f->usn->link).us > clock_mono(&f->clock.clock).us);
}

static void test_resumes_a_minute_back(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        entry(f, "a", "110");
        page_end(f, false);
        told(f, "CN=a@110 [position] ");
        stop(f);
        f->fake.conn->dse.usn = 120;
        start(f, &f->position);
        go_on(f);
        asked(f, USN_LOOK_SWEEP, 101);
        assert_false(f->usn->catch_up);
        entry(f, "a", "110");
        entry(f, "b", "120");
        page_end(f, false);
        told(f, "CN=a@110 CN=b@120 [position] ");
}

/* Over everything, with pages, broken off in the middle and begun anew. */
static void catch_up(Fixture *f)
{
        asked(f, USN_LOOK_CATCH_UP, 0);
        assert_int_equal(f->told, FEED_CATCHING_UP);
        entry(f, "a", "50");
        page_end(f, true);
        told(f, "CN=a@50 [position catch-up] ");
        stop(f);
        start(f, &f->position);
        go_on(f);
        asked(f, USN_LOOK_CATCH_UP, 0);
        entry(f, "a", "50");
        entry(f, "b", "60");
        page_end(f, false);
        told(f, "CN=a@50 CN=b@60 [position catch-up] ");
        assert_false(f->usn->catch_up);
        assert_int_equal(f->told, FEED_WATCHING);
}

static void test_usn_that_fell(void **state)
{
        Fixture *f = *state;

        watch(f);
        stop(f);
        f->fake.conn->dse.usn = 70;
        start(f, &f->position);
        go_on(f);
        catch_up(f);
        assert_int_equal(f->usn->mark.usn, 70);
}

static void test_another_server(void **state)
{
        Fixture *f = *state;

        watch(f);
        stop(f);
        f->fake.conn->dse.usn = 9000;
        f->fake.conn->server_id = (ObjectId){ { 0xee } };
        start(f, &f->position);
        go_on(f);
        catch_up(f);
}

static void test_initial_all(void **state)
{
        Fixture *f = *state;

        f->fake.config.initial = FEED_INITIAL_ALL;
        start(f, NULL);
        go_on(f);
        catch_up(f);
}

static void test_foreign_position(void **state)
{
        Fixture *f = *state;

        watch(f);
        stop(f);
        f->data[20] ^= 1;
        start(f, &f->position);
        go_on(f);
        catch_up(f);
}

/* What was not stored is forgotten with the connection, and is no pair that was seen. */
static void test_lost_in_the_middle(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        entry(f, "a", "105");
        go_on(f);
        f->usn->link.ops->lost(&f->usn->link);
        f->usn->link.conn->dse.usn = 110;
        assert_int_equal(f->usn->link.ops->connected(&f->usn->link, &f->diag), 0);
        go_on(f);
        asked(f, USN_LOOK_NEWS, 101);
        entry(f, "a", "105");
        page_end(f, false);
        told(f, "CN=a@105 [position] ");
}

static void test_full_queue_gets_the_same_batch_again(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        entry(f, "a", "105");
        f->n_full = 2;
        page_end(f, true);
        assert_true(f->usn->batch.held && f->usn->link.blocked);
        feed_pause(f->feed, true);
        go_on(f);
        told(f, "full full ");
        feed_pause(f->feed, false);
        go_on(f);
        told(f, "CN=a@105 [] ");
        go_on(f);
        assert_false(f->usn->batch.held || f->usn->link.blocked);
        entry(f, "b", "106");
        page_end(f, false);
        told(f, "CN=b@106 [position] ");
}

static void test_paused_in_the_middle_of_a_look(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        feed_pause(f->feed, true);
        go_on(f);
        assert_true(f->usn->link.blocked);
        entry(f, "a", "105");
        page_end(f, false);
        told(f, "");
        feed_pause(f->feed, false);
        go_on(f); /* unblocks */
        go_on(f);
        told(f, "CN=a@105 [position] ");
}

static void test_odd_answers(void **state)
{
        Fixture *f = *state;

        watch(f);
        beat(f, "110");
        fake_done(&f->fake, f->usn->look_id, LDAP_SUCCESS, NULL, CONTROL_PAGED, "x", 1);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        f->usn->link.ops->lost(&f->usn->link);
        f->usn->link.conn->dse.usn = 110;
        assert_int_equal(f->usn->link.ops->connected(&f->usn->link, &f->diag), 0);
        go_on(f);
        fake_entry(&f->fake, f->usn->look_id, "CN=nobody", NULL, 0);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        f->usn->link.conn->dse.n_controls = 0;
        assert_int_equal(f->usn->link.ops->connected(&f->usn->link, &f->diag), CONN_E_UNSUITABLE);
        told(f, "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_pages),
                CASE(test_newer_than_the_look),
                CASE(test_sweep_finds_what_comes_late),
                CASE(test_resumes_a_minute_back),
                CASE(test_usn_that_fell),
                CASE(test_another_server),
                CASE(test_initial_all),
                CASE(test_foreign_position),
                CASE(test_lost_in_the_middle),
                CASE(test_full_queue_gets_the_same_batch_again),
                CASE(test_paused_in_the_middle_of_a_look),
                CASE(test_odd_answers),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
