/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static ObjectKey key_of(uint8_t n)
{
        return (ObjectKey){ .id = { .bytes = { n } } };
}

static Outcome outcome_of(int64_t started, const char *name)
{
        return (Outcome){
                .run_id = "00000000-0000-4000-8000-000000000001",
                .started = { started },
                .source = { .id = "", .display_name = name },
                .target = { .id = "" },
        };
}

static void assert_has(const Waiter *waiter, const char *name)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome o;

        assert_non_null(waiter->data);
        assert_int_equal(outcome_unpack(a, waiter->data, waiter->n, &o), 0);
        assert_string_equal(o.source.display_name, name);
}

/* Everybody who waits for this object gets a copy of its own; who waits for another gets nothing. */
static void test_deliver(void **state)
{
        ObjectKey ada = key_of(1), bob = key_of(2);
        Outcome o = outcome_of(2000, "ada");
        Waiter first, second, other;
        Waiters w;

        waiters_init(&w);
        waiters_add(&w, &first, &ada, (Wall){ 1000 });
        waiters_add(&w, &second, &ada, (Wall){ 2000 });
        waiters_add(&w, &other, &bob, (Wall){ 1000 });
        waiters_deliver(&w, &ada, &o);
        assert_true(waiters_look(&w, &first, 0));
        assert_false(waiters_look(&w, &other, 0));
        assert_true(waiters_wait(&w, &first, 0));
        assert_true(waiters_wait(&w, &second, 0));
        assert_has(&first, "ada");
        assert_has(&second, "ada");
        assert_ptr_not_equal(first.data, second.data);
        assert_false(waiters_wait(&w, &other, 0));
        assert_null(other.data);
        free(first.data);
        free(second.data);
        waiters_deinit(&w);
}

/* A run that was under way when the waiter came may have read the object before the change. */
static void test_only_later_runs(void **state)
{
        Outcome before = outcome_of(999, "too early"), first = outcome_of(1000, "first"),
                second = outcome_of(1001, "second");
        ObjectKey ada = key_of(1);
        Waiter waiter;
        Waiters w;

        waiters_init(&w);
        waiters_add(&w, &waiter, &ada, (Wall){ 1000 });
        waiters_deliver(&w, &ada, &before);
        assert_null(waiter.data);
        waiters_deliver(&w, &ada, &first);
        waiters_deliver(&w, &ada, &second); /* the first counts */
        assert_true(waiters_wait(&w, &waiter, 0));
        assert_has(&waiter, "first");
        free(waiter.data);

        /* Another node's clock is late; when the change was put says our own. */
        waiters_add(&w, &waiter, &ada, (Wall){ 1000 });
        before.queued = (Wall){ 1000 };
        waiters_deliver(&w, &ada, &before);
        assert_true(waiters_wait(&w, &waiter, 0));
        free(waiter.data);

        /* Who has gone gets nothing. */
        waiter.data = NULL;
        waiters_deliver(&w, &ada, &second);
        assert_null(waiter.data);
        waiters_deinit(&w);
}

static void test_close(void **state)
{
        ObjectKey ada = key_of(1);
        Waiter waiter;
        Waiters w;

        waiters_init(&w);
        waiters_add(&w, &waiter, &ada, (Wall){ 0 });
        waiters_close(&w);
        assert_false(waiters_wait(&w, &waiter, INT64_C(3600) * 1000000)); /* at once */
        waiters_deinit(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_deliver),
                cmocka_unit_test(test_only_later_runs),
                cmocka_unit_test(test_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
