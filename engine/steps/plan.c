/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plan: from "what should be" and "what is" to the operations that make the difference
 *
 * Nothing is sent that would change nothing. A value is cleared only if sosync's rules gave one before: what
 * somebody set in the cloud and AD never had stays (first contact clears nothing), unless adoption is strict.
 * An account is enabled only if AD turned it from disabled to enabled, or sosync had disabled it: one blocked
 * in the cloud stays blocked.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

Op *run_add_op(Run *run, OpKind kind, const char *attribute, Value value, Value old_value,
               const FlowedValue *why)
{
        if (run->n_ops == run->size_ops) {
                size_t size = run->size_ops ? run->size_ops * 2 : 32;
                Op *ops = arena_new_array(run->arena, Op, size);

                if (run->n_ops)
                        memcpy(ops, run->ops, run->n_ops * sizeof(*ops));
                run->ops = ops;
                run->size_ops = size;
        }
        run->ops[run->n_ops] = (Op){
                .kind = kind,
                .type = run_cloud_type(run),
                .id = run->cloud_id,
                .attribute = attribute,
                .value = value,
                .old_value = old_value,
                .rule = why ? why->rule : NULL,
                .mapping = why ? flow_type_name(why->mapping) : NULL,
                .data_source = run_connector(run)->name,
        };
        return &run->ops[run->n_ops++];
}

/* What an older program did not note: what these rules would have planned at the last finished run; NULL:
 * there was none. */
static const FlowedObject *planned_before(Run *run)
{
        const RunConnector *c = run_connector(run);
        const FlowedObject *mv, *planned = NULL;
        const char *why;
        Diag ignored = DIAG_INIT;
        int r;

        mv = flowed_read(run->arena, run->person.flowed, run->person.n_flowed);
        if (!mv)
                return NULL;
        r = rules_outbound(run->config->rules, mv, run->cloud.object, c->parameters, c->n_parameters,
                           clock_wall(run->clock), run->arena, &planned, &why, &ignored);
        diag_deinit(&ignored);
        return r ? NULL : planned;
}

/* Each object of a person remembers how its own last run has found the account: one that has not been run
 * since another one's turned it on knows nothing. Return: 0, -errno. */
static int was_on(Run *run, bool *ret_on)
{
        *ret_on = !run->known || run->head.account_enabled;
        return *ret_on ? 0 : run_has_other(run, true, ret_on);
}

void run_enable_is_over(Run *run)
{
        run->cloud.disabled_by_us = false;
        run->is_turned = run->known && !run->head.account_enabled;
        run->head.account_enabled |= run->known;
}

/* Did the rules, of then, give it a value? What a create of ours has made has nothing but what they gave, and
 * what every object must have. */
static bool was_given(const Run *run, const FlowedObject *before, const TargetAttribute *at)
{
        const char *name = at->name;

        if (run->is_own_create)
                return !at->create_required;
        if (!run->person.given)
                return before && !value_is_none(flowed_get(before, name));
        for (size_t i = 0; i < run->person.n_given; i++)
                if (str_is(run->person.given[i], name))
                        return true;
        return false;
}

/* In strict adoption AD is right about all that the rules flow; but what every object must have, and the
 * anchor, are never taken away. */
static bool is_strict(const Run *run, const TargetAttribute *at)
{
        return run->config->adopt_strict && run->cloud.object && !at->create_required &&
               !str_is(at->name, "sourceAnchor");
}

/* The account is as it should be, by a read that may show what was before a request of ours. */
static void plan_account_again(Run *run, Value ours, Value theirs, const FlowedValue *why)
{
        if (run_account_may_turn(run, !ours.b))
                run_add_op(run, OP_SET, "accountEnabled", ours, theirs, why);
        else if (ours.b)
                run_enable_is_over(run);
        if (!ours.b)
                run_owe_revoke(run, why);
}

