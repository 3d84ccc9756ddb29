/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/token-claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *token(Arena *a, const char *payload)
{
        return arena_printf(a, "e30.%s.c2ln", str_base64url(a, (const uint8_t *)payload, strlen(payload)));
}

static bool parse(Arena *a, const char *text, TokenClaims *ret)
{
        return token_claims_parse(text, strlen(text), a, ret);
}

static void test_read(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TokenClaims c;

        assert_true(parse(a,
                          token(a, "{\"appid\":\"66666666-7777-8888-9999-000000000000\",\"app_displayname\":"
                                   "\"sosync\xc3\xbf\xc3\xbe?\",\"oid\":\"1\",\"roles\":[\"User.Read.All\",7,"
                                   "\"Group.Read.All\"]}"),
                          &c));
        assert_string_equal(c.app_id, "66666666-7777-8888-9999-000000000000");
        assert_string_equal(c.app_name, "sosync\xc3\xbf\xc3\xbe?");
        assert_string_equal(c.object_id, "1");
        assert_int_equal(c.n_roles, 2);
        assert_string_equal(c.roles[1], "Group.Read.All");
        assert_true(parse(a, token(a, "{}"), &c));
        assert_null(c.app_id);
        assert_int_equal(c.n_roles, 0);
        (void)state;
}

static void test_garbage(void **state)
{
        static const char *const bad[] = { "", ".", "..", "a.b", "e30.!!!!.x", "e30.W10.x", "opaque" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TokenClaims c;

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(parse(a, bad[i], &c));
        (void)state;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
