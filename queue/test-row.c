/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "queue/queue.h"
#include "queue/row.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const Wall t0 = { 1000000 }, t1 = { 1001000 }, no_rest = { 0 };

static Change upsert(Lane lane, Wall seen)
{
        return (Change){ .kind = CHANGE_UPSERT, .lane = (uint8_t)lane, .seen = seen };
}

static Change link_change(Wall seen)
{
        return (Change){ .kind = CHANGE_LINK, .lane = LANE_NORMAL, .seen = seen };
}

static Row new_row(Lane lane)
{
        Change c = upsert(lane, t0);
        Row row;

        row_new(&row, &c, t0, 1, false, no_rest);
        return row;
}

static void expect_place(const Row *row, RowClass class, Lane lane, Wall due, uint64_t sequence)
{
        assert_int_equal(row->place.class, class);
        assert_int_equal(row->place.lane, lane);
        assert_int_equal(row->place.due.ms, due.ms);
        assert_int_equal(row->place.sequence, sequence);
}

static void test_new(void **state)
{
        Change c = link_change(t0);
        Row row = new_row(LANE_URGENT);

        expect_place(&row, ROW_READY, LANE_URGENT, t0, 1);
        assert_int_equal(row.queued.ms, t0.ms);
        /* References wait for company, unless there is enough of it. */
        row_new(&row, &c, t0, 2, false, no_rest);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, wall_add(t0, ROW_LINK_LINGER_MS), 2);
        row_new(&row, &c, t0, 3, true, no_rest);
        expect_place(&row, ROW_READY, LANE_NORMAL, t0, 3);
}

/* It keeps its place in time, and takes the higher lane. */
static void test_arrive_ready(void **state)
{
        Change c = upsert(LANE_URGENT, t1), low = upsert(LANE_RECONCILE, t1);
        Row row = new_row(LANE_NORMAL);

        row_arrive(&row, &low, false, t1, 2, false, no_rest);
        expect_place(&row, ROW_READY, LANE_NORMAL, t0, 1);
        row_arrive(&row, &c, false, t1, 3, false, no_rest);
        expect_place(&row, ROW_READY, LANE_URGENT, t0, 1);
        assert_int_equal(row.generation, 3);
        assert_int_equal(row.change.seen.ms, t0.ms);
        assert_false(row.has_later);
}

static void test_arrive_delayed(void **state)
{
        Change c = upsert(LANE_NORMAL, t1), l = link_change(t1);
        Wall far = wall_add(t1, 600000);
        Row row = new_row(LANE_NORMAL);

        row_retry(&row, 1, 3, far, "busy", t1, 2, false);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, far, 2);
        assert_int_equal(row.tries, 3);
        assert_int_equal(row.first_failed.ms, t1.ms);
        /* A reference may be the cure, but waits for company; it never makes the row later. */
        row_arrive(&row, &l, false, t1, 3, false, no_rest);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        row_arrive(&row, &l, false, wall_add(t1, 500), 4, false, no_rest);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        assert_string_equal(row.reason, "busy");
        row_arrive(&row, &c, false, t1, 5, false, no_rest);
        expect_place(&row, ROW_READY, LANE_NORMAL, t1, 5);
        assert_null(row.reason);
        assert_int_equal(row.tries, 3);
        assert_int_equal(row.first_failed.ms, t1.ms);
}

