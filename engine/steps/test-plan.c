/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plan: the plan of what is there already is empty, and carrying a plan out leads to where it wants to go
 *
 * The objects are random; the seed of a failure is printed, and PLAN_SEED repeats it.
 */

#include "engine/steps/internal.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/target/graph.h"
#include "engine/target/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 300

/* -- a space without rows -------------------------------------------------------------------------------- */

static int no_row(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        *ret_row = (SpaceRow){ 0 };
        return 0;
}

static int no_links(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after,
                    size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        *ret_ids = NULL;
        *ret_n = 0;
        return 0;
}

static const SpaceOps empty_ops = { .name = "empty", .get = no_row, .links = no_links };
static Space empty_space = { .ops = &empty_ops };

/* -- a run that stands before its plan ------------------------------------------------------------------- */

typedef struct Table {
        Arena *arena;
        ClockFake clock;
        RunConnector connector;
        RunConfig config;
        Target *target; /* an empty tenant */
        Run run;
} Table;

static Table *table_new(void)
{
        Arena *a = arena_new(0);
        Table *t = arena_new_of(a, Table);

        t->arena = a;
        clock_fake_init(&t->clock, (Mono){ 1 }, (Wall){ 1795305600000 });
        assert_int_equal(rules_load(a, NULL, &t->config.rules, NULL), 0);
        t->connector = (RunConnector){ .name = "corp.contoso.test" };
        t->config.connectors = &t->connector;
        t->config.n_connectors = 1;
        t->config.settle_ms = 120000;
        assert_int_equal(target_mem_new(&t->target), 0);
        return t;
}

static Table *table_free(Table *t)
{
        run_deinit(&t->run);
        target_free(t->target);
        arena_free(t->arena);
        return NULL;
}

DEFINE_CLEANUP(Table, table_free)

static void stand(Table *t, const char *mv_type, const FlowedObject *planned, const Object *cloud)
{
        run_deinit(&t->run);
        run_init(&t->run, t->arena, &t->config, NULL, t->target, &empty_space, &t->clock.clock,
                 &(Change){ .id = { .bytes = { 1 } } });
        t->run.record = &t->run.outcome.steps[STEP_sync];
        t->run.person.type = mv_type;
        t->run.planned = planned;
        t->run.cloud.object = cloud;
        t->run.cloud_id = cloud ? cloud->id : (ObjectId){ 0 };
        t->run.anchor = "AAECAw==";
}

/* -- random objects -------------------------------------------------------------------------------------- */

static uint64_t seed;

static unsigned draw(unsigned n)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(seed >> 33) % n;
}

static Value random_value(Table *t, const TargetAttribute *at)
{
        if (at->kind == TARGET_BOOL)
                return value_bool(draw(2));
        if (str_is(at->name, "usageLocation"))
                return value_string(draw(2) ? "GB" : "DE");
        if (str_is(at->name, "userPrincipalName") || str_is(at->name, "mail"))
                return value_string(arena_printf(t->arena, "u%u@contoso.test", draw(9)));
        return value_string(arena_printf(t->arena, "v%u", draw(9)));
}

/* As the service may give the same value back: domains and codes in another case, a list of one. */
static Value as_graph_writes(Table *t, const TargetAttribute *at, Value v)
{
        Value *list;

        if (at->kind == TARGET_FIRST_OF && draw(2)) {
                list = arena_new_array(t->arena, Value, 1);
                list[0] = v;
                return value_list(list, 1);
        }
        if (v.type == VALUE_STRING && strchr(v.s, '@') && draw(2))
                return value_string(arena_printf(t->arena, "%.*s@CONTOSO.TEST", (int)strcspn(v.s, "@"), v.s));
        if (str_is(at->name, "usageLocation") && draw(2))
                return value_string(str_lower(t->arena, v.s));
        return v;
}

static bool is_planned(const TargetAttribute *at)
{
        return at->property && at->kind != TARGET_LINKS && at->kind != TARGET_REFERENCE &&
               (at->writable || at->create_only);
}

