/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/outcome.h"
#include "engine/model/unpack.h"

#include <assert.h>
#include <string.h>

/*
 * The outcome on disk: one array, sub-structures as arrays within. To add a field, append it behind the last
 * of its structure, raise OUTCOME_VERSION, and let the reader ask for it only if the version (or the number
 * of fields of the sub-structure) says that it is there.
 */
#define OUTCOME_FIELDS   31
#define OUTCOME_FIELDS_1 30 /* before cycle_id */
#define STEP_FIELDS      7
#define ATTRIBUTE_FIELDS 13
#define IDENTITY_FIELDS  6
#define ERROR_FIELDS     5

static void pack_identity(PackWriter *w, const Identity *i)
{
        pack_array(w, IDENTITY_FIELDS);
        pack_str(w, i->id);
        pack_str(w, i->display_name);
        pack_str(w, i->type);
        pack_str(w, i->dn);
        pack_str(w, i->anchor);
        pack_str(w, i->upn);
}

static void unpack_identity(PackReader *r, Arena *a, Identity *ret)
{
        size_t n = unpack_fields(r, IDENTITY_FIELDS);

        ret->id = unpack_str(r, a);
        ret->display_name = unpack_str(r, a);
        ret->type = unpack_str(r, a);
        ret->dn = unpack_str(r, a);
        ret->anchor = unpack_str(r, a);
        ret->upn = unpack_str(r, a);
        unpack_rest(r, n, IDENTITY_FIELDS);
}

static void pack_error(PackWriter *w, const ErrorInfo *e)
{
        pack_array(w, ERROR_FIELDS);
        pack_str(w, e->code);
        pack_int(w, e->category);
        pack_str(w, e->reason);
        pack_str(w, e->recommended_action);
        pack_str(w, e->additional_details);
}

static void unpack_error(PackReader *r, Arena *a, ErrorInfo *ret)
{
        size_t n = unpack_fields(r, ERROR_FIELDS);

        ret->code = unpack_str(r, a);
        ret->category = (ErrorCategory)unpack_range(r, 0, ERROR_CATEGORY_SUCCESS);
        ret->reason = unpack_str(r, a);
        ret->recommended_action = unpack_str(r, a);
        ret->additional_details = unpack_str(r, a);
        unpack_rest(r, n, ERROR_FIELDS);
}

static void pack_attribute(PackWriter *w, const AttributeInfo *i)
{
        pack_array(w, ATTRIBUTE_FIELDS);
        pack_str(w, i->name);
        pack_bool(w, i->multi_valued);
        pack_str(w, i->type);
        pack_str(w, i->value);
        pack_str(w, i->value_add);
        pack_str(w, i->value_delete);
        pack_int(w, i->n_values);
        pack_int(w, i->n_added);
        pack_int(w, i->n_deleted);
        pack_str(w, i->operation);
        pack_str(w, i->sync_rule);
        pack_str(w, i->mapping_type);
        pack_str(w, i->data_source);
}

static void unpack_attribute(PackReader *r, Arena *a, AttributeInfo *ret)
{
        size_t n = unpack_fields(r, ATTRIBUTE_FIELDS);

        ret->name = unpack_str(r, a);
        ret->multi_valued = unpack_bool(r);
        ret->type = unpack_str(r, a);
        ret->value = unpack_str(r, a);
        ret->value_add = unpack_str(r, a);
        ret->value_delete = unpack_str(r, a);
        ret->n_values = (uint32_t)unpack_range(r, 0, UINT32_MAX);
        ret->n_added = (uint32_t)unpack_range(r, 0, UINT32_MAX);
        ret->n_deleted = (uint32_t)unpack_range(r, 0, UINT32_MAX);
        ret->operation = unpack_str(r, a);
        ret->sync_rule = unpack_str(r, a);
        ret->mapping_type = unpack_str(r, a);
        ret->data_source = unpack_str(r, a);
        unpack_rest(r, n, ATTRIBUTE_FIELDS);
}

