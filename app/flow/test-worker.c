/* SPDX-License-Identifier: Apache-2.0 */

/* Worker: the pure part, and what needs two of them. All else that it does is told by tests/scenario. */

#include "app/flow/run-end.h"

#include "app/compare/last.h"
#include "engine/source/source-mem.h"
#include "engine/target/graph.h"
#include "engine/target/target-mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Doubling from a second to a quarter of an hour, a quarter up or down. */
static void test_backoff(void **state)
{
        uint64_t random = 1;

        for (unsigned tries = 0; tries < 200; tries++) {
                int64_t middle = tries > 10 ? 900000 : (int64_t)1000 << (tries ? tries - 1 : 0);
                int64_t least = INT64_MAX, most = 0;

                if (middle > 900000)
                        middle = 900000;
                for (int i = 0; i < 1000; i++) {
                        int64_t ms;

                        random = random * 6364136223846793005u + 1442695040888963407u;
                        ms = run_backoff_ms(tries, random >> 11);
                        least = ms < least ? ms : least;
                        most = ms > most ? ms : most;
                }
                assert_true(least >= middle - middle / 4);
                assert_true(most <= middle + middle / 4);
                /* It is spread: changes that failed together do not come back together. */
                assert_true(most - least > middle / 3);
        }
        assert_int_equal(run_backoff_ms(1, 0), 750);
        assert_int_equal(run_backoff_ms(UINT32_MAX, 0), 675000);
        assert_in_range(run_backoff_ms(UINT32_MAX, UINT64_MAX), 675000, 1125000);
}

/* Half a second after a write, however slow the server is; what is large and slow rests longer. */
static void test_rest(void **state)
{
        assert_int_equal(run_rest_ms(0, 0, false, 0), 0);
        assert_int_equal(run_rest_ms(0, 0, true, 0), 500);
        assert_int_equal(run_rest_ms(0, 0, true, 249), 500);
        assert_int_equal(run_rest_ms(0, 0, true, 250), 800);
        assert_int_equal(run_rest_ms(0, 0, false, 250), 0);
        assert_int_equal(run_rest_ms(60000, 1000, true, 250), 800);
        assert_int_equal(run_rest_ms(5000000, 999, false, 0), 0);
        assert_int_equal(run_rest_ms(5000000, 999, true, 0), 500);
        assert_int_equal(run_rest_ms(20000, 1000, false, 0), 0);
        assert_int_equal(run_rest_ms(1000000, 1000, false, 0), 10000);
        assert_int_equal(run_rest_ms(1000000, 50000, true, 0), 10000);
        assert_int_equal(run_rest_ms(3600 * (int64_t)1000000, 50000, true, 0), 60000);
}

typedef struct Office {
        Arena *arena;
        ClockFake clock;
        SourceConfig source;
        Config config;
        Connectors connectors;
        Snapshot snapshot;
        Queue *queue;
        Target *target;
        SourceMem *directory;
        Log log;
        WorkerShared shared;
        Worker worker;
} Office;

static const ObjectKey ada = { .id = { .bytes = { 1 } } };

static void put_ada(Office *o, const char *name)
{
        Value classes[] = { value_string("top"), value_string("user") };
        ObjectBuilder b;

        object_build(&b, o->arena);
        object_add(&b, "objectClass", value_list(classes, 2));
        object_add(&b, "objectGUID", value_bytes(ada.id.bytes, sizeof(ada.id.bytes)));
        object_add(&b, "sAMAccountName", value_string("ada"));
        object_add(&b, "displayName", value_string(name));
        object_add(&b, "userPrincipalName", value_string("ada@contoso.test"));
        object_add(&b, "userAccountControl", value_int(512));
        source_mem_put(o->directory,
                       &(SourceEntry){
                               .object = object_finish(&b, &ada.id, "", "CN=ada,OU=corp,DC=contoso,DC=test"),
                               .version = { .number = 7 },
                       });
}