static const FlowedObject *random_planned(Table *t, const char *type)
{
        size_t n_rows, n = 0;
        const TargetAttribute *rows = target_attributes(NULL, type, &n_rows);
        FlowedObject *o = arena_new_of(t->arena, FlowedObject);
        FlowedValue *values = arena_new_array(t->arena, FlowedValue, n_rows);

        for (size_t i = 0; i < n_rows; i++) {
                if (!is_planned(&rows[i]) || (!rows[i].create_required && draw(3) == 0))
                        continue;
                values[n++] = (FlowedValue){
                        .name = rows[i].name,
                        .value = str_is(rows[i].name, "mailEnabled") ? value_bool(false)
                                                                     : random_value(t, &rows[i]),
                        .rule = "a rule",
                };
        }
        o->type = type;
        o->values = values;
        o->n_values = n;
        return o;
}

static const Object *cloud_of(Table *t, const char *type, const FlowedObject *planned)
{
        ObjectBuilder b;

        object_build(&b, t->arena);
        for (size_t i = 0; i < planned->n_values; i++)
                object_add(&b, planned->values[i].name,
                           as_graph_writes(t, target_attribute(NULL, type, planned->values[i].name),
                                           planned->values[i].value));
        return object_finish(&b, &(ObjectId){ .bytes = { 7 } }, type, NULL);
}

/* The object after the operations. */
static const Object *carry_out(Table *t, const Object *cloud, const Op *ops, size_t n_ops)
{
        ObjectBuilder b;

        object_build(&b, t->arena);
        for (size_t i = 0; cloud && i < cloud->n_attributes; i++) {
                bool unset = false;

                for (size_t k = 0; k < n_ops; k++)
                        unset |= ops[k].kind == OP_UNSET &&
                                 str_is(ops[k].attribute, cloud->attributes[i].name);
                if (!unset)
                        object_add(&b, cloud->attributes[i].name, cloud->attributes[i].value);
        }
        for (size_t k = 0; k < n_ops; k++)
                if (ops[k].kind == OP_SET)
                        object_add(&b, ops[k].attribute, ops[k].value);
        return object_finish(&b, &(ObjectId){ .bytes = { 7 } }, ops[0].type, NULL);
}

static const struct {
        const char *mv_type, *type;
} kinds[] = { { "person", "user" }, { "group", "group" } };

static void test_nothing_to_do(void **state)
{
        for (size_t round = 0; round < ROUNDS; round++) {
                _cleanup_(table_freep) Table *t = table_new();
                size_t k = round % N_ELEMENTS(kinds);
                uint64_t began = seed;
                const FlowedObject *planned = random_planned(t, kinds[k].type);

                stand(t, kinds[k].mv_type, planned, cloud_of(t, kinds[k].type, planned));
                assert_int_equal(run_plan(&t->run), 0);
                if (t->run.n_ops)
                        fail_msg("PLAN_SEED=%llu: %s would be sent although it is there",
                                 (unsigned long long)began, t->run.ops[0].attribute);
        }
}

static void test_leads_there(void **state)
{
        for (size_t round = 0; round < ROUNDS; round++) {
                _cleanup_(table_freep) Table *t = table_new();
                size_t k = round % N_ELEMENTS(kinds);
                uint64_t began = seed;
                const FlowedObject *planned = random_planned(t, kinds[k].type);
                const Object *cloud =
                        draw(4) == 0 ? NULL : cloud_of(t, kinds[k].type, random_planned(t, kinds[k].type));

                stand(t, kinds[k].mv_type, planned, cloud);
                /* So that an account that is off may be turned on. */
                t->run.cloud.disabled_by_us = true;
                assert_int_equal(run_plan(&t->run), 0);
                if (!t->run.n_ops)
                        continue;
                assert_true((t->run.ops[0].kind == OP_CREATE) == !cloud);
                cloud = carry_out(t, cloud, t->run.ops, t->run.n_ops);
                stand(t, kinds[k].mv_type, planned, cloud);
                t->run.cloud.disabled_by_us = true;
                assert_int_equal(run_plan(&t->run), 0);
                if (t->run.n_ops)
                        fail_msg("PLAN_SEED=%llu: %s is sent again", (unsigned long long)began,
                                 t->run.ops[0].attribute);
        }
}

