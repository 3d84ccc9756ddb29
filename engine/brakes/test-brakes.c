/* SPDX-License-Identifier: Apache-2.0 */

/* Brakes: what they let through, and what they remember. */

#include "engine/brakes/brakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define BEGIN  ((Wall){ INT64_C(1795305600000) })

static const BrakeLimits limits = {
        .of = {
                [BRAKE_DISABLE] = { 25, 10 * MINUTE * 1000 },
                [BRAKE_MEMBERS] = { 500, 10 * MINUTE * 1000 },
                [BRAKE_VALUES] = { 20, 60 * MINUTE * 1000 },
                [BRAKE_CREATE] = { 100, 60 * MINUTE * 1000 },
        },
        .share = 0.02,
};

static int init(void **state)
{
        Brakes *b = malloc(sizeof(*b));

        brakes_init(b);
        *state = b;
        return 0;
}

static int deinit(void **state)
{
        brakes_deinit(*state);
        free(*state);
        return 0;
}

static BrakeSet take(Brakes *b, Brake brake, uint32_t n, Wall now)
{
        Effects e = { 0 };
        BrakeSet tripped;

        e.n[brake] = n;
        return brakes_take(b, &limits, &e, 0, now, &tripped);
}

static void test_one_too_many(void **state)
{
        Effects e = { .n = { [BRAKE_DISABLE] = 1 } };
        BrakeStatus status[_BRAKE_N];
        Brakes *b = *state;
        BrakeSet tripped;

        for (int i = 0; i < 25; i++)
                assert_int_equal(take(b, BRAKE_DISABLE, 1, BEGIN), 0);
        assert_int_equal(brakes_take(b, &limits, &e, 0, BEGIN, &tripped), BRAKE_SET(BRAKE_DISABLE));
        assert_int_equal(tripped, BRAKE_SET(BRAKE_DISABLE));
        brakes_status(b, &limits, wall_add(BEGIN, MINUTE), status);
        assert_true(status[BRAKE_DISABLE].on);
        assert_int_equal(status[BRAKE_DISABLE].used, 25);
        assert_int_equal(status[BRAKE_DISABLE].since.ms, BEGIN.ms);
        /* It trips once, and stays on however much time passes. */
        assert_int_equal(brakes_take(b, &limits, &e, 0, wall_add(BEGIN, 1000 * MINUTE), &tripped),
                         BRAKE_SET(BRAKE_DISABLE));
        assert_int_equal(tripped, 0);
        /* Others go on, and so does what a person let through; that is not counted. */
        assert_int_equal(take(b, BRAKE_CREATE, 1, BEGIN), 0);
        assert_int_equal(brakes_take(b, &limits, &e, BRAKE_SET(BRAKE_DISABLE), BEGIN, &tripped), 0);
        /* Released, it begins anew. */
        assert_int_equal(brakes_release(b, BRAKE_SET(BRAKE_DISABLE)), BRAKE_SET(BRAKE_DISABLE));
        assert_int_equal(brakes_release(b, BRAKE_SET(BRAKE_DISABLE)), 0);
        assert_int_equal(take(b, BRAKE_DISABLE, 25, BEGIN), 0);
        assert_int_equal(take(b, BRAKE_DISABLE, 1, BEGIN), BRAKE_SET(BRAKE_DISABLE));
}

/* No window of ten minutes, wherever it begins, holds more than 25. */
static void test_any_window(void **state)
{
        uint64_t random = 1;

        for (int round = 0; round < 200; round++) {
                int64_t times[2000];
                Wall now = BEGIN;
                Brakes *b = *state;
                size_t n = 0;

                brakes_release(b, ~0u);
                for (int i = 0; i < 2000; i++) {
                        random = random * 6364136223846793005u + 1442695040888963407u;
                        now = wall_add(now, (int64_t)(random >> 40) % (round % 2 ? 40000 : 4000));
                        if (take(b, BRAKE_DISABLE, 1, now))
                                brakes_release(b, 0), b->on = 0; /* as if it only refused */
                        else
                                times[n++] = now.ms;
                }
                for (size_t i = 25; i < n; i++)
                        assert_true(times[i] - times[i - 25] >= 10 * MINUTE);
                assert_true(n > 25);
        }
}

static void test_whole_or_not(void **state)
{
        Effects e = { .n = { [BRAKE_MEMBERS] = 501, [BRAKE_DISABLE] = 1 } };
        Brakes *b = *state;
        BrakeSet tripped;

        assert_int_equal(brakes_take(b, &limits, &e, 0, BEGIN, &tripped), BRAKE_SET(BRAKE_MEMBERS));
        /* The disable beside it was not counted. */
        for (int i = 0; i < 25; i++)
                assert_int_equal(take(b, BRAKE_DISABLE, 1, BEGIN), 0);
}

