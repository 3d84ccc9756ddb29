/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/private.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

/* So long may the calls of one object take. */
#define PATIENCE_US ((int64_t)60 * 1000000)

Source *compare_reader(const Comparison *c, uint16_t number)
{
        for (size_t i = 0; i < c->job->n_sources; i++)
                if (c->job->sources[i].number == number)
                        return c->job->sources[i].reader;
        return NULL;
}

const Run *compare_steps(Comparison *c, const ObjectKey *key)
{
        const Compare *job = c->job;
        Change change = {
                .id = key->id,
                .source = key->source,
                .kind = CHANGE_REQUEST,
                .lane = LANE_RECONCILE,
                .staging = true,
                .seen = clock_wall(job->clock),
        };
        Run *run;

        arena_reset(c->run);
        run = arena_new_of(c->run, Run);
        run_init(run, c->run, &c->config, compare_reader(c, key->source), c->target, &c->space.space,
                 job->clock, &change);
        run->call.asker = job->asker;
        run->call.now = clock_mono(job->clock);
        run->call.deadline = mono_add(run->call.now, PATIENCE_US);
        pipeline_run(run);
        c->reading_us += run->read_us;
        if (!c->copy)
                c->reading_us += run->outcome.steps[STEP_import_target].duration_us;
        run_deinit(run);
        return run;
}

/* -- what is told ---------------------------------------------------------------------------------------- */

json_t *compare_detail(Comparison *c, const char *dn, const ObjectId *id, const char *state, const char *code)
{
        char text[GUID_TEXT_MAX];
        json_t *detail;

        if (json_array_size(c->result->details) >= COMPARE_DETAILS)
                return NULL;
        detail = json_pack("{s:s, s:s, s:s, s:s?, s:[]}", "dn", dn, "id", guid_format(id, text), "state",
                           state, "code", code, "attributes");
        json_array_append_new(c->result->details, detail);
        return detail;
}

void compare_differs(Comparison *c, json_t *detail, const char *dn, const char *name, const char *ours,
                     const char *theirs, const char *rule)
{
        json_t *row, *found = NULL;
        size_t i;

        json_array_foreach(c->result->attributes, i,
                           row) if (str_is(json_string_value(json_object_get(row, "name")), name) &&
                                    str_is(json_string_value(json_object_get(row, "rule")), rule)) found =
                row;
        if (!found) {
                found = json_pack("{s:s, s:i, s:s?, s:s?, s:s?, s:s}", "name", name, "objects", 0, "rule",
                                  rule, "ours", ours, "theirs", theirs, "dn", dn);
                json_array_append_new(c->result->attributes, found);
        }
        json_object_set_new(found, "objects",
                            json_integer(json_integer_value(json_object_get(found, "objects")) + 1));
        if (detail)
                json_array_append_new(json_object_get(detail, "attributes"),
                                      json_pack("{s:s, s:s?, s:s?, s:s?}", "name", name, "ours", ours,
                                                "theirs", theirs, "rule", rule));
}

static const char *text_of(Arena *a, Value v)
{
        return value_is_none(v) ? NULL : value_text(a, v, COMPARE_TEXT_MAX);
}

/* -- one object ------------------------------------------------------------------------------------------ */

static bool flows(const Run *run, const TargetAttribute *at)
{
        if (at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE || !at->writable || at->create_only ||
            flowed_is_kept(run->planned, at->name))
                return false;
        return !value_is_none(flowed_get(run->planned, at->name)) ||
               rules_flows(run->config->rules, RULE_OUTBOUND, at->type, at->name);
}

static bool values_differ(Comparison *c, const Run *run)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(run->config->schema, run->cloud.type, &n);
        json_t *detail = NULL;
        bool any = false;

        for (size_t i = 0; i < n; i++) {
                const FlowedValue *why;
                Value ours, theirs;

                if (rows[i].service || !flows(run, &rows[i]))
                        continue;
                why = flowed_find(run->planned, rows[i].name);
                ours = why ? why->value : VALUE_NULL;
                theirs = object_get(run->cloud.object, rows[i].name);
                /* What every object must have, and no rule gives, is made when it is created. */
                if (target_value_is(&rows[i], ours, theirs) ||
                    (value_is_none(ours) && rows[i].create_required))
                        continue;
                if (!any)
                        detail = compare_detail(c, run->dn->text, &run->key.id, "different", NULL);
                any = true;
                compare_differs(c, detail, run->dn->text, rows[i].name, text_of(c->run, ours),
                                text_of(c->run, theirs), why ? why->rule : NULL);
        }
        return any;
}

