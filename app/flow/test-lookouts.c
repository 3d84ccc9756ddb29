/* SPDX-License-Identifier: Apache-2.0 */

/* Lookouts: one whose feed has ended by an error, or could not be started. */

#include "app/flow/lookout.h"

#include "app/flow/test-nowhere.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A feed that watches until somebody ends its loop. */
typedef struct Watcher {
        Feed feed;
        FeedSink *sink;
        struct event_base *base;
        struct event *timer; /* keeps the loop going */
} Watcher;

static Watcher *last;
static int n_begun, n_freed;
static bool fails;
static ObjectId at; /* who answers */

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        Watcher *w = context;

        w->sink->state(w->sink, &(FeedStatus){ .state = FEED_WATCHING, .server = "dc2", .server_id = at });
}

static const FeedOps watcher_ops;

static int watcher_new(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                       const Log *log, Diag *diag)
{
        static const struct timeval moment = { .tv_usec = 1000 };

        n_begun++;
        if (fails) {
                diag_set(diag, "not today");
                return -ENOMEM;
        }
        last = calloc(1, sizeof(*last));
        assert_non_null(last);
        *last = (Watcher){ .feed.ops = &watcher_ops, .sink = sink, .base = base };
        last->timer = event_new(base, -1, EV_PERSIST, on_timer, last);
        event_add(last->timer, &moment);
        *ret_feed = &last->feed;
        return 0;
}

static int watcher_start(Feed *f, const Position *from)
{
        assert_null(from);
        return 0;
}

static void watcher_pause(Feed *f, bool paused)
{
}

static void watcher_stop(Feed *f)
{
        event_base_loopexit(((Watcher *)f)->base, NULL);
}

static Feed *watcher_free(Feed *f)
{
        event_free(((Watcher *)f)->timer);
        free(f);
        n_freed++;
        return NULL;
}

static const FeedOps watcher_ops = {
        .name = "watcher",
        .new = watcher_new,
        .start = watcher_start,
        .pause = watcher_pause,
        .stop = watcher_stop,
        .free = watcher_free,
};

/* The feed is on the first controller; the second gets a lookout. */
static const char *const uris[] = { "ldapi://%2Fnowhere%2Fat%2Fall", "ldapi://%2Fanother" };

typedef struct Desk {
        ClockFake clock;
        LdapConfig ldap;
        Connector connector;
        Wiring wiring;
        Lookouts lookouts;
} Desk;

static int setup(void **state)
{
        Desk *d = calloc(1, sizeof(*d));
        const ObjectId id = { { 1 } };

        assert_non_null(d);
        n_begun = n_freed = 0;
        fails = false;
        at = (ObjectId){ { 2 } };
        clock_fake_init(&d->clock, (Mono){ 1000000 }, (Wall){ 1000000 });
        d->ldap = test_nowhere();
        d->ldap.uris = (ConfigList){ .items = uris, .n_items = 2 };
        d->connector = (Connector){
                .name = "corp", .ldap = &d->ldap, .pin = server_pin_new(), .door = server_door_new()
        };
        server_pin_set(d->connector.pin, uris[0], "dc1", &id);
        d->wiring.clock = &d->clock.clock;
        d->lookouts = (Lookouts){ .ops = &watcher_ops, .wiring = &d->wiring, .connector = &d->connector };
        *state = d;
        return 0;
}

static int teardown(void **state)
{
        Desk *d = *state;

        lookouts_stop(&d->lookouts);
        assert_int_equal(d->lookouts.n, 0);
        server_pin_free(d->connector.pin);
        server_door_free(d->connector.door);
        free(d);
        return 0;
}

/* Looks until so many are watched. */
static void until_watched(Desk *d, uint64_t n)
{
        do
                lookouts_look(&d->lookouts);
        while (d->lookouts.n_watched != n);
}

static void test_begins_again(void **state)
{
        Desk *d = *state;

        until_watched(d, 1);
        assert_int_equal(n_begun, 1);
        for (int i = 2; i <= 3; i++) {
                event_base_loopexit(last->base, NULL);
                until_watched(d, 0);
                assert_int_equal(n_freed, i - 1);
                clock_fake_advance(&d->clock, 29000000);
                lookouts_look(&d->lookouts);
                assert_int_equal(n_begun, i - 1);
                clock_fake_advance(&d->clock, 1000000);
                until_watched(d, 1);
                assert_int_equal(n_begun, i);
        }
}

/* Said each half minute, not each second. */
static void test_cannot_begin(void **state)
{
        Desk *d = *state;

        fails = true;
        for (int i = 0; i < 61; i++) {
                lookouts_look(&d->lookouts);
                clock_fake_advance(&d->clock, 1000000);
        }
        assert_int_equal(n_begun, 3);
        assert_int_equal(d->lookouts.n_watched, 0);
        fails = false;
        clock_fake_advance(&d->clock, 30000000);
        until_watched(d, 1);
}

/* Its name leads to the server that the feed is on: it stands aside, until the feed moves or minutes later.
 */
static void test_stands_aside(void **state)
{
        const ObjectId feeds = { { 1 } }, other = { { 3 } };
        Desk *d = *state;

        at = feeds;
        while (n_freed == 0)
                lookouts_look(&d->lookouts);
        for (int i = 0; i < 300; i++) {
                lookouts_look(&d->lookouts);
                clock_fake_advance(&d->clock, 1000000);
        }
        assert_int_equal(n_begun, 1);
        assert_int_equal(d->lookouts.n_watched, 0);
        clock_fake_advance(&d->clock, 300000000);
        while (n_freed == 1)
                lookouts_look(&d->lookouts);
        assert_int_equal(n_begun, 2);
        server_pin_set(d->connector.pin, uris[0], "dc3", &other);
        until_watched(d, 1);
        assert_int_equal(n_begun, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_begins_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cannot_begin, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stands_aside, setup, teardown),
        };

        evthread_use_pthreads();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
