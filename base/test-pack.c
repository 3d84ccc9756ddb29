/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define READ(r, bytes)   unpack_init(&(r), (bytes), sizeof(bytes) - 1)
#define REFUSES(r, call) (READ(r, bytes), (void)(call), unpack_end(&(r)) == PACK_E_CORRUPT)

static void test_round_trip(void **state)
{
        static const int64_t numbers[] = {
                0,         1,  127, 128, 255,  256,  65535,  65536,  INT32_MAX, UINT32_MAX,
                INT64_MAX, -1, -32, -33, -128, -129, -32768, -32769, INT32_MIN, (int64_t)INT32_MIN - 1,
                INT64_MIN,
        };
        static const size_t lengths[] = { 0, 1, 31, 32, 255, 256, 65535, 65536, 100000 };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *big = arena_alloc(a, 100001);
        const uint8_t *data, *bytes;
        uint8_t guid[16];
        PackWriter w;
        PackReader r;
        size_t n;

        pack_init(&w);
        pack_array(&w, 70000);
        pack_int(&w, 3);
        pack_str(&w, "text");
        pack_str(&w, NULL);
        pack_str(&w, "");
        pack_nil(&w);
        pack_bool(&w, true);
        pack_bool(&w, false);
        pack_bytes(&w, "0123456789abcdef", 16);
        pack_bytes(&w, NULL, 0);
        for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
                pack_int(&w, numbers[i]);
        for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
                memset(big, 'x', lengths[i]);
                big[lengths[i]] = '\0';
                pack_str(&w, big);
                pack_bytes(&w, big, lengths[i]);
        }
        data = pack_data(&w, &n);

        /* So many elements cannot follow: the length of the array is told, but it is a lie. */
        unpack_init(&r, data, 100);
        assert_int_equal(unpack_array(&r), 0);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);

        unpack_init(&r, data, n);
        assert_int_equal(unpack_array(&r), 70000);
        assert_int_equal(unpack_version(&r, 3), 3);
        assert_string_equal(unpack_str(&r, a), "text");
        assert_null(unpack_str(&r, a));
        assert_string_equal(unpack_str(&r, a), "");
        assert_true(unpack_is_nil(&r));
        assert_false(unpack_is_nil(&r));
        assert_true(unpack_bool(&r));
        assert_false(unpack_bool(&r));
        unpack_fixed(&r, guid, sizeof(guid));
        assert_memory_equal(guid, "0123456789abcdef", 16);
        assert_non_null(unpack_bytes(&r, &n));
        assert_int_equal(n, 0);
        for (size_t i = 0; i < N_ELEMENTS(numbers); i++)
                assert_true(unpack_int(&r) == numbers[i]);
        for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
                assert_int_equal(strlen(unpack_str(&r, a)), lengths[i]);
                bytes = unpack_bytes(&r, &n);
                assert_int_equal(n, lengths[i]);
                assert_true(n == 0 || (bytes[0] == 'x' && bytes[n - 1] == 'x'));
        }
        assert_int_equal(unpack_end(&r), 0);
        assert_int_equal(r.at, r.n);

        pack_reset(&w);
        pack_data(&w, &n);
        assert_int_equal(n, 0);
        pack_deinit(&w);
        pack_deinit(&w);
}

