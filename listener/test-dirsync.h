/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A DirSync feed on a scripted server (listener/test-feed.h)
 *
 * watch() brings the feed to where it waits for news, news() makes it look; entry(), page_end() and beat()
 * are the server's answers.
 */

#include "listener/test-feed.h"

static const char *const controls[] = { CONTROL_NOTIFICATION, CONTROL_DIRSYNC };

static inline int setup(void **state)
{
        Fixture *f = fixture(&feed_dirsync_ops, controls, N_ELEMENTS(controls));

        f->fake.conn->dse.usn = 100;
        make_feed(f);
        *state = f;
        return 0;
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

        assert_int_not_equal(f->dirsync->bell.beat_id, 0);
        fake_entry(&f->fake, f->dirsync->bell.beat_id, "", &attribute, 1);
        fake_done(&f->fake, f->dirsync->bell.beat_id, LDAP_SUCCESS, NULL, NULL, NULL, 0);
}

/* Bring a feed to where it watches: position from now on, and a first look that finds nothing. */
static inline void watch(Fixture *f)
{
        start(f, NULL);
        assert_int_equal(turn(f), 0);
        page_end(f, f->dirsync->look_id, false, '1');
        beat(f, "100");
        assert_int_equal(turn(f), 0);
        wait_a_second(f);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_NEWS);
        page_end(f, f->dirsync->look_id, false, '2');
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->told, FEED_WATCHING);
        told(f, "[position] ");
}

static inline void news(Fixture *f, const char *usn)
{
        f->dirsync->bell.rung = true;
        wait_a_second(f);
        assert_int_equal(turn(f), 0);
        beat(f, usn);
        assert_int_equal(turn(f), 0);
        assert_int_equal(f->dirsync->look, LOOK_NEWS);
}
