/* SPDX-License-Identifier: Apache-2.0 */

/* Holds: what a process has been told to wait for, the next one waits for. */

#include "app/flow/holds.h"

#include "engine/space/memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE_US ((int64_t)60 * 1000000)

typedef struct Life {
        Holds holds;
        Limiter *limiter;
        ClockFake clock;
} Life;

/* A process: its monotonic clock begins anew, the wall's goes on. */
static void begin(Life *l, Queue *q, Mono mono, Wall wall)
{
        clock_fake_init(&l->clock, mono, wall);
        l->limiter = limiter_new(&(LimiterOptions){ .unlimited = true });
        assert_int_equal(holds_init(&l->holds, q, l->limiter, &l->clock.clock), 0);
}

static void end(Life *l)
{
        holds_deinit(&l->holds);
        limiter_free(l->limiter);
}

static int64_t left_us(Life *l, LimiterScope scope)
{
        Mono until = limiter_held(l->limiter, scope, l->clock.mono);

        return until.us ? until.us - l->clock.mono.us : 0;
}

static void test_outlives(void **state)
{
        const Wall start = { INT64_C(1795305600000) };
        Queue *q;
        Life a, b, c;

        assert_int_equal(queue_mem_new(&q), 0);
        begin(&a, q, (Mono){ 5 * MINUTE_US }, start);
        assert_int_equal(left_us(&a, LIMITER_WRITE), 0);
        limiter_hold(a.limiter, LIMITER_WRITE, mono_add(a.clock.mono, 5 * MINUTE_US));
        holds_save(&a.holds);

        /* It is killed, and another begins after a minute. */
        begin(&b, q, (Mono){ 1 }, wall_add(start, 60000));
        assert_int_equal(left_us(&b, LIMITER_WRITE), 4 * MINUTE_US);
        assert_int_equal(left_us(&b, LIMITER_READ), 0);
        /* It ends well, held once more by something that no worker has met. */
        limiter_hold(b.limiter, LIMITER_READ, mono_add(b.clock.mono, 10 * MINUTE_US));
        end(&b);
        begin(&c, q, (Mono){ 7 }, wall_add(start, 120000));
        assert_int_equal(left_us(&c, LIMITER_WRITE), 3 * MINUTE_US);
        assert_int_equal(left_us(&c, LIMITER_READ), 9 * MINUTE_US);
        end(&c);

        /* When it is over it is over. */
        begin(&c, q, (Mono){ 7 }, wall_add(start, 3600000));
        assert_int_equal(left_us(&c, LIMITER_WRITE), 0);
        assert_int_equal(left_us(&c, LIMITER_READ), 0);
        end(&c);
        end(&a);
        queue_free(q);
}

/* A clock that was wrong, and is right again, does not make anybody wait for a year. */
static void test_clock_set_back(void **state)
{
        const Wall wrong = { INT64_C(1795305600000) };
        Queue *q;
        Life a, b;

        assert_int_equal(queue_mem_new(&q), 0);
        begin(&a, q, (Mono){ 1 }, wrong);
        limiter_hold(a.limiter, LIMITER_WRITE, mono_add(a.clock.mono, 5 * MINUTE_US));
        end(&a);
        begin(&b, q, (Mono){ 1 }, wall_add(wrong, -(int64_t)365 * 86400000));
        assert_int_equal(left_us(&b, LIMITER_WRITE), 0);
        end(&b);
        begin(&b, q, (Mono){ 1 }, wall_add(wrong, -(int64_t)3 * 3600000));
        assert_int_equal(left_us(&b, LIMITER_WRITE), 0);
        end(&b);
        queue_free(q);
}

/* A damaged row is no reason not to start. */
static void test_damaged(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Wall start = { INT64_C(1795305600000) };
        SpaceBatch batch;
        Queue *q;
        Life l;

        assert_int_equal(queue_mem_new(&q), 0);
        space_batch_init(&batch, a);
        memo_write(&batch, "target.holds", "\x93\x01\xcf", 3, SPACE_ANY);
        assert_int_equal(
                queue_put(q, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = start }),
                0);
        begin(&l, q, (Mono){ 1 }, start);
        assert_int_equal(left_us(&l, LIMITER_READ), 0);
        assert_int_equal(left_us(&l, LIMITER_WRITE), 0);
        end(&l);
        queue_free(q);
}

/* What is over in a moment is not written. */
static void test_short(void **state)
{
        const Wall start = { INT64_C(1795305600000) };
        Queue *q;
        Life a;

        assert_int_equal(queue_mem_new(&q), 0);
        begin(&a, q, (Mono){ 1 }, start);
        limiter_hold(a.limiter, LIMITER_WRITE, mono_add(a.clock.mono, 1000000));
        holds_save(&a.holds);
        assert_int_equal(a.holds.stored[LIMITER_WRITE].ms, 0);
        limiter_hold(a.limiter, LIMITER_WRITE, mono_add(a.clock.mono, MINUTE_US));
        holds_save(&a.holds);
        assert_int_equal(a.holds.stored[LIMITER_WRITE].ms, start.ms + 60000);
        /* The same once more is no news. */
        clock_fake_advance(&a.clock, 1000);
        holds_save(&a.holds);
        assert_int_equal(a.holds.stored[LIMITER_WRITE].ms, start.ms + 60000);
        end(&a);
        queue_free(q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outlives),
                cmocka_unit_test(test_clock_set_back),
                cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_short),
        };

        return cmocka_run_group_tests_name("holds", tests, NULL, NULL);
}
