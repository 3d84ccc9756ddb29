/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const types[] = { "user", "group" };

static void test_rows(void **state)
{
        for (size_t t = 0; t < 2; ++t) {
                size_t n;
                const TargetAttribute *rows = target_attributes(NULL, types[t], &n);

                assert_true(n > 50);
                for (size_t i = 0; i < n; ++i) {
                        const TargetAttribute *at = &rows[i];

                        if (i > 0 && strcmp(rows[i - 1].name, at->name) >= 0)
                                fail_msg("%s is out of order", at->name);
                        assert_string_equal(at->type, types[t]);
                        assert_ptr_equal(target_attribute(NULL, types[t], at->name), at);
                        assert_true(at->writable == !at->note); /* what is not written says why */
                        assert_true(!at->writable || at->property);
                        assert_true(at->writable || (!at->create_only && !at->create_required));
                        if (at->property)
                                assert_ptr_equal(target_attribute_of_property(NULL, types[t], at->property),
                                                 at);
                }
        }
        assert_null(target_attribute(NULL, "user", "nonsense"));
        assert_null(target_attribute(NULL, "user", NULL));
        assert_null(target_attribute(NULL, "contact", "mail"));
        assert_null(target_attribute_of_property(NULL, "group", "jobTitle"));
}

static void test_map(void **state)
{
        static const char *const map[][3] = {
                { "user", "sourceAnchor", "onPremisesImmutableId" },
                { "user", "alias", "mailNickname" },
                { "user", "company", "companyName" },
                { "user", "title", "jobTitle" },
                { "user", "mobile", "mobilePhone" },
                { "user", "telephoneNumber", "businessPhones" },
                { "user", "facsimileTelephoneNumber", "faxNumber" },
                { "user", "physicalDeliveryOfficeName", "officeLocation" },
                { "user", "extensionAttribute15", "extensionAttribute15" },
                { "user", "manager", "manager" },
                { "group", "sourceAnchor", "uniqueName" },
                { "group", "member", "members" },
        };

        for (size_t i = 0; i < N_ELEMENTS(map); ++i) {
                const TargetAttribute *at = target_attribute(NULL, map[i][0], map[i][1]);

                assert_non_null(at);
                assert_string_equal(at->property, map[i][2]);
                assert_true(at->writable);
        }
        assert_false(target_attribute(NULL, "user", "proxyAddresses")->writable);
        assert_false(target_attribute(NULL, "user", "msExchMailboxGuid")->writable);
        assert_true(target_attribute(NULL, "group", "sourceAnchor")->create_only);
}

static bool same(const char *type, const char *name, Value ours, Value theirs)
{
        return target_value_is(target_attribute(NULL, type, name), ours, theirs);
}

static void test_same(void **state)
{
        Value one[] = { value_string("SMTP:a@x"), value_string("smtp:b@x") };
        Value other[] = { value_string("smtp:b@x"), value_string("SMTP:a@x") };
        Value phone[] = { value_string("1") };

        assert_true(same("user", "title", value_string(" x "), value_string("x")));
        assert_true(same("user", "title", value_string("  "), VALUE_NULL));
        assert_true(same("user", "title", VALUE_NULL, VALUE_NULL));
        assert_false(same("user", "title", value_string("x"), VALUE_NULL));
        assert_false(same("user", "title", value_string("x"), value_string("X")));
        assert_true(same("user", "title", value_int(7), value_string("7")));
        assert_true(same("user", "usageLocation", value_string("de"), value_string("DE")));
        assert_true(same("user", "preferredLanguage", value_string("en-us"), value_string("en-US")));
        assert_true(same("user", "userPrincipalName", value_string("ada@Contoso.COM"),
                         value_string("ada@contoso.com")));
        assert_false(same("user", "userPrincipalName", value_string("Ada@contoso.com"),
                          value_string("ada@contoso.com")));
        assert_false(same("user", "mail", value_string("X"), value_string("x")));
        assert_true(same("user", "accountEnabled", value_bool(true), value_string("True")));
        assert_false(same("user", "accountEnabled", value_bool(true), value_bool(false)));
        assert_false(same("user", "accountEnabled", value_bool(false), VALUE_NULL));
        assert_true(same("user", "telephoneNumber", value_list(phone, 1), value_string("1")));
        assert_true(same("user", "proxyAddresses", value_list(one, 2), value_list(other, 2)));
        assert_false(same("user", "proxyAddresses", value_list(one, 2), value_list(other, 1)));
        assert_true(same("user", "proxyAddresses", VALUE_NULL, VALUE_NULL));
        assert_false(same("user", "title", value_bytes("x", 1), value_string("x")));
}

