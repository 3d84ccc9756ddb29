/* SPDX-License-Identifier: Apache-2.0 */

#include "report/summary.h"

#include "base/error.h"
#include "base/str.h"
#include "report/facts.h"

#include <string.h>

/* What json_object_set_new does, for a program in which no memory means the end. */
static void set(json_t *object, const char *key, json_t *value)
{
        if (!value || json_object_set_new(object, key, value) < 0)
                error_oom(strlen(key));
}

static json_t *made(json_t *value)
{
        if (!value)
                error_oom(sizeof(value));
        return value;
}

static json_t *text_or(Arena *a, const char *s, json_t *otherwise)
{
        if (!s)
                return otherwise;
        json_decref(otherwise);
        return made(json_string_nocheck(facts_utf8(a, s)));
}

/* Graph's samples write an id that is not there as "". */
static void set_text(json_t *object, Arena *a, const char *key, const char *s)
{
        set(object, key, text_or(a, s ? s : "", NULL));
}

static void set_nullable(json_t *object, Arena *a, const char *key, const char *s)
{
        set(object, key, text_or(a, s, json_null()));
}

/* In an open type: only what there is. */
static void set_known(json_t *object, Arena *a, const char *key, const char *s)
{
        if (s && *s)
                set_text(object, a, key, s);
}

static void set_int(json_t *object, const char *key, int64_t v)
{
        set(object, key, json_integer(v));
}

static void set_time(json_t *object, const char *key, Wall at)
{
        char when[WALL_TEXT_MAX];

        if (at.ms)
                set(object, key, json_string(wall_format(at, when)));
}

