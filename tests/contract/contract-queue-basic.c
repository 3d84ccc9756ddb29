/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <errno.h>

static void test_put_lease_ack(void **state)
{
        Fixture *f = *state;
        Lease lease, again;
        QueueStats st;
        bool there;

        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
        assert_true(there);
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 1);
        assert_int_equal(lease.queued.ms, f->now.ms);
        assert_int_equal(lease.first_failed.ms, 0);
        assert_string_equal(lease.change.dn, "CN=somebody");
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_LEASED);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &again), QUEUE_E_EMPTY);
        st = stats(f);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_LEASED], 1);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_READY], 0);

        ack_lease(f, &lease);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &again), QUEUE_E_EMPTY);
        st = stats(f);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_LEASED], 0);
        assert_int_equal(st.n_put, 1);
        assert_int_equal(st.n_acked, 1);
}

/* A lease ends once: whoever comes again, or with a token of another lease, has nothing. */
static void test_gone(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease, forged;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        forged = lease;
        forged.token++;
        assert_int_equal(queue_ack(f->q, &forged, &c), QUEUE_E_GONE);
        assert_int_equal(queue_release(f->q, &forged), QUEUE_E_GONE);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        assert_int_equal(queue_ack(f->q, &lease, &c), QUEUE_E_GONE);
        assert_int_equal(queue_retry(f->q, &lease, f->now, "late", &c), QUEUE_E_GONE);
        assert_int_equal(queue_park(f->q, &lease, "late", &c), QUEUE_E_GONE);
        assert_int_equal(queue_note(f->q, &lease, &c), QUEUE_E_GONE);
        assert_int_equal(queue_release(f->q, &lease), QUEUE_E_GONE);
        settle(f);
        assert_int_equal(queue_ack(f->q, &lease, &c), QUEUE_E_GONE);
}

static void test_release(void **state)
{
        Fixture *f = *state;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_release(f->q, &lease), 0);
        /* It is the first again, and the try did not count. */
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 1);
}

static void test_retry(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 5000), "busy", &c), 0);
        settle(f);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_DELAYED);
        assert_int_equal(item.tries, 1);
        assert_string_equal(item.reason, "busy");
        assert_int_equal(item.due.ms, f->now.ms + 5000);
        assert_int_equal(queue_lease(f->q, wall_add(f->now, 4999), LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(queue_lease(f->q, wall_add(f->now, 5000), LANES_ALL, f->a, &lease), 0);
        assert_int_equal(lease.tries, 2);
        assert_int_equal(lease.first_failed.ms, f->now.ms);
        assert_int_equal(stats(f).n_retried, 1);
}

/* A due time that a wrong clock has written costs one early retry, and never a sleep of years. */
static void test_far_due(void **state)
{
        Fixture *f = *state;
        Wall wrong = wall_add(f->now, INT64_C(10) * 365 * 86400 * 1000);
        Commit c = { .now = wrong };
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(wrong, 1000), "wrong clock", &c), 0);
        settle(f);
        lease = lease_n(f, 2);
        c.now = f->now;
        /* Longer than the longest delay is not possible. */
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 2 * QUEUE_DELAY_MAX_MS), "long", &c), 0);
        settle(f);
        lease = lease_n(f, 1);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        f->now = wall_add(f->now, QUEUE_DELAY_MAX_MS);
        lease_n(f, 2);
}

static void set_clock(Fixture *f, int64_t by_ms)
{
        queue_tell_time(f->q, f->now);
        f->now = wall_add(f->now, by_ms);
        queue_tell_time(f->q, f->now);
}

/* What is READY stays due when the clock is set back. */
static void test_clock_set_back(void **state)
{
        Fixture *f = *state;

        put_n(f, 1, LANE_NORMAL);
        set_clock(f, -3600 * 1000);
        lease_n(f, 1);
}

static void retry_n(Fixture *f, unsigned n, int64_t ms)
{
        Commit c = { .now = f->now };
        Lease lease = lease_n(f, n);

        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, ms), "not now", &c), 0);
        settle(f);
}

static void expect_empty(Fixture *f)
{
        Lease lease;

        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
}

/* A delay that was given before the clock was set back is not believed; one that was given since is. */
static void test_delay_set_back(void **state)
{
        const int64_t steps[] = { 3600, 12, INT64_C(365) * 86400 };
        Fixture *f = *state;
        Lease lease;

        for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
                put_n(f, 1, LANE_NORMAL);
                put_n(f, 2, LANE_NORMAL);
                retry_n(f, 1, 60000);
                retry_n(f, 2, 60000);
                expect_empty(f);
                set_clock(f, -steps[i] * 1000);
                retry_n(f, 1, 60000);
                /* The other is not forgotten while somebody has it. */
                lease = lease_n(f, 2);
                expect_empty(f);
                assert_int_equal(queue_release(f->q, &lease), 0);
                lease = lease_n(f, 2);
                ack_lease(f, &lease);
                settle(f);
                expect_empty(f);
                f->now = wall_add(f->now, 60000);
                lease = lease_n(f, 1);
                ack_lease(f, &lease);
                settle(f);
                expect_empty(f);
        }
}