/* Values that the cloud has and no rule ever gave are not touched. */
static void test_clears_nothing_of_others(void **state)
{
        _cleanup_(table_freep) Table *t = table_new();
        FlowedValue value = { .name = "displayName", .value = value_string("Ada") };
        FlowedObject planned = { .type = "user", .values = &value, .n_values = 1 };
        ObjectBuilder b;

        object_build(&b, t->arena);
        object_add(&b, "displayName", value_string("Ada"));
        object_add(&b, "title", value_string("Set in the cloud"));
        object_add(&b, "employeeId", value_string("7"));
        stand(t, "person", &planned, object_finish(&b, &(ObjectId){ .bytes = { 7 } }, "user", NULL));
        assert_int_equal(run_plan(&t->run), 0);
        assert_int_equal(t->run.n_ops, 0);
}

static void test_kept_is_kept(void **state)
{
        static const char *const kept[] = { "usageLocation" };
        _cleanup_(table_freep) Table *t = table_new();
        FlowedObject planned = { .type = "user", .kept = kept, .n_kept = 1 };
        ObjectBuilder b;

        object_build(&b, t->arena);
        object_add(&b, "usageLocation", value_string("GB"));
        stand(t, "person", &planned, object_finish(&b, &(ObjectId){ .bytes = { 7 } }, "user", NULL));
        assert_int_equal(run_plan(&t->run), 0);
        assert_int_equal(t->run.n_ops, 0);
}

static void test_required_value(void **state)
{
        _cleanup_(table_freep) Table *t = table_new();
        FlowedValue value = { .name = "displayName", .value = value_string("Ada") };
        FlowedObject planned = { .type = "user", .values = &value, .n_values = 1 };

        stand(t, "person", &planned, NULL);
        assert_int_equal(run_plan(&t->run), STEP_E_PARK);
        assert_string_equal(t->run.outcome.error.code, "RequiredValueMissing");
        assert_string_equal(t->run.outcome.error.additional_details, "accountEnabled has no value");
}

/* Of an object that another synchronization masters, only a disable and its revocation are ours. */
static void test_mastered_elsewhere(void **state)
{
        _cleanup_(table_freep) Table *t = table_new();
        FlowedValue values[] = {
                { .name = "accountEnabled", .value = value_bool(false) },
                { .name = "displayName", .value = value_string("Ada") },
                { .name = "title", .value = value_string("Chief") },
        };
        FlowedObject planned = { .type = "user", .values = values, .n_values = 3 };
        ObjectBuilder b;

        object_build(&b, t->arena);
        object_add(&b, "accountEnabled", value_bool(true));
        stand(t, "person", &planned, object_finish(&b, &(ObjectId){ .bytes = { 7 } }, "user", NULL));
        t->run.cloud.mastered_elsewhere = true;
        t->run.change.revoke = true;
        assert_int_equal(run_plan(&t->run), 0);
        assert_int_equal(t->run.n_ops, 2);
        assert_int_equal(t->run.ops[0].kind, OP_SET);
        assert_string_equal(t->run.ops[0].attribute, "accountEnabled");
        assert_int_equal(t->run.ops[1].kind, OP_REVOKE_SESSIONS);
        assert_string_equal(t->run.outcome.error.code, "MasteredElsewhere");
}

/* Other rules do not give what those of the last run gave: it goes. What no rule ever gave stays. */
static void test_given_by_other_rules(void **state)
{
        _cleanup_(table_freep) Table *t = table_new();
        static const char *const given[] = { "department" };
        const FlowedObject planned = { .type = "user" };
        ObjectBuilder b;

        object_build(&b, t->arena);
        object_add(&b, "department", value_string("Engines"));
        object_add(&b, "title", value_string("Set in the cloud"));
        stand(t, "person", &planned, object_finish(&b, &(ObjectId){ .bytes = { 7 } }, "user", NULL));
        t->run.person.given = given;
        t->run.person.n_given = 1;
        assert_int_equal(run_plan(&t->run), 0);
        assert_int_equal(t->run.n_ops, 1);
        assert_int_equal(t->run.ops[0].kind, OP_UNSET);
        assert_string_equal(t->run.ops[0].attribute, "department");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_given_by_other_rules), cmocka_unit_test(test_nothing_to_do),
                cmocka_unit_test(test_leads_there),          cmocka_unit_test(test_clears_nothing_of_others),
                cmocka_unit_test(test_kept_is_kept),         cmocka_unit_test(test_required_value),
                cmocka_unit_test(test_mastered_elsewhere),
        };
        const char *given = getenv("PLAN_SEED");

        seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
