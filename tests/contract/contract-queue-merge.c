/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

/* Later changes of an object that waits are swallowed: first seen stays, the higher lane counts. */
static void test_merge_ready(void **state)
{
        Fixture *f = *state;
        Wall first = f->now;
        Lease lease;

        put_n(f, 1, LANE_RECONCILE);
        f->now = wall_add(f->now, 1000);
        put_n(f, 2, LANE_NORMAL);
        put_n(f, 1, LANE_NORMAL);
        put_n(f, 1, LANE_RECONCILE);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], 2);
        assert_int_equal(stats(f).n[LANE_RECONCILE][QUEUE_READY], 0);
        /* It keeps its place in time too. */
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.lane, LANE_NORMAL);
        assert_int_equal(lease.change.seen.ms, first.ms);
        assert_int_equal(lease.queued.ms, first.ms);
        lease_n(f, 2);
        assert_int_equal(stats(f).n_put, 4);
        assert_int_equal(stats(f).n_merged, 2);
}

static void test_merge_in_one_put(void **state)
{
        Fixture *f = *state;
        Change c[3] = { change_n(1, LANE_NORMAL), change_n(2, LANE_NORMAL), change_n(1, LANE_URGENT) };
        Intake in = { .changes = c, .n_changes = 3, .now = f->now };
        Lease lease;

        assert_int_equal(queue_put(f->q, &in), 0);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        lease_n(f, 2);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
}

/* The same GUID in two sources is two objects. */
static void test_sources(void **state)
{
        Fixture *f = *state;
        Change c = change_n(1, LANE_NORMAL);
        Lease lease;

        put_change(f, c);
        c.source = 7;
        put_change(f, c);
        lease = lease_any(f);
        assert_int_equal(lease.change.source, 0);
        lease = lease_any(f);
        assert_int_equal(lease.change.source, 7);
}

/* It may be the cure: a delayed row is READY again, and keeps its tries. */
static void test_merge_delayed(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 60000), "busy", &c), 0);
        settle(f);
        put_n(f, 1, LANE_NORMAL);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_READY);
        assert_null(item.reason);
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 2);
        assert_int_equal(lease.first_failed.ms, f->now.ms);
}

/* What comes after an ack with a rest waits for its end, and merges; what is urgent does not wait. */
static void test_rest(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now, .rest_until = wall_add(f->now, 500) };
        Wall start = f->now;
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        lease = lease_n(f, 1);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        lease = lease_n(f, 2);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        settle(f);
        put_n(f, 2, LANE_NORMAL);
        for (unsigned n = 1; n <= 2; n++) {
                item = item_n(f, n, &there);
                assert_int_equal(item.state, QUEUE_DELAYED);
                assert_int_equal(item.due.ms, c.rest_until.ms);
        }
        f->now = wall_add(start, 400);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        put_n(f, 2, LANE_URGENT);
        lease = lease_n(f, 2);
        ack_lease(f, &lease);
        f->now = wall_add(start, 500);
        lease = lease_n(f, 1);
        ack_lease(f, &lease);
        settle(f);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
}

static void test_merge_parked(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_park(f->q, &lease, "bad", &c), 0);
        settle(f);
        put_n(f, 1, LANE_URGENT);
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_READY], 1);
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 2);
}

/* A change that comes during the work is worked on after it, and is a change of its own. */
static void test_merge_leased_ack(void **state)
{
        Fixture *f = *state;
        Lease lease, again;
        Wall first = f->now;
        bool there;

        put_n(f, 1, LANE_URGENT);
        lease = lease_n(f, 1);
        f->now = wall_add(f->now, 1000);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_LEASED);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &again), QUEUE_E_EMPTY);
        ack_lease(f, &lease);
        settle(f);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
        again = lease_n(f, 1);
        /* What was seen first has been done. */
        assert_int_equal(again.change.seen.ms, first.ms + 1000);
        assert_int_equal(again.queued.ms, first.ms + 1000);
        assert_int_equal(again.change.lane, LANE_NORMAL);
        assert_int_equal(again.tries, 1);
        ack_lease(f, &again);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);
}

