/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/model/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every field another value, so that two that are swapped are noticed. */
static void fill(Outcome *o)
{
        static const Detail details[] = { { "key 1", "text 1" }, { "key 2", NULL } };
        static const AttributeInfo attributes[] = {
                { .name = "proxyAddresses",
                  .multi_valued = true,
                  .type = "string",
                  .value = "v",
                  .value_add = "va",
                  .value_delete = "vd",
                  .n_values = 1,
                  .n_added = 2,
                  .n_deleted = UINT32_MAX,
                  .operation = "update",
                  .sync_rule = "In from AD",
                  .mapping_type = "Direct",
                  .data_source = "corp" },
                { .name = "mail", .operation = "none" },
        };
        static const ModifiedProperty modified[] = { { "displayName", "old", "new" },
                                                     { "mail", NULL, "x" },
                                                     { "title", "x", NULL } };
        static const char *request_ids[] = { "id 1", "id 2", "id 3" };

        *o = (Outcome){
                .run_id = "01234567-89ab-cdef-0123-456789abcdef",
                .change = { .source = 3,
                            .kind = CHANGE_REQUEST,
                            .lane = LANE_URGENT,
                            .revoke = true,
                            .version = { .number = 77 },
                            .changed = { 101 },
                            .seen = { 102 },
                            .dn = "CN=Ada",
                            .by = "alice" },
                .tries = 4,
                .result = RESULT_WARNING,
                .disposition = DISPOSITION_PARKED,
                .action = ACTION_STAGED_DELETE,
                .error = { "Code", ERROR_CATEGORY_NON_SERVICE_FAILURE, "reason", "action", "details" },
                .source_name = "corp.contoso.test",
                .partition = "DC=contoso",
                .source_server = "dc1",
                .tenant_id = "tenant",
                .target_name = "target",
                .rules_version = "v7",
                .initiated_by = "bob",
                .metaverse_id = "mv",
                .cycle_id = "hold",
                .source = { "s1", "s2", "s3", "s4", "s5", "s6" },
                .target = { "t1", "t2", "t3", NULL, "t5", "t6" },
                .n_steps = OUTCOME_STEPS_MAX,
                .modified = modified,
                .n_modified = N_ELEMENTS(modified),
                .request_ids = request_ids,
                .n_request_ids = N_ELEMENTS(request_ids),
                .queued = { 201 },
                .started = { 202 },
                .sent = { 203 },
                .accepted = { 204 },
                .finished = { 205 },
                .duration_us = 206,
                .retry_at = { 207 },
        };
        o->steps[2] = (StepRecord){ .ran = true,
                                    .status = RESULT_FAILURE,
                                    .description = "found",
                                    .start_us = 301,
                                    .duration_us = 302,
                                    .details = details,
                                    .n_details = N_ELEMENTS(details),
                                    .attributes = attributes,
                                    .n_attributes = N_ELEMENTS(attributes) };
        o->steps[15] = (StepRecord){ .status = RESULT_SKIPPED, .description = "last" };
}

static void assert_attribute(const AttributeInfo *x, const AttributeInfo *y)
{
        assert_true(str_is(x->name, y->name));
        assert_int_equal(x->multi_valued, y->multi_valued);
        assert_true(str_is(x->type, y->type));
        assert_true(str_is(x->value, y->value));
        assert_true(str_is(x->value_add, y->value_add));
        assert_true(str_is(x->value_delete, y->value_delete));
        assert_int_equal(x->n_values, y->n_values);
        assert_int_equal(x->n_added, y->n_added);
        assert_int_equal(x->n_deleted, y->n_deleted);
        assert_true(str_is(x->operation, y->operation));
        assert_true(str_is(x->sync_rule, y->sync_rule));
        assert_true(str_is(x->mapping_type, y->mapping_type));
        assert_true(str_is(x->data_source, y->data_source));
}

static void assert_identity(const Identity *x, const Identity *y)
{
        assert_true(str_is(x->id, y->id));
        assert_true(str_is(x->display_name, y->display_name));
        assert_true(str_is(x->type, y->type));
        assert_true(str_is(x->dn, y->dn));
        assert_true(str_is(x->anchor, y->anchor));
        assert_true(str_is(x->upn, y->upn));
}

