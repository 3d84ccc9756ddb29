/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

/*
 * References (decisions: an edge waits, never an object). Objects are numbers; number n has the cloud id
 * 1000 + n.
 */

static void say_wait(SpaceBatch *b, unsigned from, const char *attribute, unsigned to)
{
        Edge e = { .from = object_n(from), .attribute = attribute, .to = id_n(to) };

        space_wait(b, &e);
}

static void say_appeared(SpaceBatch *b, unsigned n)
{
        ObjectKey key = object_n(n);
        ObjectId cloud = id_n(1000 + n);

        space_write_cloud_of(b, &key, &cloud);
        space_appeared(b, &key);
}

static size_t links_of(Fixture *f, LinkTable table, unsigned owner, const char *attribute, ObjectId **ret_ids)
{
        ObjectKey key = object_n(owner);
        uint8_t packed[OBJECT_KEY_SIZE];
        size_t n;

        object_key_pack(&key, packed);
        assert_int_equal(space_read_links(queue_space(f->q), table, packed, sizeof(packed), attribute, f->a,
                                          ret_ids, &n),
                         0);
        return n;
}

static void expect_link(Fixture *f, LinkTable table, unsigned owner, const char *attribute, unsigned id)
{
        ObjectId *ids, expected = id_n(id);

        assert_int_equal(links_of(f, table, owner, attribute, &ids), 1);
        assert_memory_equal(&ids[0], &expected, sizeof(expected));
}

static void expect_no_link(Fixture *f, LinkTable table, unsigned owner, const char *attribute)
{
        ObjectId *ids;

        assert_int_equal(links_of(f, table, owner, attribute, &ids), 0);
}

static Lease take(Fixture *f, unsigned n)
{
        ObjectKey key = object_n(n);
        Lease lease = { 0 };

        assert_int_equal(queue_lease_object(f->q, f->now, &key, f->a, &lease), 0);
        return lease;
}

static void ack_batch(Fixture *f, const Lease *lease, const SpaceBatch *b)
{
        Commit c = { .batch = b, .now = f->now };

        assert_int_equal(queue_ack(f->q, lease, &c), 0);
}

/* After its time the source has one change of kind LINK, with its reference ready. */
static void expect_link_run(Fixture *f, unsigned source, const char *attribute, unsigned target)
{
        SpaceBatch b;
        ObjectKey key = object_n(source);
        ObjectId id = id_n(target);
        uint8_t packed[OBJECT_KEY_SIZE];
        Lease lease;

        assert_int_equal(queue_lease(f->q, wall_add(f->now, 1999), LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        f->now = wall_add(f->now, 2000);
        lease = lease_n(f, source);
        assert_int_equal(lease.change.kind, CHANGE_LINK);
        expect_link(f, LINK_READY, source, attribute, target);
        space_batch_init(&b, f->a);
        object_key_pack(&key, packed);
        space_write_link(&b, LINK_READY, LINK_REMOVE, packed, sizeof(packed), attribute, &id);
        ack_batch(f, &lease, &b);
        settle(f);
        f->now = wall_add(f->now, 60000);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(stats(f).n_waiting_edges, 0);
        assert_int_equal(stats(f).n_ready_edges, 0);
}

/* First the wait, then the target. */
static void test_wait_first(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Lease one, two;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        one = take(f, 1);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "manager", 2);
        ack_batch(f, &one, &b);
        settle(f);
        expect_link(f, LINK_WAIT, 2, "manager", 1);
        assert_int_equal(stats(f).n_waiting_edges, 1);
        two = take(f, 2);
        space_batch_init(&b, f->a);
        say_appeared(&b, 2);
        ack_batch(f, &two, &b);
        settle(f);
        expect_no_link(f, LINK_WAIT, 2, "manager");
        expect_link_run(f, 1, "manager", 2);
}

/* First the target: the run of the source has looked before, and says wait after. */
static void test_target_first(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Lease one, two;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        one = take(f, 1);
        two = take(f, 2);
        space_batch_init(&b, f->a);
        say_appeared(&b, 2);
        ack_batch(f, &two, &b);
        settle(f);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "manager", 2);
        ack_batch(f, &one, &b);
        settle(f);
        expect_no_link(f, LINK_WAIT, 2, "manager");
        expect_link_run(f, 1, "manager", 2);
}

/* The same two, with nothing to make them durable in between: one group commit in most runs. */
static void test_one_commit(void **state)
{
        Fixture *f = *state;
        SpaceBatch wait, appeared;
        Lease one, two;

        for (int order = 0; order < 2; order++) {
                /* Each round has objects of its own. */
                unsigned a = 1 + 10 * (unsigned)order, b = 2 + 10 * (unsigned)order;

                put_n(f, a, LANE_NORMAL);
                put_n(f, b, LANE_NORMAL);
                one = take(f, a);
                two = take(f, b);
                space_batch_init(&wait, f->a);
                say_wait(&wait, a, "manager", b);
                space_batch_init(&appeared, f->a);
                say_appeared(&appeared, b);
                ack_batch(f, order ? &two : &one, order ? &appeared : &wait);
                ack_batch(f, order ? &one : &two, order ? &wait : &appeared);
                settle(f);
                expect_link_run(f, a, "manager", b);
        }
}