static void plan_value(Run *run, const TargetAttribute *at, const FlowedObject *before)
{
        const FlowedValue *why = flowed_find(run->planned, at->name);
        Value ours = why ? why->value : VALUE_NULL;
        Value theirs = run->cloud.object ? object_get(run->cloud.object, at->name) : VALUE_NULL;
        const char *wrong, *code;

        if (target_value_is(at, ours, theirs)) {
                if (str_is(at->name, "accountEnabled") && ours.type == VALUE_BOOL)
                        plan_account_again(run, ours, theirs, why);
                return;
        }
        if (value_is_none(ours)) {
                if (was_given(run, before, at) || is_strict(run, at))
                        run_add_op(run, OP_UNSET, at->name, VALUE_NULL, theirs, why);
                return;
        }
        wrong = target_value_check(at, ours, run->arena, &code);
        if (wrong) {
                step_warn(run, code, "%s is not sent: %s", at->name, wrong);
                return;
        }
        if (str_is(at->name, "accountEnabled") && run->cloud.object && ours.type == VALUE_BOOL && ours.b &&
            run->was_on && !run->cloud.disabled_by_us) {
                step_warn(run, "BlockedInCloud",
                          "the account is blocked in Microsoft Entra ID and was not disabled by Active "
                          "Directory");
                return;
        }
        if (run->cloud.object && run_is_contended(run, at, ours, theirs))
                return;
        run_add_op(run, OP_SET, at->name, ours, theirs, why);
        if (str_is(at->name, "accountEnabled") && run->cloud.object && ours.type == VALUE_BOOL && !ours.b &&
            run_is_to_revoke(run))
                run_add_op(run, OP_REVOKE_SESSIONS, NULL, VALUE_NULL, VALUE_NULL, why);
}

/* Every attribute that a rule flows to and Graph can write, in the order of the schema. */
static int plan_values(Run *run)
{
        size_t n_rows;
        const TargetAttribute *rows = target_attributes(run->config->schema, run_cloud_type(run), &n_rows);
        const FlowedObject *before = run->cloud.object && !run->person.given ? planned_before(run) : NULL;
        const char *not_writable = NULL;

        for (size_t i = 0; i < n_rows; i++) {
                const TargetAttribute *at = &rows[i];
                bool flows = !value_is_none(flowed_get(run->planned, at->name)) ||
                             rules_flows(run->config->rules, RULE_OUTBOUND, run_cloud_type(run), at->name);

                if (!flows || at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE ||
                    flowed_is_kept(run->planned, at->name))
                        continue;
                if (!at->writable && !(at->create_only && !run->cloud.object)) {
                        if (!value_is_none(flowed_get(run->planned, at->name)) && !at->create_only)
                                not_writable = not_writable ? arena_printf(run->arena, "%s, %s", not_writable,
                                                                           at->name)
                                                            : at->name;
                        continue;
                }
                if (at->create_only && run->cloud.object)
                        continue;
                plan_value(run, at, before);
        }
        if (not_writable)
                step_detail(run, "not writable through Graph", "%s", not_writable);
        return 0;
}

int run_mind_anchor(Run *run)
{
        const char *fits = run->config->anchor_fits;

        if (!fits)
                return 0;
        return step_fail(
                run, STEP_E_PARK, "AnchorMismatch",
                "the objects in Microsoft Entra ID have anchors that were made of %s, and the rules make "
                "others",
                fits);
}

static int plan_create(Run *run)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(run->config->schema, run_cloud_type(run), &n);
        Op *op;

        for (size_t i = 0; i < n; i++) {
                Value v = flowed_get(run->planned, rows[i].name);
                const char *code, *wrong;

                if (!rows[i].create_required)
                        continue;
                if (value_is_none(v))
                        return step_fail(run, STEP_E_PARK, "RequiredValueMissing", "%s has no value",
                                         rows[i].name);
                wrong = target_value_check(&rows[i], v, run->arena, &code);
                if (wrong)
                        return step_fail(run, STEP_E_PARK, code, "%s, without which there is no %s: %s",
                                         rows[i].name, run_cloud_type(run), wrong);
        }
        op = run_add_op(run, OP_CREATE, NULL, VALUE_NULL, VALUE_NULL, NULL);
        op->anchor = run->anchor;
        return 0;
}

static bool is_disable(const Op *op)
{
        return op->kind == OP_REVOKE_SESSIONS ||
               (op->kind == OP_SET && str_is(op->attribute, "accountEnabled") && !op->value.b);
}

