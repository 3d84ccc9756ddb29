/* SPDX-License-Identifier: Apache-2.0 */

/* Calls and texts: URLs taken apart, JSON written */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "call.h"
#include "text.h"

typedef struct Case Case;

struct Case {
        const char *target;
        int r;
        const char *parts; /* segments, an alternate key before its value, then the options */
};

static const Case cases[] = {
        { .target = "/v1.0/users", .parts = "v1.0|users" },
        { .target = "/v1.0//users/", .parts = "v1.0|users" },
        { .target = "/v1.0/users/a%40b%2fc", .parts = "v1.0|users|a@b/c" },
        { .target = "/v1.0/users('$a@b')", .parts = "v1.0|users|$a@b" },
        { .target = "/v1.0/users(userPrincipalName='a@b')/manager",
          .parts = "v1.0|users|userPrincipalName=a@b|manager" },
        { .target = "/v1.0/groups(uniqueName='it''s')", .parts = "v1.0|groups|uniqueName=it's" },
        { .target = "/v1.0/groups(uniqueName=%27x%3d%27)", .parts = "v1.0|groups|uniqueName=x=" },
        { .target = "/v1.0/groups/1/members/graph.user",
          .parts = "v1.0|groups|1|members|microsoft.graph.user" },
        { .target = "/v1.0/users/delta()", .parts = "v1.0|users|delta" },
        { .target = "/v1.0/users?$top=5&$filter=a+eq%20'%2B'&x",
          .parts = "v1.0|users?top=5&filter=a eq '+'&x=" },
        { .target = "/a%2", .r = CALL_E_ENCODING },
        { .target = "/a%", .r = CALL_E_ENCODING },
        { .target = "/a%0g", .r = CALL_E_ENCODING },
        { .target = "/a%00", .r = CALL_E_ENCODING },
        { .target = "/%ff", .r = CALL_E_ENCODING },
        { .target = "/a?b=%c3", .r = CALL_E_ENCODING },
        { .target = "/users(a)", .r = CALL_E_BRACKETS },
        { .target = "/users(a='b)", .r = CALL_E_BRACKETS },
        { .target = "/users('a'b')", .r = CALL_E_BRACKETS },
        { .target = "/users()", .r = CALL_E_BRACKETS },
        { .target = "/1/2/3/4/5/6/7/8/9/a/b/c/d", .r = CALL_E_LONG },
        { .target = "/?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h", .r = CALL_E_LONG },
};

static void test_targets(void **state)
{
        for (size_t i = 0; i < ARRAY_LENGTH(cases); ++i) {
                _cleanup_(call_deinit) Call call = { 0 };
                _cleanup_(text_deinit) Text t = { 0 };

                assert_int_equal(call_parse_target(&call, cases[i].target), cases[i].r);
                if (cases[i].r)
                        continue;
                for (size_t k = 0; k < call.n_segments; ++k)
                        text_printf(&t, "%s%s%s%s", k ? "|" : "",
                                    call.segments[k].key ? call.segments[k].key : "",
                                    call.segments[k].key ? "=" : "", call.segments[k].text);
                for (size_t k = 0; k < call.n_options; ++k)
                        text_printf(&t, "%s%s=%s", k ? "&" : "?", call.options[k].name,
                                    call.options[k].value);
                assert_string_equal(t.data, cases[i].parts);
        }
}

static void test_text(void **state)
{
        static const char bytes[] = "a\"\\\n\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80\xc0\x80\xe2\x82";
        _cleanup_(text_deinit) Text t = { 0 };

        text_json(&t, bytes);
        assert_string_equal(t.data, "\"a\\\"\\\\\\u000a\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\\"
                                    "ufffd\\ufffd\\ufffd\\ufffd\"");
        text_reset(&t);
        text_puts(&t, "{");
        text_key(&t, "a");
        text_puts(&t, "[");
        text_comma(&t);
        text_json(&t, NULL);
        text_comma(&t);
        text_json_n(&t, "\0", 1);
        text_puts(&t, "]");
        text_key(&t, "b");
        assert_string_equal(t.data, "{\"a\":[null,\"\\u0000\"],\"b\":");
}

static void test_round_trip(void **state)
{
        static const char *const texts[] = { "{\"a\":[1,-2,0.5,true,false,null,\"x\",{}],\"b\":{\"c\":[]}}",
                                             "[]", "[\"\xf0\x9f\x98\x80\"]" };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); ++i) {
                _cleanup_(mem_json_freep) json_t *v = json_loads(texts[i], 0, NULL);
                _cleanup_(text_deinit) Text t = { 0 };

                text_value(&t, v);
                assert_string_equal(t.data, texts[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_targets),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