static void test_arrive_parked(void **state)
{
        Change c = upsert(LANE_NORMAL, t1), l = link_change(t1);
        Row row = new_row(LANE_NORMAL), other = row;

        row_park(&row, 1, 1, "bad", (Wall){ 0 }, LANE_NORMAL, t1, 2, false);
        other = row;
        row_arrive(&row, &c, false, t1, 3, false, no_rest);
        expect_place(&row, ROW_READY, LANE_NORMAL, t1, 3);
        assert_int_equal(row.tries, 1);
        row_arrive(&other, &l, false, t1, 3, false, no_rest);
        expect_place(&other, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        assert_int_equal(other.change.kind, CHANGE_UPSERT);
}

/* A date is no change: what arrives before it is the first of its object. */
static void test_dated(void **state)
{
        Change c = upsert(LANE_RECONCILE, t1), l = link_change(t1);
        Wall date = wall_add(t1, INT64_C(86400000) * 1000);
        Row row = new_row(LANE_NORMAL), other;

        row_date(&row, date, LANE_URGENT, t1, 2);
        expect_place(&row, ROW_DATED, LANE_URGENT, date, 2);
        assert_int_equal(row.change.kind, CHANGE_DUE);
        other = row;
        row_arrive(&row, &c, false, t1, 3, false, no_rest);
        expect_place(&row, ROW_READY, LANE_RECONCILE, t1, 3);
        assert_int_equal(row.change.seen.ms, t1.ms);
        assert_int_equal(row.change.kind, CHANGE_UPSERT);
        row = other;
        /* The run of a reference alone would lose the date. */
        row_arrive(&row, &l, false, t1, 3, false, no_rest);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        assert_int_equal(row.change.kind, CHANGE_DUE);
        row = other;
        row_unpark(&row, t1, 4);
        expect_place(&row, ROW_READY, LANE_URGENT, t1, 4);
        assert_int_equal(row.change.seen.ms, t1.ms);
}

static void test_ack(void **state)
{
        Row row = new_row(LANE_NORMAL);

        assert_false(row_ack(&row, 1, t1, 2, false, no_rest));
}

/* What came during the work is a change of its own. */
static void test_ack_dirty(void **state)
{
        Change c = upsert(LANE_RECONCILE, t1);
        Row row = new_row(LANE_URGENT);

        row.tries = 4;
        row.first_failed = t0;
        row_arrive(&row, &c, true, t1, 2, false, no_rest);
        expect_place(&row, ROW_READY, LANE_URGENT, t0, 1);
        assert_int_equal(row_change(&row).seen.ms, t0.ms);
        assert_true(row_ack(&row, 1, wall_add(t1, 5), 3, false, no_rest));
        expect_place(&row, ROW_READY, LANE_RECONCILE, wall_add(t1, 5), 3);
        assert_int_equal(row.change.seen.ms, t1.ms);
        assert_int_equal(row.queued.ms, t1.ms);
        assert_int_equal(row.tries, 0);
        assert_int_equal(row.first_failed.ms, 0);
        assert_false(row_ack(&row, 2, t1, 4, false, no_rest));
}

/* An object that was exported a moment ago: what comes waits for the end of its rest, unless it is urgent. */
static void test_rest(void **state)
{
        const Wall end = wall_add(t1, 500);
        Change c = upsert(LANE_NORMAL, t1), urgent = upsert(LANE_URGENT, t1), l = link_change(t1);
        Row row = new_row(LANE_NORMAL);

        row_arrive(&row, &c, true, t1, 2, false, no_rest);
        assert_true(row_ack(&row, 1, t1, 3, false, end));
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, end, 3);
        row_arrive(&row, &c, false, wall_add(t1, 100), 4, false, end);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, end, 3);
        row_arrive(&row, &l, false, wall_add(t1, 200), 5, false, end);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, end, 3);
        row_arrive(&row, &urgent, false, wall_add(t1, 300), 6, false, end);
        expect_place(&row, ROW_READY, LANE_URGENT, wall_add(t1, 300), 6);

        row_new(&row, &c, t1, 1, false, end);
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, end, 1);
        row_new(&row, &urgent, t1, 1, false, end);
        expect_place(&row, ROW_READY, LANE_URGENT, t1, 1);
        row_new(&row, &c, end, 1, false, end);
        expect_place(&row, ROW_READY, LANE_NORMAL, end, 1);
}

/* References that came during the work wait for company after it. */
static void test_ack_dirty_links(void **state)
{
        Change c = link_change(t1);
        Row row = new_row(LANE_NORMAL), other;

        row_arrive(&row, &c, true, t1, 2, false, no_rest);
        other = row;
        assert_true(row_ack(&row, 1, t1, 3, false, no_rest));
        expect_place(&row, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        assert_int_equal(row.change.kind, CHANGE_LINK);
        assert_true(row_ack(&other, 1, t1, 3, true, no_rest));
        expect_place(&other, ROW_READY, LANE_NORMAL, t1, 3);
}

/* What arrived between a lease's look and the lease is in the row itself; it is not lost by the ack. */
static void test_ack_unseen(void **state)
{
        Change c = upsert(LANE_NORMAL, t1);
        Row row = new_row(LANE_NORMAL);

        row_arrive(&row, &c, false, t1, 2, false, no_rest);
        assert_true(row_ack(&row, 1, t1, 3, false, no_rest));
        expect_place(&row, ROW_READY, LANE_NORMAL, t1, 3);
}

static void test_retry_dirty(void **state)
{
        Change c = upsert(LANE_URGENT, t1), l = link_change(t1);
        Wall far = wall_add(t1, 600000);
        Row row = new_row(LANE_NORMAL), other = row;

        row_arrive(&row, &c, true, t1, 2, false, no_rest);
        row_retry(&row, 1, 2, far, "busy", t1, 3, false);
        expect_place(&row, ROW_READY, LANE_URGENT, t1, 3);
        assert_int_equal(row.change.seen.ms, t0.ms);
        assert_int_equal(row.tries, 2);
        assert_false(row.has_later);
        /* References alone do not overtake what the retry waits for by more than their own time. */
        row_arrive(&other, &l, true, t1, 2, false, no_rest);
        row_retry(&other, 1, 2, far, "busy", t1, 3, false);
        expect_place(&other, ROW_DELAYED, LANE_NORMAL, wall_add(t1, ROW_LINK_LINGER_MS), 3);
        assert_int_equal(other.change.kind, CHANGE_UPSERT);
}

static void test_unpark(void **state)
{
        Row row = new_row(LANE_NORMAL);

        row_park(&row, 1, 7, "bad", (Wall){ 0 }, LANE_NORMAL, t0, 2, false);
        row_unpark(&row, t1, 3);
        expect_place(&row, ROW_READY, LANE_NORMAL, t1, 3);
        assert_int_equal(row.tries, 0);
        assert_null(row.reason);
        row_unpark(&row, wall_add(t1, 1), 4);
        expect_place(&row, ROW_READY, LANE_NORMAL, t1, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_arrive_ready),
                cmocka_unit_test(test_arrive_delayed),
                cmocka_unit_test(test_arrive_parked),
                cmocka_unit_test(test_dated),
                cmocka_unit_test(test_ack),
                cmocka_unit_test(test_rest),
                cmocka_unit_test(test_ack_dirty),
                cmocka_unit_test(test_ack_dirty_links),
                cmocka_unit_test(test_ack_unseen),
                cmocka_unit_test(test_retry_dirty),
                cmocka_unit_test(test_unpark),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