static void assert_step(const StepRecord *x, const StepRecord *y)
{
        assert_int_equal(x->ran, y->ran);
        assert_int_equal(x->status, y->status);
        assert_true(str_is(x->description, y->description));
        assert_int_equal(x->start_us, y->start_us);
        assert_int_equal(x->duration_us, y->duration_us);
        assert_int_equal(x->n_details, y->n_details);
        for (size_t i = 0; i < x->n_details; i++) {
                assert_true(str_is(x->details[i].key, y->details[i].key));
                assert_true(str_is(x->details[i].text, y->details[i].text));
        }
        assert_int_equal(x->n_attributes, y->n_attributes);
        for (size_t i = 0; i < x->n_attributes; i++)
                assert_attribute(&x->attributes[i], &y->attributes[i]);
}

static void assert_same(const Outcome *x, const Outcome *y)
{
        assert_string_equal(x->run_id, y->run_id);
        assert_true(guid_is(&x->change.id, &y->change.id));
        assert_int_equal(x->change.source, y->change.source);
        assert_int_equal(x->change.kind, y->change.kind);
        assert_int_equal(x->change.lane, y->change.lane);
        assert_int_equal(x->change.revoke, y->change.revoke);
        assert_int_equal(x->change.version.number, y->change.version.number);
        assert_int_equal(x->change.changed.ms, y->change.changed.ms);
        assert_int_equal(x->change.seen.ms, y->change.seen.ms);
        assert_true(str_is(x->change.dn, y->change.dn));
        assert_true(str_is(x->change.by, y->change.by));
        assert_int_equal(x->tries, y->tries);
        assert_int_equal(x->result, y->result);
        assert_int_equal(x->disposition, y->disposition);
        assert_int_equal(x->action, y->action);
        assert_true(str_is(x->error.code, y->error.code));
        assert_int_equal(x->error.category, y->error.category);
        assert_true(str_is(x->error.reason, y->error.reason));
        assert_true(str_is(x->error.recommended_action, y->error.recommended_action));
        assert_true(str_is(x->error.additional_details, y->error.additional_details));
        assert_true(str_is(x->source_name, y->source_name));
        assert_true(str_is(x->partition, y->partition));
        assert_true(str_is(x->source_server, y->source_server));
        assert_true(str_is(x->tenant_id, y->tenant_id));
        assert_true(str_is(x->target_name, y->target_name));
        assert_true(str_is(x->rules_version, y->rules_version));
        assert_true(str_is(x->initiated_by, y->initiated_by));
        assert_true(str_is(x->metaverse_id, y->metaverse_id));
        assert_true(str_is(x->cycle_id, y->cycle_id));
        assert_identity(&x->source, &y->source);
        assert_identity(&x->target, &y->target);
        assert_int_equal(x->n_steps, y->n_steps);
        for (size_t i = 0; i < x->n_steps; i++)
                assert_step(&x->steps[i], &y->steps[i]);
        assert_int_equal(x->n_modified, y->n_modified);
        for (size_t i = 0; i < x->n_modified; i++) {
                assert_true(str_is(x->modified[i].name, y->modified[i].name));
                assert_true(str_is(x->modified[i].old_value, y->modified[i].old_value));
                assert_true(str_is(x->modified[i].new_value, y->modified[i].new_value));
        }
        assert_int_equal(x->n_request_ids, y->n_request_ids);
        for (size_t i = 0; i < x->n_request_ids; i++)
                assert_string_equal(x->request_ids[i], y->request_ids[i]);
        assert_int_equal(x->queued.ms, y->queued.ms);
        assert_int_equal(x->started.ms, y->started.ms);
        assert_int_equal(x->sent.ms, y->sent.ms);
        assert_int_equal(x->accepted.ms, y->accepted.ms);
        assert_int_equal(x->finished.ms, y->finished.ms);
        assert_int_equal(x->duration_us, y->duration_us);
        assert_int_equal(x->retry_at.ms, y->retry_at.ms);
}

static void test_round_trip(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome o, back = { .tries = 99 };
        const uint8_t *data;
        uint8_t *copy;
        PackWriter w;
        size_t n;

        fill(&o);
        pack_init(&w);
        outcome_pack(&w, &o);
        data = pack_data(&w, &n);

        for (size_t cut = 0; cut < n; cut++) {
                assert_int_equal(outcome_unpack(a, data, cut, &back), PACK_E_CORRUPT);
                assert_int_equal(back.tries, 99);
                arena_reset(a);
        }

        /* Nothing in the outcome points into the record. */
        copy = malloc(n);
        memcpy(copy, data, n);
        assert_int_equal(outcome_unpack(a, copy, n, &back), 0);
        memset(copy, 0xff, n);
        free(copy);
        assert_same(&o, &back);
        pack_deinit(&w);
}

