/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/space/memo.h"
#include "engine/space/space-internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/*
 * The front doors over a backend that answers from a batch: one row of each key, links in pages as small as
 * the front asks for. The real backends have their contract test (tests/contract).
 */
typedef struct Fake {
        Space space;
        const SpaceBatch *batch;
        int error;
        unsigned n_pages;
} Fake;

static int fake_get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        Fake *f = (Fake *)s;

        for (size_t i = 0; f->error == 0 && i < f->batch->n_writes; i++) {
                const SpaceWrite *w = &f->batch->writes[i];

                if (w->table == table && w->n_key == n_key && memcmp(w->key, key, n_key) == 0)
                        *ret_row = w->data ? (SpaceRow){ .data = w->data, .n = w->n, .serial = i + 1 }
                                           : (SpaceRow){ 0 };
        }
        return f->error;
}

static int by_id(const void *a, const void *b)
{
        return guid_compare(a, b);
}

static int fake_links(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after,
                      size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        Fake *f = (Fake *)s;
        ObjectId *all = arena_new_array(a, ObjectId, f->batch->n_links + 1);
        size_t n = 0;

        for (size_t i = 0; i < f->batch->n_links; i++) {
                const LinkWrite *l = &f->batch->links[i];

                if (l->table == table && l->n_key == n_key && memcmp(l->key, key, n_key) == 0 &&
                    (!after || guid_compare(&l->id, after) > 0))
                        all[n++] = l->id;
        }
        qsort(all, n, sizeof(*all), by_id);
        f->n_pages++;
        *ret_ids = all;
        *ret_n = n < max ? n : max;
        return f->error;
}

static const SpaceOps fake_ops = { .name = "fake", .get = fake_get, .links = fake_links };

typedef struct Desk {
        Arena *a;
        SpaceBatch b;
        Fake fake;
        Space *s;
} Desk;

static int setup(void **state)
{
        Desk *d = calloc(1, sizeof(*d));

        assert_non_null(d);
        d->a = arena_new(0);
        space_batch_init(&d->b, d->a);
        d->fake = (Fake){ .space.ops = &fake_ops, .batch = &d->b };
        d->s = &d->fake.space;
        *state = d;
        return 0;
}

static int teardown(void **state)
{
        Desk *d = *state;

        arena_free(d->a);
        free(d);
        return 0;
}