static int open_office(void **state)
{
        static const char *const include[] = { "OU=corp,DC=contoso,DC=test" }, *const types[] = { "user" };
        Office *o = calloc(1, sizeof(*o));
        Arena *a = arena_new(0);
        const Scope *scope;
        const RuleSet *rules;

        o->arena = a;
        clock_fake_init(&o->clock, (Mono){ 1 }, (Wall){ 1000000 });
        assert_int_equal(scope_new(a, "DC=contoso,DC=test", include, 1, NULL, 0, types, 1, &scope, NULL), 0);
        assert_int_equal(rules_load(a, NULL, &rules, NULL), 0);
        o->source = (SourceConfig){ .ldap = { .name = "contoso.test", .base = "DC=contoso,DC=test" },
                                    .compiled = scope };
        o->config = (Config){ .refs = 1, .sources = &o->source, .n_sources = 1 };
        o->config.run = (RunConfig){ .rules = rules, .settle_ms = 120000 };
        run_config_attributes(&o->config.run, a);
        snapshot_init(&o->snapshot, &o->config);
        assert_int_equal(queue_mem_new(&o->queue), 0);
        assert_int_equal(target_mem_new(&o->target), 0);
        o->directory = source_mem_new(&(SourceInfo){ .name = "contoso.test", .base = "DC=contoso,DC=test" });
        assert_int_equal(
                connectors_open(&o->connectors, &o->config, o->queue, &o->clock.clock, &o->log, NULL), 0);
        worker_shared_init(&o->shared, &o->snapshot, &o->connectors, o->queue, o->target, NULL,
                           &o->clock.clock, &o->log);
        worker_init(&o->worker, &o->shared, (Source *[]){ source_mem_open(o->directory) }, LANES_ALL);
        put_ada(o, "Ada");
        *state = o;
        return 0;
}

static int close_office(void **state)
{
        Office *o = *state;

        worker_deinit(&o->worker);
        worker_shared_deinit(&o->shared);
        connectors_close(&o->connectors);
        source_mem_free(o->directory);
        target_free(o->target);
        queue_free(o->queue);
        arena_free(o->arena);
        free(o);
        return 0;
}

static void request(Office *o)
{
        Change c = { .id = ada.id, .kind = CHANGE_REQUEST, .lane = LANE_URGENT };

        assert_int_equal(queue_put(o->queue,
                                   &(Intake){
                                           .changes = &c,
                                           .n_changes = 1,
                                           .now = clock_wall(&o->clock.clock),
                                   }),
                         0);
}

static size_t n_reports(Office *o)
{
        QueueStats stats;

        assert_int_equal(queue_stats(o->queue, clock_wall(&o->clock.clock), &stats), 0);
        return stats.n_outcomes;
}

/* Another run has the metaverse object for as long as a slow Graph takes: nobody's fault, so no try is
 * counted, nothing is parked, and no report is made of each look. */