static void pack_step(PackWriter *w, const StepRecord *s)
{
        pack_array(w, STEP_FIELDS);
        pack_bool(w, s->ran);
        pack_int(w, s->status);
        pack_str(w, s->description);
        pack_int(w, s->start_us);
        pack_int(w, s->duration_us);
        pack_array(w, s->n_details);
        for (size_t i = 0; i < s->n_details; i++) {
                pack_array(w, 2);
                pack_str(w, s->details[i].key);
                pack_str(w, s->details[i].text);
        }
        pack_array(w, s->n_attributes);
        for (size_t i = 0; i < s->n_attributes; i++)
                pack_attribute(w, &s->attributes[i]);
}

static void unpack_step(PackReader *r, Arena *a, StepRecord *ret)
{
        size_t n = unpack_fields(r, STEP_FIELDS);
        Detail *details;
        AttributeInfo *attributes;

        ret->ran = unpack_bool(r);
        ret->status = (Result)unpack_range(r, 0, RESULT_WARNING);
        ret->description = unpack_str(r, a);
        ret->start_us = unpack_int(r);
        ret->duration_us = unpack_int(r);

        ret->n_details = unpack_list(r, 3);
        ret->details = details = arena_new_array(a, Detail, ret->n_details);
        for (size_t i = 0; i < ret->n_details && !r->error; i++) {
                size_t n_fields = unpack_fields(r, 2);

                details[i].key = unpack_str(r, a);
                details[i].text = unpack_str(r, a);
                unpack_rest(r, n_fields, 2);
        }

        ret->n_attributes = unpack_list(r, 1 + ATTRIBUTE_FIELDS);
        ret->attributes = attributes = arena_new_array(a, AttributeInfo, ret->n_attributes);
        for (size_t i = 0; i < ret->n_attributes && !r->error; i++)
                unpack_attribute(r, a, &attributes[i]);
        unpack_rest(r, n, STEP_FIELDS);
}

static void unpack_steps(PackReader *r, Arena *a, Outcome *o)
{
        o->n_steps = unpack_list(r, 1 + STEP_FIELDS);
        if (o->n_steps > OUTCOME_STEPS_MAX) {
                unpack_fail(r);
                o->n_steps = 0;
        }
        for (size_t i = 0; i < o->n_steps && !r->error; i++)
                unpack_step(r, a, &o->steps[i]);
}

static void pack_modified(PackWriter *w, const Outcome *o)
{
        pack_array(w, o->n_modified);
        for (size_t i = 0; i < o->n_modified; i++) {
                pack_array(w, 3);
                pack_str(w, o->modified[i].name);
                pack_str(w, o->modified[i].old_value);
                pack_str(w, o->modified[i].new_value);
        }
}

static void unpack_modified(PackReader *r, Arena *a, Outcome *o)
{
        ModifiedProperty *modified;

        o->n_modified = unpack_list(r, 4);
        o->modified = modified = arena_new_array(a, ModifiedProperty, o->n_modified);
        for (size_t i = 0; i < o->n_modified && !r->error; i++) {
                size_t n = unpack_fields(r, 3);

                modified[i].name = unpack_str(r, a);
                modified[i].old_value = unpack_str(r, a);
                modified[i].new_value = unpack_str(r, a);
                unpack_rest(r, n, 3);
        }
}

static void unpack_request_ids(PackReader *r, Arena *a, Outcome *o)
{
        o->n_request_ids = unpack_list(r, 1);
        o->request_ids = arena_new_array(a, const char *, o->n_request_ids);
        for (size_t i = 0; i < o->n_request_ids && !r->error; i++)
                o->request_ids[i] = unpack_str(r, a);
}

static void unpack_run_id(PackReader *r, Arena *a, Outcome *o)
{
        const char *s = unpack_str(r, a);

        if (!s || strlen(s) >= sizeof(o->run_id)) {
                unpack_fail(r);
                return;
        }
        strncpy(o->run_id, s, sizeof(o->run_id) - 1);
}

/**
 * outcome_pack() - append an outcome: a whole record of its own
 */