static void test_newer_fields_are_skipped(void **state)
{
        PackWriter w;
        PackReader r;
        const uint8_t *data;
        size_t n;

        /* What a newer program may have added: any type, nested. */
        static const char added[] =
                "\x92\x01\x81\xa1k\x93\xc0\xc2\xcb\0\0\0\0\0\0\0\0" /* [1, {"k": [nil, false, 0.0]}] */
                "\xca\0\0\0\0"                                      /* float */
                "\xd4\x05x"                                         /* extension of 1 byte */
                "\xc7\x03\x05xyz";                                  /* extension of 3 bytes */

        pack_init(&w);
        pack_array(&w, 2);
        pack_array(&w, 6);
        pack_int(&w, 1);
        pack_int(&w, 5);
        w.packer.callback(w.packer.data, added, sizeof(added) - 1);
        pack_int(&w, 99);
        data = pack_data(&w, &n);

        unpack_init(&r, data, n);
        assert_int_equal(unpack_array(&r), 2);
        n = unpack_array(&r);
        assert_int_equal(n, 6);
        assert_int_equal(unpack_version(&r, 1), 1);
        assert_int_equal(unpack_int(&r), 5);
        unpack_skip(&r, n - 2);
        assert_int_equal(unpack_int(&r), 99);
        assert_int_equal(unpack_end(&r), 0);
        pack_deinit(&w);
}

static void test_version(void **state)
{
        PackReader r;

        READ(r, "\x92\x05\x01");
        unpack_array(&r);
        assert_int_equal(unpack_version(&r, 4), 0);
        assert_int_equal(unpack_int(&r), 0);
        assert_int_equal(unpack_end(&r), PACK_E_NEWER);
        READ(r, "\x92\x00\x01");
        unpack_array(&r);
        assert_int_equal(unpack_version(&r, 4), 0);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        READ(r, "\x91\xff");
        unpack_array(&r);
        assert_int_equal(unpack_version(&r, 4), 0);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
}

static void test_first_error_stays(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t fixed[4] = { 1, 2, 3, 4 };
        PackReader r;
        size_t n = 5;

        READ(r, "\xa1x\x01\x02\xc0");
        assert_int_equal(unpack_int(&r), 0);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        assert_null(unpack_str(&r, a));
        assert_int_equal(unpack_array(&r), 0);
        assert_false(unpack_is_nil(&r));
        assert_false(unpack_bool(&r));
        assert_null(unpack_bytes(&r, &n));
        assert_int_equal(n, 0);
        unpack_fixed(&r, fixed, 4);
        assert_memory_equal(fixed, "\0\0\0\0", 4);
        unpack_skip(&r, 10);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
}

