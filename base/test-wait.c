/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct Bell {
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool rung;
} Bell;

static void bell_init(Bell *b)
{
        *b = (Bell){ 0 };
        pthread_mutex_init(&b->lock, NULL);
        wait_init(&b->cond);
}

static void bell_deinit(Bell *b)
{
        pthread_cond_destroy(&b->cond);
        pthread_mutex_destroy(&b->lock);
}

/* Not before its time, whatever of a second it is in. */
static void test_over(void **state)
{
        Bell b;

        bell_init(&b);
        pthread_mutex_lock(&b.lock);
        for (int i = 0; i < 7; i++) {
                Mono until = wait_in(i * 3001);

                while (wait_until(&b.cond, &b.lock, until))
                        ;
                assert_true(clock_mono(&clock_system).us >= until.us);
        }
        assert_false(wait_until(&b.cond, &b.lock, wait_in(-1)));
        assert_false(wait_until(&b.cond, &b.lock, (Mono){ 0 }));
        pthread_mutex_unlock(&b.lock);
        bell_deinit(&b);
}

static void *ring(void *context)
{
        Bell *b = context;

        pthread_mutex_lock(&b->lock);
        b->rung = true;
        pthread_cond_signal(&b->cond);
        pthread_mutex_unlock(&b->lock);
        return NULL;
}

static void test_woken(void **state)
{
        const Mono until[] = { wait_in((int64_t)3600 * 1000000), wait_in(INT64_MAX), MONO_NEVER };

        for (size_t i = 0; i < sizeof(until) / sizeof(until[0]); i++) {
                pthread_t thread;
                bool in_time = true;
                Bell b;

                bell_init(&b);
                pthread_mutex_lock(&b.lock);
                assert_int_equal(pthread_create(&thread, NULL, ring, &b), 0);
                while (!b.rung && in_time)
                        in_time = wait_until(&b.cond, &b.lock, until[i]);
                assert_true(b.rung && in_time);
                pthread_mutex_unlock(&b.lock);
                pthread_join(thread, NULL);
                bell_deinit(&b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_over),
                cmocka_unit_test(test_woken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
