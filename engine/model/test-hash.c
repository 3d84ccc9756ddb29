/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/model/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The key of the published vectors is 00 01 .. 0f, the input 00 01 .. of each length. */
#define SEED UINT64_C(0x0706050403020100)

static void test_vectors(void **state)
{
        /* From the authors' reference code (vectors_sip128), as little-endian words. */
        static const struct {
                size_t n;
                Hash128 hash;
        } known[] = {
                { 0, { .low = 0xe6a825ba047f81a3, .high = 0x930255c71472f66d } },
                { 1, { .low = 0x44af996bd8c187da, .high = 0x45fc229b11597634 } },
                { 63, { .low = 0x4a83502f77d15051, .high = 0x7cbd3f979a063e50 } },
        };
        uint8_t data[64];

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)i;
        for (size_t i = 0; i < N_ELEMENTS(known); i++) {
                Hash128 h = hash128(data, known[i].n, SEED);

                assert_true(h.low == known[i].hash.low);
                assert_true(h.high == known[i].hash.high);
        }
}

static void test_quality(void **state)
{
        uint8_t data[64];
        Hash128 seen[sizeof(data) * 8];
        Hash128 base;

        memset(data, 0, sizeof(data));
        base = hash128(data, sizeof(data), 0);
        /* Every bit of the input turns about half of the bits of both words, and no two give the same. */
        for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
                Hash128 h;
                int turned;

                data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                h = hash128(data, sizeof(data), 0);
                data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                turned = __builtin_popcountll(h.low ^ base.low) + __builtin_popcountll(h.high ^ base.high);
                assert_in_range(turned, 32, 96);
                for (size_t i = 0; i < bit; i++)
                        assert_true(seen[i].low != h.low && seen[i].high != h.high);
                seen[bit] = h;
        }
        /* Lengths and seeds count. */
        for (size_t n = 1; n < sizeof(data); n++)
                assert_true(hash128(data, n, 0).low != hash128(data, n - 1, 0).low);
        assert_true(hash128(data, 9, 1).low != hash128(data, 9, 2).low);
}

static const Object *object_of(Arena *a, const char *type, const char *name, Value v)
{
        ObjectBuilder b;

        object_build(&b, a);
        object_add(&b, "cn", value_string("Ada"));
        object_add(&b, name, v);
        return object_finish(&b, NULL, type, NULL);
}

static bool same(const Object *a, const Object *b)
{
        Hash128 x = object_hash(a), y = object_hash(b);

        return x.low == y.low && x.high == y.high;
}

static void test_object(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Ref ref = { .id = { .bytes = { 1 } }, .text = "CN=a" };
        Ref renamed = { .id = { .bytes = { 1 } }, .text = "CN=b" };
        Ref unknown_a = { .text = "CN=a" }, unknown_b = { .text = "CN=b" };
        Value ab[] = { value_string("ab"), value_string("c") };
        Value bc[] = { value_string("a"), value_string("bc") };
        const Object *o = object_of(a, "user", "sn", value_string("x"));

        assert_true(same(o, object_of(a, "user", "sn", value_string("x"))));
        assert_false(same(o, object_of(a, "group", "sn", value_string("x"))));
        assert_false(same(o, object_of(a, "user", "sN", value_string("x"))));
        assert_false(same(o, object_of(a, "user", "sn", value_string("y"))));
        assert_false(same(o, object_of(a, "user", "sn", value_bytes("x", 1))));
        assert_false(same(o, object_of(a, "user", "sn", VALUE_NULL)));
        assert_false(same(object_of(a, "user", "n", value_list(ab, 2)),
                          object_of(a, "user", "n", value_list(bc, 2))));
        assert_false(same(object_of(a, "user", "n", value_list(ab, 1)),
                          object_of(a, "user", "n", value_at(value_list(ab, 1), 0))));
        assert_true(same(object_of(a, "user", "n", value_ref(&ref)),
                         object_of(a, "user", "n", value_ref(&renamed))));
        assert_false(same(object_of(a, "user", "n", value_ref(&unknown_a)),
                          object_of(a, "user", "n", value_ref(&unknown_b))));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_quality),
                cmocka_unit_test(test_object),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