/* In work is what was leased, in the lane of the lease, whatever has come since. */
static void test_merge_leased_lane(void **state)
{
        Fixture *f = *state;
        QueueStats st;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        f->now = wall_add(f->now, 1000);
        put_n(f, 1, LANE_URGENT);
        st = stats(f);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_LEASED], 1);
        assert_int_equal(st.n[LANE_URGENT][QUEUE_LEASED], 0);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_READY], 0);
        assert_int_equal(st.n[LANE_URGENT][QUEUE_READY], 0);
        ack_lease(f, &lease);
        settle(f);
        st = stats(f);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_LEASED], 0);
        assert_int_equal(st.n[LANE_URGENT][QUEUE_READY], 1);
}

static void test_merge_leased_retry(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Wall first = f->now;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        f->now = wall_add(f->now, 1000);
        put_n(f, 1, LANE_URGENT);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 60000), "busy", &c), 0);
        settle(f);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.seen.ms, first.ms);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        assert_int_equal(lease.tries, 2);
}

static void test_merge_leased_park(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_park(f->q, &lease, "bad", &c), 0);
        settle(f);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_PARKED], 0);
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 2);
}

/* A long run asks whether something newer waits: what is worth stopping for, and no more. */
static void test_overtaken(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Change ready = change_n(1, LANE_NORMAL);
        Lease lease, old;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_false(queue_is_overtaken(f->q, &lease));
        put_n(f, 2, LANE_URGENT); /* another object's */
        assert_false(queue_is_overtaken(f->q, &lease));
        ready.kind = CHANGE_LINK;
        put_change(f, ready);
        assert_false(queue_is_overtaken(f->q, &lease));
        put_n(f, 1, LANE_RECONCILE);
        old = lease_n(f, 2);
        ack_lease(f, &old);
        put_n(f, 1, LANE_NORMAL);
        assert_true(queue_is_overtaken(f->q, &lease));
        assert_false(queue_is_overtaken(f->q, &old));

        /* It is given up, and the object is READY with all that is known of it. */
        old = lease;
        assert_int_equal(queue_retry(f->q, &lease, f->now, "Overtaken", &c), 0);
        settle(f);
        assert_false(queue_is_overtaken(f->q, &old));
        lease = lease_n(f, 1);
        assert_false(queue_is_overtaken(f->q, &lease));
        put_n(f, 1, LANE_URGENT);
        assert_true(queue_is_overtaken(f->q, &lease));
        ack_lease(f, &lease);
}

/* The net under the feed waits its turn. */
static void test_not_overtaken_by_reconcile(void **state)
{
        Fixture *f = *state;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        put_n(f, 1, LANE_RECONCILE);
        assert_false(queue_is_overtaken(f->q, &lease));
        ack_lease(f, &lease);
}

static void test_merge_leased_release(void **state)
{
        Fixture *f = *state;
        Wall first = f->now;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        f->now = wall_add(f->now, 1000);
        put_n(f, 1, LANE_URGENT);
        assert_int_equal(queue_release(f->q, &lease), 0);
        /* One change again: nothing of it was done. */
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.seen.ms, first.ms);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        ack_lease(f, &lease);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_merge[] = {
        TEST(test_rest),
        TEST(test_merge_ready),
        TEST(test_merge_in_one_put),
        TEST(test_sources),
        TEST(test_merge_delayed),
        TEST(test_merge_parked),
        TEST(test_merge_leased_ack),
        TEST(test_merge_leased_lane),
        TEST(test_merge_leased_retry),
        TEST(test_merge_leased_park),
        TEST(test_overtaken),
        TEST(test_not_overtaken_by_reconcile),
        TEST(test_merge_leased_release),
};

const size_t n_contract_merge = N_ELEMENTS(contract_merge);
