/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "app/flow/intake.h"
#include "app/job/cycle.h"
#include "app/reconcile/reconcile.h"
#include "engine/space/memo.h"

#define MINUTE_US ((int64_t)60 * 1000000)

typedef struct Room {
        ClockFake clock;
        Config config;
        SourceConfig source;
        Wiring wiring;
        IntakeSink intake;
        Cycle cycle;
} Room;

static _Atomic unsigned n_runs, n_swept;

static int count(Job *job, Diag *diag)
{
        n_runs++;
        return 0;
}

static bool fails;

static int do_nothing(Job *job, Diag *diag)
{
        n_swept++;
        if (fails)
                return JOB_E_UNREACHABLE;
        job->wiring->connectors.items[0].intake->containers_due = false;
        return 0;
}

static const JobKind kind = { .name = "reconcile", .ours = true, .work = count };
static const JobKind containers = { .name = "containers", .ours = true, .work = do_nothing };
static const JobKind *const kinds[] = { &kind, &containers, NULL };

static void feed_is(Room *room, FeedState state)
{
        room->intake.sink.state(&room->intake.sink, &(FeedStatus){ .state = state });
}

static int setup(void **state)
{
        Room *room = calloc(1, sizeof(*room));
        Wiring *w = &room->wiring;

        clock_fake_init(&room->clock, (Mono){ 1 }, (Wall){ 1000000000 });
        room->source = (SourceConfig){ .ldap = { .name = "corp", .base = "DC=corp" } };
        room->config = (Config){
                .refs = 1,
                .reconcile = { .every_us = 30 * MINUTE_US },
                .sources = &room->source,
                .n_sources = 1,
        };
        w->clock = &room->clock.clock;
        w->first = &room->config;
        snapshot_init(&w->snapshot, &room->config);
        assert_int_equal(queue_mem_new(&w->queue), 0);
        assert_int_equal(connectors_open(&w->connectors, w->first, w->queue, w->clock, &w->log, NULL), 0);
        intake_init(&room->intake, w->queue, &w->snapshot, w->clock, &w->log, "feed", 0, &room->source);
        w->connectors.items[0].intake = &room->intake;
        assert_int_equal(jobs_new(&w->jobs, w, kinds), 0);
        assert_int_equal(cycle_init(&room->cycle, w), 0);
        n_runs = n_swept = 0;
        fails = false;
        *state = room;
        return 0;
}

static int teardown(void **state)
{
        Room *room = *state;

        jobs_free(room->wiring.jobs);
        intake_deinit(&room->intake);
        connectors_close(&room->wiring.connectors);
        queue_free(room->wiring.queue);
        free(room);
        return 0;
}

/* How many have run when so much time has gone by, asked every ten seconds. */
static unsigned runs_after(Room *room, int64_t us)
{
        for (int64_t t = 0; t < us; t += 10000000) {
                clock_fake_advance(&room->clock, 10000000);
                cycle_tick(&room->cycle);
                while (jobs_has(room->wiring.jobs, "reconcile"))
                        ;
        }
        return n_runs;
}

static void test_every_half_hour_while_the_feed_watches(void **state)
{
        Room *room = *state;

        assert_int_equal(runs_after(room, 40 * MINUTE_US), 0);
        feed_is(room, FEED_WATCHING);
        assert_int_equal(runs_after(room, MINUTE_US), 1);
        assert_int_equal(runs_after(room, 28 * MINUTE_US), 1);
        assert_int_equal(runs_after(room, 2 * MINUTE_US), 2);
        room->config.reconcile.every_us = 0;
        assert_int_equal(runs_after(room, 100 * MINUTE_US), 2);
}

static void test_not_while_the_last_one_waits(void **state)
{
        Change change = { .id = { { 1 } }, .kind = CHANGE_UPSERT, .lane = LANE_RECONCILE, .dn = "CN=x" };
        Room *room = *state;
        ObjectKey key = { .id = { { 1 } } };

        feed_is(room, FEED_WATCHING);
        assert_int_equal(queue_put(room->wiring.queue,
                                   &(Intake){ .changes = &change, .n_changes = 1, .now = { 1000000000 } }),
                         0);
        assert_int_equal(runs_after(room, 65 * MINUTE_US), 0);
        assert_int_equal(queue_drop(room->wiring.queue, &key), 0);
        assert_int_equal(runs_after(room, 31 * MINUTE_US), 1);
}

/* A restart does not begin the half hour anew, and does not begin with a reconcile either. */
static void test_over_a_restart(void **state)
{
        Room *room = *state;

        feed_is(room, FEED_WATCHING);
        clock_fake_advance(&room->clock, 20 * MINUTE_US);
        assert_int_equal(cycle_init(&room->cycle, &room->wiring), 0);
        assert_int_equal(runs_after(room, 9 * MINUTE_US), 0);
        assert_int_equal(runs_after(room, 2 * MINUTE_US), 1);
        clock_fake_advance(&room->clock, 600 * MINUTE_US);
        assert_int_equal(cycle_init(&room->cycle, &room->wiring), 0);
        assert_int_equal(runs_after(room, 50000000), 1);
        assert_int_equal(runs_after(room, MINUTE_US), 2);
}

/* The memo of one that has just begun, and owes its first in half an hour, reads like one that is done. */
static void as_if_done_now(Room *room)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall now = clock_wall(room->wiring.clock);
        SpaceBatch batch;

        space_batch_init(&batch, a);
        memo_delete(&batch, "reconcile");
        assert_int_equal(queue_put_batch(room->wiring.queue, &batch, now), 0);
        assert_int_equal(reconcile_note_start(room->wiring.queue, 0, &room->source, now), 0);
}