static void check(Arena *a, const char *name, Value v, const char *expected)
{
        const char *code, *why = target_value_check(target_attribute(NULL, "user", name), v, a, &code);

        if (!expected && why)
                fail_msg("%s: %s", name, why);
        if (expected && (!why || !strstr(why, expected)))
                fail_msg("%s: \"%s\" instead of \"%s\"", name, why ?: "nothing", expected);
        if (expected)
                assert_string_equal(code, strstr(expected, "characters, Microsoft Graph takes")
                                                  ? "ExceededAllowedLength"
                                                  : "DataValidationFailed");
}

static void test_check(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Value two[] = { value_string("1"), value_string("2") };

        check(a, "title", value_string("x"), NULL);
        check(a, "title", VALUE_NULL, NULL);
        check(a, "employeeId", value_string("1234567890123456"), NULL);
        check(a, "employeeId", value_string("12345678901234567"),
              "it has 17 characters, Microsoft Graph takes 16");
        /* Characters count, not bytes. */
        check(a, "employeeId",
              value_string(
                      "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"),
              NULL);
        check(a, "title", value_string("\xff\xfe"), "UTF-8");
        check(a, "title", value_bool(true), "of type boolean");
        check(a, "title", value_list(two, 2), "it has 2 values");
        check(a, "title", value_list(two, 1), NULL);
        check(a, "accountEnabled", value_string("FALSE"), NULL);
        check(a, "accountEnabled", value_string("maybe"), "neither true nor false");
        check(a, "usageLocation", value_string("GB"), NULL);
        check(a, "usageLocation", value_string("Germany"), "\"Germany\" is not a country code");
        check(a, "alias", value_string("ada.l"), NULL);
        check(a, "alias", value_string("a b"), "mailNickname does not allow");
        check(a, "alias", value_string("\xc3\xa4"), "mailNickname does not allow");
}

static void test_extensions(void **state)
{
#define ID "extension_0123456789abcdef0123456789abcdef_"
        static const TargetExtension list[] = {
                { .attribute = "employeeType", .property = ID "a", .of = 0, .kind = 0 },
                { .attribute = "skills", .property = ID "b", .of = 0, .kind = 1 },
                { .attribute = "remote", .property = ID "c", .of = 0, .kind = 2 },
                { .attribute = "level", .property = ID "d", .of = 0, .kind = 3 },
                { .attribute = "whenCreated", .property = ID "e", .of = 0, .kind = 4 },
                { .attribute = "info", .property = ID "a", .of = 1, .kind = 0 },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const TargetSchema *s = target_schema_new(a, list, N_ELEMENTS(list));
        const TargetAttribute *row, *rows;
        size_t n, n_plain;
        char buf[32];

        assert_null(target_attribute(NULL, "user", ID "a"));
        assert_non_null(target_attribute(s, "group", ID "a"));
        assert_null(target_attribute(s, "group", ID "b"));
        target_attributes(NULL, "user", &n_plain);
        rows = target_attributes(s, "user", &n);
        assert_int_equal(n, n_plain + 5);
        for (size_t i = 0; i < n; ++i)
                assert_ptr_equal(target_attribute(s, "user", rows[i].name), &rows[i]);
        row = target_attribute(s, "user", ID "d");
        assert_true(target_value_is(row, value_string("7"), value_int(7)));
        assert_string_equal(target_value_check(row, value_string("many"), a, NULL), "it is not a number");
        row = target_attribute(s, "user", ID "e");
        assert_true(target_value_is(row, value_string("18151210000000.0Z"),
                                    value_string("1815-12-10T00:00:00Z")));
        assert_true(target_time_text(value_int(INT64_C(67827456000000000)), buf));
        assert_string_equal(buf, "1815-12-10T00:00:00Z");
        assert_string_equal(target_value_check(row, value_string("soon"), a, NULL),
                            "it is not a time, such as 2026-11-22T08:31:15Z");
        assert_null(target_extension_check(ID "a_b2"));
        assert_non_null(target_extension_check(ID));
        assert_non_null(target_extension_check("extension_01234567_a"));
        assert_non_null(target_extension_check(ID "a b"));
        assert_non_null(target_extension_check("extensionAttribute1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_extensions), cmocka_unit_test(test_rows),  cmocka_unit_test(test_map),
                cmocka_unit_test(test_same),       cmocka_unit_test(test_check),
        };

        return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
