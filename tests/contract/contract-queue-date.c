/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <errno.h>

/* Object 1 has had its run, which has left a date. */
static void ack_with_date(Fixture *f, const Commit *c)
{
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_ack(f->q, &lease, c), 0);
        settle(f);
}

/* Over a restart, and not a millisecond before. */
static Lease lease_at(Fixture *f, Wall date)
{
        Lease lease;

        if (contract_is_durable())
                contract_reopen(f);
        f->now = wall_add(date, -1);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        f->now = date;
        return lease_n(f, 1);
}

/* A date is as far ahead as it likes, and given out when it has come: not before, and not twice. */
static void test_date(void **state)
{
        Fixture *f = *state;
        Wall date = wall_add(f->now, INT64_C(400) * 86400 * 1000);
        Commit c = { .now = f->now, .due = date, .due_lane = LANE_URGENT };
        ObjectKey key = object_n(1);
        QueueItem item;
        Lease lease;
        bool there;

        ack_with_date(f, &c);
        item = item_n(f, 1, &there);
        assert_true(there);
        assert_int_equal(item.state, QUEUE_DATED);
        assert_int_equal(item.due.ms, date.ms);
        assert_int_equal(item.tries, 0);
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_DATED], 1);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], 0);
        assert_int_equal(stats(f).n_acked, 1);
        assert_int_equal(queue_lease_object(f->q, f->now, &key, f->a, &lease), QUEUE_E_EMPTY);
        lease = lease_at(f, date);
        assert_int_equal(lease.change.kind, CHANGE_DUE);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        assert_int_equal(lease.change.seen.ms, date.ms);
        assert_int_equal(lease.tries, 1);
        ack_lease(f, &lease);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);

        c.due.ms = -1;
        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_ack(f->q, &lease, &c), -EINVAL);
}

/* What arrives before the date is a change like any other, and its ack says anew whether there is a date. */
static void test_date_and_change(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now, .due = wall_add(f->now, 3600 * 1000), .due_lane = LANE_URGENT };
        ObjectKey key = object_n(1);
        Lease lease;
        bool there;

        ack_with_date(f, &c);
        f->now = wall_add(f->now, 1000);
        put_change(f, (Change){ .id = key.id, .lane = LANE_RECONCILE, .seen = f->now });
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.kind, CHANGE_UPSERT);
        assert_int_equal(lease.change.lane, LANE_RECONCILE);
        assert_int_equal(lease.change.seen.ms, f->now.ms);
        assert_int_equal(lease.queued.ms, f->now.ms);

        /* One that came during the work is worked on first; its run will know the date. */
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        settle(f);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
        lease = lease_n(f, 1);
        ack_lease(f, &lease);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);
}

/* References that become ready for an object with a date are set soon, by a run that knows the date again. */
static void test_date_and_links(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now, .due = wall_add(f->now, 3600 * 1000), .due_lane = LANE_URGENT };
        ObjectKey key = object_n(1);
        Lease lease;

        ack_with_date(f, &c);
        put_change(f, (Change){ .id = key.id, .kind = CHANGE_LINK, .lane = LANE_NORMAL, .seen = f->now });
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        f->now = wall_add(f->now, 2000);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.kind, CHANGE_DUE);
        assert_int_equal(lease.change.lane, LANE_NORMAL);
}

static void test_date_unparked(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now, .due = wall_add(f->now, 3600 * 1000), .due_lane = LANE_NORMAL };
        ObjectKey key = object_n(1);
        Lease lease;

        ack_with_date(f, &c);
        f->now = wall_add(f->now, 1000);
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.seen.ms, f->now.ms);
}

/* A date comes for what is parked too: until then it waits for a person, and is given out at the date. */
static void test_date_parked(void **state)
{
        Fixture *f = *state;
        Wall date = wall_add(f->now, INT64_C(30) * 86400 * 1000);
        Commit c = { .now = f->now, .due = date, .due_lane = LANE_URGENT };
        ObjectKey key = object_n(1);
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_park(f->q, &lease, "bad", &c), 0);
        settle(f);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_PARKED);
        assert_string_equal(item.reason, "bad");
        assert_int_equal(item.due.ms, date.ms);
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_PARKED], 1);
        assert_int_equal(queue_lease_object(f->q, f->now, &key, f->a, &lease), QUEUE_E_EMPTY);
        lease = lease_at(f, date);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        assert_int_equal(lease.tries, 2);

        /* It still cannot be done, and a date that has passed is none: parked for good. */
        c.now = f->now;
        assert_int_equal(queue_park(f->q, &lease, "bad", &c), 0);
        settle(f);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_PARKED);
        assert_int_equal(item.due.ms, 0);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);

        /* A person does not wait for the date. */
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        lease = lease_n(f, 1);
        c.due = wall_add(f->now, 3600 * 1000);
        assert_int_equal(queue_park(f->q, &lease, "bad", &c), 0);
        settle(f);
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        lease = lease_n(f, 1);
        ack_lease(f, &lease);
}

/* A wait ends when the date comes, without a look in between. */
static void test_date_wakes(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now, .due = wall_add(f->now, 30), .due_lane = LANE_NORMAL };

        ack_with_date(f, &c);
        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, 60 * (int64_t)1000000), 0);
        f->now = c.due;
        lease_n(f, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

const struct CMUnitTest contract_date[] = {
        TEST(test_date),          TEST(test_date_and_change), TEST(test_date_and_links),
        TEST(test_date_unparked), TEST(test_date_parked),     TEST(test_date_wakes),
};
const size_t n_contract_date = N_ELEMENTS(contract_date);