/* Another node had the clock until now: what it has done counts. */
static void test_over_a_failover(void **state)
{
        Room *room = *state;

        feed_is(room, FEED_WATCHING);
        clock_fake_advance(&room->clock, 20 * 60 * MINUTE_US);
        as_if_done_now(room);
        cycle_gain(&room->cycle);
        assert_int_equal(runs_after(room, 29 * MINUTE_US), 0);
        assert_int_equal(runs_after(room, 2 * MINUTE_US), 1);

        /* And if it is late, there is a minute to come to rest. */
        clock_fake_advance(&room->clock, 20 * 60 * MINUTE_US);
        cycle_gain(&room->cycle);
        assert_int_equal(runs_after(room, 50000000), 1);
        assert_int_equal(runs_after(room, MINUTE_US), 2);
}

/* A catch-up has left the unknown to a reconcile: at once when the feed watches, also where none is due by
 * the clock; and over a restart. */
static void test_after_a_catch_up(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Room *room = *state;
        const ReconcileMemo memo = { .first_start = { 1 } };
        SpaceBatch batch;

        room->config.reconcile.every_us = 0;
        room->intake.missed_due = true;
        feed_is(room, FEED_CATCHING_UP);
        assert_int_equal(runs_after(room, MINUTE_US), 0);
        feed_is(room, FEED_WATCHING);
        assert_int_equal(runs_after(room, 4 * MINUTE_US), 1);
        /* It has failed. */
        assert_int_equal(runs_after(room, 2 * MINUTE_US), 2);
        /* Each time it looks at all sources: it is tried more and more seldom. */
        assert_int_equal(runs_after(room, 8 * MINUTE_US), 2);
        assert_int_equal(runs_after(room, 3 * MINUTE_US), 3);
        assert_int_equal(runs_after(room, 17 * MINUTE_US), 3);
        assert_int_equal(runs_after(room, 3 * MINUTE_US), 4);
        room->intake.missed_due = false;
        assert_int_equal(runs_after(room, 60 * MINUTE_US), 4);

        space_batch_init(&batch, a);
        assert_int_equal(reconcile_note_missed(room->wiring.queue, 0, &memo, &batch), 0);
        assert_int_equal(queue_put_batch(room->wiring.queue, &batch, (Wall){ 1 }), 0);
        assert_int_equal(cycle_init(&room->cycle, &room->wiring), 0);
        assert_true(room->intake.missed_due);
        assert_int_equal(runs_after(room, MINUTE_US), 5);
}

/* Another catch-up while a reconcile looks at what the last one has left: when that ends, what it deletes is
 * not the newer word, and that still says since when. */
static void test_catch_up_in_a_reconcile(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Room *room = *state;
        Space *space = queue_space(room->wiring.queue);
        const ReconcileMemo first = { .first_start = { 1 }, .finished = { 3600000 } };
        const ReconcileMemo later = { .first_start = { 1 }, .finished = { 7200000 } };
        const uint8_t *was, *is;
        uint64_t seen, serial;
        SpaceBatch batch;
        size_t n_was, n_is;

        space_batch_init(&batch, a);
        assert_int_equal(reconcile_note_missed(room->wiring.queue, 0, &first, &batch), 0);
        assert_int_equal(queue_put_batch(room->wiring.queue, &batch, (Wall){ 1 }), 0);
        assert_int_equal(memo_read(space, "reconcile.missed.0", a, &was, &n_was, &seen), 0);
        space_batch_init(&batch, a);
        assert_int_equal(reconcile_note_missed(room->wiring.queue, 0, &later, &batch), 0);
        assert_int_equal(queue_put_batch(room->wiring.queue, &batch, (Wall){ 1 }), 0);

        space_batch_init(&batch, a);
        memo_delete_at(&batch, "reconcile.missed.0", seen);
        assert_int_equal(queue_put_batch(room->wiring.queue, &batch, (Wall){ 1 }), 0);
        assert_int_equal(memo_read(space, "reconcile.missed.0", a, &is, &n_is, &serial), 0);
        assert_int_equal(n_is, n_was);
        assert_memory_equal(is, was, n_was);
}

/* So many of the job that fails, in so many seconds. */
static unsigned sweeps_after(Room *room, int64_t s)
{
        n_swept = 0;
        for (; s > 0; s--) {
                clock_fake_advance(&room->clock, 1000000);
                cycle_tick(&room->cycle);
                while (jobs_has(room->wiring.jobs, "containers"))
                        ;
        }
        return n_swept;
}

/* What cannot be done is tried more and more seldom; what the feed brings begins anew. */
static void test_fails_for_good(void **state)
{
        Room *room = *state;

        feed_is(room, FEED_WATCHING);
        fails = true;
        assert_int_equal(sweeps_after(room, 1), 1);
        assert_int_equal(sweeps_after(room, 2), 0);
        assert_int_equal(sweeps_after(room, 1), 1);
        assert_in_range(sweeps_after(room, 3600), 12, 20);
        room->intake.n_due++;
        assert_int_equal(sweeps_after(room, 1), 1);
        assert_int_equal(sweeps_after(room, 3), 1);
        fails = false;
        assert_int_equal(sweeps_after(room, 6), 1);
        assert_int_equal(sweeps_after(room, 3600), 0);
        room->intake.containers_due = true;
        assert_int_equal(sweeps_after(room, 1), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_half_hour_while_the_feed_watches, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_while_the_last_one_waits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_over_a_restart, setup, teardown),
                cmocka_unit_test_setup_teardown(test_over_a_failover, setup, teardown),
                cmocka_unit_test_setup_teardown(test_fails_for_good, setup, teardown),
                cmocka_unit_test_setup_teardown(test_after_a_catch_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_catch_up_in_a_reconcile, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
