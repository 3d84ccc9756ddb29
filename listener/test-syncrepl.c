/* SPDX-License-Identifier: Apache-2.0 */

/* The RFC 4533 feed on a scripted server: phases in any order, cookies, what is mentioned and what is not. */

#include "listener/test-feed.h"

static const char *const controls[] = { CONTROL_SYNC };
static const char *const csn[] = { "2026.1Z#0#001#0", "2026.1Z#0#002#0" };

#define CSN(n) "rid=000,csn=2026." n "Z#0#001#0"

static int setup(void **state)
{
        Fixture *f = fixture(&feed_syncrepl_ops, controls, N_ELEMENTS(controls));

        f->fake.config.keepalive_us = 30000000;
        f->fake.conn->dse.vendor = VENDOR_OPENLDAP;
        f->fake.conn->dse.database = (ObjectId){ { 0xdb } };
        f->fake.conn->dse.context_csn = csn;
        f->fake.conn->dse.n_context_csn = 2;
        make_feed(f);
        *state = f;
        return 0;
}

/* turn(), and time for it: a refresh waits for more than one entry. */
static int pass(Fixture *f)
{
        FeedLink *l = &f->syncrepl->link;
        int r;

        clock_fake_advance(&f->clock, 100000);
        r = hear(f);
        clock_fake_advance(&f->clock, 100000);
        return r ? r : l->ops->tick(l, clock_mono(l->clock), &f->diag);
}

static void entry(Fixture *f, const char *dn, SyncStateKind kind, const char *cookie)
{
        uint8_t value[100] = { 0x30, 0x15, 0x0a, 0x01, (uint8_t)kind, 0x04, 0x10 };
        size_t n = cookie ? strlen(cookie) : 0;

        memcpy(value + 7, dn, strlen(dn) < 16 ? strlen(dn) : 16);
        if (cookie) {
                value[1] = (uint8_t)(value[1] + 2 + n);
                value[23] = 0x04;
                value[24] = (uint8_t)n;
                memcpy(value + 25, cookie, n);
        }
        fake_entry_with(&f->fake, f->syncrepl->sync_id, dn, NULL, 0, CONTROL_SYNC_STATE, value,
                        value[1] + 2u);
}

static void info(Fixture *f, uint8_t tag, const char *cookie)
{
        uint8_t value[100] = { tag };
        size_t n = strlen(cookie);

        if (tag == 0x80) {
                value[1] = (uint8_t)n;
                memcpy(value + 2, cookie, n);
        } else if (n) {
                value[1] = (uint8_t)(n + 2);
                value[2] = 0x04;
                value[3] = (uint8_t)n;
                memcpy(value + 4, cookie, n);
        }
        fake_intermediate(&f->fake, f->syncrepl->sync_id, SYNC_INFO, value, value[1] + 2u);
}

static void id_set(Fixture *f, bool deletes)
{
        uint8_t value[] = { 0xa3, 0x17, 0x01, 0x01, deletes ? 0xff : 0,
                            0x31, 0x12, 0x04, 0x10, 'i',
                            'd',  0,    0,    0,    0,
                            0,    0,    0,    0,    0,
                            0,    0,    0,    0,    0 };

        fake_intermediate(&f->fake, f->syncrepl->sync_id, SYNC_INFO, value, sizeof(value));
}

/* A feed that watches. */
static void watch(Fixture *f)
{
        start(f, NULL);
        info(f, 0xa1, "");
        assert_int_equal(pass(f), 0);
        assert_int_equal(f->told, FEED_WATCHING);
        told(f, "[position] ");
}

static bool asked(Fixture *f, const char *text)
{
        uint8_t data[4000];
        size_t n = fake_request(&f->fake, data, sizeof(data));

        return memmem(data, n, text, strlen(text)) != NULL;
}