static ObjectId id_n(unsigned n)
{
        ObjectId id = { { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };

        return id;
}

static void test_keys(void **state)
{
        ObjectKey key = { 0x1234, id_n(7) }, found;
        uint8_t buf[OBJECT_KEY_SIZE], x[SPACE_KEY_MAX], y[SPACE_KEY_MAX];
        size_t n;

        object_key_pack(&key, buf);
        assert_int_equal(buf[0], 0x12);
        assert_int_equal(buf[1], 0x34);
        assert_true(object_key_unpack(buf, sizeof(buf), &found));
        assert_int_equal(found.source, 0x1234);
        assert_true(guid_is(&found.id, &key.id));
        assert_false(object_key_unpack(buf, sizeof(buf) - 1, &found));

        n = space_link_key(buf, sizeof(buf), "member", x);
        assert_int_equal(n, OBJECT_KEY_SIZE + SPACE_HASH_SIZE);
        assert_memory_equal(x, buf, sizeof(buf));
        space_link_key(buf, sizeof(buf), "manager", y);
        assert_true(memcmp(x, y, n) != 0);
}

static void test_read_back(void **state)
{
        Desk *d = *state;
        ObjectKey key = { 0, id_n(1) };
        ObjectId cloud = id_n(2), found;
        Head head = { .type = "user" }, read_head;
        uint64_t serial = 55;
        Diag diag = DIAG_INIT;

        assert_int_equal(space_read_head(d->s, &key, d->a, &read_head, &serial, &diag), SPACE_E_NONE);
        assert_int_equal(serial, 0);
        assert_int_equal(space_read_cloud_of(d->s, &key, &found), SPACE_E_NONE);
        space_write_head(&d->b, &key, &head, 0);
        space_write_cloud_of(&d->b, &key, &cloud);
        assert_int_equal(d->b.writes[0].serial, 0);
        assert_true(d->b.writes[1].serial == SPACE_ANY);
        assert_int_equal(space_read_head(d->s, &key, d->a, &read_head, &serial, &diag), 0);
        assert_string_equal(read_head.type, "user");
        assert_int_equal(serial, 1);
        assert_int_equal(space_read_cloud_of(d->s, &key, &found), 0);
        assert_true(guid_is(&found, &cloud));
        assert_false(diag_any(&diag));

        /* A damaged row is named, and its serial is given, so that it can be written over. */
        d->b.writes[0].n = 5;
        serial = 0;
        assert_int_equal(space_read_head(d->s, &key, d->a, &read_head, &serial, &diag), SPACE_E_CORRUPT);
        assert_int_equal(serial, 1);
        assert_non_null(strstr(diag_text(&diag), "the head row of "));
        diag_deinit(&diag);
        d->b.writes[1].n = 3;
        assert_int_equal(space_read_cloud_of(d->s, &key, &found), SPACE_E_NONE);
        d->fake.error = -EIO;
        assert_int_equal(space_read_head(d->s, &key, d->a, &read_head, NULL, NULL), -EIO);
}

/* A batch keeps its own copies: what was given may change or go. */
static void test_batch_copies(void **state)
{
        Desk *d = *state;
        char value[] = "value", attribute[] = "manager";
        Edge e = { .attribute = attribute };
        const uint8_t *data;
        size_t n;

        memo_write(&d->b, "name", value, 5, SPACE_ANY);
        space_wait(&d->b, &e);
        value[0] = 'X';
        attribute[0] = 'X';
        assert_int_equal(memo_read(d->s, "name", d->a, &data, &n, NULL), 0);
        assert_memory_equal(data, "value", 5);
        assert_string_equal(d->b.edges[0].attribute, "manager");
}

/* Two fields and what is asked for: what an older program has written, what a newer one has. */
static int read_shaped(Desk *d, const char *name, int64_t *ret_first, const char **ret_second)
{
        static const MemoShape shape = { .version = 2, .n_fields = 2 };
        MemoReader m;
        int r = memo_open(d->s, name, &shape, d->a, &m, NULL);

        if (r)
                return r;
        *ret_first = unpack_int(&m.pack);
        *ret_second = m.n_fields > 1 ? unpack_str(&m.pack, d->a) : "none";
        return memo_close(&m);
}

static void write_shaped(Desk *d, const char *name, int64_t version, size_t n_fields)
{
        const MemoShape shape = { .version = version, .n_fields = n_fields };
        PackWriter w;

        memo_begin(&w, &shape);
        pack_int(&w, 7);
        if (n_fields > 1)
                pack_str(&w, "two");
        for (size_t i = 2; i < n_fields; i++)
                pack_str(&w, "newer");
        memo_end(&w, &d->b, name, SPACE_ANY);
}

static void test_memo_of_a_shape(void **state)
{
        Desk *d = *state;
        const char *second;
        int64_t first;

        assert_int_equal(read_shaped(d, "none", &first, &second), SPACE_E_NONE);
        write_shaped(d, "older", 1, 1);
        write_shaped(d, "same", 2, 2);
        write_shaped(d, "more", 2, 5);
        write_shaped(d, "newer", 3, 2);
        memo_write(&d->b, "foul", "\x93\x02\xa1", 3, SPACE_ANY);
        memo_write(&d->b, "empty", "", 0, SPACE_ANY);
        assert_int_equal(read_shaped(d, "older", &first, &second), 0);
        assert_int_equal(first, 7);
        assert_string_equal(second, "none");
        assert_int_equal(read_shaped(d, "same", &first, &second), 0);
        assert_string_equal(second, "two");
        assert_int_equal(read_shaped(d, "more", &first, &second), 0);
        assert_string_equal(second, "two");
        assert_int_equal(read_shaped(d, "newer", &first, &second), SPACE_E_CORRUPT);
        assert_int_equal(read_shaped(d, "foul", &first, &second), SPACE_E_CORRUPT);
        assert_int_equal(read_shaped(d, "empty", &first, &second), SPACE_E_CORRUPT);
}

static void test_memo(void **state)
{
        Desk *d = *state;
        const uint8_t *data;
        uint64_t serial;
        size_t n = 9;

        assert_int_equal(memo_read(d->s, "flag", d->a, &data, &n, NULL), SPACE_E_NONE);
        memo_write(&d->b, "flag", "", 0, 0);
        assert_int_equal(memo_read(d->s, "flag", d->a, &data, &n, &serial), 0);
        assert_int_equal(n, 0);
        assert_int_equal(serial, 1);
        memo_delete(&d->b, "flag");
        assert_int_equal(memo_read(d->s, "flag", d->a, &data, &n, NULL), SPACE_E_NONE);
}

/* More links than a page: read page by page into one sorted list. */
static void test_pages(void **state)
{
        enum {
                N = 10000
        };
        Desk *d = *state;
        ObjectId owner = id_n(0xffffff), *ids;
        size_t n;

        for (unsigned i = N; i > 0; i--) {
                ObjectId id = id_n(i);

                space_write_link(&d->b, LINK_CLOUD, LINK_ADD, &owner, sizeof(owner), "member", &id);
        }
        assert_int_equal(space_read_links(d->s, LINK_CLOUD, &owner, sizeof(owner), "member", d->a, &ids, &n),
                         0);
        assert_int_equal(n, N);
        for (unsigned i = 0; i < N; i++) {
                ObjectId id = id_n(i + 1);

                assert_memory_equal(&ids[i], &id, sizeof(id));
        }
        assert_int_equal(d->fake.n_pages, 4); /* the first is small */
        assert_int_equal(space_read_links(d->s, LINK_CLOUD, &owner, sizeof(owner), "owners", d->a, &ids, &n),
                         0);
        assert_int_equal(n, 0);
}

static void expect_join(Desk *d, Value v, bool case_sensitive, size_t expected)
{
        ObjectId *ids;
        size_t n;

        assert_int_equal(space_find_join(d->s, "person", "mail", v, case_sensitive, d->a, &ids, &n), 0);
        assert_int_equal(n, expected);
}

static void test_join(void **state)
{
        Desk *d = *state;
        ObjectId a = id_n(1), b = id_n(2), *ids;
        const Value both[] = { value_string("ada@x"), value_string("Bob@x"), value_string("ada@x") };
        size_t n;

        space_write_join(&d->b, LINK_ADD, "person", "mail", value_string("Ada@x"), &a);
        space_write_join(&d->b, LINK_ADD, "person", "mail", value_list(both, 2), &b);
        expect_join(d, value_string("ADA@X"), false, 2);
        expect_join(d, value_string("ADA@X"), true, 0);
        expect_join(d, value_string("Ada@x"), true, 1);
        expect_join(d, value_string("bob@x"), false, 1);
        expect_join(d, value_list(both, 3), true, 1);
        expect_join(d, VALUE_NULL, false, 0);
        /* Another type, another attribute, another kind of value: other keys. */
        expect_join(d, value_bytes("Ada@x", 5), false, 0);
        assert_int_equal(space_find_join(d->s, "group", "mail", value_string("Ada@x"), false, d->a, &ids, &n),
                         0);
        assert_int_equal(n, 0);
        assert_int_equal(space_find_join(d->s, "person", "upn", value_string("Ada@x"), false, d->a, &ids, &n),
                         0);
        assert_int_equal(n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_batch_copies, setup, teardown),
                cmocka_unit_test_setup_teardown(test_memo, setup, teardown),
                cmocka_unit_test_setup_teardown(test_memo_of_a_shape, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_join, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
