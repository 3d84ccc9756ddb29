/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "queue/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static Row example(void)
{
        return (Row){
                .place = { .lane = LANE_URGENT, .class = ROW_DELAYED, .due = { 123456789 }, .sequence = 77 },
                .generation = 78,
                .tries = 3,
                .queued = { 1000 },
                .first_failed = { 2000 },
                .reason = "busy",
                .change = { .id = { { 1, 2, 3 } },
                            .source = 5,
                            .kind = CHANGE_GONE,
                            .lane = LANE_NORMAL,
                            .dn = "CN=Ada",
                            .by = "alice",
                            .seen = { 900 } },
                .has_later = true,
                .later = { .id = { { 1, 2, 3 } }, .source = 5, .lane = LANE_URGENT },
                .later_queued = { 3000 },
        };
}

static void same(const Row *x, const Row *y)
{
        assert_memory_equal(&x->place.due, &y->place.due, sizeof(x->place.due));
        assert_int_equal(x->place.lane, y->place.lane);
        assert_int_equal(x->place.class, y->place.class);
        assert_int_equal(x->place.sequence, y->place.sequence);
        assert_int_equal(x->generation, y->generation);
        assert_int_equal(x->tries, y->tries);
        assert_int_equal(x->queued.ms, y->queued.ms);
        assert_int_equal(x->first_failed.ms, y->first_failed.ms);
        assert_string_equal(x->reason, y->reason);
        assert_string_equal(x->change.dn, y->change.dn);
        assert_string_equal(x->change.by, y->change.by);
        assert_int_equal(x->change.kind, y->change.kind);
        assert_int_equal(x->change.source, y->change.source);
        assert_int_equal(x->has_later, y->has_later);
        assert_int_equal(x->later.lane, y->later.lane);
        assert_int_equal(x->later_queued.ms, y->later_queued.ms);
}

static void test_round_trip(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Row row = example(), found;
        uint64_t generation;
        const uint8_t *data;
        PackWriter w;
        Place place;
        size_t n;

        pack_init(&w);
        row_pack(&w, &row);
        data = pack_data(&w, &n);
        assert_int_equal(row_unpack(a, data, n, &found), 0);
        same(&row, &found);
        assert_int_equal(row_peek(data, n, &place, &generation), 0);
        assert_int_equal(place.sequence, 77);
        assert_int_equal(generation, 78);
        pack_deinit(&w);
}

/* Every record that was cut short is found out, and so is every one with a byte changed or read as it is. */
static void test_damaged(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Row row = example(), found;
        uint64_t generation;
        uint8_t copy[400];
        const uint8_t *data;
        PackWriter w;
        Place place;
        size_t n;

        pack_init(&w);
        row_pack(&w, &row);
        data = pack_data(&w, &n);
        assert_true(n < sizeof(copy));
        for (size_t i = 0; i < n; i++)
                assert_int_equal(row_unpack(a, data, i, &found), PACK_E_CORRUPT);
        for (size_t i = 0; i < n; i++) {
                for (int bit = 0; bit < 8; bit++) {
                        memcpy(copy, data, n);
                        copy[i] ^= (uint8_t)(1 << bit);
                        if (row_unpack(a, copy, n, &found) == 0) {
                                assert_true(found.place.lane < _LANE_N);
                                assert_true(found.place.class < _ROW_CLASS_N);
                                assert_true(found.change.lane < _LANE_N);
                        }
                        row_peek(copy, n, &place, &generation);
                }
                arena_reset(a);
        }
        pack_deinit(&w);
}

static void test_newer(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *program = NULL;
        Row row = example(), found;
        uint8_t copy[400];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        row_pack(&w, &row);
        data = pack_data(&w, &n);
        memcpy(copy, data, n);
        copy[1] = ROW_VERSION + 1; /* behind the array's own byte */
        assert_int_equal(row_unpack(a, copy, n, &found), PACK_E_NEWER);

        pack_reset(&w);
        format_pack(&w);
        data = pack_data(&w, &n);
        assert_int_equal(format_unpack(a, data, n, &program), 0);
        assert_string_equal(program, SOSYNC_VERSION);
        assert_int_equal(format_unpack(a, data, n - 1, &program), PACK_E_CORRUPT);
        memcpy(copy, data, n);
        copy[1] = STORE_VERSION + 1;
        assert_int_equal(format_unpack(a, copy, n, &program), PACK_E_NEWER);
        assert_string_equal(program, SOSYNC_VERSION);
        pack_deinit(&w);
}

/* The order of keys is the order of due times, then of arrivals. */
static void test_place_key(void **state)
{
        static const Place places[] = {
                { .due = { -5 }, .sequence = 1 },        { .due = { 0 }, .sequence = 2 },
                { .due = { 1 }, .sequence = 0 },         { .due = { 255 }, .sequence = 300 },
                { .due = { 256 }, .sequence = 1 },       { .due = { 256 }, .sequence = UINT64_MAX },
                { .due = { INT64_MAX }, .sequence = 0 },
        };
        uint8_t before[PLACE_KEY_SIZE] = { 0 }, key[PLACE_KEY_SIZE];

        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                Place found;

                place_key(&places[i], key);
                assert_true(i == 0 || memcmp(before, key, sizeof(key)) < 0);
                place_from_key(key, LANE_NORMAL, ROW_PARKED, &found);
                assert_int_equal(found.sequence, places[i].sequence);
                assert_int_equal(found.due.ms, places[i].due.ms > 0 ? places[i].due.ms : 0);
                memcpy(before, key, sizeof(key));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_newer),
                cmocka_unit_test(test_place_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
