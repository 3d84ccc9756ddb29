/* SPDX-License-Identifier: Apache-2.0 */

/* Forget: what is kept, and how much goes at once. The rows of a whole person: tests/scenario/forget*.scn. */

#include "app/flow/forget.h"
#include "engine/space/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS ((int64_t)86400000)

static const Wall noon = { INT64_C(1795348800000) };

typedef struct Attic {
        Arena *a;
        Queue *queue;
        BrakeStore brakes;
} Attic;

static int setup(void **state)
{
        static Attic t;

        t = (Attic){ .a = arena_new(0) };
        *state = &t;
        return queue_mem_new(&t.queue) || brake_store_init(&t.brakes, t.queue, noon);
}

static int teardown(void **state)
{
        Attic *t = *state;

        brake_store_deinit(&t->brakes, noon);
        queue_free(t->queue);
        arena_free(t->a);
        return 0;
}

static ObjectKey key_of(unsigned n)
{
        ObjectKey key = { .source = 1 };

        memcpy(key.id.bytes, &n, sizeof(n));
        return key;
}

/* Deleted, seen then; 0: an older program has seen it. */
static void add(SpaceBatch *b, unsigned n, Wall gone)
{
        const ObjectKey key = key_of(n);

        space_write_head(b, &key, &(Head){ .dn = "CN=X", .type = "user", .deleted = true, .gone = gone }, 0);
}

static void store(Attic *t, const SpaceBatch *b)
{
        assert_int_equal(queue_put_batch(t->queue, b, noon), 0);
}

static int count(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        ++*(unsigned *)context;
        return 0;
}

static unsigned n_heads(Attic *t)
{
        Space *s = queue_space(t->queue);
        unsigned n = 0;

        assert_int_equal(s->ops->walk(s, SPACE_HEAD, NULL, 0, count, &n), 0);
        return n;
}

static int forget(Attic *t, int64_t days)
{
        Wall now = wall_add(noon, days * DAY_MS);

        return forget_gone(t->queue, &t->brakes, wall_add(now, -400 * DAY_MS), now);
}

static void test_so_many_at_once(void **state)
{
        Attic *t = *state;
        SpaceBatch b;

        space_batch_init(&b, t->a);
        for (unsigned n = 0; n < FORGET_MAX + 1; n++)
                add(&b, n, noon);
        store(t, &b);
        assert_int_equal(forget(t, 400), 0);
        assert_int_equal(forget(t, 401), FORGET_MAX);
        assert_int_equal(n_heads(t), 1);
        assert_int_equal(forget(t, 401), 1);
        assert_int_equal(n_heads(t), 0);
}

/* When an older program has seen it, nobody knows: it counts from now. */
static void test_of_an_older_program(void **state)
{
        Attic *t = *state;
        SpaceBatch b;

        space_batch_init(&b, t->a);
        add(&b, 1, (Wall){ 0 });
        store(t, &b);
        assert_int_equal(forget(t, 1000), 0);
        assert_int_equal(forget(t, 1400), 0);
        assert_int_equal(n_heads(t), 1);
        assert_int_equal(forget(t, 1401), 1);
}

/* What a revert holds, and what waits, somebody still has to decide about. */
static void test_wanted(void **state)
{
        Attic *t = *state;
        const ObjectKey held = key_of(1), waits = key_of(2);
        uint8_t row[OBJECT_KEY_SIZE];
        const Change change = { .source = waits.source, .id = waits.id, .kind = CHANGE_GONE };
        SpaceBatch b;

        space_batch_init(&b, t->a);
        add(&b, 1, noon);
        add(&b, 2, noon);
        space_write_hold(&b, &held, &(Hold){ .since = noon, .by = "ada", .why = "run 1", .dn = "CN=X" });
        store(t, &b);
        assert_int_equal(queue_put(t->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = noon }),
                         0);
        assert_int_equal(forget(t, 401), 0);
        assert_int_equal(n_heads(t), 2);
        assert_int_equal(queue_drop(t->queue, &waits), 0);
        space_batch_init(&b, t->a);
        object_key_pack(&held, row);
        space_delete(&b, SPACE_HOLD, row, sizeof(row));
        store(t, &b);
        assert_int_equal(forget(t, 401), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(test_so_many_at_once),
                TEST(test_of_an_older_program),
                TEST(test_wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
