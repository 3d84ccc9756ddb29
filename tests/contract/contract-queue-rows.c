/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <errno.h>
#include <stdio.h>

typedef struct Walk {
        unsigned n;
        unsigned stop_at;
        char last[SPACE_KEY_MAX + 1];
} Walk;

static int walk_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Walk *w = context;

        memcpy(w->last, key, n_key);
        w->last[n_key] = '\0';
        assert_true(row->serial != 0);
        assert_int_equal(row->n, 4);
        return ++w->n == w->stop_at;
}

static void test_walk(void **state)
{
        Fixture *f = *state;
        Space *s = queue_space(f->q);
        SpaceBatch b;
        Intake in = { .now = f->now };
        Walk w = { 0 };
        char name[16];

        space_batch_init(&b, f->a);
        for (unsigned i = 0; i < 600; i++) {
                snprintf(name, sizeof(name), "memo-%03u", i);
                memo_write(&b, name, "data", 4, SPACE_ANY);
        }
        in.writes = b.writes;
        in.n_writes = b.n_writes;
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_int_equal(s->ops->walk(s, SPACE_MEMO, NULL, 0, walk_row, &w), 0);
        assert_int_equal(w.n, 600);
        assert_string_equal(w.last, "memo-599");
        w = (Walk){ .stop_at = 10 };
        assert_int_equal(s->ops->walk(s, SPACE_MEMO, "memo-099", 8, walk_row, &w), 0);
        assert_int_equal(w.n, 10);
        assert_string_equal(w.last, "memo-109");
        w = (Walk){ 0 };
        assert_int_equal(s->ops->walk(s, SPACE_HEAD, NULL, 0, walk_row, &w), 0);
        assert_int_equal(w.n, 0);
}

static int put_checked(Fixture *f, const char *text, uint64_t serial, bool also_other)
{
        SpaceBatch b;

        batch_row(&b, f->a, "row", text, serial);
        if (also_other)
                memo_write(&b, "other", text, strlen(text), SPACE_ANY);
        return queue_put(
                f->q,
                &(Intake){ .writes = b.writes, .n_writes = b.n_writes, .checked = true, .now = f->now });
}

/* A compare-and-set: who was not first has stored nothing. */
static void test_checked_put(void **state)
{
        Fixture *f = *state;
        Change change = change_n(1, LANE_NORMAL);
        uint64_t first = 0, second = 0;

        assert_int_equal(put_checked(f, "one", 0, false), 0);
        assert_int_equal(put_checked(f, "two", 0, true), QUEUE_E_STALE);
        assert_string_equal(read_row(f, "row", &first), "one");
        assert_null(read_row(f, "other", NULL));
        assert_int_equal(put_checked(f, "two", first, true), 0);
        assert_string_equal(read_row(f, "row", &second), "two");
        assert_string_equal(read_row(f, "other", NULL), "two");
        assert_true(second != first);
        assert_int_equal(put_checked(f, "three", first, false), QUEUE_E_STALE);
        assert_int_equal(
                queue_put(f->q,
                          &(Intake){ .changes = &change, .n_changes = 1, .checked = true, .now = f->now }),
                -EINVAL);
}

static void test_claims(void **state)
{
        Fixture *f = *state;
        Space *s = queue_space(f->q);
        ObjectId a = id_n(1), b = id_n(2);

        assert_int_equal(space_claim(s, &a), 0);
        assert_int_equal(space_claim(s, &a), SPACE_E_BUSY);
        assert_int_equal(space_claim(s, &b), 0);
        space_release(s, &a);
        space_release(s, &a);
        assert_int_equal(space_claim(s, &a), 0);
        assert_int_equal(space_claim(s, &b), SPACE_E_BUSY);
}

/* Rows of every kind through the typed front doors. */
static void test_typed_rows(void **state)
{
        Fixture *f = *state;
        Space *s = queue_space(f->q);
        ObjectKey key = object_n(1);
        ObjectId mv = id_n(11), cloud = id_n(12), found;
        Head head = { .dn = "CN=Ada", .type = "user", .in_scope = true, .metaverse = mv, .imported = f->now };
        Person person = { .type = "person",
                          .anchor = "aaaa",
                          .joined = &key,
                          .n_joined = 1,
                          .flowed = (const uint8_t *)"f",
                          .n_flowed = 1,
                          .rules_version = "r1" };
        Intent intent = { .anchor = "aaaa", .type = "user", .request_id = "1", .tries = 1, .at = f->now };
        Head read_head;
        Person read_person;
        Intent read_intent;
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        uint64_t serial = 77;
        ObjectId *ids;
        Lease lease;
        size_t n;

        assert_int_equal(space_read_head(s, &key, f->a, &read_head, &serial, NULL), SPACE_E_NONE);
        assert_int_equal(serial, 0);
        assert_int_equal(space_read_cloud_of(s, &key, &found), SPACE_E_NONE);
        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        space_batch_init(&b, f->a);
        space_write_head(&b, &key, &head, 0);
        space_write_person(&b, &mv, &person, 0);
        space_write_intent(&b, &mv, &intent, 0);
        space_write_cloud_of(&b, &key, &cloud);
        space_write_join(&b, LINK_ADD, "person", "mail", value_string("Ada@contoso.test"), &mv);
        assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(space_read_head(s, &key, f->a, &read_head, &serial, NULL), 0);
                assert_string_equal(read_head.dn, "CN=Ada");
                assert_int_equal(space_read_person(s, &mv, f->a, &read_person, NULL, NULL), 0);
                assert_string_equal(read_person.rules_version, "r1");
                assert_int_equal(space_read_intent(s, &mv, f->a, &read_intent, NULL, NULL), 0);
                assert_int_equal(space_read_cloud_of(s, &key, &found), 0);
                assert_true(guid_is(&found, &cloud));
                assert_int_equal(space_find_join(s, "person", "mail", value_string("ada@CONTOSO.test"), false,
                                                 f->a, &ids, &n),
                                 0);
                assert_int_equal(n, 1);
                assert_true(guid_is(&ids[0], &mv));
                assert_int_equal(space_find_join(s, "person", "mail", value_string("ada@CONTOSO.test"), true,
                                                 f->a, &ids, &n),
                                 0);
                assert_int_equal(n, 0);
                settle(f);
        }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_rows[] = {
        TEST(test_walk),
        TEST(test_checked_put),
        TEST(test_claims),
        TEST(test_typed_rows),
};

const size_t n_contract_rows = N_ELEMENTS(contract_rows);
