/* SPDX-License-Identifier: Apache-2.0 */

/* Where the rules would join somebody: by all clauses of a group, however many meet one of them. */

#include "app/rules/joins.h"
#include "queue/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N_COLLEAGUES 40

static const char rules_text[] = "rules:\n"
                                 "  - name: Join\n"
                                 "    direction: Inbound\n"
                                 "    source_type: user\n"
                                 "    target_type: person\n"
                                 "    link: Provision\n"
                                 "    precedence: 100\n"
                                 "    join:\n"
                                 "      - clauses:\n"
                                 "          - {source: department, target: department}\n"
                                 "          - {source: employeeID, target: employeeID}\n"
                                 "    flows:\n"
                                 "      - {target: cn, source: cn}\n";

typedef struct Office {
        Arena *a;
        Queue *queue;
        const RuleSet *rules;
} Office;

static ObjectId person_n(unsigned n)
{
        return (ObjectId){ { (uint8_t)n } };
}

/* All are of one department, each has a number of its own. */
static int setup(void **state)
{
        static Office o;
        const RulesFile file = { .name = "joins.yaml", .text = rules_text, .n = sizeof(rules_text) - 1 };
        SpaceBatch b;

        o = (Office){ .a = arena_new(0) };
        assert_int_equal(rules_load_text(o.a, &file, 1, &o.rules, NULL), 0);
        assert_int_equal(queue_mem_new(&o.queue), 0);
        space_batch_init(&b, o.a);
        for (unsigned n = 1; n <= N_COLLEAGUES; n++) {
                ObjectId id = person_n(n);

                space_write_join(&b, LINK_ADD, "person", "department", value_string("Sales"), &id);
                space_write_join(&b, LINK_ADD, "person", "employeeID",
                                 value_string(arena_printf(o.a, "%u", n)), &id);
        }
        assert_int_equal(queue_put(o.queue, &(Intake){ .links = b.links, .n_links = b.n_links }), 0);
        *state = &o;
        return 0;
}

static int teardown(void **state)
{
        Office *o = *state;

        queue_free(o->queue);
        arena_free(o->a);
        return 0;
}

static Joins find(Office *o, const char *number)
{
        ObjectId id = { { 0xff } };
        ObjectBuilder b;
        RuleInput input = { .connector = "here" };
        Joins joins;

        object_build(&b, o->a);
        object_add(&b, "department", value_string("sales"));
        if (number)
                object_add(&b, "employeeID", value_string(number));
        input.object = object_finish(&b, &id, "user", "CN=new");
        assert_int_equal(joins_find(o->rules, &input, joins_ask_space, queue_space(o->queue), o->a, &joins),
                         0);
        assert_int_equal(joins.n_rules, 1);
        return joins;
}

static void test_all_clauses(void **state)
{
        for (unsigned n = 1; n <= N_COLLEAGUES; n++) {
                Office *o = *state;
                Joins joins = find(o, arena_printf(o->a, "%u", n));
                ObjectId id = person_n(n);

                assert_non_null(joins.by);
                assert_int_equal(joins.by->n_hits, 1);
                assert_true(guid_is(&joins.by->hits[0].id, &id));
        }
}

static void test_nobody(void **state)
{
        assert_null(find(*state, "4711").by);
        assert_null(find(*state, NULL).by);
        assert_int_equal(find(*state, NULL).rules[0].n_hits, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_all_clauses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
