/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static const LimiterOptions whole = { .size = TENANT_SMALL, .share = 1, .time_scale = 1 };

static Limiter *limiter_for(double share, double reserve, double scale)
{
        LimiterOptions o = whole;

        o.share = share;
        o.urgent_reserve = reserve;
        o.time_scale = scale;
        return limiter_new(&o);
}

static uint64_t next(uint64_t *seed)
{
        *seed = *seed * 6364136223846793005U + 1442695040888963407U;
        return *seed >> 33;
}

static void test_burst_then_rate(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        Mono now = { 5 * S };
        unsigned n = 0;

        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ++n;
        assert_int_equal(n, 3000);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 50000);
        now.us += 50000;
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);
}

/* The bucket of nbdkit loses the remainder here and grants nothing at all (style-anchors, 1.5). */
static void test_asked_often(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(0.25, 0, 1); /* 5 a second */
        Mono now = { S };
        unsigned n = 0;

        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ;
        for (int i = 0; i < 6000; ++i) {
                now.us += 10000;
                n += limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0;
        }
        assert_int_equal(n, 300);
}

/* For hours, with waits obeyed exactly or not at all: the rate is kept, and never exceeded. */
static void test_rate_property(void **state)
{
        uint64_t first = (uint64_t)time(NULL);

        for (uint64_t round = 0; round < 24; ++round) {
                uint64_t seed = first + round;
                double share = 0.05 + (double)(next(&seed) % 95) / 100,
                       scale = (double)(1 + next(&seed) % 20);
                _cleanup_(limiter_freep) Limiter *l = limiter_for(share, 0, scale);
                LimiterScope scope = next(&seed) % 2 ? LIMITER_WRITE : LIMITER_READ;
                double rate = (scope == LIMITER_WRITE ? 20.0 : 350.0) * share * scale;
                double burst = (scope == LIMITER_WRITE ? 3000.0 : 3500.0) * share;
                Mono start = { (int64_t)next(&seed) }, now = start;
                uint64_t n = 0;
                /* So long that the burst is small against it, but not longer than a unit test may take. */
                int64_t end = start.us + (int64_t)(200000 / rate * 1e6);
                double allowed;

                while (now.us < end) {
                        unsigned units = 1 + (unsigned)(next(&seed) % 3);
                        int64_t wait = limiter_take(l, scope, units, LANE_NORMAL, now);

                        if (wait == 0)
                                n += units;
                        else
                                now.us +=
                                        next(&seed) % 4 ? wait : 1 + (int64_t)(next(&seed) % (uint64_t)wait);
                        allowed = burst + rate * (double)(now.us - start.us) / 1e6;
                        if ((double)n > allowed + 1e-6 * allowed + 0.001)
                                fail_msg("seed %llu: %llu units, allowed %f", (unsigned long long)seed,
                                         (unsigned long long)n, allowed);
                }
                allowed = burst + rate * (double)(now.us - start.us) / 1e6;
                if ((double)n < 0.999 * allowed - 3)
                        fail_msg("seed of round %llu: %llu units of %f (share %f scale %f)",
                                 (unsigned long long)(first + round), (unsigned long long)n, allowed, share,
                                 scale);
        }
}

/* Four hours at the plain rate, a greedy caller. */
static void test_four_hours(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(0.8, 0.1, 1);
        Mono now = { 0 };
        uint64_t n = 0;
        double allowed = 0.9 * 2400 + 16.0 * 4 * 3600;

        while (now.us < 4 * 3600 * S) {
                int64_t wait = limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now);

                if (wait == 0)
                        ++n;
                else
                        now.us += wait;
        }
        assert_true((double)n <= allowed + 1);
        assert_true((double)n >= 0.999 * allowed);
}

static void test_urgent_reserve(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0.1, 1);
        Mono now = { S };
        unsigned normal = 0, urgent = 0;

        while (limiter_take(l, LIMITER_WRITE, 1, LANE_RECONCILE, now) == 0)
                ++normal;
        assert_int_equal(normal, 2700);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_URGENT, now) == 0)
                ++urgent;
        assert_int_equal(urgent, 300);
        /* What urgent work has used of the reserve is refilled before the others get anything. */
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 301 * 50000);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_URGENT, now), 50000);
}

static void test_hold(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        Mono now = { S };
        LimiterStats stats;

        limiter_hold(l, LIMITER_WRITE, (Mono){ 31 * S });
        limiter_hold(l, LIMITER_WRITE, (Mono){ 11 * S }); /* earlier: the later end wins */
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_URGENT, now), 30 * S);
        assert_int_equal(limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now), 0);
        assert_int_equal(limiter_held(l, LIMITER_WRITE, now).us, 31 * S);
        assert_int_equal(limiter_held(l, LIMITER_READ, now).us, 0);
        limiter_stats(l, now, &stats);
        assert_int_equal(stats.hold[LIMITER_WRITE].us, 31 * S);
        assert_int_equal(stats.n_throttled, 2);
        assert_int_equal(stats.n_waited[LIMITER_WRITE], 1);
        assert_int_equal(stats.n_granted[LIMITER_READ], 1);

        /* The service's bucket is full: after the hold there is no burst. */
        now.us = 31 * S;
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 50000);

        limiter_hold(l, _LIMITER_SCOPE_N, (Mono){ 40 * S });
        assert_int_equal(limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now), 9 * S);
        limiter_hold(l, LIMITER_READ, MONO_NEVER);
        assert_true(limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now) > INT64_MAX / 2000);
}