/* A row of CLOUD_OF is the moment, also when nobody says that it is one. */
static void test_cloud_of_alone(void **state)
{
        Fixture *f = *state;
        ObjectKey two = object_n(2);
        ObjectId cloud = id_n(1002);
        SpaceBatch b;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = take(f, 1);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "manager", 2);
        ack_batch(f, &lease, &b);
        put_n(f, 2, LANE_NORMAL);
        lease = take(f, 2);
        space_batch_init(&b, f->a);
        space_write_cloud_of(&b, &two, &cloud);
        ack_batch(f, &lease, &b);
        settle(f);
        expect_link_run(f, 1, "manager", 2);
}

/* A and B name each other; A names itself. Nothing blocks. */
static void test_cycles(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Lease one, two;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        one = take(f, 1);
        two = take(f, 2);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "member", 2);
        say_wait(&b, 1, "member", 1);
        say_appeared(&b, 1);
        ack_batch(f, &one, &b);
        space_batch_init(&b, f->a);
        say_wait(&b, 2, "member", 1);
        say_appeared(&b, 2);
        ack_batch(f, &two, &b);
        settle(f);
        assert_int_equal(stats(f).n_waiting_edges, 0);
        assert_int_equal(stats(f).n_ready_edges, 3);
        f->now = wall_add(f->now, 2000);
        one = lease_n(f, 1);
        two = lease_n(f, 2);
        assert_int_equal(one.change.kind, CHANGE_LINK);
        assert_int_equal(two.change.kind, CHANGE_LINK);
}

/* References that become ready while their source waits or is worked on merge with what is there. */
static void test_link_merges(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Lease one, two;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        one = take(f, 1);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "manager", 2);
        say_wait(&b, 1, "member", 3);
        ack_batch(f, &one, &b);
        settle(f);
        /* A whole run is waiting: it covers the references. */
        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        two = take(f, 2);
        space_batch_init(&b, f->a);
        say_appeared(&b, 2);
        ack_batch(f, &two, &b);
        settle(f);
        one = lease_n(f, 1);
        assert_int_equal(one.change.kind, CHANGE_UPSERT);
        /* While that run is at work, the next one appears: a run of its own, which waits for company. */
        put_n(f, 3, LANE_NORMAL);
        two = take(f, 3);
        space_batch_init(&b, f->a);
        say_appeared(&b, 3);
        ack_batch(f, &two, &b);
        settle(f);
        ack_lease(f, &one);
        settle(f);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_DELAYED);
        f->now = wall_add(f->now, 2000);
        one = lease_n(f, 1);
        assert_int_equal(one.change.kind, CHANGE_LINK);
        assert_int_equal(stats(f).n_ready_edges, 2);
}

/* Twenty are a full request: no reason to wait. */
static void test_twenty_at_once(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = take(f, 1);
        space_batch_init(&b, f->a);
        for (unsigned i = 2; i <= 21; i++)
                say_wait(&b, 1, "member", i);
        ack_batch(f, &lease, &b);
        for (unsigned i = 2; i <= 21; i++) {
                put_n(f, i, LANE_NORMAL);
                lease = take(f, i);
                space_batch_init(&b, f->a);
                say_appeared(&b, i);
                ack_batch(f, &lease, &b);
                settle(f);
                assert_int_equal(item_n(f, 1, &there).state, i < 21 ? QUEUE_DELAYED : QUEUE_READY);
        }
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.kind, CHANGE_LINK);
        assert_int_equal(stats(f).n_ready_edges, 20);
}

/* One run of the group: sends what is ready in twenties. */
static unsigned run_group(Fixture *f)
{
        ObjectKey key = object_n(1);
        uint8_t packed[OBJECT_KEY_SIZE];
        ObjectId *ids = NULL;
        SpaceBatch b;
        Lease lease;
        size_t n;

        if (queue_lease_object(f->q, f->now, &key, f->a, &lease))
                return 0;
        n = links_of(f, LINK_READY, 1, "member", &ids);
        space_batch_init(&b, f->a);
        object_key_pack(&key, packed);
        for (size_t i = 0; i < n; i++)
                space_write_link(&b, LINK_READY, LINK_REMOVE, packed, sizeof(packed), "member", &ids[i]);
        ack_batch(f, &lease, &b);
        return (unsigned)(n + 19) / 20;
}

/* 5,000 new members of one group, created at 20 a second, cost 250 writes of the group and at most one more.
 */
