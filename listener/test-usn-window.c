/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "listener/usn-window.h"

static ObjectId id_of(uint64_t n)
{
        ObjectId id = { { 0 } };

        memcpy(id.bytes, &n, sizeof(n));
        return id;
}

static Mono at_s(int64_t s)
{
        return (Mono){ s * 1000000 };
}

static int setup(void **state)
{
        static UsnWindow w;

        window_init(&w);
        *state = &w;
        return 0;
}

static int teardown(void **state)
{
        window_deinit(*state);
        return 0;
}

static void test_lower_follows_a_minute_behind(void **state)
{
        UsnWindow *w = *state;

        window_begin(w, 100);
        assert_int_equal(window_lower(w, at_s(1000)), 100);
        window_look_ended(w, at_s(1000), 200);
        window_look_ended(w, at_s(1030), 300);
        assert_int_equal(window_lower(w, at_s(1059)), 100);
        assert_int_equal(window_lower(w, at_s(1060)), 200);
        assert_int_equal(window_lower(w, at_s(1089)), 200);
        assert_int_equal(window_lower(w, at_s(2000)), 300);
}

/* Forty looks a second take no more room than one, and the window does not get shorter by them. */
static void test_many_looks(void **state)
{
        UsnWindow *w = *state;

        window_begin(w, 1);
        for (int64_t i = 0; i < 40 * 200; i++) {
                window_look_ended(w, (Mono){ 1000000000 + i * 25000 }, (uint64_t)i);
                assert_true(window_lower(w, (Mono){ 1000000000 + i * 25000 }) <=
                            (i < 40 * 60 ? 1u : (uint64_t)(i - 40 * 60)));
        }
        assert_true(window_lower(w, at_s(1200)) >= 40 * 138);
}

static void test_pairs(void **state)
{
        UsnWindow *w = *state;
        ObjectId a = id_of(1), b = id_of(2);

        window_begin(w, 1);
        window_add(w, &a, 10);
        window_add(w, &a, 10);
        window_add(w, &a, 11);
        assert_int_equal(w->n_pairs, 2);
        assert_true(window_has(w, &a, 10) && window_has(w, &a, 11));
        assert_false(window_has(w, &a, 12) || window_has(w, &b, 10) || window_has(w, &a, 0));
        window_add(w, &b, 0);
        assert_int_equal(w->n_pairs, 2);
        window_begin(w, 20);
        assert_false(window_has(w, &a, 10));
}

/* What has left the window makes room; what is in it is kept. */
static void test_old_pairs_make_room(void **state)
{
        UsnWindow *w = *state;

        window_begin(w, 1);
        for (uint64_t i = 0; i < WINDOW_PAIRS_MAX; i++) {
                ObjectId id = id_of(i);

                window_add(w, &id, 2 + i);
        }
        w->marks[0].usn = WINDOW_PAIRS_MAX - 100;
        for (uint64_t i = 0; i < 10; i++) {
                ObjectId id = id_of(i);

                window_add(w, &id, 1000000 + i);
                assert_true(window_has(w, &id, 1000000 + i));
        }
        assert_false(w->overflowed);
        assert_int_equal(w->n_pairs, 101 + 10);
}

static void test_too_much_begins_anew(void **state)
{
        UsnWindow *w = *state;

        window_begin(w, 1);
        for (uint64_t i = 0; i <= WINDOW_PAIRS_MAX; i++) {
                ObjectId id = id_of(i);

                window_add(w, &id, 2 + i);
        }
        assert_true(w->overflowed);
        assert_int_equal(window_lower(w, at_s(1000)), 1);
        window_look_ended(w, at_s(1000), 900000);
        assert_false(w->overflowed);
        assert_int_equal(window_lower(w, at_s(1000)), 900000);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_lower_follows_a_minute_behind), CASE(test_many_looks),           CASE(test_pairs),
                CASE(test_old_pairs_make_room),           CASE(test_too_much_begins_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
