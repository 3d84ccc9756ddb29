/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "listener/repl-meta.h"

static void number(const char *oid, uint32_t wanted)
{
        uint32_t is = 0;

        assert_int_equal(repl_number(oid, &is), wanted != 0xffffffff);
        if (wanted != 0xffffffff)
                assert_int_equal(is, wanted);
}

/* As Samba 4.17 has them on an object of its own. */
static void test_numbers(void **state)
{
        (void)state;
        number("2.5.4.0", 0);                          /* objectClass */
        number("2.5.4.42", 0x2a);                      /* givenName */
        number("1.2.840.113556.1.2.281", 0x20119);     /* nTSecurityDescriptor */
        number("1.2.840.113556.1.4.8", 0x90008);       /* userAccountControl */
        number("1.2.840.113556.1.4.656", 0x90290);     /* userPrincipalName */
        number("0.9.2342.19200300.100.1.3", 0x150003); /* mail */
        number("1.2.840.113556.1.4.7000.102.1", 0xffffffff);
        number("1.2.840.113556.1.4.16384", 0xffffffff);
        number("1.2.840.113556.1.4.99999", 0xffffffff);
        number("8", 0xffffffff);
        number("", 0xffffffff);
}

#define N_ENTRIES 3
#define SIZE      (16 + 48 * N_ENTRIES)

static void test_blob(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const ReplName items[] = { { "userAccountControl", 0x90008 }, { "title", 12 }, { "mail", 0x150003 } };
        const ReplNames names = { .items = items, .n = 3 };
        uint8_t blob[SIZE] = { 1, [8] = N_ENTRIES };
        const uint8_t entries[N_ENTRIES][4] = { { 3 }, { 12 }, { 8, 0, 9 } };
        const NamedStamp *stamps;

        (void)state;
        for (size_t i = 0; i < N_ENTRIES; i++) {
                uint8_t *e = blob + 16 + 48 * i;

                memcpy(e, entries[i], 4);
                e[4] = (uint8_t)(i + 1);
                e[8] = 0xe9;
                e[12] = 3;
                memset(e + 16, 0xa0, 16);
        }
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 2);
        assert_string_equal(stamps[0].attribute, "title");
        assert_int_equal(stamps[0].stamp.version, 2);
        assert_int_equal(stamps[0].stamp.time, (3LL << 32) + 0xe9);
        assert_int_equal(stamps[0].stamp.origin.bytes[15], 0xa0);
        assert_string_equal(stamps[1].attribute, "userAccountControl");
        assert_int_equal(stamps[1].stamp.version, 3);
        /* Cut short, longer than it is, of another version, no blob: none, and nothing is read beyond it. */
        for (size_t n = 0; n < SIZE; n++)
                assert_int_equal(
                        repl_meta_parse(value_bytes(arena_memdup(a, blob, n), n), &names, a, &stamps), 0);
        blob[11] = 0xff;
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 0);
        blob[11] = 0;
        blob[0] = 2;
        assert_int_equal(repl_meta_parse(value_bytes(blob, SIZE), &names, a, &stamps), 0);
        assert_int_equal(repl_meta_parse(value_string("x"), &names, a, &stamps), 0);
        assert_int_equal(repl_meta_parse(VALUE_NULL, &names, a, &stamps), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_blob),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
