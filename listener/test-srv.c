/* SPDX-License-Identifier: Apache-2.0 */

/* SRV records: what DNS sends, and the order of RFC 2782. */

#include "listener/srv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Two records for _x.test: 10 60 389 a.test, 5 0 389 b.test. */
static const uint8_t answer[] = {
        0,    1,   0x85, 0x80, 0,   1,   0,   2,   0, 0,  0,  0,                         /* header */
        2,    '_', 'x',  4,    't', 'e', 's', 't', 0, 0,  33, 0,  1,                     /* question */
        0xc0, 12,  0,    33,   0,   1,   0,   0,   0, 60, 0,  14, 0, 10, 0, 60, 1, 0x85, /* first */
        1,    'a', 4,    't',  'e', 's', 't', 0,                                         /* a.test */
        0xc0, 12,  0,    33,   0,   1,   0,   0,   0, 60, 0,  14, 0, 5,  0, 0,  1, 0x85, /* second */
        1,    'b', 4,    't',  'e', 's', 't', 0,
};

static uint32_t least(void *context, uint32_t n)
{
        return 0;
}

static uint32_t most(void *context, uint32_t n)
{
        return n - 1;
}

static void test_parse(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SrvTarget *t;
        size_t n;

        assert_int_equal(srv_parse(answer, sizeof(answer), a, &t, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(t[0].host, "a.test");
        assert_int_equal(t[0].priority, 10);
        assert_int_equal(t[0].weight, 60);
        assert_int_equal(t[0].port, 389);
        srv_order(t, n, least, NULL);
        assert_string_equal(t[0].host, "b.test");
        assert_string_equal(t[1].host, "a.test");
}

/* Cut anywhere, and with any byte turned: an error or fewer records, never more than there is. */
static void test_hostile(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t bad[sizeof(answer)];
        SrvTarget *t;
        size_t n;

        for (size_t i = 0; i < sizeof(answer); i++) {
                assert_int_not_equal(srv_parse(answer, i, a, &t, &n), 0);
                for (int bit = 0; bit < 8; bit++) {
                        memcpy(bad, answer, sizeof(bad));
                        bad[i] ^= (uint8_t)(1 << bit);
                        n = 0;
                        if (srv_parse(bad, sizeof(bad), a, &t, &n) == 0)
                                assert_true(n > 0 && n <= 2);
                }
        }
}

static void test_order(void **state)
{
        SrvTarget t[] = { { "c", 20, 0, 1 }, { "a", 10, 1, 1 }, { "b", 10, 9, 1 }, { "z", 10, 0, 1 } };

        srv_order(t, 4, most, NULL);
        assert_string_equal(t[0].host, "b");
        assert_string_equal(t[3].host, "c");
        srv_order(t, 4, least, NULL);
        assert_string_equal(t[0].host, "z");
        assert_string_equal(t[3].host, "c");
}

static void test_names(void **state)
{
        assert_string_equal(srv_domain("srv:corp.test"), "corp.test");
        assert_null(srv_domain("ldaps://srv:636"));
        assert_true(srv_domain_is_valid("corp.contoso.test"));
        assert_false(srv_domain_is_valid(""));
        assert_false(srv_domain_is_valid("a b"));
        assert_true(srv_site_is_valid("Default-First-Site-Name"));
        assert_false(srv_site_is_valid(""));
        assert_false(srv_site_is_valid("a.b"));
        assert_false(srv_site_is_valid("a b"));
        assert_false(srv_site_is_valid("0123456789012345678901234567890123456789012345678901234567890123"));
        assert_false(srv_domain_is_valid("a..b"));
        assert_false(srv_domain_is_valid(".a"));
        assert_false(srv_domain_is_valid("dc1/.."));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
