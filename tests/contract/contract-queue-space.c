/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <stdio.h>

/* What an ack has written is seen as soon as it has returned, durable or not. */
static void test_ack_is_seen(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        char text[32];

        for (unsigned i = 1; i <= 50; i++) {
                Lease lease;

                put_n(f, i, LANE_NORMAL);
                lease = lease_n(f, i);
                snprintf(text, sizeof(text), "value %u", i);
                batch_row(&b, f->a, "memo", text, SPACE_ANY);
                assert_int_equal(queue_ack(f->q, &lease, &c), 0);
                assert_string_equal(read_row(f, "memo", NULL), text);
        }
}

static void test_serials(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        uint64_t serial = 0, next = 0;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        put_n(f, 3, LANE_NORMAL);
        lease = lease_n(f, 1);
        /* A row that must not be there yet. */
        batch_row(&b, f->a, "memo", "one", 0);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        assert_string_equal(read_row(f, "memo", &serial), "one");
        assert_true(serial != 0);

        lease = lease_n(f, 2);
        batch_row(&b, f->a, "memo", "two", 0);
        assert_int_equal(queue_ack(f->q, &lease, &c), QUEUE_E_STALE);
        batch_row(&b, f->a, "memo", "two", serial + 1000000);
        assert_int_equal(queue_retry(f->q, &lease, f->now, "x", &c), QUEUE_E_STALE);
        assert_int_equal(queue_park(f->q, &lease, "x", &c), QUEUE_E_STALE);
        assert_int_equal(queue_note(f->q, &lease, &c), QUEUE_E_STALE);
        assert_string_equal(read_row(f, "memo", NULL), "one");
        /* The lease was kept, and the right serial is accepted. */
        batch_row(&b, f->a, "memo", "two", serial);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        assert_string_equal(read_row(f, "memo", &next), "two");
        assert_true(next > serial);

        lease = lease_n(f, 3);
        batch_row(&b, f->a, "memo", "three", serial);
        assert_int_equal(queue_ack(f->q, &lease, &c), QUEUE_E_STALE);
        space_batch_init(&b, f->a);
        memo_delete(&b, "memo");
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        assert_null(read_row(f, "memo", NULL));
        settle(f);
        assert_null(read_row(f, "memo", NULL));
}

/* A refused batch leaves nothing: neither rows, nor links, nor an outcome. */
static void test_stale_is_whole(void **state)
{
        Fixture *f = *state;
        ObjectId owner = id_n(1), member = id_n(2);
        Outcome o;
        SpaceBatch b;
        Commit c = { .batch = &b, .outcome = &o, .now = f->now };
        ObjectId *ids;
        Lease lease;
        size_t n;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        o = outcome_of(&lease, "run");
        batch_row(&b, f->a, "first", "x", SPACE_ANY);
        memo_write(&b, "second", "y", 1, 12345);
        space_write_link(&b, LINK_CLOUD, LINK_ADD, &owner, sizeof(owner), "member", &member);
        assert_int_equal(queue_ack(f->q, &lease, &c), QUEUE_E_STALE);
        settle(f);
        assert_null(read_row(f, "first", NULL));
        assert_int_equal(space_read_links(queue_space(f->q), LINK_CLOUD, &owner, sizeof(owner), "member",
                                          f->a, &ids, &n),
                         0);
        assert_int_equal(n, 0);
        assert_int_equal(stats(f).n_outcomes, 0);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_LEASED], 1);
}

static void test_note(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        batch_row(&b, f->a, "intent", "create", 0);
        assert_int_equal(queue_note(f->q, &lease, &c), 0);
        assert_string_equal(read_row(f, "intent", NULL), "create");
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_LEASED);
        if (contract_is_durable()) {
                contract_reopen(f);
                assert_string_equal(read_row(f, "intent", NULL), "create");
                lease = lease_n(f, 1);
        }
        ack_lease(f, &lease);
}

/* A put's row that a run has written since is left as it is, and the rest is stored. */
static void test_put_rows(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Intake in = { .now = f->now };
        uint64_t serial;

        batch_row(&b, f->a, "head", "by the feed", 0);
        in.writes = b.writes;
        in.n_writes = b.n_writes;
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_string_equal(read_row(f, "head", &serial), "by the feed");
        batch_row(&b, f->a, "head", "late", serial + 1);
        memo_write(&b, "other", "stored", 6, SPACE_ANY);
        in.writes = b.writes;
        in.n_writes = b.n_writes;
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_string_equal(read_row(f, "head", NULL), "by the feed");
        assert_string_equal(read_row(f, "other", NULL), "stored");
}

static void expect_links(Fixture *f, const ObjectId *owner, const unsigned *expected, size_t n_expected)
{
        ObjectId *ids = NULL;
        size_t n;

        assert_int_equal(space_read_links(queue_space(f->q), LINK_CLOUD, owner, sizeof(*owner), "member",
                                          f->a, &ids, &n),
                         0);
        assert_int_equal(n, n_expected);
        for (size_t i = 0; i < n; i++) {
                ObjectId id = id_n(expected[i]);

                assert_memory_equal(&ids[i], &id, sizeof(id));
        }
}

static void link_member(SpaceBatch *b, LinkVerb verb, const ObjectId *owner, unsigned n)
{
        ObjectId id = id_n(n);

        space_write_link(b, LINK_CLOUD, verb, owner, sizeof(*owner), "member", &id);
}