/* "not writable through Graph" as a member's name: notWritableThroughGraph. */
static const char *member_name(Arena *a, const json_t *object, const char *key)
{
        char *name = arena_strdup(a, facts_utf8(a, key ? key : "")), *to = name;
        const char *unique;
        bool up = false;

        for (const char *p = name; *p; p++) {
                if (*p == ' ') {
                        up = true;
                        continue;
                }
                *to++ = (char)(up && *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
                up = false;
        }
        *to = '\0';
        unique = name;
        for (unsigned i = 2; json_object_get(object, unique); i++)
                unique = arena_printf(a, "%s%u", name, i);
        return unique;
}

static json_t *attribute_json(Arena *a, const AttributeInfo *i)
{
        json_t *j = made(json_object());

        set_text(j, a, "name", i->name);
        set(j, "isMultiValued", json_boolean(i->multi_valued));
        set_nullable(j, a, "type", i->type);
        set_nullable(j, a, "value", i->value);
        set_nullable(j, a, "valueAdd", i->value_add);
        set_nullable(j, a, "valueDelete", i->value_delete);
        set_nullable(j, a, "operation", i->operation);
        set_nullable(j, a, "syncRule", i->sync_rule);
        set_nullable(j, a, "mappingType", i->mapping_type);
        set_nullable(j, a, "dataSource", i->data_source);
        if (i->multi_valued) {
                set_int(j, "valueCount", i->n_values);
                set_int(j, "valueAddCount", i->n_added);
                set_int(j, "valueDeleteCount", i->n_deleted);
        }
        return j;
}

static json_t *step_json(Arena *a, const Outcome *o, size_t i)
{
        const StepRecord *s = &o->steps[i];
        json_t *j = made(json_object()), *details = made(json_object()), *attributes;

        set_text(j, a, "name", facts_step_name(i));
        set_text(j, a, "provisioningStepType", step_type_name(facts_step_type(i)));
        set_text(j, a, "status", result_name(s->ran ? s->status : RESULT_SKIPPED));
        set_text(j, a, "description",
                 s->description && *s->description ? s->description
                 : s->ran                          ? facts_step_title(i)
                                                   : "Not run: an earlier step ended the run.");

        set_text(details, a, "title", facts_step_title(i));
        if (s->ran) {
                set_int(details, "startInMicroseconds", s->start_us);
                set_int(details, "durationInMicroseconds", s->duration_us);
        }
        for (size_t k = 0; k < s->n_details; k++)
                set_nullable(details, a, member_name(a, details, s->details[k].key), s->details[k].text);
        if (s->n_attributes) {
                attributes = made(json_array());
                for (size_t k = 0; k < s->n_attributes; k++)
                        json_array_append_new(attributes, attribute_json(a, &s->attributes[k]));
                set(details, member_name(a, details, "attributeInfo"), attributes);
        }
        if (facts_step_type(i) == STEP_TYPE_EXPORT && o->n_request_ids) {
                json_t *ids = made(json_array());

                for (size_t k = 0; k < o->n_request_ids; k++)
                        json_array_append_new(ids,
                                              text_or(a, o->request_ids[k] ? o->request_ids[k] : "", NULL));
                set(details, member_name(a, details, "requestIds"), ids);
        }
        set(j, "details", details);
        return j;
}

static json_t *status_json(Arena *a, const Outcome *o)
{
        json_t *j = made(json_object()), *error;

        set_text(j, a, "status", result_name(o->result));
        if (!o->error.code) {
                set(j, "errorInformation", json_null());
                return j;
        }
        error = made(json_object());
        set_text(error, a, "errorCode", o->error.code);
        set_text(error, a, "reason", o->error.reason);
        set_nullable(error, a, "additionalDetails", o->error.additional_details);
        set_text(error, a, "errorCategory", error_category_name(o->error.category));
        set_nullable(error, a, "recommendedAction", o->error.recommended_action);
        set(j, "errorInformation", error);
        return j;
}

static json_t *modified_json(Arena *a, const Outcome *o)
{
        json_t *list = made(json_array());

        for (size_t i = 0; i < o->n_modified; i++) {
                json_t *j = made(json_object());

                set_text(j, a, "displayName", o->modified[i].name);
                set_nullable(j, a, "oldValue", o->modified[i].old_value);
                set_nullable(j, a, "newValue", o->modified[i].new_value);
                json_array_append_new(list, j);
        }
        return list;
}

static json_t *identity_json(Arena *a, const Identity *i, json_t *details)
{
        json_t *j = made(json_object());

        set_text(j, a, "id", i->id);
        set_text(j, a, "displayName", i->display_name);
        set_text(j, a, "identityType", i->type);
        set_known(details, a, "distinguishedName", i->dn);
        set_known(details, a, "userPrincipalName", i->upn);
        set_known(details, a, "anchor", i->anchor);
        set(j, "details", details);
        return j;
}

static json_t *system_json(Arena *a, const char *id, const char *name, json_t *details)
{
        json_t *j = made(json_object());

        set_text(j, a, "id", id);
        set_text(j, a, "displayName", name);
        set(j, "details", details);
        return j;
}

/* Who or what started it: an open type, so the change itself is told here. */
static json_t *initiator_json(Arena *a, const Outcome *o)
{
        json_t *j = made(json_object()), *details = made(json_object());

        set_text(j, a, "id", "");
        set_text(j, a, "displayName", o->initiated_by ? o->initiated_by : "sosync");
        set_text(j, a, "initiatorType", o->change.kind == CHANGE_REQUEST ? "user" : "system");
        set_text(details, a, "changeKind", change_kind_name((ChangeKind)o->change.kind));
        set_text(details, a, "lane", lane_name((Lane)o->change.lane));
        set(details, "stagingRequested",
            json_boolean(o->change.staging)); /* the service has its own: step 2 */
        set(j, "details", details);
        return j;
}

/* The program that did it, and how the run went beside what Graph has names for. */
static json_t *principal_json(Arena *a, const Outcome *o)
{
        json_t *details = made(json_object());
        const char *since;
        int64_t latency = facts_latency_ms(o, &since);

        set_text(details, a, "version", SOSYNC_VERSION);
        set_text(details, a, "summary", facts_sentence(a, o));
        set_known(details, a, "next", facts_next(a, o));
        set_known(details, a, "access", facts_disable(o));
        set_text(details, a, "disposition", disposition_name(o->disposition));
        set_int(details, "tries", o->tries);
        set_known(details, a, "rulesVersion", o->rules_version);
        set_known(details, a, "metaverseId", o->metaverse_id);
        set_time(details, "queued", o->queued);
        set_time(details, "started", o->started);
        set_time(details, "finished", o->finished);
        set_time(details, "retryAt", o->retry_at);
        if (latency >= 0) {
                set_int(details, "latencyInMilliseconds", latency);
                set_text(details, a, "latencySince", since);
        }
        return system_json(a, "", "sosync", details);
}

static json_t *source_json(Arena *a, const Outcome *o)
{
        json_t *details = made(json_object());

        set_known(details, a, "connector", o->source_name);
        set_known(details, a, "partition", o->partition);
        set_known(details, a, "server", o->source_server);
        set_time(details, "changed", o->change.changed);
        set_time(details, "seen", o->change.seen);
        return system_json(a, facts_source_id(a, o), o->source_name ? o->source_name : "Active Directory",
                           details);
}

static json_t *target_json(Arena *a, const Outcome *o)
{
        json_t *details = made(json_object());

        set_known(details, a, "connector", o->target_name);
        set_known(details, a, "tenantId", o->tenant_id);
        set_time(details, "sent", o->sent);
        set_time(details, "accepted", o->accepted);
        return system_json(a, o->tenant_id, o->target_name ? o->target_name : "Microsoft Entra ID", details);
}

/* Edm.Int32 in Graph. */
static int64_t duration_ms(const Outcome *o)
{
        int64_t ms = (o->duration_us + 500) / 1000;

        return ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : ms;
}

/**
 * summary_json() - an outcome as provisioningObjectSummary
 *
 * Return: a new reference.
 */
json_t *summary_json(const Outcome *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *j = made(json_object()), *list = made(json_array());
        char when[WALL_TEXT_MAX];

        for (size_t i = 0; i < o->n_steps; i++)
                json_array_append_new(list, step_json(a, o, i));

        set_text(j, a, "id", o->run_id);
        set_text(j, a, "activityDateTime", wall_format(o->finished.ms ? o->finished : o->started, when));
        set_text(j, a, "changeId", facts_change_id(a, o));
        set_text(j, a, "cycleId", o->cycle_id ? o->cycle_id : "");
        set_text(j, a, "jobId", facts_job_id(a, o));
        set_text(j, a, "tenantId", o->tenant_id);
        set_int(j, "durationInMilliseconds", duration_ms(o));
        set_text(j, a, "provisioningAction", action_name(o->action));
        set(j, "provisioningStatusInfo", status_json(a, o));
        set(j, "provisioningSteps", list);
        set(j, "modifiedProperties", modified_json(a, o));
        set(j, "initiatedBy", initiator_json(a, o));
        set(j, "servicePrincipal", principal_json(a, o));
        set(j, "sourceIdentity", identity_json(a, &o->source, made(json_object())));
        set(j, "targetIdentity", identity_json(a, &o->target, made(json_object())));
        set(j, "sourceSystem", source_json(a, o));
        set(j, "targetSystem", target_json(a, o));
        return j;
}

/**
 * summary_text() - the same as a document
 *
 * Return: the text, the caller's (free).
 */
char *summary_text(const Outcome *o, bool one_line)
{
        json_t *j = summary_json(o);
        char *text = json_dumps(j, one_line ? JSON_COMPACT : JSON_INDENT(2));

        json_decref(j);
        if (!text)
                error_oom(0);
        return text;
}
