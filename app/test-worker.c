/* SPDX-License-Identifier: Apache-2.0 */

/* Worker: the pure part. What it does with changes is told by tests/scenario. */

#include "app/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Doubling from a second to a quarter of an hour, a quarter up or down. */
static void test_backoff(void **state)
{
        uint64_t random = 1;

        for (unsigned tries = 0; tries < 200; tries++) {
                int64_t middle = tries > 10 ? 900000 : (int64_t)1000 << (tries ? tries - 1 : 0);
                int64_t least = INT64_MAX, most = 0;

                if (middle > 900000)
                        middle = 900000;
                for (int i = 0; i < 1000; i++) {
                        int64_t ms;

                        random = random * 6364136223846793005u + 1442695040888963407u;
                        ms = worker_backoff_ms(tries, random >> 11);
                        least = ms < least ? ms : least;
                        most = ms > most ? ms : most;
                }
                assert_true(least >= middle - middle / 4);
                assert_true(most <= middle + middle / 4);
                /* It is spread: changes that failed together do not come back together. */
                assert_true(most - least > middle / 3);
        }
        assert_int_equal(worker_backoff_ms(1, 0), 750);
        assert_int_equal(worker_backoff_ms(UINT32_MAX, 0), 675000);
        assert_in_range(worker_backoff_ms(UINT32_MAX, UINT64_MAX), 675000, 1125000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_backoff),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
