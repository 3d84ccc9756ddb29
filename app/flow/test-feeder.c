/* SPDX-License-Identifier: Apache-2.0 */

/* Feeder: from which position a feed begins. */

#include "app/flow/feeder.h"

#include "app/flow/test-nowhere.h"
#include "base/str.h"
#include "listener/feed-syncrepl.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A queue of which nothing is asked but the position, and a server that nobody reaches. */
typedef struct Desk {
        Queue queue;
        const uint8_t *data; /* NULL: none is stored */
        size_t n;
        LdapConfig ldap;
        SourceConfig source;
        Config config;
        Connector connector;
        Wiring wiring;
        Arena *arena;
} Desk;

static int position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        const Desk *d = (const Desk *)q;

        assert_string_equal(feed, "feed-corp");
        if (!d->data)
                return QUEUE_E_NONE;
        *ret_data = d->data;
        *ret_n = d->n;
        return 0;
}

static int setup(void **state)
{
        static const QueueOps ops = { .name = "desk", .position = position };
        Arena *a = arena_new(0);
        Desk *d = arena_new_of(a, Desk);

        d->arena = a;
        d->queue.ops = &ops;
        d->ldap = test_nowhere();
        while (strcmp(ldap_config_feeds[d->ldap.feed], "syncrepl") != 0)
                d->ldap.feed++;
        d->connector =
                (Connector){ .name = "corp", .feed = "feed-corp", .ldap = &d->ldap, .source = &d->source };
        d->config.run.attributes = test_nowhere_uris; /* any names */
        d->config.run.n_attributes = 1;
        d->wiring.first = &d->config;
        d->wiring.clock = &clock_system;
        d->wiring.queue = &d->queue;
        *state = d;
        return 0;
}

static int teardown(void **state)
{
        arena_free(((Desk *)*state)->arena);
        return 0;
}

typedef struct Begun {
        bool catch_up, has_cookie;
        Position example; /* one of this feed's own making */
} Begun;

static Begun begin(Desk *d)
{
        static const char cookie[] = "0123456789abcdef" /* the database */ "rid=000,csn=1";
        const PositionMark mark = { .cookie = (const uint8_t *)cookie, .n_cookie = strlen(cookie) };
        Diag diag = DIAG_INIT;
        const FeedSyncrepl *feed;
        Feeder f = { 0 };
        Begun b;

        feeder_prepare(&f, &d->wiring, &d->connector, NULL, NULL);
        assert_int_equal(feeder_start(&f, &d->wiring, NULL, &diag), 0);
        feeder_tell_stop(&f);
        assert_int_equal(pthread_join(f.thread.thread, NULL), 0);
        f.thread.started = false;
        feed = (const FeedSyncrepl *)f.thread.feed;
        b = (Begun){ .catch_up = feed->catch_up,
                     .has_cookie = feed->has_cookie,
                     .example = position_make(d->arena, &feed->context, &mark) };
        feeder_stop(&f);
        feeder_deinit(&f);
        diag_deinit(&diag);
        return b;
}

static void test_first_start(void **state)
{
        Begun b = begin(*state);

        assert_false(b.catch_up);
        assert_false(b.has_cookie);
}

static void test_goes_on(void **state)
{
        Desk *d = *state;
        Begun b = begin(d);

        d->data = b.example.data;
        d->n = b.example.n;
        b = begin(d);
        assert_false(b.catch_up);
        assert_true(b.has_cookie);
}

/* An earlier version could store an empty one: what was missed since nobody knows, so everything is compared.
 */
static void test_empty_position(void **state)
{
        Desk *d = *state;
        Begun b;

        d->data = (const uint8_t *)"";
        b = begin(d);
        assert_true(b.catch_up);
        assert_false(b.has_cookie);
}

static int n_resumed;

static void count_resumed(Feed *f, bool paused)
{
        n_resumed += !paused;
}

/* Room in the queue is seen by one thread, and another one may be taking the feed down at that moment. */
static void test_no_resume_of_what_stops(void **state)
{
        Desk *d = *state;
        Diag diag = DIAG_INIT;
        Feeder f = { 0 };
        FeedOps ops;

        feeder_prepare(&f, &d->wiring, &d->connector, NULL, NULL);
        feeder_resume(&f);
        assert_int_equal(feeder_start(&f, &d->wiring, NULL, &diag), 0);
        ops = *f.thread.feed->ops;
        ops.pause = count_resumed;
        f.thread.feed->ops = &ops;
        feeder_resume(&f);
        assert_int_equal(n_resumed, 1);
        feeder_tell_stop(&f);
        feeder_resume(&f);
        assert_int_equal(n_resumed, 1);
        feeder_stop(&f);
        feeder_resume(&f);
        feeder_deinit(&f);
        diag_deinit(&diag);
}