static void test_claimed(void **state)
{
        Office *o = *state;
        Space *space = queue_space(o->queue);
        const Outcome *outcome;
        QueueItem *items;
        LaneSet lanes;
        size_t n;
        Head head;

        request(o);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        assert_int_equal(outcome->disposition, DISPOSITION_DONE);
        assert_int_equal(space_read_head(space, &ada, o->arena, &head, NULL, NULL), 0);
        assert_int_equal(n_reports(o), 1);

        assert_int_equal(space_claim(space, &head.metaverse), 0);
        request(o);
        for (int i = 0; i < 300; i++) {
                assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
                assert_string_equal(outcome->error.code, "ConcurrentUpdate");
                assert_int_equal(outcome->disposition, DISPOSITION_RETRY);
                clock_fake_advance(&o->clock, 200000);
        }
        assert_int_equal(n_reports(o), 1);
        assert_int_equal(queue_list(o->queue, NULL, 10, o->arena, &items, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(items[0].tries, 0);

        space_release(space, &head.metaverse);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        assert_int_equal(outcome->disposition, DISPOSITION_NO_CHANGE);
        assert_int_equal(n_reports(o), 2);
}

static uint64_t import_serial(Office *o, const char **ret_title)
{
        const Object *imported;
        uint64_t serial;

        assert_int_equal(space_read_import(queue_space(o->queue), &ada, o->arena, &imported, &serial, NULL),
                         0);
        *ret_title = object_text(imported, "displayName");
        return serial;
}

/* What was read is stored when it differs from what is stored: most runs read what is known. */
static void test_import_row(void **state)
{
        Office *o = *state;
        const Outcome *outcome;
        const char *name;
        LaneSet lanes;
        uint64_t first;

        request(o);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        first = import_serial(o, &name);
        request(o);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        assert_int_equal(outcome->disposition, DISPOSITION_NO_CHANGE);
        assert_true(import_serial(o, &name) == first);
        put_ada(o, "Countess Ada");
        clock_fake_advance(&o->clock, 1000000);
        request(o);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        assert_int_equal(outcome->disposition, DISPOSITION_DONE);
        assert_true(import_serial(o, &name) > first);
        assert_string_equal(name, "Countess Ada");
}

/* A 503 with Retry-After: longer than a call may wait, so the change does. */
static int busy_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        call->retry_at = mono_add(call->now, 40000000);
        return TARGET_E_TRANSIENT;
}

static int busy_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag)
{
        *ret_info = (TargetInfo){ .name = "busy", .tenant_id = "tenant" };
        return 0;
}

static int64_t busy_take(Target *t, Lane lane, Mono now)
{
        return 0;
}

static void busy_give_back(Target *t, Lane lane, Mono now)
{
}

static void test_service_names_a_time(void **state)
{
        static const TargetOps ops = {
                .name = "busy",
                .fetch = busy_fetch,
                .info = busy_info,
                .take = busy_take,
                .give_back = busy_give_back,
        };
        Office *o = *state;
        Target busy = { .ops = &ops };
        Wall now = clock_wall(&o->clock.clock);
        const Outcome *outcome;
        LaneSet lanes;

        o->shared.target = &busy;
        request(o);
        assert_int_equal(worker_turn(&o->worker, &lanes, &outcome), 0);
        assert_int_equal(outcome->disposition, DISPOSITION_RETRY);
        assert_in_range(outcome->retry_at.ms - now.ms, 40000, 40010);
}

/* Nothing could be kept of it: nothing leaves, although the object is there. */
static void test_no_lease_no_export(void **state)
{
        Office *o = *state;
        const Change change = { .id = ada.id,
                                .kind = CHANGE_REQUEST,
                                .lane = LANE_URGENT,
                                .dn = "CN=ada,OU=corp,DC=contoso,DC=test" };
        const Outcome *outcome = worker_try(&o->worker, &change);

        assert_int_equal(outcome->disposition, DISPOSITION_STAGED);
        assert_int_equal(outcome->action, ACTION_CREATE);
        assert_int_equal(target_mem_count(o->target, "user"), 0);
        /* Its report does not speak of a staging that nobody has switched on. */
        assert_string_equal(outcome->steps[1].description, "The tenant is reachable and enabled for export.");
}

/* What another node's comparison has found holds here, and so does that a later one has found nothing. */
static void test_compared_elsewhere(void **state)
{
        Office *o = *state;
        json_t *wrong = json_pack("{s:s}", "anchorFits", "objectGUID"), *right = json_object();

        assert_int_equal(compare_last_write(o->queue, wrong, clock_wall(&o->clock.clock)), 0);
        worker_shared_follow(&o->shared);
        assert_non_null(o->shared.anchor_fits);
        assert_string_equal(o->shared.anchor_fits, "objectGUID");
        assert_int_equal(compare_last_write(o->queue, right, clock_wall(&o->clock.clock)), 0);
        worker_shared_follow(&o->shared);
        assert_null(o->shared.anchor_fits);
        json_decref(wrong);
        json_decref(right);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_backoff),
                cmocka_unit_test(test_rest),
                cmocka_unit_test_setup_teardown(test_claimed, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_import_row, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_service_names_a_time, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_no_lease_no_export, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_compared_elsewhere, open_office, close_office),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
