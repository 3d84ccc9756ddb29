/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

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

/* -- many ------------------------------------------------------------------------------------------------ */

/* Dates that nobody comes to, and those that come one after the other. */
#define MANY  100000
#define FEW   1000
#define COMES 10

/* In memory each costs what it is; over the network a row costs a message. */
static unsigned how_many(void)
{
        return strcmp(contract_backend, "lmdb") == 0 ? MANY : FEW;
}

static unsigned n_entries(const char *folder)
{
        DIR *dir = opendir(folder);
        unsigned n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

/* How often this process went to sleep and was woken. */
static long n_wakes(void)
{
        struct rusage usage;

        assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
        return usage.ru_nvcsw;
}

static void give_dates(Fixture *f, unsigned first, unsigned n, Wall date, int64_t apart_ms)
{
        for (unsigned i = first; i < first + n;) {
                Change changes[500];
                size_t n_page = 0;

                for (; n_page < N_ELEMENTS(changes) && i + n_page < first + n; n_page++) {
                        changes[n_page] = change_n(i + (unsigned)n_page, LANE_NORMAL);
                        changes[n_page].seen = f->now;
                }
                assert_int_equal(
                        queue_put(f->q, &(Intake){ .changes = changes, .n_changes = n_page, .now = f->now }),
                        0);
                for (size_t k = 0; k < n_page; k++, i++) {
                        Lease lease = lease_any(f);
                        Commit c = { .now = f->now,
                                     .due = wall_add(date, (int64_t)i * apart_ms),
                                     .due_lane = LANE_URGENT };

                        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
                        arena_reset(f->a);
                }
        }
        settle(f);
}

/* What the heap of an open queue holds; 0 of one in memory, which cannot be closed and opened. */
static int64_t heap_at_open(Fixture *f, int64_t *ret_us)
{
        int64_t before;
        Mono began;

        *ret_us = 0;
        if (!contract_is_durable())
                return 0;
        f->q = queue_free(f->q);
        before = (int64_t)mallinfo2().uordblks;
        began = clock_mono(&clock_system);
        contract_reopen(f);
        *ret_us = clock_mono(&clock_system).us - began.us;
        return (int64_t)mallinfo2().uordblks - before;
}

/* Threads of a connection that was closed are gone a moment later. */
static bool comes_down_to(const char *folder, unsigned n)
{
        Mono end = mono_add(clock_mono(&clock_system), (int64_t)30 * 1000000);

        while (n_entries(folder) > n) {
                if (clock_mono(&clock_system).us > end.us)
                        return false;
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
        return true;
}

/* No timer, thread or file for a date, and no memory at a start: they are rows, of which the first is looked
 * at. Who waits is woken once for a date that comes, and not at all for the others. */
static void test_date_many(void **state)
{
        Fixture *f = *state;
        unsigned n = how_many(), n_threads = n_entries("/proc/self/task"),
                 n_files = n_entries("/proc/self/fd");
        int64_t us, empty = heap_at_open(f, &us), full;
        long wakes;

        give_dates(f, 1, n, wall_add(f->now, INT64_C(86400) * 1000), 1000);
        full = heap_at_open(f, &us);
        print_message("%u dates: opened in %lld us, with %lld bytes more than without any\n", n,
                      (long long)us, (long long)(full - empty));
        assert_true(full - empty < 64 * 1024); /* the connection of a cluster has buffers of its own */
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_DATED], n);
        assert_true(comes_down_to("/proc/self/task", n_threads));
        assert_true(comes_down_to("/proc/self/fd", n_files));

        /* Nothing comes: one sleep, which its own time ends. A cluster's node has threads that listen. */
        wakes = n_wakes();
        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, 300000), 0);
        wakes = n_wakes() - wakes;
        print_message("%ld wakes in 300 ms\n", wakes);
        if (strcmp(contract_backend, "jetstream") != 0)
                assert_in_range(wakes, 0, 10);

        give_dates(f, n + 1, COMES, wall_add(f->now, 20 - 20 * (int64_t)(n + 1)), 20);
        for (unsigned i = 0; i < COMES; i++) {
                Lease lease;

                assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, 60 * (int64_t)1000000), 0);
                f->now = wall_add(f->now, 20);
                lease = lease_n(f, n + 1 + i);
                ack_lease(f, &lease);
                settle(f);
        }
        assert_int_equal(stats(f).n[LANE_URGENT][QUEUE_DATED], n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

const struct CMUnitTest contract_date[] = {
        TEST(test_date),          TEST(test_date_and_change), TEST(test_date_and_links),
        TEST(test_date_unparked), TEST(test_date_parked),     TEST(test_date_wakes),
        TEST(test_date_many),
};
const size_t n_contract_date = N_ELEMENTS(contract_date);
