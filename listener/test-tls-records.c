/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "listener/tls-records.h"

/* Data, an alert, data without a byte, data whose body looks like a head; and behind them a HelloRequest. */
static const uint8_t before[] = {
        23, 3, 3, 0, 3, 22, 3, 3,             /* data */
        21, 3, 3, 0, 2, 1,  0,                /* an alert: a farewell */
        23, 3, 3, 0, 0,                       /* nothing */
        23, 3, 3, 0, 7, 22, 3, 3, 0, 4, 0, 0, /* data like a handshake */
};
static const uint8_t hello_request[] = { 22, 3, 3, 0, 4, 0, 0, 0, 0 };

static void test_whole(void **state)
{
        TlsRecords t = { 0 };

        (void)state;
        assert_false(tls_records_see(&t, before, sizeof(before)));
        assert_true(tls_records_see(&t, hello_request, sizeof(hello_request)));
        assert_false(tls_records_see(&t, before, sizeof(before)));
}

/* Cut anywhere, twice. */
static void test_pieces(void **state)
{
        uint8_t all[sizeof(before) + sizeof(hello_request)];

        (void)state;
        memcpy(all, before, sizeof(before));
        memcpy(all + sizeof(before), hello_request, sizeof(hello_request));
        for (size_t i = 0; i <= sizeof(all); i++)
                for (size_t k = i; k <= sizeof(all); k++) {
                        TlsRecords t = { 0 };
                        int found = tls_records_see(&t, all, i) + tls_records_see(&t, all + i, k - i) +
                                    tls_records_see(&t, all + k, sizeof(all) - k);

                        /* A head in two pieces is seen with each of them. */
                        assert_in_range(found, 1, 3);
                }
}

static void test_bytes(void **state)
{
        TlsRecords t = { 0 };

        (void)state;
        for (size_t i = 0; i < sizeof(before); i++)
                assert_false(tls_records_see(&t, before + i, 1));
        assert_true(tls_records_see(&t, hello_request, 1));
}

/* The longest length, and never the rest of it. */
static void test_long(void **state)
{
        const uint8_t head[] = { 23, 3, 3, 0xff, 0xff };
        uint8_t body[0xffff];
        TlsRecords t = { 0 };

        (void)state;
        memset(body, 22, sizeof(body));
        assert_false(tls_records_see(&t, head, sizeof(head)));
        assert_false(tls_records_see(&t, body, sizeof(body) - 1));
        assert_false(tls_records_see(&t, body, 1));
        assert_true(tls_records_see(&t, body, 1));
}

static void test_begins(void **state)
{
        (void)state;
        assert_true(tls_begins("\x16\x03\x01\x02\x00", 5)); /* ClientHello says 1.0 */
        assert_false(tls_begins("\x30\x1d\x02\x01\x01", 5));
        assert_false(tls_begins("\x16", 1));
        assert_false(tls_begins("", 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole), cmocka_unit_test(test_pieces), cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_long),  cmocka_unit_test(test_begins),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