/* From now on: a cookie of all contextCSN values. */
static void test_from_now_on(void **state)
{
        Fixture *f = *state;

        watch(f);
        assert_true(asked(f, "rid=000,csn=2026.1Z#0#001#0;2026.1Z#0#002#0"));
        entry(f, "cn=a", SYNC_ADD, CSN("2"));
        entry(f, "cn=b", SYNC_DELETE, CSN("3"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a cn=b(gone) [position] ");
        stop(f);
        start(f, &f->position);
        assert_true(asked(f, CSN("3") ";2026.1Z#0#002#0"));
}

/* Nothing is concluded from what is only present, or not mentioned. */
static void test_absence(void **state)
{
        Fixture *f = *state;

        start(f, NULL);
        entry(f, "cn=a", SYNC_PRESENT, NULL);
        id_set(f, false);
        entry(f, "cn=b", SYNC_MODIFY, NULL);
        info(f, 0xa2, CSN("9"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=b [position] ");
        id_set(f, true);
        assert_int_equal(pass(f), 0);
        told(f, "(gone) [] ");
}

/* Phases may come twice and in any order. */
static void test_phases(void **state)
{
        Fixture *f = *state;

        start(f, NULL);
        info(f, 0xa1, "");
        info(f, 0xa2, "");
        info(f, 0xa1, CSN("5"));
        assert_int_equal(pass(f), 0);
        info(f, 0x80, CSN("6"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] [position] [position] ");
        assert_int_equal(f->told, FEED_WATCHING);
}

/* An empty cookie, or one without a csn, is no position. */
static void test_no_position(void **state)
{
        Fixture *f = *state;

        watch(f);
        entry(f, "cn=a", SYNC_ADD, "");
        assert_int_equal(pass(f), 0);
        entry(f, "cn=b", SYNC_ADD, "rid=000,sid=001");
        assert_int_equal(pass(f), 0);
        info(f, 0x80, "");
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [] cn=b [] ");
}

/* In a refresh over everything the position waits for its end. */
static void test_initial_all(void **state)
{
        Fixture *f = *state;

        f->fake.config.initial = FEED_INITIAL_ALL;
        start(f, NULL);
        entry(f, "cn=a", SYNC_ADD, NULL);
        info(f, 0x80, CSN("1"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [ catch-up] ");
        entry(f, "cn=b", SYNC_ADD, NULL);
        info(f, 0xa2, CSN("2"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=b [position catch-up] ");
        entry(f, "cn=c", SYNC_ADD, CSN("3"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=c [position] ");
}

/* The server cannot go on from the cookie: everything, said as such. */
static void refused_with(Fixture *f, int code, const char *says)
{
        watch(f);
        assert_true(asked(f, "2026.1Z#0#001#0"));
        fake_done(&f->fake, f->syncrepl->sync_id, code, says, NULL, NULL, 0);
        assert_int_equal(pass(f), 0);
        assert_int_equal(f->told, FEED_CATCHING_UP);
        assert_false(asked(f, "2026.1Z#0#001#0"));
        entry(f, "cn=a", SYNC_ADD, NULL);
        info(f, 0xa2, CSN("2"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [position catch-up] ");
}

static void test_refresh_required(void **state)
{
        refused_with(*state, LDAP_SYNC_REFRESH_REQUIRED, "sync cookie is stale");
}

static void test_newer_than_provider(void **state)
{
        refused_with(*state, LDAP_UNWILLING_TO_PERFORM, "consumer state is newer than provider!");
}

/* A change after a rest goes at once; those that follow it closely go together, 2 ms after it. */
static void test_stream(void **state)
{
        Fixture *f = *state;
        FeedLink *l;

        watch(f);
        l = &f->syncrepl->link;
        clock_fake_advance(&f->clock, 10000);
        entry(f, "cn=one", SYNC_MODIFY, "rid=000,csn=2026.3Z#0#001#0");
        assert_int_equal(hear(f), 0);
        assert_int_equal(l->ops->tick(l, clock_mono(l->clock), &f->diag), 0);
        told(f, "cn=one [position] ");
        for (int i = 0; i < 2; i++) {
                clock_fake_advance(&f->clock, 800);
                entry(f, i ? "cn=three" : "cn=two", SYNC_MODIFY,
                      i ? "rid=000,csn=2026.5Z#0#001#0" : "rid=000,csn=2026.4Z#0#001#0");
                assert_int_equal(hear(f), 0);
                assert_int_equal(l->ops->tick(l, clock_mono(l->clock), &f->diag), 0);
                told(f, "");
        }
        assert_int_equal(l->ops->next(l).us - clock_mono(l->clock).us, 400);
        clock_fake_advance(&f->clock, 400);
        assert_int_equal(l->ops->tick(l, clock_mono(l->clock), &f->diag), 0);
        told(f, "cn=two cn=three [position] ");
}

/* What a refresh brings is left to come together; what comes after it is read at once. */
static void test_gathers(void **state)
{
        Fixture *f = *state;
        FeedFirst first = { f->fake.conn, 0 };
        const FeedConfig c = { .ldap = &f->fake.config, .clock = &f->clock.clock, .first = &first };
        static const Log log;
        const FeedLink *l;

        feed_free(f->feed);
        assert_int_equal(f->ops->new (&f->feed, &c, f->base, &f->sink, &log, &f->diag), 0);
        l = &f->syncrepl->link;
        assert_int_equal(feed_start(f->feed, NULL), 0);
        event_base_loop(f->base, EVLOOP_ONCE);
        f->fake.conn = NULL;
        assert_null(first.conn);
        assert_true(f->syncrepl->refreshing && l->reading);
        f->syncrepl->skip = false; /* as if it had a cookie */

        entry(f, "cn=a", SYNC_ADD, NULL);
        event_base_loop(f->base, EVLOOP_ONCE);
        assert_false(l->reading);
        assert_int_equal(f->syncrepl->batch.n_entries, 0);
        entry(f, "cn=b", SYNC_ADD, NULL);
        event_base_loop(f->base, EVLOOP_ONCE);
        assert_true(l->reading);
        assert_int_equal(f->syncrepl->batch.n_entries, 2);

        info(f, 0xa1, "");
        event_base_loop(f->base, EVLOOP_ONCE);
        assert_int_not_equal(f->told, FEED_WATCHING);
        event_base_loop(f->base, EVLOOP_ONCE);
        assert_int_equal(f->told, FEED_WATCHING);
        told(f, "cn=a cn=b [position] ");
        clock_fake_advance(&f->clock, 10000);
        entry(f, "cn=c", SYNC_MODIFY, CSN("3"));
        event_base_loop(f->base, EVLOOP_ONCE);
        told(f, "cn=c [position] ");
}

/* Refused without a cookie: no loop. */
static void test_refused_for_good(void **state)
{
        Fixture *f = *state;

        f->fake.config.initial = FEED_INITIAL_ALL;
        start(f, NULL);
        fake_done(&f->fake, f->syncrepl->sync_id, LDAP_SYNC_REFRESH_REQUIRED, NULL, NULL, NULL, 0);
        assert_int_equal(pass(f), CONN_E_PROTOCOL);
}

static void test_size_limit(void **state)
{
        Fixture *f = *state;

        start(f, NULL);
        fake_done(&f->fake, f->syncrepl->sync_id, LDAP_SIZELIMIT_EXCEEDED, NULL, NULL, NULL, 0);
        assert_int_equal(pass(f), CONN_E_LIMIT);
        assert_non_null(strstr(diag_text(&f->diag), "limits dn.exact=\"CN=reader\" size=unlimited"));
}

static void test_another_database(void **state)
{
        Fixture *f = *state;

        watch(f);
        assert_true(asked(f, "2026.1Z#0#001#0"));
        stop(f);
        f->fake.conn->dse.database = (ObjectId){ { 0xdc } };
        start(f, &f->position);
        assert_false(asked(f, "2026.1Z#0#001#0"));
        assert_int_equal(f->told, FEED_CATCHING_UP);
}

static void start_389(Fixture *f)
{
        f->fake.conn->dse.vendor = VENDOR_389;
        f->fake.conn->dse.n_context_csn = 0;
        start(f, NULL);
}

/* 389 Directory Server has no contextCSN: what comes before the end of the refresh is not news. */
static void test_389_from_now_on(void **state)
{
        Fixture *f = *state;

        start_389(f);
        entry(f, "cn=old", SYNC_ADD, NULL);
        info(f, 0xa1, "host:389#cn=reader:dc=test:(c=*)#7");
        entry(f, "cn=new", SYNC_ADD, NULL);
        assert_int_equal(pass(f), 0);
        told(f, "[position] cn=new [] ");
}

#define NUMBER(n) "host:389#cn=reader:dc=test:(c=*)#" n

/* 389 Directory Server loses what is being written when a search begins to persist (1780 between 1779 and
 * 1781): a second look brings it, and until then no later cookie is a position. */
static void test_389_second_look(void **state)
{
        Fixture *f = *state;
        int id;

        start_389(f);
        info(f, 0xa1, NUMBER("1779"));
        entry(f, "cn=1781", SYNC_ADD, NUMBER("1781"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] cn=1781 [] ");
        assert_true(asked(f, "\x0a\x01\x03")); /* refreshAndPersist */
        assert_true(f->syncrepl->link.ops->next(&f->syncrepl->link).us >
                    clock_mono(&f->clock.clock).us); /* it sleeps */

        clock_fake_advance(&f->clock, 3000000);
        assert_int_equal(pass(f), 0);
        assert_true(asked(f, "\x0a\x01\x01\x04\x25" NUMBER("1679"))); /* refreshOnly */
        id = f->syncrepl->sync_id;
        f->syncrepl->sync_id = f->syncrepl->again_id;
        entry(f, "cn=1780", SYNC_ADD, NUMBER("1780"));
        entry(f, "cn=1781", SYNC_ADD, NULL);
        fake_done(&f->fake, f->syncrepl->again_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        f->syncrepl->sync_id = id;
        assert_int_equal(pass(f), 0);
        told(f, "cn=1780 cn=1781 [position] ");
        assert_int_equal(f->syncrepl->link.n_owed, 0);
        stop(f);
        f->fake.conn->dse.vendor = VENDOR_389;
        start(f, &f->position);
        assert_true(asked(f, NUMBER("1681")));
}

/* It is as slow as a refresh may be; and refused, it is asked again later, on the connection that tells. */
static void test_389_second_look_refused(void **state)
{
        Fixture *f = *state;
        FeedLink *l = &f->syncrepl->link;

        start_389(f);
        info(f, 0xa1, NUMBER("1779"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] ");
        for (int i = 0; i < 2; i++) {
                clock_fake_advance(&f->clock, 3000000 << i);
                assert_int_equal(pass(f), 0);
                assert_int_not_equal(f->syncrepl->again_id, 0);
                assert_int_equal(l->patience_us, f->fake.config.request_timeout_us);
                fake_done(&f->fake, f->syncrepl->again_id, LDAP_UNWILLING_TO_PERFORM, "busy", NULL, NULL, 0);
                assert_int_equal(pass(f), 0);
                assert_int_equal(f->syncrepl->again_id, 0);
                assert_int_equal(l->n_owed, f->syncrepl->probe_id != 0);
                assert_int_equal(l->patience_us, f->fake.config.keepalive_us);
        }
        entry(f, "cn=new", SYNC_ADD, NUMBER("1781"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=new [] ");
        clock_fake_advance(&f->clock, 12000000);
        assert_int_equal(pass(f), 0);
        fake_done(&f->fake, f->syncrepl->again_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(pass(f), 0);
        told(f, "[position] ");
}

/* Lost before the second look: what comes next is asked for from before. */
static void test_389_lost_before_second_look(void **state)
{
        Fixture *f = *state;
        FeedLink *l = &f->syncrepl->link;

        start_389(f);
        info(f, 0xa1, NUMBER("1779"));
        entry(f, "cn=1781", SYNC_ADD, NUMBER("1781"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] cn=1781 [] ");
        asked(f, "");
        l->ops->lost(l);
        assert_int_equal(l->ops->connected(l, &f->diag), 0);
        assert_true(asked(f, NUMBER("1679")));
}

/* The number of no change, which the server itself would refuse. */
static void test_389_no_number(void **state)
{
        Fixture *f = *state;

        start_389(f);
        info(f, 0xa1, NUMBER("7"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] ");
        syncrepl_again_forget(f->syncrepl); /* done */
        entry(f, "cn=a", SYNC_ADD, NUMBER("4294967295"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [] ");
}

/* The connection is lost; the next one is asked for what comes after `cookie`. */
static void lose(Fixture *f, const char *cookie)
{
        FeedLink *l = &f->syncrepl->link;

        l->ops->lost(l);
        assert_int_equal(l->ops->connected(l, &f->diag), 0);
        assert_true(asked(f, cookie));
}

/* As drain() does it: what has come, without a turn to hand it over. */
static void drain(Fixture *f)
{
        FeedLink *l = &f->syncrepl->link;
        LDAPMessage *m = NULL;

        while (conn_next(l->conn, &m, &f->diag) == 0 && m) {
                assert_int_equal(l->ops->message(l, m, &f->diag), 0);
                ldap_msgfree(m);
        }
}

/* The server's last word before it goes: nobody was given it, so it must come again. */
static void test_lost_before_handed_over(void **state)
{
        Fixture *f = *state;

        watch(f);
        assert_true(asked(f, "2026.1Z#0#001#0"));
        entry(f, "cn=a", SYNC_ADD, CSN("2"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [position] ");
        entry(f, "cn=b", SYNC_ADD, CSN("3"));
        drain(f);
        lose(f, "2026.2Z#0#001#0");
        entry(f, "cn=b", SYNC_ADD, NULL);
        info(f, 0xa1, CSN("3"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=b [position] ");
        /* What the sink refused is kept, with its place. */
        f->n_full = 1;
        entry(f, "cn=c", SYNC_ADD, CSN("4"));
        assert_int_equal(pass(f), 0);
        told(f, "full ");
        lose(f, "2026.4Z#0#001#0");
        assert_int_equal(pass(f), 0);
        told(f, "cn=c [position] ");
}

/* In the middle of a refresh: a cookie from there does not cover what was still to come. */
static void test_lost_in_refresh(void **state)
{
        Fixture *f = *state;

        watch(f);
        assert_true(asked(f, "2026.1Z#0#001#0"));
        stop(f);
        start(f, &f->position);
        assert_true(asked(f, "2026.1Z#0#001#0"));
        entry(f, "cn=a", SYNC_ADD, NULL);
        info(f, 0x80, CSN("7"));
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [] ");
        lose(f, "2026.1Z#0#001#0");
        info(f, 0xa1, CSN("8"));
        assert_int_equal(pass(f), 0);
        told(f, "[position] ");
}

static void test_full(void **state)
{
        Fixture *f = *state;

        watch(f);
        f->n_full = 2;
        entry(f, "cn=a", SYNC_ADD, CSN("2"));
        assert_int_equal(pass(f), 0);
        assert_true(f->syncrepl->batch.held && f->syncrepl->link.blocked);
        entry(f, "cn=b", SYNC_ADD, CSN("3"));
        assert_int_equal(pass(f), 0);
        told(f, "full full ");
        assert_int_equal(pass(f), 0);
        assert_int_equal(pass(f), 0);
        told(f, "cn=a [position] cn=b [position] ");
}

/* A batch that is full in the middle of a message: what lies in its arena has been used by then. */
static void test_full_batch(void **state)
{
        Fixture *f = *state;

        watch(f);
        f->syncrepl->batch.limit = 2;
        entry(f, "cn=a", SYNC_ADD, CSN("2"));
        entry(f, "cn=b", SYNC_ADD, CSN("3"));
        entry(f, "cn=c", SYNC_ADD, CSN("4"));
        assert_int_equal(pass(f), 0);
        assert_int_equal(f->syncrepl->batch.limit, BATCH_LEAST);
        told(f, "cn=a cn=b [position] cn=c [position] ");
        stop(f);
        start(f, &f->position);
        assert_true(f->syncrepl->n_cookie > 0 &&
                    memmem(f->syncrepl->cookie, f->syncrepl->n_cookie, "2026.4Z", 7));
}

/* A silent stream is proven alive on its own connection. */
static void test_probe(void **state)
{
        Fixture *f = *state;

        watch(f);
        clock_fake_advance(&f->clock, 10000000);
        assert_int_equal(pass(f), 0);
        assert_int_equal(f->syncrepl->link.n_owed, 1);
        fake_done(&f->fake, f->syncrepl->probe_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
        assert_int_equal(pass(f), 0);
        assert_int_equal(f->syncrepl->link.n_owed, 0);
}

static void test_hostile(void **state)
{
        Fixture *f = *state;

        watch(f);
        fake_intermediate(&f->fake, f->syncrepl->sync_id, "1.2.3", "x", 1); /* somebody else's: ignored */
        assert_int_equal(pass(f), 0);
        fake_intermediate(&f->fake, f->syncrepl->sync_id, SYNC_INFO, "\xa3\x7f", 2);
        assert_int_equal(pass(f), CONN_E_PROTOCOL);
        fake_entry(&f->fake, f->syncrepl->sync_id, "cn=x", NULL, 0);
        assert_int_equal(pass(f), CONN_E_PROTOCOL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_from_now_on, setup, teardown),
                cmocka_unit_test_setup_teardown(test_absence, setup, teardown),
                cmocka_unit_test_setup_teardown(test_phases, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_position, setup, teardown),
                cmocka_unit_test_setup_teardown(test_initial_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refresh_required, setup, teardown),
                cmocka_unit_test_setup_teardown(test_newer_than_provider, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_for_good, setup, teardown),
                cmocka_unit_test_setup_teardown(test_size_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_another_database, setup, teardown),
                cmocka_unit_test_setup_teardown(test_389_from_now_on, setup, teardown),
                cmocka_unit_test_setup_teardown(test_389_second_look, setup, teardown),
                cmocka_unit_test_setup_teardown(test_389_second_look_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_389_lost_before_second_look, setup, teardown),
                cmocka_unit_test_setup_teardown(test_389_no_number, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost_before_handed_over, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost_in_refresh, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
                cmocka_unit_test_setup_teardown(test_gathers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_batch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        };

        signal(SIGPIPE, SIG_IGN);
        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
