/* SPDX-License-Identifier: Apache-2.0 */

/* Positions: resumed, refused, lost, from another server; and rights that come and go. */

#include "listener/test-dirsync.h"

static void test_refused_cookie_leads_to_catch_up(void **state)
{
        static const int codes[] = { LDAP_PROTOCOL_ERROR, LDAP_UNAVAILABLE_CRITICAL_EXTENSION };
        Fixture *f = *state;

        watch(f);
        for (size_t i = 0; i < N_ELEMENTS(codes); i++) {
                news(f, i ? "120" : "110");
                fake_done(&f->fake, f->dirsync->look_id, codes[i], "0000203D: Error processing control", NULL,
                          NULL, 0);
                assert_int_equal(turn(f), 0);
                assert_int_equal(f->dirsync->look, LOOK_CATCH_UP);
                assert_int_equal(f->told, FEED_CATCHING_UP);
                entry(f, f->dirsync->look_id, "a");
                page_end(f, f->dirsync->look_id, false, '3');
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
        fake_done(&f->fake, f->dirsync->look_id, LDAP_PROTOCOL_ERROR, "", NULL, NULL, 0);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->dirsync->look_id, LDAP_PROTOCOL_ERROR, "", NULL, NULL, 0);
        assert_int_equal(turn(f), CONN_E_REJECTED);
}

static void test_rights_revoked_concludes_nothing(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_done(&f->fake, f->dirsync->look_id, LDAP_INSUFFICIENT_ACCESS, "00002105: LdapErr", NULL, NULL,
                  0);
        assert_int_equal(turn(f), CONN_E_REFUSED);
        told(f, "");
        assert_true(f->dirsync->has_mark);
        assert_non_null(strstr(f->diag.items[f->diag.n_items - 1].text, "DS-Replication-Get-Changes"));
}

static void test_answer_without_cookie(void **state)
{
        static const uint8_t empty[] = { 0x30, 0x08, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x04, 0x00 };
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        fake_done(&f->fake, f->dirsync->look_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        f->dirsync->link.ops->lost(&f->dirsync->link);
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->dirsync->look_id, LDAP_SUCCESS, NULL, CONTROL_DIRSYNC, empty, sizeof(empty));
        assert_int_equal(turn(f), CONN_E_PROTOCOL);
        assert_memory_equal(f->dirsync->cookie, "c2", 2);
}

/* What was not stored is forgotten with the connection, and comes again from the last cookie. */
static void test_lost_in_the_middle(void **state)
{
        Fixture *f = *state;

        watch(f);
        news(f, "110");
        entry(f, f->dirsync->look_id, "a");
        assert_int_equal(turn(f), 0);
        f->dirsync->link.ops->lost(&f->dirsync->link);
        assert_int_equal(f->dirsync->batch.n_entries, 0);
        assert_memory_equal(f->dirsync->cookie, "c2", 2);
        f->dirsync->link.conn->dse.usn = 110;
        assert_int_equal(f->dirsync->link.ops->connected(&f->dirsync->link, &f->diag), 0);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_NEWS);
        told(f, "");
}

static void test_resumes_from_a_stored_position(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        stop(f);
        from = f->position;
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_NEWS);
        assert_false(f->dirsync->catch_up);
}

static void test_usn_that_fell_leads_to_catch_up(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        stop(f);
        f->fake.conn->dse.usn = 50;
        from = f->position;
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_CATCH_UP);
}

static void test_another_server_keeps_the_cookie(void **state)
{
        Fixture *f = *state;
        Position from;

        watch(f);
        stop(f);
        f->fake.conn->dse.usn = 50;
        f->fake.conn->server_id = (ObjectId){ { 0xee } };
        from = f->position;
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_CATCH_UP);
        assert_true(f->dirsync->has_mark);
        assert_int_equal(f->told, FEED_CATCHING_UP);
        entry(f, f->dirsync->look_id, "a");
        page_end(f, f->dirsync->look_id, true, '3');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position catch-up] ");
        page_end(f, f->dirsync->look_id, false, '4');
        assert_int_equal(turn(f), 0);
        assert_false(f->dirsync->catch_up);
        assert_int_equal(f->told, FEED_WATCHING);
}

static void test_catch_up_survives_a_restart(void **state)
{
        Fixture *f = *state;
        Position from;

        f->fake.config.initial = FEED_INITIAL_ALL;
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_CATCH_UP);
        entry(f, f->dirsync->look_id, "a");
        assert_int_equal(turn(f), 0);
        assert_false(f->dirsync->link.is_well);
        page_end(f, f->dirsync->look_id, true, '1');
        assert_int_equal(turn(f), 0);
        told(f, "CN=a [position catch-up] ");
        /* A connection that is lost now is made again here: elsewhere it would begin from the start. */
        assert_true(f->dirsync->link.is_well);
        stop(f);
        from = f->position;
        start(f, &from);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_CATCH_UP);
        entry(f, f->dirsync->look_id, "b");
        page_end(f, f->dirsync->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        told(f, "CN=b [position catch-up] ");
        assert_false(f->dirsync->catch_up);
}

static void test_object_security_by_itself(void **state)
{
        Fixture *f = *state;

        start(f, NULL);
        assert_int_equal(turn(f), 0);
        fake_done(&f->fake, f->dirsync->look_id, LDAP_INSUFFICIENT_ACCESS, "", NULL, NULL, 0);
        assert_int_equal(turn(f), 0);
        assert_true(f->dirsync->flags & DIRSYNC_OBJECT_SECURITY);
        page_end(f, f->dirsync->look_id, false, '1');
        assert_int_equal(turn(f), 0);
        told(f, "[position] ");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_refused_cookie_leads_to_catch_up),
                CASE(test_refused_catch_up_is_the_end),
                CASE(test_rights_revoked_concludes_nothing),
                CASE(test_answer_without_cookie),
                CASE(test_lost_in_the_middle),
                CASE(test_resumes_from_a_stored_position),
                CASE(test_usn_that_fell_leads_to_catch_up),
                CASE(test_another_server_keeps_the_cookie),
                CASE(test_catch_up_survives_a_restart),
                CASE(test_object_security_by_itself),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
