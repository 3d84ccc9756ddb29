/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A DirSync feed on a scripted server, and a sink that writes down what it is given
 *
 * setup() makes both; start() puts them together, watch() brings the feed to where it waits for news, news()
 * makes it look; entry(), page_end() and beat() are the server's answers; turn() does what the link would.
 */

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

static inline int sink_batch(FeedSink *sink, const FeedBatch *b)
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

static inline void sink_state(FeedSink *sink, const FeedStatus *s)
{
        ((Fixture *)sink)->told = s->state;
}

static inline void make_feed(Fixture *f)
{
        FeedConfig c = { .ldap = &f->fake.config, .clock = &f->clock.clock };
        static const Log log;

        assert_int_equal(feed_dirsync_ops.new(&f->feed, &c, f->base, &f->sink, &log, &f->diag), 0);
        f->f = (FeedDirsync *)f->feed;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void start(Fixture *f, const Position *from)
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
static inline int turn(Fixture *f)
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

static inline void wait_a_second(Fixture *f)
{
        clock_fake_advance(&f->clock, 1000000);
}

static inline void entry(Fixture *f, int id, const char *name)
{
        uint8_t guid[16] = { 0 };
        char dn[100];
        const FakeAttribute attribute = { "objectGUID", { FAKE_BYTES(guid, 16) }, 1 };

        memcpy(guid, name, strlen(name) < sizeof(guid) ? strlen(name) : sizeof(guid));
        snprintf(dn, sizeof(dn), "CN=%s", name);
        fake_entry(&f->fake, id, dn, &attribute, 1);
}

static inline void page_end(Fixture *f, int id, bool more, char cookie)
{
        uint8_t value[] = {
                0x30, 0x0a, 0x02, 0x01, more, 0x02, 0x01, 0x00, 0x04, 0x02, 'c', (uint8_t)cookie
        };

        fake_done(&f->fake, id, LDAP_SUCCESS, NULL, CONTROL_DIRSYNC, value, sizeof(value));
}

static inline void beat(Fixture *f, const char *usn)
{
        const FakeAttribute attribute = { "highestCommittedUSN", { FAKE_TEXT(usn) }, 1 };

        assert_int_not_equal(f->f->bell.beat_id, 0);
        fake_entry(&f->fake, f->f->bell.beat_id, "", &attribute, 1);
        fake_done(&f->fake, f->f->bell.beat_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

static inline void told(Fixture *f, const char *log)
{
        assert_string_equal(f->log.data, log);
        str_reset(&f->log);
}

/* Bring a feed to where it watches: position from now on, and a first look that finds nothing. */
static inline void watch(Fixture *f)
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

static inline void news(Fixture *f, const char *usn)
{
        f->f->bell.rung = true;
        wait_a_second(f);
        assert_int_equal(turn(f), 0);
        beat(f, usn);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->f->look, LOOK_NEWS);
}