static void test_give_back(void **state)
{
        Effects e = { .n = { [BRAKE_DISABLE] = 5 } };
        Brakes *b = *state;
        BrakeSet tripped;

        for (int i = 0; i < 100; i++) {
                assert_int_equal(brakes_take(b, &limits, &e, 0, BEGIN, &tripped), 0);
                brakes_give_back(b, &limits, &e, 0, BEGIN);
        }
        brakes_give_back(b, &limits, &e, 0, BEGIN);
        assert_int_equal(take(b, BRAKE_DISABLE, 25, BEGIN), 0);
        assert_int_not_equal(take(b, BRAKE_DISABLE, 1, BEGIN), 0);
}

/* 2 % of the type, but always 20; users and groups are counted apart. */
static void test_values(void **state)
{
        Effects user = { .type = BRAKE_USER, .n = { [BRAKE_VALUES] = 1 } };
        Effects group = { .type = BRAKE_GROUP, .n = { [BRAKE_VALUES] = 1 } };
        Brakes *b = *state;
        BrakeSet tripped;

        brakes_know(b, BRAKE_USER, 5000);
        brakes_know(b, BRAKE_GROUP, -3);
        for (int i = 0; i < 20; i++)
                assert_int_equal(brakes_take(b, &limits, &group, 0, BEGIN, &tripped), 0);
        for (int i = 0; i < 100; i++)
                assert_int_equal(brakes_take(b, &limits, &user, 0, BEGIN, &tripped), 0);
        assert_int_not_equal(brakes_take(b, &limits, &user, 0, BEGIN, &tripped), 0);
        brakes_release(b, BRAKE_SET(BRAKE_VALUES));
        for (int i = 0; i < 20; i++)
                assert_int_equal(brakes_take(b, &limits, &group, 0, BEGIN, &tripped), 0);
        assert_int_not_equal(brakes_take(b, &limits, &group, 0, BEGIN, &tripped), 0);
}

static void test_off(void **state)
{
        static const char *const names[] = { "disable", "everything" };
        static const DiagMark marks[2];
        BrakeLimits l = limits;
        Diag diag = DIAG_INIT;
        Effects e = { .n = { [BRAKE_DISABLE] = 1000 } };
        BrakeSet tripped;

        l.off = (ConfigList){ .items = names, .n_items = 2, .marks = marks };
        brake_limits_check(&l, &diag);
        assert_int_equal(diag.n_items, 1);
        assert_int_equal(brakes_take(*state, &l, &e, 0, BEGIN, &tripped), 0);
        diag_deinit(&diag);
}

static void test_restart(void **state)
{
        Brakes *b = *state, again;
        PackWriter w;
        const uint8_t *data;
        size_t n;

        take(b, BRAKE_DISABLE, 24, BEGIN);
        take(b, BRAKE_CREATE, 101, BEGIN);
        brakes_know(b, BRAKE_USER, 7);
        pack_init(&w);
        brakes_pack(b, &w);
        data = pack_data(&w, &n);
        brakes_init(&again);
        for (size_t cut = 0; cut < n; cut++)
                assert_int_equal(brakes_unpack(&again, data, cut), PACK_E_CORRUPT);
        assert_false(again.stored);
        assert_int_equal(brakes_unpack(&again, data, n), 0);
        assert_true(again.stored);
        assert_int_equal(again.known[BRAKE_USER], 7);
        assert_int_equal(take(&again, BRAKE_DISABLE, 1, BEGIN), 0);
        assert_int_equal(take(&again, BRAKE_DISABLE, 1, BEGIN), BRAKE_SET(BRAKE_DISABLE));
        assert_int_equal(take(&again, BRAKE_CREATE, 1, BEGIN), BRAKE_SET(BRAKE_CREATE));
        brakes_deinit(&again);
        pack_deinit(&w);
}

/* A clock that was set back, or a window of another length: nothing that was counted is forgotten before its
 * time, and nothing is kept for ever. */
static void test_other_times(void **state)
{
        Brakes *b = *state;
        BrakeLimits l = limits;
        Effects e = { .n = { [BRAKE_DISABLE] = 1 } };
        BrakeSet tripped;

        assert_int_equal(take(b, BRAKE_DISABLE, 25, BEGIN), 0);
        assert_int_not_equal(take(b, BRAKE_DISABLE, 1, wall_add(BEGIN, -1000 * MINUTE)), 0);
        b->on = 0;
        assert_int_equal(take(b, BRAKE_DISABLE, 1, wall_add(BEGIN, -980 * MINUTE)), 0);
        l.of[BRAKE_DISABLE].window_us *= 2;
        l.of[BRAKE_DISABLE].limit = 1;
        assert_int_not_equal(brakes_take(b, &l, &e, 0, wall_add(BEGIN, -980 * MINUTE), &tripped), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_too_many, init, deinit),
                cmocka_unit_test_setup_teardown(test_any_window, init, deinit),
                cmocka_unit_test_setup_teardown(test_whole_or_not, init, deinit),
                cmocka_unit_test_setup_teardown(test_give_back, init, deinit),
                cmocka_unit_test_setup_teardown(test_values, init, deinit),
                cmocka_unit_test_setup_teardown(test_off, init, deinit),
                cmocka_unit_test_setup_teardown(test_restart, init, deinit),
                cmocka_unit_test_setup_teardown(test_other_times, init, deinit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