/* A second or two is a clock that was corrected: it is waited for. */
static void test_clock_corrected(void **state)
{
        Fixture *f = *state;

        put_n(f, 1, LANE_NORMAL);
        retry_n(f, 1, 1000);
        expect_empty(f);
        set_clock(f, -2000);
        expect_empty(f);
        f->now = wall_add(f->now, 3000);
        lease_n(f, 1);
}

/* A worker that was held up for a minute says an older time than the last: that is no clock set back. */
static void test_late_worker(void **state)
{
        Fixture *f = *state;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        retry_n(f, 1, 120000);
        f->now = wall_add(f->now, 60000);
        queue_tell_time(f->q, f->now);
        expect_empty(f);
        assert_int_equal(queue_lease(f->q, wall_add(f->now, -60000), LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        expect_empty(f);
}

static void test_park(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        ObjectKey key = object_n(1), other = object_n(2);
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_URGENT);
        lease = lease_n(f, 1);
        assert_int_equal(queue_park(f->q, &lease, "DuplicateAttribute", &c), 0);
        settle(f);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_PARKED);
        assert_string_equal(item.reason, "DuplicateAttribute");
        f->now = wall_add(f->now, QUEUE_DELAY_MAX_MS * 4);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_PARKED], 1);

        assert_int_equal(queue_unpark(f->q, &other, f->now), QUEUE_E_NONE);
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_READY);
        assert_null(item.reason);
        lease = lease_n(f, 1);
        assert_int_equal(lease.tries, 1);
        assert_int_equal(stats(f).n_parked, 1);
        /* Nothing to do for what is leased or ready. */
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_LEASED);
}

static void test_drop(void **state)
{
        Fixture *f = *state;
        ObjectKey key = object_n(1);
        Lease lease;
        bool there;

        assert_int_equal(queue_drop(f->q, &key), QUEUE_E_NONE);
        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(queue_drop(f->q, &key), QUEUE_E_GONE);
        assert_int_equal(queue_release(f->q, &lease), 0);
        assert_int_equal(queue_drop(f->q, &key), 0);
        item_n(f, 1, &there);
        assert_false(there);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        put_n(f, 1, LANE_NORMAL);
        lease_n(f, 1);
}

static void test_lease_object(void **state)
{
        Fixture *f = *state;
        ObjectKey one = object_n(1), two = object_n(2), three = object_n(3);
        Commit c = { .now = f->now };
        Lease lease;

        put_n(f, 1, LANE_URGENT);
        put_n(f, 2, LANE_RECONCILE);
        assert_int_equal(queue_lease_object(f->q, f->now, &two, f->a, &lease), 0);
        assert_true(guid_is(&lease.change.id, &two.id));
        assert_int_equal(queue_lease_object(f->q, f->now, &two, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(queue_lease_object(f->q, f->now, &three, f->a, &lease), QUEUE_E_EMPTY);
        /* Delayed counts, parked does not. */
        lease = lease_n(f, 1);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 60000), "later", &c), 0);
        settle(f);
        assert_int_equal(queue_lease_object(f->q, f->now, &one, f->a, &lease), 0);
        assert_int_equal(queue_park(f->q, &lease, "never", &c), 0);
        settle(f);
        assert_int_equal(queue_lease_object(f->q, f->now, &one, f->a, &lease), QUEUE_E_EMPTY);
}

/* Within a lane: by due time, then by arrival. */
static void test_order(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease;

        put_n(f, 5, LANE_NORMAL);
        lease = lease_n(f, 5);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 10), "x", &c), 0);
        settle(f);
        put_n(f, 9, LANE_NORMAL);
        put_n(f, 3, LANE_NORMAL);
        f->now = wall_add(f->now, 20);
        put_n(f, 1, LANE_NORMAL);
        lease_n(f, 9);
        lease_n(f, 3);
        lease_n(f, 5);
        lease_n(f, 1);
}

static void test_lanes(void **state)
{
        Fixture *f = *state;
        unsigned n[_LANE_N] = { 0 };

        for (unsigned i = 1; i <= 100; i++)
                put_n(f, i, LANE_URGENT);
        for (unsigned i = 101; i <= 120; i++)
                put_n(f, i, LANE_NORMAL);
        for (unsigned i = 201; i <= 220; i++)
                put_n(f, i, LANE_RECONCILE);
        /* In any 16 leases every lane has its turn. */
        for (unsigned turn = 0; turn < 4; turn++) {
                memset(n, 0, sizeof(n));
                for (unsigned i = 0; i < 16; i++)
                        n[lease_any(f).change.lane]++;
                assert_true(n[LANE_NORMAL] >= 1 && n[LANE_RECONCILE] >= 1);
                assert_true(n[LANE_URGENT] >= 13);
        }
}

