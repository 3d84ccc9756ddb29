/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "listener/fake-ldap.h"
#include "listener/feed-auto.h"
#include "listener/ldap-control.h"

static const char *chosen(Vendor vendor, const char *control, Diag *diag)
{
        const char *const controls[] = { "1.2.3", control };
        const FeedOps *ops;
        FakeLdap fake;

        fake_init(&fake);
        fake.conn->dse.vendor = vendor;
        fake.conn->dse.controls = controls;
        fake.conn->dse.n_controls = control ? 2 : 1;
        ops = feed_auto_choose(fake.conn, diag);
        fake_deinit(&fake);
        return ops ? ops->name : NULL;
}

static void test_choose(void **state)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        (void)state;
        assert_string_equal(chosen(VENDOR_WINDOWS, CONTROL_DIRSYNC, &diag), "dirsync");
        assert_string_equal(chosen(VENDOR_SAMBA, CONTROL_DIRSYNC, &diag), "dirsync");
        assert_string_equal(chosen(VENDOR_WINDOWS, NULL, &diag), "usn");
        assert_string_equal(chosen(VENDOR_OPENLDAP, CONTROL_SYNC, &diag), "syncrepl");
        assert_string_equal(chosen(VENDOR_389, CONTROL_SYNC, &diag), "syncrepl");
        assert_string_equal(chosen(VENDOR_389, CONTROL_PSEARCH, &diag), "psearch");
        assert_null(chosen(VENDOR_OPENLDAP, NULL, &diag));
        assert_non_null(strstr(diag_text(&diag), "no way to follow"));
        assert_null(chosen(VENDOR_OTHER, CONTROL_DIRSYNC, &diag));
}

static int sink_batch(FeedSink *sink, const FeedBatch *batch)
{
        return 0;
}

/* It becomes the chosen one, on the connection that is there, and passes on what it was told before. */
static void test_become(void **state)
{
        static const char *const controls[] = { CONTROL_SYNC };
        static const Log log;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        FeedSink sink = { .batch = sink_batch };
        struct event_base *base = event_base_new();
        ClockFake clock;
        FakeLdap fake;
        FeedConfig c = { .ldap = &fake.config, .clock = &clock.clock };
        Feed *feed = NULL;
        const Conn *conn;
        FeedAuto *f;

        (void)state;
        clock_fake_init(&clock, (Mono){ 1000000000 }, (Wall){ 1795337659000 });
        fake_init(&fake);
        fake.config.base = "dc=test";
        fake.conn->dse.vendor = VENDOR_OPENLDAP;
        fake.conn->dse.controls = controls;
        fake.conn->dse.n_controls = 1;
        assert_int_equal(feed_new(&feed_auto_ops, &feed, &c, base, &sink, &log, &diag), 0);
        f = (FeedAuto *)feed;
        feed_pause(feed, true);
        conn = f->link.conn = fake.conn;
        fake.conn = NULL;
        assert_int_equal(f->link.ops->connected(&f->link, &diag), 0);
        assert_null(f->chosen);
        event_base_loop(base, EVLOOP_NONBLOCK);
        assert_non_null(f->chosen);
        assert_string_equal(f->chosen->ops->name, "syncrepl");
        assert_null(f->link.conn);
        assert_true(f->paused);
        event_base_loop(base, EVLOOP_NONBLOCK);
        assert_null(f->first.conn);
        assert_ptr_equal(((LinkFeed *)f->chosen)->link.conn, conn);
        feed_stop(feed);
        event_base_loop(base, EVLOOP_NONBLOCK);
        feed_free(feed);
        event_base_free(base);
        fake_deinit(&fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_choose),
                cmocka_unit_test(test_become),
        };

        signal(SIGPIPE, SIG_IGN);
        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