void outcome_pack(PackWriter *w, const Outcome *o)
{
        assert(o->n_steps <= OUTCOME_STEPS_MAX);

        pack_array(w, OUTCOME_FIELDS);
        pack_int(w, OUTCOME_VERSION);
        pack_str(w, o->run_id);
        change_pack(w, &o->change);
        pack_int(w, o->tries);
        pack_int(w, o->result);
        pack_int(w, o->disposition);
        pack_int(w, o->action);
        pack_error(w, &o->error);
        pack_str(w, o->source_name);
        pack_str(w, o->partition);
        pack_str(w, o->source_server);
        pack_str(w, o->tenant_id);
        pack_str(w, o->target_name);
        pack_str(w, o->rules_version);
        pack_str(w, o->initiated_by);
        pack_str(w, o->metaverse_id);
        pack_identity(w, &o->source);
        pack_identity(w, &o->target);
        pack_array(w, o->n_steps);
        for (size_t i = 0; i < o->n_steps; i++)
                pack_step(w, &o->steps[i]);
        pack_modified(w, o);
        pack_array(w, o->n_request_ids);
        for (size_t i = 0; i < o->n_request_ids; i++)
                pack_str(w, o->request_ids[i]);
        pack_int(w, o->queued.ms);
        pack_int(w, o->started.ms);
        pack_int(w, o->sent.ms);
        pack_int(w, o->accepted.ms);
        pack_int(w, o->finished.ms);
        pack_int(w, o->duration_us);
        pack_int(w, o->retry_at.ms);
        pack_str(w, o->cycle_id);
}

/**
 * outcome_unpack() - read a record of outcome_pack()
 *
 * Return: 0; PACK_E_CORRUPT; PACK_E_NEWER: written by a newer program. Texts are in the arena, not in the
 * record. *ret_outcome is written only on success.
 */
int outcome_unpack(Arena *a, const void *data, size_t n, Outcome *ret_outcome)
{
        PackReader r;
        Outcome *o = arena_new_of(a, Outcome); /* 1.5 kB: too much for a stack to take lightly */
        size_t n_fields;
        int error;

        unpack_init(&r, data, n);
        n_fields = unpack_array(&r);
        unpack_version(&r, OUTCOME_VERSION); /* first: a newer record may have any shape */
        if (n_fields < OUTCOME_FIELDS_1)
                unpack_fail(&r);
        unpack_run_id(&r, a, o);
        change_unpack(&r, a, &o->change);
        o->tries = (unsigned)unpack_range(&r, 0, UINT32_MAX);
        o->result = (Result)unpack_range(&r, 0, RESULT_WARNING);
        o->disposition = (Disposition)unpack_range(&r, 0, _DISPOSITION_N - 1);
        o->action = (Action)unpack_range(&r, 0, ACTION_STAGED_DELETE);
        unpack_error(&r, a, &o->error);
        o->source_name = unpack_str(&r, a);
        o->partition = unpack_str(&r, a);
        o->source_server = unpack_str(&r, a);
        o->tenant_id = unpack_str(&r, a);
        o->target_name = unpack_str(&r, a);
        o->rules_version = unpack_str(&r, a);
        o->initiated_by = unpack_str(&r, a);
        o->metaverse_id = unpack_str(&r, a);
        unpack_identity(&r, a, &o->source);
        unpack_identity(&r, a, &o->target);
        unpack_steps(&r, a, o);
        unpack_modified(&r, a, o);
        unpack_request_ids(&r, a, o);
        o->queued.ms = unpack_int(&r);
        o->started.ms = unpack_int(&r);
        o->sent.ms = unpack_int(&r);
        o->accepted.ms = unpack_int(&r);
        o->finished.ms = unpack_int(&r);
        o->duration_us = unpack_int(&r);
        o->retry_at.ms = unpack_int(&r);
        if (n_fields >= OUTCOME_FIELDS)
                o->cycle_id = unpack_str(&r, a);
        unpack_rest(&r, n_fields, OUTCOME_FIELDS);

        error = unpack_end(&r);
        if (error)
                return error;
        *ret_outcome = *o;
        return 0;
}