static void test_empty(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome o = { .run_id = "" }, back;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        outcome_pack(&w, &o);
        data = pack_data(&w, &n);
        assert_int_equal(outcome_unpack(a, data, n, &back), 0);
        assert_same(&o, &back);
        pack_deinit(&w);
}

static void test_corrupt(void **state)
{
        unsigned seed = 16;
        const uint8_t *data;
        uint8_t *copy;
        PackWriter w;
        Outcome o, back;
        size_t n;

        fill(&o);
        pack_init(&w);
        outcome_pack(&w, &o);
        data = pack_data(&w, &n);
        copy = malloc(n);
        for (int round = 0; round < 5000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);

                memcpy(copy, data, n);
                for (int k = 1 + rand_r(&seed) % 3; k > 0; k--)
                        copy[(unsigned)rand_r(&seed) % n] = (uint8_t)rand_r(&seed);
                (void)outcome_unpack(a, copy, n,
                                     &back); /* never crashes, never takes memory out of proportion */
                assert_true(arena_used(a) < 1 << 20);
        }
        free(copy);
        pack_deinit(&w);
}

static void test_versions(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Outcome o, back;
        uint8_t record[8192];
        const uint8_t *data;
        PackWriter w;
        size_t n;

        fill(&o);
        pack_init(&w);
        outcome_pack(&w, &o);
        data = pack_data(&w, &n);
        assert_true(n + 1 < sizeof(record));
        /* array 16: 0xdc, two bytes of length; then the version */
        assert_int_equal(data[0], 0xdc);
        memcpy(record, data, n);

        record[3] = OUTCOME_VERSION + 1;
        assert_int_equal(outcome_unpack(a, record, n, &back), PACK_E_NEWER);
        record[3] = 0;
        assert_int_equal(outcome_unpack(a, record, n, &back), PACK_E_CORRUPT);

        /* A field that this version does not know, behind the last. */
        record[3] = OUTCOME_VERSION;
        record[2]++;
        record[n] = 0xc3;
        assert_int_equal(outcome_unpack(a, record, n + 1, &back), 0);
        assert_same(&o, &back);
        assert_int_equal(outcome_unpack(a, record, n, &back), PACK_E_CORRUPT);
        /* An older one, which had no cycle_id yet; and one that has too little. */
        record[2] -= 2;
        assert_int_equal(outcome_unpack(a, record, n, &back), 0);
        assert_null(back.cycle_id);
        record[2]--;
        assert_int_equal(outcome_unpack(a, record, n, &back), PACK_E_CORRUPT);

        /* A newer record of any shape is newer, not corrupt. */
        assert_int_equal(outcome_unpack(a, "\x92\x07\xc0", 3, &back), PACK_E_NEWER);
        assert_int_equal(outcome_unpack(a, "\xc0", 1, &back), PACK_E_CORRUPT);
        assert_int_equal(outcome_unpack(a, "", 0, &back), PACK_E_CORRUPT);
        pack_deinit(&w);
}

static void test_names(void **state)
{
        assert_string_equal(result_name(RESULT_WARNING), "warning");
        assert_string_equal(action_name(ACTION_STAGED_DELETE), "stagedDelete");
        assert_string_equal(step_type_name(STEP_TYPE_REFERENCE_RESOLUTION), "referenceResolution");
        assert_string_equal(error_category_name(ERROR_CATEGORY_NON_SERVICE_FAILURE), "nonServiceFailure");
        assert_string_equal(disposition_name(DISPOSITION_DONE), "exported");
        assert_string_equal(disposition_name(DISPOSITION_OUT_OF_SCOPE), "out of scope");
        assert_string_equal(result_name((Result)99), "unknownFutureValue");
        for (unsigned i = 0; i < _DISPOSITION_N; i++)
                assert_non_null(disposition_name((Disposition)i));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty),
                cmocka_unit_test(test_corrupt),    cmocka_unit_test(test_versions),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
