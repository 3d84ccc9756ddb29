/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <strings.h>

#include "listener/ldap-entry.h"
#include "listener/ldap-schema.h"

static Value value(Arena *a, const char *name, const char *data, size_t n)
{
        return entry_value(schema_find(name, strlen(name)), data, n, a);
}

static Value text(Arena *a, const char *name, const char *data)
{
        return value(a, name, data, strlen(data));
}

static void test_schema_is_sorted(void **state)
{
        (void)state;
        for (size_t i = 1; i < schema_table_n; i++)
                if (strcasecmp(schema_table[i - 1].name, schema_table[i].name) >= 0)
                        fail_msg("%s before %s", schema_table[i - 1].name, schema_table[i].name);
        for (size_t i = 0; i < schema_table_n; i++)
                assert_ptr_equal(schema_find(schema_table[i].name, strlen(schema_table[i].name)),
                                 &schema_table[i]);
}

static void test_schema_find(void **state)
{
        (void)state;
        assert_string_equal(schema_find("OBJECTGUID", 10)->name, "objectGUID");
        assert_int_equal(schema_find("member;range=0-1", 6)->syntax, SYNTAX_REF);
        assert_true(schema_find("member", 6)->multi_valued);
        assert_false(schema_find("manager", 7)->multi_valued);
        assert_null(schema_find("membe", 5));
        assert_null(schema_find("members", 7));
        assert_null(schema_find("", 0));
        assert_null(schema_find("displayName", 11));
}

static void test_values_by_schema(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        (void)state;
        assert_true(value_is(text(a, "userAccountControl", "514"), value_int(514)));
        assert_true(value_is(text(a, "groupType", "-2147483646"), value_int(-2147483646)));
        assert_true(value_is(text(a, "accountExpires", "9223372036854775807"), value_int(INT64_MAX)));
        assert_true(value_is(text(a, "isDeleted", "TRUE"), value_bool(true)));
        assert_true(value_is(text(a, "isCriticalSystemObject", "FALSE"), value_bool(false)));
        assert_true(value_is(text(a, "displayName", "Änn"), value_string("Änn")));
        assert_true(value_is(text(a, "objectGUID", "0123456789abcdef"), value_bytes("0123456789abcdef", 16)));
        assert_true(value_is(text(a, "displayName", ""), value_string("")));
}

static void test_hostile_values(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        (void)state;
        /* A NUL or half a character is no text. */
        assert_int_equal(value(a, "displayName", "a\0b", 3).type, VALUE_BYTES);
        assert_int_equal(value(a, "displayName", "a\xff", 2).type, VALUE_BYTES);
        assert_int_equal(value(a, "displayName", "\xc3", 1).type, VALUE_BYTES);
        assert_int_equal(value(a, "displayName", "\xed\xa0\x80", 3).type, VALUE_BYTES);
        /* What is no number, boolean or time stays what it was. */
        assert_true(value_is(text(a, "userAccountControl", "514x"), value_string("514x")));
        assert_true(value_is(text(a, "userAccountControl", ""), value_string("")));
        assert_true(value_is(text(a, "userAccountControl", "99999999999999999999"),
                             value_string("99999999999999999999")));
        assert_int_equal(value(a, "userAccountControl", "5\0", 2).type, VALUE_BYTES);
        assert_true(value_is(text(a, "isDeleted", "true"), value_string("true")));
        assert_true(value_is(text(a, "whenChanged", "yesterday"), value_string("yesterday")));
        assert_int_equal(value(a, "member", "CN=\xff", 4).type, VALUE_BYTES);
}

static void test_times(void **state)
{
        static const char *const bad[] = {
                "",
                "Z",
                ".Z",
                "2026",
                "20261122085419",
                "20261122085419.0",
                "20261322085419.0Z",
                "20261100085419.0Z",
                "20260230085419.0Z",
                "20261122085419.0+0100",
                "20261122085419.0ZZ",
                "2026112208541x.0Z",
                "20261122245419.0Z",
                "-0261122085419.0Z",
        };
        int64_t t = 0;

        (void)state;
        assert_true(entry_time("20261122085419.0Z", 17, &t));
        assert_int_equal(filetime_to_unix_ms(t), 1795337659000);
        assert_true(entry_time("20261122085419.25Z", 18, &t));
        assert_int_equal(filetime_to_unix_ms(t), 1795337659250);
        assert_true(entry_time("20261122085419Z", 15, &t));
        assert_true(entry_time("261122085419Z", 13, &t));
        assert_int_equal(filetime_to_unix_ms(t), 1795337659000);
        assert_true(entry_time("16010101000000.0Z", 17, &t));
        assert_int_equal(t, 0);
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (entry_time(bad[i], strlen(bad[i]), &t))
                        fail_msg("\"%s\" is no time", bad[i]);
}

static void test_references(void **state)
{
        static const char whole[] =
                "<GUID=67452301-ab89-efcd-0123-456789abcdef>;<SID=S-1-5-21-1>;CN=Ada,DC=test";
        static const ObjectId id = { { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
                                       0x89, 0xab, 0xcd, 0xef } };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Ref r;

        (void)state;
        r = entry_ref(whole, strlen(whole), a);
        assert_true(guid_is(&r.id, &id));
        assert_string_equal(r.text, "CN=Ada,DC=test");
        r = entry_ref("CN=Ada,DC=test", 14, a);
        assert_true(guid_is_zero(&r.id));
        assert_string_equal(r.text, "CN=Ada,DC=test");
        r = entry_ref("<GUID=nonsense>;CN=Ada", 22, a);
        assert_true(guid_is_zero(&r.id));
        assert_string_equal(r.text, "CN=Ada");
        r = entry_ref("<GUID=67452301", 14, a);
        assert_true(guid_is_zero(&r.id));
        assert_string_equal(r.text, "<GUID=67452301");
        r = entry_ref("", 0, a);
        assert_string_equal(r.text, "");
        r = entry_ref("<GUID=67452301-ab89-efcd-0123-456789abcdef>", 43, a);
        assert_true(guid_is(&r.id, &id));
        assert_string_equal(r.text, "");
        assert_int_equal(text(a, "manager", whole).type, VALUE_REF);
}

static void test_ranges(void **state)
{
        static const char *const none[] = {
                "member",
                "member;range=",
                "member;range=0",
                "member;range=-",
                "member;range=5-4",
                "member;range=0-x",
                "member;range=0-5-6",
                "member;binary",
                "member;range=9999999999999-*",
                "member;range=0-*x",
        };
        uint32_t first = 9, next = 9;
        size_t n = 0;

        (void)state;
        assert_true(entry_range("member;range=0-1499", 19, &n, &first, &next));
        assert_int_equal(n, 6);
        assert_int_equal(first, 0);
        assert_int_equal(next, 1500);
        assert_true(entry_range("member;Range=1500-*", 19, &n, &first, &next));
        assert_int_equal(first, 1500);
        assert_int_equal(next, 0);
        for (size_t i = 0; i < N_ELEMENTS(none); i++)
                if (entry_range(none[i], strlen(none[i]), &n, &first, &next))
                        fail_msg("\"%s\" is no range", none[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_schema_is_sorted),
                cmocka_unit_test(test_schema_find),
                cmocka_unit_test(test_values_by_schema),
                cmocka_unit_test(test_hostile_values),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_ranges),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
