/* SPDX-License-Identifier: Apache-2.0 */

/* Limits: the published rates are kept, over any seeded pattern of requests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limits.h"
#include "random.h"

#define SECOND INT64_C(1000000)

static Limits make(char size, double scale)
{
        Limits limits = { .on = true, .tenant_size = size, .scale = scale, .grace_us = 100000 };

        limits_start(&limits, 0);
        return limits;
}

static void test_burst_then_rate(void **state)
{
        Limits limits = make('L', 1);
        unsigned int n = 0;
        Verdict v;

        for (n = 0; n < 4000; ++n) {
                limits_charge(&limits, 1, 1, true, &v);
                if (v.throttled)
                        break;
        }
        assert_int_equal(n, 3000);
        assert_string_equal(v.bucket->limit, "Write");
        assert_string_equal(v.bucket->scope, "Tenant_Application");
        /* the refused write is charged as well: two writes' worth of time until the next fits */
        assert_true(v.wait_s > 0.09 && v.wait_s < 0.11);
        limits_charge(&limits, (int64_t)(v.wait_s * 1e6) + 2, 1, true, &v);
        assert_false(v.throttled);
}

static void test_units(void **state)
{
        static const struct {
                char size;
                unsigned int units;
        } sizes[] = { { 'S', 3500 }, { 'M', 5000 }, { 'L', 8000 } };
        Verdict v;

        for (size_t i = 0; i < 3; ++i) {
                Limits limits = make(sizes[i].size, 1);
                unsigned int n = 0;

                do {
                        limits_charge(&limits, 1, 2, false, &v);
                        n += 2;
                } while (!v.throttled);
                assert_int_equal(n - 2, sizes[i].units);
                assert_string_equal(v.bucket->information, "ResourceUnitLimitExceeded");
                assert_true(v.percentage > 1);
        }
}

static void test_off_and_percentage(void **state)
{
        Limits limits = make('L', 1);
        Verdict v;

        for (int i = 0; i < 2399; ++i)
                limits_charge(&limits, 1, 1, true, &v);
        assert_true(v.percentage < 0.8);
        limits_charge(&limits, 1, 1, true, &v);
        limits_charge(&limits, 1, 1, true, &v);
        assert_true(v.percentage >= 0.8);
        limits.on = false;
        limits_charge(&limits, 1, 1000000, true, &v);
        assert_false(v.throttled);
}

/* Whatever comes, in any window no more than the capacity and the flow of that window is let through. */
static void test_rate_is_kept(void **state)
{
        for (uint64_t seed = 1; seed <= 20; ++seed) {
                Random random = { .state = seed };
                double scale = seed % 2 ? 1 : 20;
                Limits limits = make('L', scale);
                int64_t now = 0;
                unsigned int n = 0;
                Verdict v;

                while (now < 30 * SECOND) {
                        now += (int64_t)(random_next(&random) % 9000);
                        limits_charge(&limits, now, 1, true, &v);
                        n += !v.throttled;
                }
                if (n > 3000 + 20 * 30 * scale)
                        print_error("seed %llu: %u writes\n", (unsigned long long)seed, n);
                assert_true(n <= 3000 + 20 * 30 * scale);
        }
}

/* A client that obeys each wait gets nearly all of the flow. */
static void test_obedient_client(void **state)
{
        Limits limits = make('L', 1);
        int64_t now = 0;
        unsigned int n = 0;
        Verdict v;

        while (now < 300 * SECOND) {
                limits_charge(&limits, now, 1, true, &v);
                n += !v.throttled;
                now += v.throttled ? (int64_t)((v.wait_s + 1) * 1e6) : 1000;
        }
        assert_true(n > 3000 + 15 * 300 && n <= 3000 + 20 * 300);
}

static void test_holds(void **state)
{
        Limits limits = make('L', 1);

        limits_hold(&limits, SECOND, true, 2);
        assert_false(limits_is_held(&limits, SECOND + 50000, true));   /* was under way */
        assert_true(limits_is_held(&limits, SECOND + 150000, true));   /* should have known */
        assert_false(limits_is_held(&limits, SECOND + 150000, false)); /* reads are not held */
        assert_true(limits_is_held(&limits, 3 * SECOND - 1, true));
        assert_false(limits_is_held(&limits, 3 * SECOND, true));
}

static void test_other_share(void **state)
{
        Limits limits = make('L', 1);
        unsigned int n = 0;
        Verdict v;

        limits.other_share = 0.5;
        for (int64_t now = 0; now < 300 * SECOND; now += SECOND / 10) {
                limits_charge(&limits, now, 1, true, &v);
                n += !v.throttled;
        }
        assert_int_equal(n, 3000); /* ten a second is just what is left */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_burst_then_rate),    cmocka_unit_test(test_units),
                cmocka_unit_test(test_off_and_percentage), cmocka_unit_test(test_rate_is_kept),
                cmocka_unit_test(test_obedient_client),    cmocka_unit_test(test_holds),
                cmocka_unit_test(test_other_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
