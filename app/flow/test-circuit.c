/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/circuit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000000)

static Mono at(int64_t seconds)
{
        return (Mono){ (1000 + seconds) * SECOND };
}

static void test_opens_and_closes(void **state)
{
        char why[64];
        Circuit c;

        circuit_init(&c);
        assert_int_equal(circuit_ask(&c, at(0)), 0);
        assert_false(circuit_works(&c, at(1000))); /* was closed: no news */
        assert_true(circuit_failed(&c, at(0), "the token was refused"));
        assert_false(circuit_failed(&c, at(0), "the token was refused again")); /* one alarm */
        assert_true(circuit_is_open(&c, why, sizeof(why)));
        assert_string_equal(why, "the token was refused again");

        /* Nobody goes before the first probe is due; then one does. */
        assert_int_equal(circuit_ask(&c, at(0)), SECOND);
        assert_int_equal(circuit_ask(&c, at(1)), 0);
        assert_true(circuit_ask(&c, at(1)) > 0);
        assert_true(circuit_works(&c, at(1000)));
        assert_false(circuit_is_open(&c, why, sizeof(why)));
        assert_string_equal(why, "");
        assert_int_equal(circuit_ask(&c, at(1)), 0);
        circuit_deinit(&c);
}

/* 1, 2, 4, ... seconds, at most a minute. */
static void test_probes_get_rare(void **state)
{
        static const int64_t waits[] = { 2, 4, 8, 16, 32, 60, 60, 60 };
        int64_t now = 1;
        Circuit c;

        circuit_init(&c);
        circuit_failed(&c, at(0), "gone");
        for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
                assert_int_equal(circuit_ask(&c, at(now)), 0);
                assert_false(circuit_failed(&c, at(now), "gone"));
                assert_int_equal(circuit_ask(&c, at(now)), waits[i] * SECOND);
                now += waits[i];
        }
        /* The next outage begins anew. */
        circuit_works(&c, at(1000));
        circuit_failed(&c, at(now), "gone again");
        assert_int_equal(circuit_ask(&c, at(now)), SECOND);
        circuit_deinit(&c);
}

/* Nothing was due, or the object failed for its own reason first: the next one may probe at once. */
static void test_unknown(void **state)
{
        Circuit c;

        circuit_init(&c);
        circuit_failed(&c, at(0), "gone");
        assert_int_equal(circuit_ask(&c, at(5)), 0);
        circuit_unknown(&c);
        assert_true(circuit_is_open(&c, NULL, 0));
        assert_int_equal(circuit_ask(&c, at(5)), 0);
        circuit_deinit(&c);
}

static void *late_worker(void *arg)
{
        Circuit *c = arg;

        circuit_failed(c, at(6), "a run that began before");
        circuit_unknown(c);
        return NULL;
}

/* Runs that began before the circuit opened end while one probes: that does not let a second one probe. */
static void test_one_probe(void **state)
{
        pthread_t thread;
        Circuit c;

        circuit_init(&c);
        circuit_failed(&c, at(0), "gone");
        assert_int_equal(circuit_ask(&c, at(5)), 0);
        assert_int_equal(pthread_create(&thread, NULL, late_worker, &c), 0);
        pthread_join(thread, NULL);
        assert_true(circuit_ask(&c, at(5)) > 0);
        assert_true(circuit_ask(&c, at(14)) > 0);
        circuit_failed(&c, at(14), "gone");
        assert_int_equal(circuit_ask(&c, at(14)), 2 * SECOND);
        circuit_deinit(&c);
}

static void *other_worker(void *arg)
{
        Circuit *c = arg;

        assert_int_equal(circuit_ask(c, at(20)), 0);
        return NULL;
}

/* A probe that is stuck is waited for so long, and then another tries; the first says no more how it went. */
static void test_stuck_probe(void **state)
{
        pthread_t thread;
        Circuit c;

        circuit_init(&c);
        circuit_failed(&c, at(0), "gone");
        assert_int_equal(circuit_ask(&c, at(10)), 0);
        assert_int_equal(circuit_ask(&c, (Mono){ at(20).us - 1 }), SECOND);
        assert_int_equal(pthread_create(&thread, NULL, other_worker, &c), 0);
        pthread_join(thread, NULL);
        circuit_failed(&c, at(21), "gone");
        circuit_unknown(&c);
        assert_int_equal(circuit_ask(&c, at(22)), SECOND);
        /* That it works is taken from whoever has begun since. */
        assert_true(circuit_works(&c, at(10)));
        assert_int_equal(circuit_ask(&c, at(22)), 0);
        circuit_deinit(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_opens_and_closes), cmocka_unit_test(test_probes_get_rare),
                cmocka_unit_test(test_unknown),          cmocka_unit_test(test_one_probe),
                cmocka_unit_test(test_stuck_probe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
