/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A feed on a scripted server, and a sink that writes down what it is given
 *
 * fixture() makes server, clock and sink; make_feed() the feed, when the server has been told what it is;
 * start() puts them together; turn() does what the link would. The sink's log:
 * "CN=a CN=b(gone) [position catch-up] ".
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
#include "listener/feed-syncrepl.h"
#include "listener/feed-usn.h"

typedef struct Fixture {
        FeedSink sink;
        const FeedOps *ops;
        FakeLdap fake;
        ClockFake clock;
        struct event_base *base;
        union {
                Feed *feed;
                LinkFeed *linked;
                FeedDirsync *dirsync;
                FeedSyncrepl *syncrepl;
                FeedUsn *usn;
        };
        Str log;
        unsigned n_full;    /* so many batches are refused */
        bool tells_version; /* the log has "CN=a@101" */
        uint8_t data[1000];
        Position position; /* the last one */
        FeedState told;
        Diag diag;
        int id; /* of the next request */
} Fixture;

static inline void write_entry(Fixture *f, const FeedEntry *e)
{
        str_add(&f->log, e->dn);
        if (f->tells_version) {
                assert_true(guid_is(&e->version.server, &f->linked->link.conn->server_id));
                str_printf(&f->log, "@%d", (int)e->version.number);
        }
        str_add(&f->log, e->gone ? "(gone) " : " ");
}

static inline int sink_batch(FeedSink *sink, const FeedBatch *b)
{
        Fixture *f = (Fixture *)sink;

        if (f->n_full) {
                f->n_full--;
                str_add(&f->log, "full ");
                return FEED_E_FULL;
        }
        for (size_t i = 0; i < b->n_entries; i++)
                write_entry(f, &b->entries[i]);
        if (b->position) {
                assert_true(b->position->n <= sizeof(f->data));
                memcpy(f->data, b->position->data, b->position->n);
                f->position = (Position){ f->data, b->position->n };
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

        assert_int_equal(f->ops->new (&f->feed, &c, f->base, &f->sink, &log, &f->diag), 0);
}

static inline Fixture *fixture(const FeedOps *ops, const char *const *controls, size_t n_controls)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->ops = ops;
        fake_init(&f->fake);
        f->fake.config.bind = (BindConfig){ .mechanism = BIND_SIMPLE, .dn = "CN=reader" };
        f->fake.conn->dse.controls = controls;
        f->fake.conn->dse.n_controls = n_controls;
        clock_fake_init(&f->clock, (Mono){ 1000000000 }, (Wall){ 1795337659000 });
        f->sink = (FeedSink){ .batch = sink_batch, .state = sink_state };
        f->base = event_base_new();
        str_init(&f->log, 100000);
        return f;
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
        if (f->fake.conn)
                f->linked->link.conn = f->fake.conn;
        f->fake.conn = NULL;
        assert_int_equal(f->linked->link.ops->connected(&f->linked->link, &f->diag), 0);
        f->id++; /* the bell, where there is one */
}

/* Stop; make a second feed, for start() with what the first one stored. */
static inline void stop(Fixture *f)
{
        f->fake.conn = f->linked->link.conn;
        f->linked->link.conn = NULL;
        feed_free(f->feed);
        make_feed(f);
}

/* All that has come. Return: the first failure. */
static inline int hear(Fixture *f)
{
        FeedLink *l = &f->linked->link;
        int r = 0;

        for (int i = 0; i < 10000 && r == 0 && !l->blocked; i++) {
                LDAPMessage *m = NULL;

                r = conn_next(l->conn, &m, &f->diag);
                if (r || !m)
                        break;
                r = l->ops->message(l, m, &f->diag);
                ldap_msgfree(m);
        }
        return r;
}

/* As the link does it: everything that has come, then what is due. Return: the first failure. */
static inline int turn(Fixture *f)
{
        FeedLink *l = &f->linked->link;
        int r = hear(f);

        return r ? r : l->ops->tick(l, clock_mono(l->clock), &f->diag);
}

static inline void told(Fixture *f, const char *log)
{
        assert_string_equal(f->log.data, log);
        str_reset(&f->log);
}
