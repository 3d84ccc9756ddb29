/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener/server-pin.h"

static const ObjectId one = { { 1 } }, two = { { 2 } };

static void test_pin_moves(void **state)
{
        _cleanup_(server_pin_freep) ServerPin *p = server_pin_new();
        PinnedServer s = { 0 };

        (void)state;
        assert_false(server_pin_get(p, &s));
        assert_int_equal(server_pin_generation(p), 0);
        server_pin_set(p, "ldaps://dc1", "dc1.test", &one);
        assert_true(server_pin_get(p, &s));
        assert_string_equal(s.uri, "ldaps://dc1");
        assert_string_equal(s.host, "dc1.test");
        assert_true(guid_is(&s.id, &one));
        assert_int_equal(s.generation, 1);
        server_pin_set(p, "ldaps://dc1", "dc1.test", &one);
        assert_int_equal(server_pin_generation(p), 1);
        /* Behind the same name, another server. */
        server_pin_set(p, "ldaps://dc1", "dc1.test", &two);
        assert_int_equal(server_pin_generation(p), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pin_moves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