static void test_fan_out(void **state)
{
        enum {
                N = 5000
        };
        Fixture *f = *state;
        Change *changes = arena_new_array(f->a, Change, N + 1);
        Intake in = { .changes = changes, .n_changes = N + 1, .now = f->now };
        unsigned n_writes = 0;
        SpaceBatch b;
        Lease lease;
        bool there;

        for (unsigned i = 0; i <= N; i++)
                changes[i] = change_n(i + 1, LANE_NORMAL);
        assert_int_equal(queue_put(f->q, &in), 0);
        lease = take(f, 1);
        space_batch_init(&b, f->a);
        for (unsigned i = 2; i <= N + 1; i++)
                say_wait(&b, 1, "member", i);
        ack_batch(f, &lease, &b);
        settle(f);
        assert_int_equal(stats(f).n_waiting_edges, N);
        for (unsigned i = 2; i <= N + 1; i++) {
                arena_reset(f->a);
                lease = take(f, i);
                space_batch_init(&b, f->a);
                say_appeared(&b, i);
                ack_batch(f, &lease, &b);
                f->now = wall_add(f->now, 50);
                /* Twenty of them, in one commit or in several. */
                if (i % 20 == 1) {
                        settle(f);
                        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
                        n_writes += run_group(f);
                }
        }
        settle(f);
        f->now = wall_add(f->now, 2000);
        n_writes += run_group(f);
        settle(f);
        assert_int_equal(stats(f).n_waiting_edges, 0);
        assert_int_equal(stats(f).n_ready_edges, 0);
        assert_in_range(n_writes, 250, 251);
}

/* A wait that nobody needs any more goes like any other link. */
static void test_wait_removed(void **state)
{
        Fixture *f = *state;
        ObjectKey target = object_n(2);
        ObjectId source = id_n(1);
        uint8_t packed[OBJECT_KEY_SIZE];
        SpaceBatch b;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = take(f, 1);
        space_batch_init(&b, f->a);
        say_wait(&b, 1, "manager", 2);
        ack_batch(f, &lease, &b);
        settle(f);
        put_n(f, 1, LANE_NORMAL);
        lease = take(f, 1);
        space_batch_init(&b, f->a);
        object_key_pack(&target, packed);
        space_write_link(&b, LINK_WAIT, LINK_REMOVE, packed, sizeof(packed), "manager", &source);
        ack_batch(f, &lease, &b);
        settle(f);
        assert_int_equal(stats(f).n_waiting_edges, 0);
}

/* Who is to be run again because of what another run leaves behind: parked or not, it is READY with the ack,
 * in its lane; one that is in work comes again behind its lease. */
static void test_again(void **state)
{
        Fixture *f = *state;
        ObjectKey two = object_n(2), three = object_n(3), four = object_n(4);
        Lease leaver, parked, busy, lease;
        SpaceBatch b;
        QueueItem item;
        bool there;

        put_n(f, 1, LANE_URGENT);
        put_n(f, 2, LANE_NORMAL);
        put_n(f, 3, LANE_NORMAL);
        leaver = take(f, 1);
        parked = take(f, 2);
        busy = take(f, 3);
        assert_int_equal(queue_park(f->q, &parked, "AmbiguousJoin", &(Commit){ .now = f->now }), 0);
        settle(f);
        item = item_n(f, 2, &there);
        assert_true(there);
        assert_int_equal(item.state, QUEUE_PARKED);
        space_batch_init(&b, f->a);
        space_again(&b, &two);
        space_again(&b, &two);
        space_again(&b, &three);
        space_again(&b, &four);
        assert_int_equal(b.n_again, 3);
        b.again_revoke = true;
        ack_batch(f, &leaver, &b);
        settle(f);
        item = item_n(f, 2, &there);
        assert_true(there);
        assert_int_equal(item.state, QUEUE_READY);
        assert_int_equal(item.change.lane, LANE_URGENT);
        assert_int_equal(item.change.kind, CHANGE_UPSERT);
        assert_true(item.change.revoke);
        item = item_n(f, 4, &there);
        assert_true(there);
        assert_int_equal(item.state, QUEUE_READY);
        assert_int_equal(queue_ack(f->q, &busy, &(Commit){ .now = f->now }), 0);
        settle(f);
        lease = take(f, 3);
        assert_int_equal(lease.change.lane, LANE_URGENT);
        /* Also when the lease ends in another way. */
        space_batch_init(&b, f->a);
        space_again(&b, &two);
        parked = take(f, 2);
        assert_int_equal(queue_ack(f->q, &parked, &(Commit){ .now = f->now }), 0);
        settle(f);
        assert_int_equal(queue_park(f->q, &lease, "x", &(Commit){ .batch = &b, .now = f->now }), 0);
        settle(f);
        item = item_n(f, 2, &there);
        assert_true(there);
        assert_int_equal(item.state, QUEUE_READY);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_edges[] = {
        TEST(test_wait_first),     TEST(test_target_first), TEST(test_one_commit),
        TEST(test_cloud_of_alone), TEST(test_cycles),       TEST(test_link_merges),
        TEST(test_twenty_at_once), TEST(test_fan_out),      TEST(test_wait_removed),
        TEST(test_again),
};

const size_t n_contract_edges = N_ELEMENTS(contract_edges);
