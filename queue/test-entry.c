/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Every field of an entry, each with a value of its own. */
static Entry example(Arena *a)
{
        static const uint8_t bytes[] = { 0, 1, 2 };
        Change *change = arena_new_of(a, Change);
        SpaceWrite *writes = arena_new_array(a, SpaceWrite, 2);
        LinkWrite *link = arena_new_of(a, LinkWrite);
        Edge *edge = arena_new_of(a, Edge);
        ObjectKey *appeared = arena_new_of(a, ObjectKey);

        *change =
                (Change){ .id = { { 1 } }, .source = 3, .lane = LANE_URGENT, .dn = "CN=Ada", .by = "alice" };
        writes[0] = (SpaceWrite){
                .table = SPACE_HEAD, .key = { 1, 2 }, .n_key = 2, .data = bytes, .n = 3, .serial = 99
        };
        writes[1] = (SpaceWrite){ .table = SPACE_LAST, .key = { 9 }, .n_key = 1, .serial = SPACE_ANY };
        *link = (LinkWrite){
                .table = LINK_READY, .verb = LINK_CLEAR, .key = { 7 }, .n_key = SPACE_KEY_MAX, .id = { { 8 } }
        };
        *edge = (Edge){ .from = { .source = 3, .id = { { 4 } } }, .attribute = "member", .to = { { 5 } } };
        *appeared = (ObjectKey){ .source = 3, .id = { { 6 } } };
        return (Entry){
                .session = INT64_MAX,
                .number = 12,
                .part = 1,
                .n_parts = 3,
                .bytes = bytes,
                .n_bytes = 2,
                .lease = 11,
                .node = "node-a",
                .other = 13,
                .term = 14,
                .row_sequence = 15,
                .row_generation = 16,
                .metaverse = { { 17 } },
                .op = { .kind = OP_PARK,
                        .key = { .source = 300, .id = { { 18 } } },
                        .lane = LANE_RECONCILE,
                        .tries = 19,
                        .now = { 20 },
                        .not_before = { 21 },
                        .rest_until = { 22 },
                        .due = { 23 },
                        .due_lane = LANE_NORMAL,
                        .reason = "busy",
                        .changes = change,
                        .n_changes = 1,
                        .feed = "corp",
                        .position = "\0p",
                        .n_position = 2,
                        .writes = writes,
                        .n_writes = 2,
                        .links = link,
                        .n_links = 1,
                        .edges = edge,
                        .n_edges = 1,
                        .appeared = appeared,
                        .n_appeared = 1,
                        .outcome = bytes,
                        .n_outcome = 3 },
        };
}

static const uint8_t *pack(PackWriter *w, const Entry *e, size_t *ret_n)
{
        pack_init(w);
        entry_pack(w, e);
        return pack_data(w, ret_n);
}

/* A compare-and-set is not for who does not know what that is; all else an older node reads as before. */
static void test_checked(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Entry e = example(a), back;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        (void)state;
        data = pack(&w, &e, &n);
        assert_int_equal(data[3],
                         3); /* behind the array's head: the version; it ends a lease, with changes */
        pack_deinit(&w);
        e.op.n_changes = 0;
        data = pack(&w, &e, &n);
        assert_int_equal(data[3], 1);
        pack_deinit(&w);
        e.op.kind = OP_PUT;
        e.op.checked = true;
        data = pack(&w, &e, &n);
        assert_int_equal(data[3], 2);
        assert_int_equal(entry_unpack(a, data, n, &back), 0);
        assert_true(back.op.checked);
        pack_deinit(&w);
}

static void test_round_trip(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Entry e = example(a), back;
        const uint8_t *data, *again;
        uint64_t session, number;
        size_t n, n_again;
        PackWriter w, v;

        (void)state;
        data = pack(&w, &e, &n);
        assert_int_equal(entry_unpack(a, data, n, &back), 0);
        /* What is packed again is the same, so nothing was lost on the way. */
        again = pack(&v, &back, &n_again);
        assert_int_equal(n, n_again);
        assert_memory_equal(data, again, n);
        assert_null(back.op.writes[1].data);
        assert_true(back.op.writes[1].serial == SPACE_ANY);
        assert_int_equal(back.op.generation, 16);
        assert_int_equal(entry_peek(data, n, &session, &number), 0);
        assert_true(session == INT64_MAX && number == 12);
        pack_deinit(&w);
        pack_deinit(&v);
}

/* Bytes of the log come from a server: cut anywhere, they are refused; changed anywhere, they hurt nobody. */
static void test_hostile(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Entry e = example(a), back;
        uint8_t copy[2048];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        (void)state;
        data = pack(&w, &e, &n);
        assert_true(n < sizeof(copy));
        for (size_t i = 0; i < n; i++)
                assert_int_equal(entry_unpack(a, data, i, &back), PACK_E_CORRUPT);
        for (size_t i = 0; i < n; i++) {
                for (unsigned bit = 0; bit < 8; bit++) {
                        memcpy(copy, data, n);
                        copy[i] ^= (uint8_t)(1u << bit);
                        entry_unpack(a, copy, n, &back);
                }
                arena_reset(a);
        }
        pack_deinit(&w);
}

static void test_newer(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Entry e = example(a), back;
        const uint8_t *data;
        uint8_t copy[2048];
        PackWriter w;
        size_t n;

        (void)state;
        data = pack(&w, &e, &n);
        memcpy(copy, data, n);
        copy[3] = ENTRY_VERSION + 1;
        assert_int_equal(entry_unpack(a, copy, n, &back), PACK_E_NEWER);
        pack_deinit(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_checked),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_newer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
