/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/model/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_build(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectId id = { .bytes = { 7 } };
        ObjectBuilder b;
        const Object *o;

        object_build(&b, a);
        object_add(&b, "sn", value_string("first"));
        object_add(&b, "cn", value_string("Ada"));
        object_add(&b, "mail", VALUE_NULL);
        object_add(&b, "sn", value_string("last"));
        object_add(&b, "SN", value_int(3));
        object_add(&b, "cn", VALUE_NULL);
        o = object_finish(&b, &id, "user", "CN=Ada");

        assert_int_equal(o->n_attributes, 3);
        assert_string_equal(object_text(o, "sn"), "last"); /* the last wins */
        assert_string_equal(object_text(o, "cn"), "Ada");  /* and nothing is nothing, not a removal */
        assert_null(object_text(o, "SN"));                 /* not a text */
        assert_true(value_is(object_get(o, "SN"), value_int(3)));
        assert_null(object_find(o, "mail"));
        assert_null(object_find(o, "Sn"));
        assert_true(value_is_none(object_get(o, "")));
        assert_true(guid_is(&o->id, &id));

        o = object_finish(&b, NULL, NULL, NULL);
        assert_int_equal(o->n_attributes, 0);
        assert_null(object_find(o, "cn"));
        assert_true(guid_is_zero(&o->id));
}

static const Object *person(Arena *a, const char *dn, const char *sn, const char *more)
{
        ObjectBuilder b;

        object_build(&b, a);
        object_add(&b, "sn", value_string(sn));
        object_add(&b, "cn", value_string("Ada"));
        if (more)
                object_add(&b, more, value_string("x"));
        return object_finish(&b, &(ObjectId){ .bytes = { 7 } }, "user", dn);
}

static void test_is(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Object *o = person(a, "CN=Ada", "Lovelace", NULL);
        Object other = *o;

        assert_true(object_is(o, person(a, "CN=Ada", "Lovelace", NULL)));
        assert_false(object_is(o, person(a, "CN=ada", "Lovelace", NULL)));
        assert_false(object_is(o, person(a, NULL, "Lovelace", NULL)));
        assert_false(object_is(o, person(a, "CN=Ada", "Byron", NULL)));
        assert_false(object_is(o, person(a, "CN=Ada", "Lovelace", "mail")));
        assert_false(object_is(person(a, "CN=Ada", "x", "mail"), person(a, "CN=Ada", "x", "title")));
        other.id.bytes[0]++;
        assert_false(object_is(o, &other));
        other = *o;
        other.type = "group";
        assert_false(object_is(o, &other));
}

static void test_sorted(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        unsigned seed = 4711;

        for (int round = 0; round < 200; round++) {
                unsigned at_start = seed;
                int last[50];
                size_t n = (unsigned)rand_r(&seed) % 300, n_distinct = 0;
                ObjectBuilder b;
                const Object *o;

                memset(last, -1, sizeof(last));
                object_build(&b, a);
                for (size_t i = 0; i < n; i++) {
                        int k = rand_r(&seed) % 50;

                        object_add(&b, arena_printf(a, "a%d", k), value_int((int64_t)i));
                        last[k] = (int)i;
                }
                o = object_finish(&b, NULL, "user", NULL);
                for (int k = 0; k < 50; k++) {
                        Value v = object_get(o, arena_printf(a, "a%d", k));

                        n_distinct += last[k] >= 0;
                        if (value_is_none(v) ? last[k] >= 0 : v.i != last[k])
                                fail_msg("seed %u", at_start);
                }
                assert_int_equal(o->n_attributes, n_distinct);
                for (size_t i = 1; i < o->n_attributes; i++)
                        assert_true(strcmp(o->attributes[i - 1].name, o->attributes[i].name) < 0);
                arena_reset(a);
        }
}

static void test_pack(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Value list[] = { value_string("x"), value_string("y") };
        ObjectBuilder b;
        const Object *o, *back;
        const uint8_t *data;
        PackWriter w;
        PackReader r;
        Hash128 h;
        size_t n;

        object_build(&b, a);
        object_add(&b, "cn", value_string("Ada"));
        object_add(&b, "objectSid", value_bytes("\0\1\2", 3));
        object_add(&b, "proxyAddresses", value_list(list, 2));
        o = object_finish(&b, NULL, "user", "CN=Ada,DC=test");
        pack_init(&w);
        object_pack(&w, o);
        data = pack_data(&w, &n);
        unpack_init(&r, data, n);
        back = object_unpack(&r, a);
        assert_int_equal(unpack_end(&r), 0);
        assert_string_equal(back->type, "user");
        assert_string_equal(back->dn, "CN=Ada,DC=test");
        h = object_hash(back);
        assert_true(h.low == object_hash(o).low && h.high == object_hash(o).high);

        for (size_t cut = 0; cut < n; cut++) {
                unpack_init(&r, data, cut);
                assert_int_equal(object_unpack(&r, a)->n_attributes, 0);
                assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        }
        pack_deinit(&w);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_build),
                cmocka_unit_test(test_is),
                cmocka_unit_test(test_sorted),
                cmocka_unit_test(test_pack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
