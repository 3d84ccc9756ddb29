/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const Value list[] = {
        { .type = VALUE_STRING, .n = 1, .s = "a" },
        { .type = VALUE_STRING, .n = 1, .s = "b" },
};
static const FlowedValue values[] = {
        { .name = "accountEnabled",
          .value = { .type = VALUE_BOOL, .b = true },
          .rule = "One",
          .precedence = 102,
          .mapping = FLOW_CONSTANT },
        { .name = "department", .rule = "Two", .precedence = 106, .source = 3, .authoritative_null = true },
        { .name = "proxyAddresses",
          .value = { .type = VALUE_LIST, .n = 2, .list = list },
          .rule = "Two",
          .precedence = 106,
          .mapping = FLOW_EXPRESSION,
          .once = true },
};
static const FlowedLink links[] = {
        { .name = "member", .from = "member", .rule = "Three", .precedence = 114, .source = 1 },
        { .name = "owner", .rule = "Two", .precedence = 106, .authoritative_null = true },
};
static const char *const kept[] = { "title", "usageLocation" };
static const FlowedObject whole = {
        .type = "person",
        .values = values,
        .n_values = 3,
        .links = links,
        .n_links = 2,
        .kept = kept,
        .n_kept = 2,
        .due = { 1795335300000 },
};

static void assert_same(const FlowedObject *a, const FlowedObject *b)
{
        assert_string_equal(a->type, b->type);
        assert_int_equal(a->due.ms, b->due.ms);
        assert_int_equal(a->n_values, b->n_values);
        for (size_t i = 0; i < a->n_values; i++) {
                assert_string_equal(a->values[i].name, b->values[i].name);
                assert_true(value_is(a->values[i].value, b->values[i].value));
                assert_string_equal(a->values[i].rule, b->values[i].rule);
                assert_int_equal(a->values[i].precedence, b->values[i].precedence);
                assert_int_equal(a->values[i].mapping, b->values[i].mapping);
                assert_int_equal(a->values[i].source, b->values[i].source);
                assert_int_equal(a->values[i].authoritative_null, b->values[i].authoritative_null);
                assert_int_equal(a->values[i].once, b->values[i].once);
        }
        assert_int_equal(a->n_links, b->n_links);
        for (size_t i = 0; i < a->n_links; i++) {
                assert_string_equal(a->links[i].name, b->links[i].name);
                assert_true(str_is(a->links[i].from, b->links[i].from));
                assert_string_equal(a->links[i].rule, b->links[i].rule);
                assert_int_equal(a->links[i].source, b->links[i].source);
                assert_int_equal(a->links[i].authoritative_null, b->links[i].authoritative_null);
        }
        assert_int_equal(a->n_kept, b->n_kept);
        for (size_t i = 0; i < a->n_kept; i++)
                assert_string_equal(a->kept[i], b->kept[i]);
}

static void test_round_trip(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const FlowedObject empty = { .type = "group" };
        const uint8_t *data;
        PackReader r;
        PackWriter w;
        size_t n;

        pack_init(&w);
        flowed_pack(&w, &whole);
        flowed_pack(&w, NULL);
        flowed_pack(&w, &empty);
        data = pack_data(&w, &n);
        unpack_init(&r, data, n);
        assert_same(flowed_unpack(&r, a), &whole);
        assert_null(flowed_unpack(&r, a));
        assert_same(flowed_unpack(&r, a), &empty);
        assert_int_equal(unpack_end(&r), 0);
        pack_deinit(&w);
}

/* Bytes from the disk, cut and changed at every place: an error or an object, never a crash. */
static void test_corrupt(void **state)
{
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        flowed_pack(&w, &whole);
        data = pack_data(&w, &n);
        for (size_t i = 0; i < n; i++) {
                static const uint8_t wrong[] = { 0x00, 0x80, 0x9f, 0xc0, 0xdd, 0xff };
                _cleanup_(cleanup_free) uint8_t *copy = malloc(n);

                for (size_t k = 0; k < sizeof(wrong) + 1; k++) {
                        _cleanup_(arena_freep) Arena *a = arena_new(0);
                        const FlowedObject *o;
                        PackReader r;

                        memcpy(copy, data, n);
                        if (k < sizeof(wrong))
                                copy[i] = wrong[k];
                        unpack_init(&r, copy, k < sizeof(wrong) ? n : i);
                        o = flowed_unpack(&r, a);
                        if (k == sizeof(wrong))
                                assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
                        for (size_t v = 0; o && v < o->n_values; v++)
                                assert_non_null(flowed_find(o, o->values[v].name));
                }
        }
        pack_deinit(&w);
}

static void test_find(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        assert_ptr_equal(flowed_find(&whole, "department"), &values[1]);
        assert_null(flowed_find(&whole, "a"));
        assert_null(flowed_find(&whole, "z"));
        assert_true(flowed_get(&whole, "accountEnabled").b);
        assert_true(value_is_none(flowed_get(&whole, "nothing")));
        assert_ptr_equal(flowed_find_link(&whole, "owner"), &links[1]);
        assert_null(flowed_find_link(&whole, "manager"));
        assert_true(flowed_is_kept(&whole, "title"));
        assert_int_equal(flowed_object(a, &whole)->n_attributes, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_corrupt),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