/* An object that another synchronization owns, or that is held, takes a disable, and nothing else. */
size_t run_keep_disable(Run *run, const char **ret_left)
{
        const char *left = NULL, *last = NULL;
        size_t kept = 0, n_left;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if (is_disable(op)) {
                        run->ops[kept++] = *op;
                } else if (op->attribute && !str_is(op->attribute, last)) {
                        left = left ? arena_printf(run->arena, "%s, %s", left, op->attribute) : op->attribute;
                        last = op->attribute;
                }
        }
        n_left = run->n_ops - kept;
        run->n_ops = kept;
        *ret_left = left;
        return n_left;
}

/* In an estate of its own that is how it should be and only a detail; where sosync owns the objects, somebody
 * should know. */
static void keep_disable_only(Run *run)
{
        const char *left;
        size_t n_left;

        /* Who turns it on is the owner, and it is not ours any more to say that it was us who had turned it
         * off. */
        for (size_t i = 0; i < run->n_ops; i++)
                if (run_is_account(&run->ops[i]) && run->ops[i].value.b)
                        run->cloud.disabled_by_us = false;
        n_left = run_keep_disable(run, &left);
        if (!n_left)
                return;
        if (run->config->estate == ESTATE_ALONE)
                step_warn(run, "MasteredElsewhere",
                          "%zu operations are left to the synchronization that owns the object", n_left);
        step_detail(run, "left to its owner", "%s", left ? left : "");
}

/*
 * Beside an owner that can be asked: the disable first, by us; behind it everything else, by the owner.
 * Urgent work does not wait for it: the rest comes again in the normal lane.
 */
static void ask_for_the_rest(Run *run)
{
        Op *ops = arena_new_array(run->arena, Op, run->n_ops + 1);
        size_t n = 0, n_ours;

        for (size_t i = 0; i < run->n_ops; i++)
                if (is_disable(&run->ops[i]))
                        ops[n++] = run->ops[i];
        n_ours = n;
        for (size_t i = 0; i < run->n_ops; i++)
                if (!is_disable(&run->ops[i])) {
                        ops[n] = run->ops[i];
                        ops[n++].owner = true;
                }
        run->ops = ops;
        run->size_ops = run->n_ops + 1;
        if (n == n_ours)
                return;
        if (run->may_ask) {
                step_detail(run, "asked of its owner", "%zu operation%s", n - n_ours,
                            n - n_ours == 1 ? "" : "s");
                return;
        }
        run->n_ops = n_ours;
        run->left_to_ask = true;
        step_detail(run, "asked of its owner", "%zu operation%s, in the normal lane", n - n_ours,
                    n - n_ours == 1 ? "" : "s");
}

static bool is_true(Value v)
{
        return v.type == VALUE_BOOL && v.b;
}

/* A security group that was made before it had a mail address: whatever it has in AD, this one can be
 * written. Not if it is for mail alone now. */
static bool is_plain_in_cloud(const Run *run)
{
        Value mail = run->cloud.object ? object_get(run->cloud.object, "mailEnabled") : VALUE_NULL;

        return mail.type == VALUE_BOOL && !mail.b && is_true(flowed_get(run->planned, "securityEnabled"));
}

int run_plan(Run *run)
{
        int r;

        if (is_true(flowed_get(run->planned, "mailEnabled")) && str_is(run_cloud_type(run), "group")) {
                if (!is_plain_in_cloud(run))
                        return step_fail(run, STEP_E_SKIP, "NotWritableThroughGraph",
                                         "mail-enabled groups can only be read through Graph");
                step_warn(run, "NotWritableThroughGraph",
                          "it is mail-enabled now, which Graph cannot make of the group that is there; "
                          "everything else, its members too, is written as before");
        }
        if (!run->cloud.object) {
                if (run->config->estate != ESTATE_ALONE)
                        return step_fail(run, STEP_E_SKIP, "CreateBelongsToSync", NULL);
                r = run_mind_anchor(run);
                if (r == 0)
                        r = run_ask_deleted(run);
                if (r == 0)
                        r = plan_create(run);
                if (r)
                        return r;
        }
        run->cloud.last_word = false;
        r = was_on(run, &run->was_on);
        if (r == 0)
                r = plan_values(run);
        if (r)
                return r;
        r = run_plan_references(run);
        if (r)
                return r;
        if (run->cloud.mastered_elsewhere && run->config->ask_owner)
                ask_for_the_rest(run);
        else if (run->cloud.mastered_elsewhere || run->config->estate != ESTATE_ALONE)
                keep_disable_only(run);
        return 0;
}
