/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/space/ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DC1 ((ObjectId){ { 1 } })
#define DC2 ((ObjectId){ { 2 } })

/* One row, whatever its key. */
typedef struct One {
        Space space;
        const void *data;
        size_t n;
} One;

static int get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        One *one = (One *)s;

        assert_int_equal(table, SPACE_AHEAD);
        if (one->data)
                *ret_row = (SpaceRow){ .data = one->data, .n = one->n, .serial = 7 };
        return 0;
}

static const SpaceOps one_ops = { .name = "one", .get = get };
static const ObjectKey key = { .source = 1, .id = { { 9 } } };

static AheadValue value(const char *attribute, int64_t v, uint32_t version, int64_t time, ObjectId origin)
{
        return (AheadValue){
                .attribute = attribute,
                .value = value_int(v),
                .stamp = { .version = version, .time = time, .origin = origin },
                .server = "dc2",
        };
}

static void test_order(void **state)
{
        const Stamp stamps[] = {
                { 0 },
                { .version = 1, .time = 9, .origin = DC2 },
                { .version = 2, .time = 5, .origin = DC2 },
                { .version = 2, .time = 6, .origin = DC1 },
                { .version = 2, .time = 6, .origin = DC2 },
        };

        (void)state;
        for (int i = 0; i < 5; i++)
                for (int k = 0; k < 5; k++) {
                        int c = stamp_compare(&stamps[i], &stamps[k]);

                        assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
                }
}

static void test_add(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        AheadValue uac = value("userAccountControl", 514, 5, 1, DC2);
        AheadValue older = value("useraccountcontrol", 512, 4, 9, DC2);
        AheadValue newer = value("userAccountControl", 512, 6, 1, DC2);
        Ahead ahead = { 0 };

        (void)state;
        assert_true(ahead_add(&ahead, &uac, 1, a));
        assert_false(ahead_add(&ahead, &uac, 1, a));
        assert_false(ahead_add(&ahead, &older, 1, a));
        assert_int_equal(ahead.n_values, 1);
        assert_true(ahead_add(&ahead, &newer, 1, a));
        assert_int_equal(ahead.n_values, 1);
        assert_int_equal(ahead.values[0].value.i, 512);
}

static void test_apply(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const AheadValue values[] = {
                value("userAccountControl", 514, 5, 1, DC2),
                value("accountExpires", 77, 2, 1, DC2),
        };
        const Ahead ahead = { .values = values, .n_values = 2 };
        NamedStamp stamps[] = {
                { "userAccountControl", { .version = 4, .time = 99, .origin = DC1 } },
                { "accountExpires", { .version = 2, .time = 1, .origin = DC2 } }, /* it has replicated */
        };
        const Object *o, *with;
        ObjectBuilder b;
        Ahead left;

        (void)state;
        object_build(&b, a);
        object_add(&b, "userAccountControl", value_int(512));
        object_add(&b, "accountExpires", value_int(77));
        object_add(&b, "title", value_string("x"));
        o = object_finish(&b, &key.id, NULL, "CN=Ada");
        with = ahead_apply(&ahead, o, stamps, 2, a, &left);
        assert_int_equal(left.n_values, 1);
        assert_int_equal(object_get(with, "userAccountControl").i, 514);
        assert_string_equal(object_text(with, "title"), "x");
        assert_int_equal(with->n_attributes, 3);
        /* No stamp at all is older than any. */
        with = ahead_apply(&ahead, o, NULL, 0, a, &left);
        assert_int_equal(left.n_values, 2);
        stamps[0].stamp.version = 6;
        assert_ptr_equal(ahead_apply(&ahead, o, stamps, 2, a, &left), o);
        assert_int_equal(left.n_values, 0);
}

static void test_row(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const AheadValue values[] = { value("userAccountControl", 514, 5, 13439833961, DC2) };
        One one = { .space = { .ops = &one_ops } };
        Ahead ahead = { .values = values, .n_values = 1 }, back;
        uint64_t serial;
        SpaceBatch b;

        (void)state;
        assert_int_equal(space_read_ahead(&one.space, &key, a, &back, &serial), SPACE_E_NONE);
        assert_int_equal(serial, 0);
        space_batch_init(&b, a);
        space_write_ahead(&b, &key, &ahead, SPACE_ANY);
        one.data = b.writes[0].data;
        one.n = b.writes[0].n;
        assert_int_equal(space_read_ahead(&one.space, &key, a, &back, &serial), 0);
        assert_int_equal(serial, 7);
        assert_int_equal(back.n_values, 1);
        assert_string_equal(back.values[0].server, "dc2");
        assert_int_equal(stamp_compare(&back.values[0].stamp, &values[0].stamp), 0);
        assert_int_equal(back.values[0].value.i, 514);
        for (size_t n = 0; n < b.writes[0].n; n++) {
                one.n = n;
                assert_int_equal(space_read_ahead(&one.space, &key, a, &back, &serial), SPACE_E_CORRUPT);
        }
        space_write_ahead(&b, &key, &(Ahead){ 0 }, SPACE_ANY);
        one.data = b.writes[1].data;
        one.n = b.writes[1].n;
        assert_int_equal(space_read_ahead(&one.space, &key, a, &back, &serial), SPACE_E_NONE);
        assert_int_equal(serial, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_add),
                cmocka_unit_test(test_apply),
                cmocka_unit_test(test_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