static void test_wrong_shape(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        PackReader r;
        uint8_t fixed[4];
        size_t n;

#define WRONG(text, call)                                          \
        do {                                                       \
                static const char bytes[] = text;                  \
                if (!REFUSES(r, call))                             \
                        fail_msg("taken: %s by %s", #text, #call); \
        } while (0)
        /* Another type. */
        WRONG("\xa1x", unpack_int(&r));
        WRONG("\xc3", unpack_int(&r));
        WRONG("\xca\0\0\0\0", unpack_int(&r));
        WRONG("\x01", unpack_bool(&r));
        WRONG("\xc4\x01x", unpack_str(&r, a));
        WRONG("\x91\x01", unpack_str(&r, a));
        WRONG("\xa1x", unpack_bytes(&r, &n));
        WRONG("\x81\x01\x01", unpack_array(&r));
        WRONG("\xc1", unpack_skip(&r, 1));
        WRONG("\xc0", unpack_bytes(&r, &n));
        /* Too large for int64_t. */
        WRONG("\xcf\x80\0\0\0\0\0\0\0", unpack_int(&r));
        /* A NUL inside a text. */
        WRONG("\xa3x\0y", unpack_str(&r, a));
        /* Another length. */
        WRONG("\xc4\x03xyz", unpack_fixed(&r, fixed, 4));
        WRONG("\xc4\x05xyzab", unpack_fixed(&r, fixed, 4));
        /* Nothing there. */
        WRONG("", unpack_int(&r));
        WRONG("", unpack_skip(&r, 1));
        WRONG("\x01", unpack_skip(&r, 2));
        WRONG("\x01", unpack_skip(&r, SIZE_MAX));
        /* Lengths that lie. */
        WRONG("\xa5x", unpack_str(&r, a));
        WRONG("\xd9", unpack_str(&r, a));
        WRONG("\xd9\x02x", unpack_str(&r, a));
        WRONG("\xda\xff", unpack_str(&r, a));
        WRONG("\xdb\xff\xff\xff\xffxyz", unpack_str(&r, a));
        WRONG("\xc6\xff\xff\xff\xffxyz", unpack_bytes(&r, &n));
        WRONG("\xc9\xff\xff\xff\xff\x01xyz", unpack_skip(&r, 1));
        WRONG("\xc7\x00", unpack_skip(&r, 1));
        WRONG("\xd8\x01xyz", unpack_skip(&r, 1));
        WRONG("\xdd\xff\xff\xff\xff\x01", unpack_array(&r));
        WRONG("\xdd\xff\xff\xff\xff\x01", unpack_skip(&r, 1));
        WRONG("\xdf\xff\xff\xff\xff\x01", unpack_skip(&r, 1));
        WRONG("\xdf\x80\x00\x00\x00\x01", unpack_skip(&r, 1));
        WRONG("\x92\x01", unpack_skip(&r, 1));
        WRONG("\x92\x91\x91\x01", unpack_skip(&r, 1));
        WRONG("\x81\x01", unpack_skip(&r, 1));
        WRONG("\xce\x01\x02\x03", unpack_int(&r));
        WRONG("\xcb\x01", unpack_skip(&r, 1));
}

/* One array in another, as deep as a record is long: no stack, and time in proportion. */
static void test_deep_nesting(void **state)
{
        size_t n = PACK_RECORD_MAX;
        uint8_t *data = malloc(n);
        PackReader r;

        memset(data, 0x91, n);
        data[n - 1] = 0xc0;
        unpack_init(&r, data, n);
        unpack_skip(&r, 1);
        assert_int_equal(unpack_end(&r), 0);
        assert_int_equal(r.at, n);

        data[n - 1] = 0x91;
        unpack_init(&r, data, n);
        unpack_skip(&r, 1);
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
        free(data);
}

static void test_too_long(void **state)
{
        uint8_t byte = 0xc0;
        PackReader r;

        unpack_init(&r, &byte, PACK_RECORD_MAX + 1);
        assert_false(unpack_is_nil(&r));
        assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
}

/* Every prefix of a record, and every single byte changed: no reading beyond the end (a sanitizer tells), and
 * the reader comes to an end. */
static void test_damaged_records(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        pack_array(&w, 5);
        pack_int(&w, 1);
        pack_str(&w, "CN=Ada Lovelace,OU=corp,DC=contoso,DC=test");
        pack_bytes(&w, "0123456789abcdef", 16);
        pack_array(&w, 2);
        pack_int(&w, 1700000000000);
        pack_bool(&w, true);
        pack_nil(&w);
        data = pack_data(&w, &n);

        for (size_t len = 0; len <= n; len++) {
                for (unsigned byte = 0; byte < (len < n ? 1u : 256u * (unsigned)n); byte++) {
                        uint8_t *copy = malloc(len ? len : 1); /* its own piece: the end is guarded */
                        size_t n_bytes, i;
                        PackReader r;

                        memcpy(copy, data, len);
                        if (len == n)
                                copy[byte / 256] = (uint8_t)byte;
                        unpack_init(&r, copy, len);
                        i = unpack_array(&r);
                        unpack_version(&r, 1);
                        unpack_str(&r, a);
                        unpack_bytes(&r, &n_bytes);
                        unpack_skip(&r, i > 3 ? i - 3 : 0);
                        assert_true(r.at <= r.n);
                        if (len < n)
                                assert_int_equal(unpack_end(&r), PACK_E_CORRUPT);
                        free(copy);
                }
                arena_reset(a);
        }
        pack_deinit(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_newer_fields_are_skipped),
                cmocka_unit_test(test_version),     cmocka_unit_test(test_first_error_stays),
                cmocka_unit_test(test_wrong_shape), cmocka_unit_test(test_deep_nesting),
                cmocka_unit_test(test_too_long),    cmocka_unit_test(test_damaged_records),
        };

        return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