static void test_unlimited_obeys_holds(void **state)
{
        LimiterOptions o = { .unlimited = true, .share = 1, .time_scale = 1 };
        _cleanup_(limiter_freep) Limiter *l = limiter_new(&o);
        Mono now = { S };

        for (int i = 0; i < 100000; ++i)
                assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        limiter_hold(l, LIMITER_WRITE, (Mono){ 2 * S });
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), S);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, (Mono){ 2 * S }), 0);
}

static void test_give_back_and_correct(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        Mono now = { S };

        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ;
        limiter_give_back(l, LIMITER_WRITE, 2, now);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 2, LANE_NORMAL, now), 0);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);

        while (limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now) == 0)
                ;
        limiter_correct(l, LIMITER_READ, 1, 6, now); /* five more than was thought */
        now.us += 5 * S / 350;
        assert_true(limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now) > 0);
        now.us += 2 * S / 350;
        assert_int_equal(limiter_take(l, LIMITER_READ, 1, LANE_NORMAL, now), 0);

        /* Giving back after a long rest makes no burst larger than the bucket. */
        now.us += 1000 * S;
        limiter_give_back(l, LIMITER_WRITE, 1000, now);
        for (int i = 0; i < 3000; ++i)
                assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);
}

/* Taken before the service complained, given back after it: no more than was taken. */
static void test_give_back_slowed(void **state)
{
        _cleanup_(limiter_freep) Limiter *one = limiter_for(1, 0, 1), *other = limiter_for(1, 0, 1);
        unsigned n_one = 0, n_other = 0;
        Mono now = { S };

        for (int i = 0; i < 2990; ++i) {
                assert_int_equal(limiter_take(one, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
                if (i < 2890)
                        assert_int_equal(limiter_take(other, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        }
        /* The service has no less left than ours. */
        limiter_slow(one, LIMITER_WRITE, 0.943, now);
        limiter_slow(other, LIMITER_WRITE, 0.943, now);
        limiter_give_back(one, LIMITER_WRITE, 100, now);
        now.us += 20 * S;
        while (limiter_take(one, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                n_one++;
        while (limiter_take(other, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                n_other++;
        assert_int_equal(n_one, n_other);
}

static void test_slow(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        Mono now = { S };

        limiter_slow(l, LIMITER_WRITE, -1, now);
        limiter_slow(l, LIMITER_WRITE, 0.0 / 0.0, now);
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ;
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 50000);
        limiter_slow(l, LIMITER_WRITE, 0.92 + 0.08 * 0.5 / 0.9, now); /* half of the rate */
        assert_in_range(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 99000, 101000);
        /* Half of the decay later half of the stretch is left, then nothing. */
        now.us += 5 * S;
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ;
        assert_in_range(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 1, 76000);
        now.us += 6 * S;
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ;
        assert_in_range(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 1, 50000);
}

/*
 * A second consumer takes half of the tenant's limit. The service is a token bucket of 3,000 that refills at
 * 20 a second, answers above 0.8 carry the percentage, refusals come at 1.0. The client must settle without a
 * refusal, and use what is left.
 */
static void test_second_consumer(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        double level = 0, other = 0;
        uint64_t refused = 0, late = 0;
        Mono now = { 0 };

        for (int64_t i = 0; i < 3600 * 100; ++i) { /* an hour, in steps of 10 ms */
                now.us += 10000;
                level -= 0.2;
                if (level < 0)
                        level = 0;
                other += 0.1;
                if (other >= 1) {
                        other -= 1;
                        if (level + 1 <= 3000)
                                level += 1;
                }
                if (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) != 0)
                        continue;
                if (level + 1 > 3000) {
                        ++refused;
                        limiter_hold(l, LIMITER_WRITE, mono_add(now, S));
                        continue;
                }
                level += 1;
                if (i > 360000 / 2)
                        ++late;
                limiter_slow(l, LIMITER_WRITE, level / 3000, now);
        }
        assert_int_equal(refused, 0);
        /* 10 a second are left for 1,800 s. */
        assert_in_range(late, 18000 * 97 / 100, 18000 * 101 / 100);
}

static void test_more_than_the_bucket(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(0.001, 0, 1); /* burst of 3 writes */
        Mono now = { S };

        assert_int_equal(limiter_take(l, LIMITER_WRITE, 20, LANE_NORMAL, now), 0);
        /* Charged whole: 20 units at 0.02 a second. */
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 18 * 50 * S);
}

/* Three processes whose parts come, go and change: together never more than one would have alone. */
static void test_parts_together(void **state)
{
        uint64_t first = (uint64_t)time(NULL);

        for (uint64_t round = 0; round < 20; ++round) {
                uint64_t seed = first + round;
                Limiter *l[3];
                double part[3] = { 0 };
                Mono start = { (int64_t)next(&seed) }, now = start;
                int64_t n = 0;

                for (int i = 0; i < 3; ++i) {
                        l[i] = limiter_new(&whole);
                        limiter_set_part(l[i], 0, MONO_NEVER, now);
                }
                for (int step = 0; step < 4000; ++step) {
                        int i = (int)(next(&seed) % 3);
                        double others = part[(i + 1) % 3] + part[(i + 2) % 3];

                        now.us += (int64_t)(next(&seed) % 200000);
                        if (next(&seed) % 20 == 0) {
                                part[i] = (1 - others) * (double)(next(&seed) % 4) / 3;
                                limiter_set_part(l[i], part[i], MONO_NEVER, now);
                        }
                        for (int tries = (int)(next(&seed) % 400); tries > 0; --tries)
                                n += limiter_take(l[i], LIMITER_WRITE, 1, LANE_NORMAL, now) == 0;
                        if ((double)n > 3000 + 20e-6 * (double)(now.us - start.us))
                                fail_msg("seed %llu: %lld in %lld us", (unsigned long long)seed, (long long)n,
                                         (long long)(now.us - start.us));
                }
                assert_true(n > 3000);
                for (int i = 0; i < 3; ++i)
                        limiter_free(l[i]);
        }
}

/* Who begins with nothing free does not wait until the reserve is full, and the reserve fills. */
static void test_part_reserve(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0.1, 1);
        Mono now = { 5 * S };
        unsigned n = 0, n_urgent = 0;

        limiter_set_part(l, 0, MONO_NEVER, now);
        limiter_set_part(l, 0.5, MONO_NEVER, now);
        for (int i = 0; i < 1500; ++i, now.us += 100000)
                n += limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0;
        assert_in_range(n, 10 * 150 * 89 / 100, 10 * 150 * 91 / 100);
        /* More of it: the other lanes go on meanwhile. */
        limiter_set_part(l, 1, MONO_NEVER, now);
        for (n = 0; n < 20; now.us += 100000)
                n += limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0;
        assert_true(now.us < (5 + 150 + 4) * S);
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_URGENT, now) == 0)
                ++n_urgent;
        assert_in_range(n_urgent, 150, 175);
}

static void test_part(void **state)
{
        _cleanup_(limiter_freep) Limiter *l = limiter_for(1, 0, 1);
        Mono now = { 5 * S };
        unsigned n = 0;

        /* What is free stays free, as far as it fits. */
        limiter_set_part(l, 0.5, (Mono){ 300 * S }, now);
        while (limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0)
                ++n;
        assert_int_equal(n, 1500);
        /* Who grows has nothing more at once, and fills up faster. */
        limiter_set_part(l, 1, (Mono){ 300 * S }, now);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);
        now.us += 10 * S;
        for (n = 0; limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0; ++n)
                ;
        assert_in_range(n, 199, 200);
        /* It ends by itself, and what was free then is not ours any more. */
        now.us = 300 * S - 1;
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 0);
        now.us = 300 * S;
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_URGENT, now) > 0);
        assert_true(limiter_part(l, now) == 0);
        limiter_set_part(l, 1, MONO_NEVER, now);
        assert_true(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) > 0);
        now.us += S;
        for (n = 0; limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now) == 0; ++n)
                ;
        assert_in_range(n, 19, 20);
        /* A hold holds whatever the part. */
        limiter_hold(l, LIMITER_WRITE, (Mono){ now.us + 9 * S });
        limiter_set_part(l, 0.5, MONO_NEVER, now);
        assert_int_equal(limiter_take(l, LIMITER_WRITE, 1, LANE_NORMAL, now), 9 * S);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_part),
                cmocka_unit_test(test_part_reserve),
                cmocka_unit_test(test_parts_together),
                cmocka_unit_test(test_burst_then_rate),
                cmocka_unit_test(test_asked_often),
                cmocka_unit_test(test_rate_property),
                cmocka_unit_test(test_four_hours),
                cmocka_unit_test(test_urgent_reserve),
                cmocka_unit_test(test_hold),
                cmocka_unit_test(test_unlimited_obeys_holds),
                cmocka_unit_test(test_give_back_and_correct),
                cmocka_unit_test(test_give_back_slowed),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_second_consumer),
                cmocka_unit_test(test_more_than_the_bucket),
        };

        return cmocka_run_group_tests_name("limiter", tests, NULL, NULL);
}