static void remember_references(Comparison *c, const Run *run, bool different)
{
        Value manager = flowed_get(run->planned, "manager");
        bool group = str_is(run->cloud.type, "group");
        CompareLater later = {
                .object = run->key, .cloud = run->cloud_id, .group = group, .different = different
        };

        if (group && !flowed_find_link(run->planned, "member"))
                return;
        if (!group) {
                if (flowed_is_kept(run->planned, "manager"))
                        return;
                if (manager.type == VALUE_REF)
                        later.manager = manager.ref->id;
                if (run->n_cloud_links)
                        later.cloud_manager = run->cloud_links[0];
                if (guid_is_zero(&later.manager) && guid_is_zero(&later.cloud_manager))
                        return;
        }
        if (c->n_later == c->size_later) {
                c->size_later = c->size_later ? 2 * c->size_later : 1024;
                c->later = realloc(c->later, c->size_later * sizeof(*c->later));
                if (!c->later)
                        error_oom(c->size_later * sizeof(*c->later));
        }
        c->later[c->n_later++] = later;
}

static void in_both(Comparison *c, const Run *run)
{
        bool different = values_differ(c, run);

        c->result->n_different += different;
        c->result->n_equal += !different;
        c->result->n_anchor_ours += str_is(run->cloud.type, "user");
        if (c->copy) {
                compare_copy_mark(c->copy, &run->cloud_id);
                compare_space_add(&c->space, &run->key, &run->cloud_id);
                remember_references(c, run, different);
        }
}

/* The user is there under its name, with another anchor: one that could have been made of another attribute?
 */
static const char *look_at_anchor(Comparison *c, const Run *run)
{
        Value upn = flowed_get(run->planned, "userPrincipalName");
        Value consistency = object_get(run->object, "mS-DS-ConsistencyGuid");
        const char *theirs = NULL;

        if (!c->copy || upn.type != VALUE_STRING || !compare_copy_user(c->copy, upn.s, c->run, &theirs))
                return NULL;
        if (!theirs || !*theirs)
                return "a user with this name is there, without an anchor";
        if (str_is(theirs, str_base64(c->run, run->key.id.bytes, sizeof(run->key.id.bytes))))
                c->n_by_guid++;
        else if (consistency.type == VALUE_BYTES &&
                 str_is(theirs, str_base64(c->run, consistency.bytes, consistency.n)))
                c->n_by_consistency++;
        return arena_printf(c->run, "a user with this name is there, with the anchor %s", theirs);
}

static void only_here(Comparison *c, const Run *run)
{
        const char *hint = look_at_anchor(c, run);
        json_t *detail = compare_detail(c, run->dn->text, &run->key.id, "only here", NULL);

        c->result->n_only_here++;
        if (detail && hint)
                json_object_set_new(detail, "hint", json_string(hint));
}

static void not_exported(Comparison *c, const Run *run)
{
        c->result->n_not_exported++;
        /* Its counterpart, if there is one, is not "only there": it has this one. */
        if (c->copy && run->cloud.object)
                compare_copy_mark(c->copy, &run->cloud_id);
}

static void count_failure(Comparison *c, const char *code, const char *dn)
{
        json_t *row, *found = NULL;
        size_t i;

        json_array_foreach(c->result->failures, i, row)
        {
                if (str_is(json_string_value(json_object_get(row, "code")), code))
                        found = row;
        }
        if (!found) {
                found = json_pack("{s:s?, s:i, s:s}", "code", code, "objects", 0, "dn", dn);
                json_array_append_new(c->result->failures, found);
        }
        json_object_set_new(found, "objects",
                            json_integer(json_integer_value(json_object_get(found, "objects")) + 1));
}

static int failed(Comparison *c, const Run *run)
{
        json_t *detail;

        if (run->blame == BLAME_SOURCE || run->blame == BLAME_TARGET) {
                diag_set(c->diag, "%s",
                         run->outcome.error.additional_details ? run->outcome.error.additional_details
                                                               : run->outcome.error.reason);
                return str_is(run->outcome.error.code, "EstateMismatch") ? COMPARE_E_REFUSED
                                                                         : COMPARE_E_UNREACHABLE;
        }
        c->result->n_failed++;
        count_failure(c, run->outcome.error.code, run->dn->text);
        /* Its counterpart is not "only there", and whoever names it in both names the same. */
        if (c->copy && run->cloud.object) {
                compare_copy_mark(c->copy, &run->cloud_id);
                compare_space_add(&c->space, &run->key, &run->cloud_id);
        }
        detail = compare_detail(c, run->dn->text, &run->key.id, "failed", run->outcome.error.code);
        if (detail && run->outcome.error.additional_details)
                json_object_set_new(detail, "hint", json_string(run->outcome.error.additional_details));
        return 0;
}

int compare_object(Comparison *c, const ObjectKey *key)
{
        const Run *run = compare_steps(c, key);
        Disposition d = run->outcome.disposition;

        /* What the rules made of it is no value of anybody. */
        if (d == DISPOSITION_PARKED && str_is(run->outcome.error.code, "AccountControlUnread"))
                return failed(c, run);
        if (run->planned && run->cloud.object) {
                in_both(c, run);
                return 0;
        }
        if (run->planned && !str_is(run->outcome.error.code, "NotWritableThroughGraph")) {
                only_here(c, run);
                return 0;
        }
        if (d == DISPOSITION_RETRY || d == DISPOSITION_PARKED)
                return failed(c, run);
        not_exported(c, run);
        return 0;
}
