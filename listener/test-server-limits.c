/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "listener/server-limits.h"

static bool take(ServerLimits *l, const char *value)
{
        return server_limits_take(l, value, strlen(value));
}

static void test_values(void **state)
{
        ServerLimits l = { .page = -1, .range = -1, .query_s = -1, .idle_s = -1, .notifications = -1 };

        (void)state;
        assert_true(take(&l, "MaxPageSize=1000"));
        assert_true(take(&l, "maxvalrange=1500"));
        assert_true(take(&l, "MaxNotificationPerConn=0"));
        assert_false(take(&l, "MaxPoolThreads=4"));
        assert_false(take(&l, "MaxQueryDuration="));
        assert_false(take(&l, "MaxQueryDuration=12x"));
        assert_false(take(&l, "MaxQueryDuration=-1"));
        assert_false(take(&l, "MaxQueryDuration"));
        assert_false(take(&l, ""));
        assert_false(take(&l, "MaxPageSize=11111111111111111111111111111111111111111111111111111111111"));
        assert_int_equal(l.page, 1000);
        assert_int_equal(l.range, 1500);
        assert_int_equal(l.notifications, 0);
        assert_int_equal(l.query_s, -1);
        assert_int_equal(l.idle_s, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
