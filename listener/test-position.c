/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "listener/position.h"

static const char *const attributes[] = { "name", "isDeleted", "mail" };
static const uint8_t cookie[] = { 'M', 'S', 0, 'D', 'S', 0xff };

static const PositionContext context = {
        .feed = "dirsync",
        .base = "DC=test",
        .filter = "(objectClass=*)",
        .attributes = attributes,
        .n_attributes = 3,
        .flags = 0x80000000u,
        .identity = "simple:CN=reader",
};

static const PositionMark mark = {
        .server = { { 1, 2, 3 } },
        .usn = 4711,
        .flags = 0x80000000u,
        .catch_up = true,
        .cookie = cookie,
        .n_cookie = sizeof(cookie),
};

static void test_round_trip(void **state)
{
        static const char *const shuffled[] = { "MAIL", "name", "isdeleted" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Position p = position_make(a, &context, &mark);
        PositionContext same = context;
        PositionMark m;

        (void)state;
        same.attributes = shuffled;
        assert_int_equal(position_read(&p, &same, a, &m, NULL), 0);
        assert_true(guid_is(&m.server, &mark.server));
        assert_int_equal(m.usn, 4711);
        assert_int_equal(m.flags, mark.flags);
        assert_true(m.catch_up);
        assert_int_equal(m.n_cookie, sizeof(cookie));
        assert_memory_equal(m.cookie, cookie, sizeof(cookie));
}

static void test_every_flipped_bit_is_seen(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Position p = position_make(a, &context, &mark);
        uint8_t *copy = arena_memdup(a, p.data, p.n);
        Position bad = { copy, p.n };
        PositionMark m;

        (void)state;
        for (size_t bit = 0; bit < 8 * p.n; bit++) {
                copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
                assert_int_equal(position_read(&bad, &context, a, &m, NULL), POSITION_E_CORRUPT);
                copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        for (size_t n = 0; n < p.n; n++) {
                bad.n = n;
                assert_int_equal(position_read(&bad, &context, a, &m, NULL), POSITION_E_CORRUPT);
        }
}

static void test_another_question(void **state)
{
        static const char *const other[] = { "name", "isDeleted", "title" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Position p = position_make(a, &context, &mark);
        PositionContext c[7];
        static const char *const words[] = { "another feed",
                                             "another base",
                                             "another filter",
                                             "another list of attributes",
                                             "another list of attributes",
                                             "other flags",
                                             "another account" };
        PositionMark m;

        (void)state;
        for (size_t i = 0; i < 7; i++)
                c[i] = context;
        c[0].feed = "usn";
        c[1].base = "DC=other";
        c[2].filter = "(objectClass=user)";
        c[3].attributes = other;
        c[4].n_attributes = 2;
        c[5].flags |= 1;
        c[6].identity = "simple:CN=other";
        for (size_t i = 0; i < 7; i++) {
                assert_int_equal(position_read(&p, &c[i], a, &m, &diag), POSITION_E_FOREIGN);
                assert_non_null(strstr(diag_text(&diag), words[i]));
        }
        c[5].flags_free = 1;
        assert_int_equal(position_read(&p, &c[5], a, &m, &diag), 0);
        assert_int_equal(m.flags, 0x80000000u);
}

static void test_empty_cookie_is_no_position(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        PositionMark empty = mark, m;
        Position p;

        (void)state;
        empty.n_cookie = 0;
        p = position_make(a, &context, &empty);
        assert_int_equal(position_read(&p, &context, a, &m, &diag), POSITION_E_CORRUPT);
        assert_string_equal(diag_text(&diag), "the stored position cannot be used: its cookie is empty");
        assert_int_equal(position_read(&(Position){ NULL, 0 }, &context, a, &m, &diag), POSITION_E_CORRUPT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_every_flipped_bit_is_seen),
                cmocka_unit_test(test_another_question),
                cmocka_unit_test(test_empty_cookie_is_no_position),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