/* An error that nobody foresaw ends the loop of a feed; whoever has started it finds that out by asking. */
static void test_ends_by_itself(void **state)
{
        Desk *d = *state;
        Diag diag = DIAG_INIT;
        Feeder f = { 0 };

        feeder_prepare(&f, &d->wiring, &d->connector, NULL, NULL);
        assert_false(feeder_has_ended(&f));
        for (int i = 0; i < 2; i++) {
                assert_int_equal(feeder_start(&f, &d->wiring, NULL, &diag), 0);
                assert_false(feeder_has_ended(&f));
                feeder_tell_stop(&f);
                assert_int_equal(pthread_join(f.thread.thread, NULL), 0);
                assert_false(feeder_has_ended(&f));
                f.thread.started = false;
                feeder_stop(&f);

                assert_int_equal(feeder_start(&f, &d->wiring, NULL, &diag), 0);
                event_base_loopexit(f.thread.base, NULL);
                assert_int_equal(pthread_join(f.thread.thread, NULL), 0);
                assert_true(feeder_has_ended(&f));
                f.thread.started = false;
                feeder_stop(&f);
        }
        feeder_deinit(&f);
        diag_deinit(&diag);
}

/* A node of a cluster begins and steps down for years: what it needed for one time goes with it. */
static void test_again_and_again(void **state)
{
        Desk *d = *state;
        Diag diag = DIAG_INIT;
        Feeder f = { 0 };
        size_t used = 0;

        feeder_prepare(&f, &d->wiring, &d->connector, NULL, NULL);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(feeder_start(&f, &d->wiring, NULL, &diag), 0);
                feeder_stop(&f);
                if (i)
                        assert_int_equal(arena_used(f.arena), used);
                used = arena_used(f.arena);
                assert_true(used > 0);
        }
        feeder_deinit(&f);
        diag_deinit(&diag);
}

/* What was told, one line each. */
static void remember(void *context, const AlarmEvent *e)
{
        str_printf(context, "%s %s %s: %s\n", alarm_turn_name(e->turn), e->kind, e->name, e->text);
}

static void say(Feeder *f, FeedState state, const char *text)
{
        f->intake.sink.state(&f->intake.sink, &(FeedStatus){ .state = state, .text = text });
}

/* Nobody follows the source for minutes: said once when that begins to count, and once when it is over. */
static void test_unwatched(void **state)
{
        Desk *d = *state;
        ClockFake clock;
        Feeder f = { 0 };
        Str told;

        str_init(&told, 4096);
        clock_fake_init(&clock, (Mono){ 1 }, (Wall){ 1000000 });
        d->wiring.clock = &clock.clock;
        alarms_init(&d->wiring.alarms, remember, &told);
        feeder_prepare(&f, &d->wiring, &d->connector, NULL, NULL);
        say(&f, FEED_BROKEN, "no server answers");
        clock_fake_advance(&clock, FEEDER_UNWATCHED_US - 1000000);
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "");
        clock_fake_advance(&clock, 1000000);
        feeder_look(&f, &d->wiring);
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "opened feed corp: nobody has followed the directory for 5 m: the "
                                       "feed is broken (no server answers)\n");

        /* What reads on is on its way, and not there yet. */
        str_reset(&told);
        say(&f, FEED_CATCHING_UP, "");
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "");
        clock_fake_advance(&clock, 30000000);
        say(&f, FEED_WATCHING, "");
        feeder_look(&f, &d->wiring);
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "closed feed corp: the directory is followed again\n");

        /* A catch-up may take hours. */
        str_reset(&told);
        say(&f, FEED_CATCHING_UP, "");
        clock_fake_advance(&clock, 12 * FEEDER_UNWATCHED_US);
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "");
        say(&f, FEED_STOPPED, "Cannot allocate memory");
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "opened feed corp: nobody has followed the directory for 1 h: the "
                                       "feed is stopped (Cannot allocate memory)\n");

        /* But not for hours without a word. */
        say(&f, FEED_WATCHING, "");
        feeder_look(&f, &d->wiring);
        str_reset(&told);
        f.intake.sink.state(&f.intake.sink,
                            &(FeedStatus){ .state = FEED_CATCHING_UP, .server_id = { { 1 } } });
        clock_fake_advance(&clock, FEEDER_UNWATCHED_US);
        feeder_look(&f, &d->wiring);
        assert_string_equal(told.data, "opened feed corp: nobody has followed the directory for 5 m: the "
                                       "feed is catching up (it has said nothing for a minute)\n");

        feeder_deinit(&f);
        alarms_deinit(&d->wiring.alarms);
        str_deinit(&told);
}

int main(void)
{
        evthread_use_pthreads();

        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_first_start, setup, teardown),
                cmocka_unit_test_setup_teardown(test_goes_on, setup, teardown),
                cmocka_unit_test_setup_teardown(test_empty_position, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_resume_of_what_stops, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ends_by_itself, setup, teardown),
                cmocka_unit_test_setup_teardown(test_again_and_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unwatched, setup, teardown),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