static void test_lane_set(void **state)
{
        Fixture *f = *state;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_lease(f->q, f->now, LANE_SET(LANE_URGENT), f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(queue_lease(f->q, f->now, 0, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(queue_lease(f->q, f->now, LANE_SET(LANE_NORMAL), f->a, &lease), 0);
}

static void put_of(Fixture *f, uint16_t source, unsigned n)
{
        Change c = change_n(n, LANE_NORMAL);

        c.source = source;
        assert_int_equal(queue_put(f->q, &(Intake){ .changes = &c, .n_changes = 1, .now = f->now }), 0);
}

/* A directory that is gone: its changes stay where they are, and those of the other go on. */
static void test_barred(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease = { 0 }, none = { 0 };
        ObjectKey first = object_n(1);

        put_of(f, 0, 1);
        put_of(f, 1, 2);
        put_of(f, 0, 3);
        queue_bar(f->q, 0, true);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), 0);
        assert_int_equal(lease.change.source, 1);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &none), QUEUE_E_EMPTY);
        put_of(f, 0, 4);
        put_of(f, 1, 5);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        settle(f);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), 0);
        assert_int_equal(lease.change.source, 1);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &none), QUEUE_E_EMPTY);

        /* Somebody tries; it is given back, and does not reach the others. */
        assert_int_equal(queue_lease_of(f->q, f->now, LANES_ALL, 1, f->a, &none), QUEUE_E_EMPTY);
        assert_int_equal(queue_lease_of(f->q, f->now, LANES_ALL, 0, f->a, &lease), 0);
        assert_true(guid_is(&lease.change.id, &first.id));
        assert_int_equal(queue_release(f->q, &lease), 0);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &none), QUEUE_E_EMPTY);

        /* A delayed one is not waited for either. */
        assert_int_equal(queue_lease_of(f->q, f->now, LANES_ALL, 0, f->a, &lease), 0);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 10), "SourceUnreachable", &c), 0);
        settle(f);
        f->now = wall_add(f->now, 1000);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &none), QUEUE_E_EMPTY);
        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, 0), 0);

        queue_bar(f->q, 0, false);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), 0);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &none), QUEUE_E_EMPTY);
}

static void test_position(void **state)
{
        static const uint8_t cookie[] = { 'M', 'S', 'D', 'S', 0, 1, 2, 0, 0xff };
        Fixture *f = *state;
        Change c = change_n(1, LANE_NORMAL);
        Intake in = { .changes = &c,
                      .n_changes = 1,
                      .feed = "corp",
                      .position = cookie,
                      .n_position = sizeof(cookie),
                      .now = f->now };
        const void *data;
        size_t n;

        assert_int_equal(queue_position(f->q, "corp", f->a, &data, &n), QUEUE_E_NONE);
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_int_equal(queue_position(f->q, "corp", f->a, &data, &n), 0);
        assert_int_equal(n, sizeof(cookie));
        assert_memory_equal(data, cookie, n);
        assert_int_equal(queue_position(f->q, "lab", f->a, &data, &n), QUEUE_E_NONE);
        /* A put without a feed leaves it alone, and so does a feed's that covers nothing yet. */
        put_n(f, 2, LANE_NORMAL);
        assert_int_equal(queue_position(f->q, "corp", f->a, &data, &n), 0);
        assert_int_equal(n, sizeof(cookie));
        in.position = NULL;
        in.n_position = 0;
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_int_equal(queue_position(f->q, "corp", f->a, &data, &n), 0);
        assert_int_equal(n, sizeof(cookie));
        assert_memory_equal(data, cookie, n);
        in.feed = "lab";
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_int_equal(queue_position(f->q, "lab", f->a, &data, &n), QUEUE_E_NONE);
}

static void test_bad_arguments(void **state)
{
        Fixture *f = *state;
        Change c = change_n(1, LANE_NORMAL);
        Intake in = { .changes = &c, .n_changes = 1, .now = f->now };
        SpaceWrite w = { .table = (SpaceTable)99, .key = "k", .n_key = 1, .serial = SPACE_ANY };
        char name[300];
        const void *data;
        size_t n;

        c.lane = _LANE_N;
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        c.lane = LANE_NORMAL;
        c.kind = _CHANGE_KIND_N;
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        c.kind = CHANGE_UPSERT;
        in.writes = &w;
        in.n_writes = 1;
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        w.table = SPACE_MEMO;
        w.n_key = 0;
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        w.n_key = SPACE_KEY_MAX + 1;
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        in = (Intake){ .feed = name };
        assert_int_equal(queue_put(f->q, &in), -EINVAL);
        assert_int_equal(queue_position(f->q, name, f->a, &data, &n), -EINVAL);
        assert_int_equal(stats(f).n_put, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_basic[] = {
        TEST(test_put_lease_ack),  TEST(test_gone),
        TEST(test_release),        TEST(test_retry),
        TEST(test_far_due),        TEST(test_clock_set_back),
        TEST(test_delay_set_back), TEST(test_clock_corrected),
        TEST(test_late_worker),    TEST(test_park),
        TEST(test_drop),           TEST(test_lease_object),
        TEST(test_order),          TEST(test_lanes),
        TEST(test_lane_set),       TEST(test_barred),
        TEST(test_position),       TEST(test_bad_arguments),
};

const size_t n_contract_basic = N_ELEMENTS(contract_basic);
