/* SPDX-License-Identifier: Apache-2.0 */

/* What a set makes of somebody: of those who have a say in him, and nobody else. */

#include "app/rules/compare.h"
#include "queue/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct Two {
        Arena *a;
        Queue *queue;
        RunConnector connectors[2];
        RulesWorld world;
} Two;

static const ObjectId person_id = { { 1 } };

static void write_object(SpaceBatch *b, const ObjectKey *key, const char *dn, bool deleted)
{
        ObjectBuilder ob;
        const Object *o;

        object_build(&ob, b->arena);
        object_add(&ob, "title", value_string(dn));
        o = object_finish(&ob, &key->id, "user", dn);
        space_write_import(b, key, o, SPACE_ANY);
        space_write_head(b, key, &(Head){ .dn = dn, .type = "user", .deleted = deleted }, SPACE_ANY);
}

/* One person with an account in each of two forests. */
static void plant(Two *t, bool deleted)
{
        const ObjectKey keys[] = { { .source = 1, .id = { { 3 } } }, { .source = 0, .id = { { 2 } } } };
        Person p = { .type = "person", .joined = keys, .n_joined = 2 };
        SpaceBatch b;

        space_batch_init(&b, t->a);
        write_object(&b, &keys[0], "CN=there", false);
        write_object(&b, &keys[1], "CN=here", deleted);
        space_write_person(&b, &person_id, &p, SPACE_ANY);
        assert_int_equal(queue_put(t->queue, &(Intake){ .writes = b.writes, .n_writes = b.n_writes }), 0);
}

static void read_known(Two *t, RulesKnown *ret_known)
{
        SpaceRow row;
        Space *s = t->world.space;

        assert_int_equal(s->ops->get(s, SPACE_METAVERSE, &person_id, sizeof(person_id), t->a, &row), 0);
        assert_int_equal(rules_known_read(&t->world, &person_id, &row, t->a, ret_known), 0);
}

static int setup(void **state)
{
        static Two t;
        static const int any; /* a scope is only asked whether it is there */

        t = (Two){ .a = arena_new(0) };
        assert_int_equal(queue_mem_new(&t.queue), 0);
        t.connectors[0] = (RunConnector){ .name = "here", .scope = (const Scope *)&any };
        t.connectors[1] = (RunConnector){ .name = "there", .scope = (const Scope *)&any };
        t.world =
                (RulesWorld){ .space = queue_space(t.queue), .connectors = t.connectors, .n_connectors = 2 };
        *state = &t;
        return 0;
}

static int teardown(void **state)
{
        Two *t = *state;

        queue_free(t->queue);
        arena_free(t->a);
        return 0;
}

static void test_in_the_order_of_sources(void **state)
{
        RulesKnown k;

        plant(*state, false);
        read_known(*state, &k);
        assert_int_equal(k.n_inputs, 2);
        assert_string_equal(k.inputs[0].object->dn, "CN=here");
        assert_string_equal(k.inputs[1].object->dn, "CN=there");
        assert_string_equal(k.dn, "CN=here");
}

static void test_a_source_that_is_not_configured(void **state)
{
        Two *t = *state;
        RulesKnown k;

        plant(t, false);
        t->connectors[0].scope = NULL;
        read_known(t, &k);
        assert_int_equal(k.n_inputs, 1);
        assert_string_equal(k.inputs[0].connector, "there");
        t->connectors[1].scope = NULL;
        read_known(t, &k);
        assert_int_equal(k.n_inputs, 0);
        assert_null(k.dn);
}

static void test_one_that_was_deleted(void **state)
{
        RulesKnown k;

        plant(*state, true);
        read_known(*state, &k);
        assert_int_equal(k.n_inputs, 1);
        assert_string_equal(k.inputs[0].connector, "there");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_in_the_order_of_sources, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_source_that_is_not_configured, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_that_was_deleted, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
