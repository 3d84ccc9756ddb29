/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"
#include "engine/model/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t sid_bytes[] = { 1, 5, 0, 0, 0, 0, 0, 5, 21, 0,    0,    0,    1, 2,
                                     3, 4, 5, 6, 7, 8, 9, 0, 0,  0x80, 0xf4, 0x01, 0, 0 };

static Ref ref_of(uint8_t id, const char *text)
{
        return (Ref){ .id = { .bytes = { id } }, .text = text };
}

static void test_guid(void **state)
{
        static const char *const text = "01234567-89ab-cdef-0123-456789abcdef";
        static const uint8_t bytes[16] = { 0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd,
                                           0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
        static const char *const wrong[] = {
                "",
                "{",
                "01234567-89ab-cdef-0123-456789abcde",
                "01234567-89ab-cdef-0123-456789abcdefa",
                "0123456789abcdef0123456789abcdef",
                "{01234567-89ab-cdef-0123-456789abcdef",
                "01234567-89ab-cdef-0123-456789abcdef}",
                "{01234567-89ab-cdef-0123-456789abcdef} ",
                "0123456g-89ab-cdef-0123-456789abcdef",
        };
        char buf[GUID_TEXT_MAX];
        ObjectId id, other;

        assert_true(guid_parse(text, &id));
        assert_memory_equal(id.bytes, bytes, sizeof(bytes));
        assert_string_equal(guid_format(&id, buf), text);
        assert_true(guid_parse("{01234567-89AB-CDEF-0123-456789abcdef}", &other));
        assert_true(guid_is(&id, &other));
        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_false(guid_parse(wrong[i], &other));
        assert_false(guid_parse(NULL, &other));

        guid_random(&id);
        guid_random(&other);
        assert_false(guid_is(&id, &other));
        assert_false(guid_is_zero(&id));
        assert_int_equal(guid_compare(&id, &other), -guid_compare(&other, &id));
        guid_format(&id, buf);
        assert_int_equal(buf[14], '4'); /* version */
        assert_non_null(strchr("89ab", buf[19]));
}

static void test_sid(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        static const uint8_t everyone[] = { 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };
        static const uint8_t wide[] = { 1, 1, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 1, 0, 0, 0 };
        uint8_t most[8 + 4 * 15];

        assert_string_equal(sid_format(a, sid_bytes, sizeof(sid_bytes)),
                            "S-1-5-21-67305985-134678021-2147483657-500");
        assert_string_equal(sid_format(a, everyone, sizeof(everyone)), "S-1-1-0");
        assert_string_equal(sid_format(a, wide, sizeof(wide)), "S-1-0x123456789ABC-1");
        memset(most, 0xff, sizeof(most));
        most[0] = 1;
        most[1] = 15;
        assert_int_equal(strlen(sid_format(a, most, sizeof(most))), strlen("S-1-0xFFFFFFFFFFFF") + 15 * 11);

        for (size_t n = 0; n < sizeof(sid_bytes); n++)
                assert_null(sid_format(a, sid_bytes, n));
        most[1] = 16;
        assert_null(sid_format(a, most, sizeof(most)));
}

static void test_compare(void **state)
{
        Ref ref_a = ref_of(1, "CN=a"), ref_renamed = ref_of(1, "CN=b"), ref_text = ref_of(0, "CN=a");
        Value two[] = { value_int(1), value_int(2) }, three[] = { value_int(1), value_int(2), value_int(3) };
        Value values[] = {
                VALUE_NULL,
                value_bool(false),
                value_bool(true),
                value_int(INT64_MIN),
                value_int(-1),
                value_int(INT64_MAX),
                value_time(0),
                value_string(""),
                value_string("a"),
                value_string("a "),
                value_string("b"),
                value_bytes("", 0),
                value_bytes("\0", 1),
                value_bytes("\0\0", 2),
                value_bytes("\xff", 1),
                value_ref(&ref_text),
                value_ref(&ref_a),
                value_list(two, 2),
                value_list(three, 3),
                value_token(VALUE_AUTHORITATIVE_NULL),
                value_token(VALUE_IGNORE_THIS_FLOW),
        };

        for (size_t i = 0; i < N_ELEMENTS(values); i++) {
                for (size_t k = 0; k < N_ELEMENTS(values); k++) {
                        int r = value_compare(values[i], values[k]);

                        assert_int_equal(r < 0, i < k);
                        assert_int_equal(r > 0, i > k);
                        assert_int_equal(value_is(values[i], values[k]), i == k);
                }
        }
        /* The other object was renamed: still the same reference. */
        assert_true(value_is(value_ref(&ref_a), value_ref(&ref_renamed)));
        assert_true(value_is_none(value_string(NULL)));
        assert_true(value_is_none(value_list(two, 0)));
}

static void test_set(void **state)
{
        Value a[] = { value_string("x"), value_string("y"), value_string("z"), value_string("x") };
        Value b[] = { value_string("x"), value_string("x"), value_string("z"), value_string("y") };
        Value c[] = { value_string("x"), value_string("y"), value_string("z"), value_string("y") };

        assert_true(value_is_set(value_list(a, 4), value_list(b, 4)));
        assert_true(value_is_set(value_list(a, 4), value_list(a, 4)));
        assert_false(value_is_set(value_list(a, 4), value_list(c, 4)));
        assert_false(value_is_set(value_list(a, 4), value_list(b, 3)));
        assert_true(value_is_set(value_list(a, 1), value_string("x")));
        assert_true(value_is_set(VALUE_NULL, VALUE_NULL));
        assert_false(value_is_set(VALUE_NULL, value_string("")));
        assert_int_equal(value_count(VALUE_NULL), 0);
        assert_int_equal(value_count(value_list(a, 3)), 3);
        assert_true(value_is(value_at(value_list(a, 3), 2), value_string("z")));
        assert_true(value_is(value_at(value_int(7), 0), value_int(7)));
}

static void check_text(Arena *a, Value v, size_t max, const char *expected)
{
        const char *text = value_text(a, v, max);

        assert_string_equal(text, expected);
        assert_true(strlen(text) <= max);
        assert_true(str_is_utf8(text, strlen(text)));
}

static void test_text(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Ref by_text = ref_of(1, "CN=Ada,DC=test"), by_id = ref_of(1, NULL);
        Value list[] = { value_string("alpha"), value_int(2), value_string("gamma"), value_bool(false),
                         value_string("epsilon") };

        check_text(a, VALUE_NULL, 100, "");
        check_text(a, value_bool(true), 100, "True");
        check_text(a, value_int(INT64_MIN), 100, "-9223372036854775808");
        check_text(a, value_time(129699324000000000), 100, "2012-01-01T23:00:00Z");
        check_text(a, value_time(129699324000000001), 100, "2012-01-01T23:00:00.0000001Z");
        check_text(a, value_time(129699324001230000), 100, "2012-01-01T23:00:00.123Z");
        check_text(a, value_string("text"), 4, "text");
        check_text(a, value_string("longer"), 5, "lo...");
        check_text(a, value_string("longer"), 2, "..");
        check_text(a, value_string("longer"), 0, "");
        check_text(a, value_string("\xc3\xa4\xc3\xa4\xc3\xa4"), 5, "\xc3\xa4..."); /* never half a letter */
        check_text(a, value_string("\xc3\xa4\xc3\xa4\xc3\xa4"), 4, "...");
        check_text(a, value_bytes("0123456789abcdef", 16), 100, "33323130-3534-3736-3839-616263646566");
        check_text(a, value_bytes(sid_bytes, sizeof(sid_bytes)), 100,
                   "S-1-5-21-67305985-134678021-2147483657-500");
        check_text(a, value_bytes("Hello", 5), 100, "SGVsbG8=");
        check_text(a, value_bytes("Hello, world, and everybody in it", 33), 12, "SGVsbG8sI...");
        check_text(a, value_ref(&by_text), 100, "CN=Ada,DC=test");
        check_text(a, value_ref(&by_id), 100, "00000001-0000-0000-0000-000000000000");
        check_text(a, value_token(VALUE_IGNORE_THIS_FLOW), 100, "IgnoreThisFlow");
        check_text(a, value_list(list, 5), 100, "alpha, 2, gamma, False, epsilon");
        check_text(a, value_list(list, 5), SIZE_MAX, "alpha, 2, gamma, False, epsilon");
        check_text(a, value_list(list, 5), 31, "alpha, 2, gamma, False, epsilon");
        check_text(a, value_list(list, 5), 30, "alpha, 2, gamma, ... (5)");
        check_text(a, value_list(list, 5), 20, "alpha, 2, ... (5)");
        check_text(a, value_list(list, 5), 12, "alp, ... (5)");
        check_text(a, value_list(list, 5), 7, "alph...");
        check_text(a, value_list(list, 5), 0, "");

        assert_string_equal(value_type_name(value_list(list, 5)), "string");
        assert_string_equal(value_type_name(value_ref(&by_id)), "reference");
        assert_string_equal(value_type_name(value_bytes("", 0)), "binary");
}

static Value random_value(Arena *a, unsigned *seed, bool in_list)
{
        switch ((unsigned)rand_r(seed) % (in_list ? 6 : 9)) {
        case 0:
                return value_bool(rand_r(seed) & 1);
        case 1:
                return value_int((int64_t)rand_r(seed) * rand_r(seed) - rand_r(seed));
        case 2:
                return value_time(rand_r(seed));
        case 3:
                return value_string(arena_printf(a, "%.*s", rand_r(seed) % 10, "\xc3\xa4xyz....."));
        case 4:
                return value_bytes("a\0b\0c\0d\0e", (unsigned)rand_r(seed) % 10);
        case 5: {
                Ref *ref = arena_new_of(a, Ref);

                ref->id.bytes[3] = (uint8_t)rand_r(seed);
                ref->text = rand_r(seed) & 1 ? "CN=x" : NULL;
                return value_ref(ref);
        }
        case 6:
                return VALUE_NULL;
        case 7:
                return value_token(rand_r(seed) & 1 ? VALUE_AUTHORITATIVE_NULL : VALUE_IGNORE_THIS_FLOW);
        default: {
                size_t n = 1 + (unsigned)rand_r(seed) % 20;
                Value *list = arena_new_array(a, Value, n);

                for (size_t i = 0; i < n; i++)
                        list[i] = random_value(a, seed, true);
                return value_list(list, n);
        }
        }
}

static void test_pack(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        unsigned seed = 20261122;
        PackWriter w;

        pack_init(&w);
        for (int i = 0; i < 2000; i++) {
                unsigned at_start = seed;
                Value v = random_value(a, &seed, false), copy = value_copy(a, v), back;
                const uint8_t *data;
                PackReader r;
                size_t n;

                pack_reset(&w);
                value_pack(&w, copy);
                data = pack_data(&w, &n);
                unpack_init(&r, data, n);
                back = value_unpack(&r, a);
                if (unpack_end(&r) || !value_is(v, back) || r.at != n)
                        fail_msg("seed %u", at_start);

                for (size_t cut = 0; cut < n; cut++) {
                        unpack_init(&r, data, cut);
                        back = value_unpack(&r, a);
                        if (unpack_end(&r) != PACK_E_CORRUPT || !value_is_none(back))
                                fail_msg("seed %u cut at %zu", at_start, cut);
                }
                if (i % 100 == 0)
                        arena_reset(a);
        }
        pack_deinit(&w);
}

static void test_unpack_corrupt(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        static const struct {
                const char *data;
                size_t n;
        } wrong[] = {
                { "\x90", 1 },                                      /* [] */
                { "\x92\x09\x01", 3 },                              /* no such type */
                { "\x91\x02", 2 },                                  /* an integer without a number */
                { "\x92\x04\xc0", 3 },                              /* a string that is nil */
                { "\x92\x07\x90", 3 },                              /* an empty list */
                { "\x92\x07\x91\x91\x00", 5 },                      /* a list of NONE */
                { "\x92\x07\x91\x92\x07\x91\x92\x01\xc3", 9 },      /* a list of lists */
                { "\x92\x07\xdd\x00\xff\xff\xff\x92\x01\xc3", 10 }, /* a list that claims 16 million values */
                { "\x92\x08\x02", 3 },                              /* no such token */
                { "\x93\x06\xc4\x01\x00\xc0", 6 },                  /* an id of one byte */
        };
        static const char grown[] = "\x94\x01\xc3\xa3new\x91\x05"; /* a boolean with fields of the future */
        PackReader r;

        for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
                unpack_init(&r, wrong[i].data, wrong[i].n);
                assert_true(value_is_none(value_unpack(&r, a)));
                assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        }
        unpack_init(&r, grown, sizeof(grown) - 1);
        assert_true(value_is(value_unpack(&r, a), value_bool(true)));
        assert_int_equal(unpack_end(&r), 0);
        assert_int_equal(r.at, sizeof(grown) - 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_guid),           cmocka_unit_test(test_sid),
                cmocka_unit_test(test_compare),        cmocka_unit_test(test_set),
                cmocka_unit_test(test_text),           cmocka_unit_test(test_pack),
                cmocka_unit_test(test_unpack_corrupt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