static void test_links(void **state)
{
        Fixture *f = *state;
        const ObjectId owner = id_n(99), other = id_n(98), two = id_n(2), five = id_n(5);
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        uint8_t key[SPACE_KEY_MAX];
        size_t n_key = space_link_key(&owner, sizeof(owner), "member", key), n;
        ObjectId *ids;
        Lease lease;
        bool has;

        for (unsigned i = 1; i <= 4; i++)
                put_n(f, i, LANE_NORMAL);
        lease = lease_n(f, 1);
        space_batch_init(&b, f->a);
        link_member(&b, LINK_ADD, &owner, 7);
        link_member(&b, LINK_ADD, &owner, 2);
        link_member(&b, LINK_ADD, &owner, 5);
        link_member(&b, LINK_ADD, &owner, 2);
        link_member(&b, LINK_ADD, &other, 1);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        expect_links(f, &owner, (const unsigned[]){ 2, 5, 7 }, 3);
        settle(f);
        expect_links(f, &owner, (const unsigned[]){ 2, 5, 7 }, 3);

        /* In line above what is durable: removed, added, and a page that begins in the middle. */
        lease = lease_n(f, 2);
        space_batch_init(&b, f->a);
        link_member(&b, LINK_REMOVE, &owner, 5);
        link_member(&b, LINK_REMOVE, &owner, 6);
        link_member(&b, LINK_ADD, &owner, 3);
        link_member(&b, LINK_ADD, &owner, 9);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        expect_links(f, &owner, (const unsigned[]){ 2, 3, 7, 9 }, 4);
        assert_int_equal(space_page_links(queue_space(f->q), LINK_CLOUD, &owner, sizeof(owner), "member",
                                          &two, 2, f->a, &ids, &n),
                         0);
        assert_int_equal(n, 2);
        assert_int_equal(ids[0].bytes[15], 3);
        assert_int_equal(ids[1].bytes[15], 7);
        assert_int_equal(
                queue_space(f->q)->ops->has_link(queue_space(f->q), LINK_CLOUD, key, n_key, &five, &has), 0);
        assert_false(has);

        lease = lease_n(f, 3);
        space_batch_init(&b, f->a);
        link_member(&b, LINK_ADD, &owner, 4);
        link_member(&b, LINK_CLEAR, &owner, 0);
        link_member(&b, LINK_ADD, &owner, 5);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        expect_links(f, &owner, (const unsigned[]){ 5 }, 1);
        assert_int_equal(
                queue_space(f->q)->ops->has_link(queue_space(f->q), LINK_CLOUD, key, n_key, &five, &has), 0);
        assert_true(has);
        settle(f);
        expect_links(f, &owner, (const unsigned[]){ 5 }, 1);
        expect_links(f, &other, (const unsigned[]){ 1 }, 1);
        assert_int_equal(
                queue_space(f->q)->ops->has_link(queue_space(f->q), LINK_CLOUD, key, n_key, &two, &has), 0);
        assert_false(has);
        /* A page behind the only one. */
        assert_int_equal(space_page_links(queue_space(f->q), LINK_CLOUD, &owner, sizeof(owner), "member",
                                          &five, 2, f->a, &ids, &n),
                         0);
        assert_int_equal(n, 0);
        assert_int_equal(space_page_links(queue_space(f->q), LINK_CLOUD, &owner, sizeof(owner), "member",
                                          &two, 2, f->a, &ids, &n),
                         0);
        assert_int_equal(n, 1);
}

/* A put may bring links with its changes; they are there when it returns. */
static void test_links_of_a_put(void **state)
{
        Fixture *f = *state;
        const ObjectId owner = id_n(1);
        ObjectKey one = object_n(1), two = object_n(2);
        Change change = change_n(1, LANE_NORMAL);
        SpaceBatch b;
        bool has = false;

        space_batch_init(&b, f->a);
        link_member(&b, LINK_ADD, &owner, 3);
        link_member(&b, LINK_ADD, &owner, 4);
        assert_int_equal(queue_put(f->q, &(Intake){ .changes = &change,
                                                    .n_changes = 1,
                                                    .links = b.links,
                                                    .n_links = b.n_links,
                                                    .now = f->now }),
                         0);
        expect_links(f, &owner, (const unsigned[]){ 3, 4 }, 2);
        assert_int_equal(queue_has(f->q, &one, &has), 0);
        assert_true(has);
        assert_int_equal(queue_has(f->q, &two, &has), 0);
        assert_false(has);
}

/* 100,000 members are rows of their own: pages find their way through them. */
static void test_many_links(void **state)
{
        enum {
                N = 20000
        };
        Fixture *f = *state;
        const ObjectId owner = id_n(1);
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        ObjectId *ids;
        Lease lease;
        size_t n;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        lease = lease_n(f, 1);
        space_batch_init(&b, f->a);
        for (unsigned i = 0; i < N; i++)
                link_member(&b, LINK_ADD, &owner, i * 2);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        settle(f);
        lease = lease_n(f, 2);
        space_batch_init(&b, f->a);
        link_member(&b, LINK_ADD, &owner, 4097);
        link_member(&b, LINK_REMOVE, &owner, 8192);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(space_read_links(queue_space(f->q), LINK_CLOUD, &owner, sizeof(owner),
                                                  "member", f->a, &ids, &n),
                                 0);
                assert_int_equal(n, N);
                for (size_t j = 1; j < n; j++)
                        assert_true(guid_compare(&ids[j - 1], &ids[j]) < 0);
                settle(f);
        }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_space[] = {
        TEST(test_ack_is_seen), TEST(test_serials),        TEST(test_stale_is_whole), TEST(test_note),
        TEST(test_put_rows),    TEST(test_links_of_a_put), TEST(test_links),          TEST(test_many_links),
};

const size_t n_contract_space = N_ELEMENTS(contract_space);
