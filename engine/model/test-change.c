/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/model/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
        Lane lane;

        for (unsigned i = 0; i < _LANE_N; i++) {
                assert_true(lane_parse(lane_name((Lane)i), &lane));
                assert_int_equal(lane, i);
        }
        assert_false(lane_parse("fast", &lane));
        assert_false(lane_parse(NULL, &lane));
        assert_string_equal(change_kind_name(CHANGE_GONE), "gone");
}

static void test_merge_kinds(void **state)
{
        static const uint8_t expected[_CHANGE_KIND_N][_CHANGE_KIND_N] = {
                [CHANGE_UPSERT] = { CHANGE_UPSERT, CHANGE_GONE, CHANGE_UPSERT, CHANGE_REQUEST, CHANGE_UPSERT,
                                    CHANGE_DRIFT },
                [CHANGE_GONE] = { CHANGE_UPSERT, CHANGE_GONE, CHANGE_GONE, CHANGE_REQUEST, CHANGE_GONE,
                                  CHANGE_GONE },
                [CHANGE_LINK] = { CHANGE_UPSERT, CHANGE_GONE, CHANGE_LINK, CHANGE_REQUEST, CHANGE_DUE,
                                  CHANGE_DRIFT },
                [CHANGE_REQUEST] = { CHANGE_REQUEST, CHANGE_GONE, CHANGE_REQUEST, CHANGE_REQUEST,
                                     CHANGE_REQUEST, CHANGE_REQUEST },
                [CHANGE_DUE] = { CHANGE_UPSERT, CHANGE_GONE, CHANGE_DUE, CHANGE_REQUEST, CHANGE_DUE,
                                 CHANGE_DRIFT },
                [CHANGE_DRIFT] = { CHANGE_DRIFT, CHANGE_GONE, CHANGE_DRIFT, CHANGE_REQUEST, CHANGE_DRIFT,
                                   CHANGE_DRIFT },
        };

        for (uint8_t earlier = 0; earlier < _CHANGE_KIND_N; earlier++) {
                for (uint8_t later = 0; later < _CHANGE_KIND_N; later++) {
                        Change into = { .kind = earlier }, c = { .kind = later };

                        change_merge(&into, &c);
                        assert_int_equal(into.kind, expected[earlier][later]);
                }
        }
}

static void test_merge(void **state)
{
        ObjectId dc1 = { .bytes = { 1 } }, dc2 = { .bytes = { 2 } };
        Change into = { .lane = LANE_RECONCILE,
                        .staging = true,
                        .version = { dc1, 10 },
                        .seen = { 100 },
                        .changed = { 90 },
                        .dn = "CN=old",
                        .by = "alice" };
        Change later = { .lane = LANE_URGENT,
                         .revoke = true,
                         .version = { dc1, 12 },
                         .seen = { 200 },
                         .changed = { 95 },
                         .dn = "CN=new" };

        change_merge(&into, &later);
        assert_int_equal(into.lane, LANE_URGENT);
        assert_false(into.staging); /* what must be exported is exported */
        assert_true(into.revoke);
        assert_int_equal(into.version.number, 12);
        assert_int_equal(into.seen.ms, 100);
        assert_int_equal(into.changed.ms, 95);
        assert_string_equal(into.dn, "CN=new");
        assert_string_equal(into.by, "alice");

        later = (Change){ .lane = LANE_NORMAL, .version = { dc1, 11 } };
        change_merge(&into, &later);
        assert_int_equal(into.lane, LANE_URGENT);
        assert_int_equal(into.version.number, 12); /* late news of the same server */
        assert_int_equal(into.seen.ms, 100);

        later.version = (Version){ dc2, 3 };
        change_merge(&into, &later);
        assert_int_equal(into.version.number, 3);
        assert_true(guid_is(&into.version.server, &dc2));

        later.version = (Version){ 0 };
        change_merge(&into, &later);
        assert_int_equal(into.version.number, 3);

        into.staging = later.staging = true;
        change_merge(&into, &later);
        assert_true(into.staging);
}

static void test_pack(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Change c = { .source = 65535,
                     .kind = CHANGE_REQUEST,
                     .lane = LANE_RECONCILE,
                     .staging = true,
                     .version = { .number = UINT64_MAX },
                     .changed = { -5 },
                     .seen = { INT64_MAX },
                     .by = "alice" };
        const uint8_t *data;
        Change back;
        PackWriter w;
        PackReader r;
        size_t n;

        guid_random(&c.id);
        guid_random(&c.version.server);
        pack_init(&w);
        change_pack(&w, &c);
        data = pack_data(&w, &n);
        unpack_init(&r, data, n);
        change_unpack(&r, a, &back);
        assert_int_equal(unpack_end(&r), 0);
        assert_true(guid_is(&back.id, &c.id));
        assert_int_equal(back.source, 65535);
        assert_int_equal(back.kind, CHANGE_REQUEST);
        assert_int_equal(back.lane, LANE_RECONCILE);
        assert_true(back.staging);
        assert_false(back.revoke);
        assert_true(guid_is(&back.version.server, &c.version.server));
        assert_true(back.version.number == UINT64_MAX);
        assert_int_equal(back.changed.ms, -5);
        assert_true(back.seen.ms == INT64_MAX);
        assert_null(back.dn);
        assert_string_equal(back.by, "alice");

        for (size_t cut = 0; cut < n; cut++) {
                unpack_init(&r, data, cut);
                change_unpack(&r, a, &back);
                assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        }
        pack_reset(&w);
        c.lane = _LANE_N;
        change_pack(&w, &c);
        data = pack_data(&w, &n);
        unpack_init(&r, data, n);
        change_unpack(&r, a, &back);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        pack_deinit(&w);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_merge_kinds),
                cmocka_unit_test(test_merge),
                cmocka_unit_test(test_pack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
