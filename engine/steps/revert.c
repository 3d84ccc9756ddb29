/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Revert: put back what exports have replaced, and hold the object until a person releases it
 *
 * The plan was made from the journal and lies in the object's Hold. It is compared with what Entra ID has
 * now: a value that is not the one we wrote was changed by somebody since, and is left alone and named. A
 * held object takes a disable, and nothing else.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <stdlib.h>

#define UF_ACCOUNTDISABLE 2

int run_recall_hold(Run *run)
{
        Hold hold;
        int r = space_read_hold(run->space, &run->key, run->arena, &hold);

        if (r < 0)
                return r;
        /* A damaged one holds too: a person must look. */
        run->held = r != SPACE_E_NONE;
        if (r == 0)
                run->hold = arena_memdup(run->arena, &hold, sizeof(hold));
        run->reverting = run->hold && run->hold->n_wants && !guid_is_zero(&run->person.cloud) &&
                         run->change.kind != CHANGE_GONE;
        return 0;
}

/* Nobody is turned on without a look whether Active Directory has turned them off: a user's object must have
 * been read, unless it is certain that it is not there. */
bool run_is_revert_step(const Run *run, StepName name)
{
        if (name == STEP_access)
                return run->read_result && run->read_result != SOURCE_E_NOT_FOUND &&
                       str_is(run_cloud_type(run), "user");
        return name == STEP_target_domain || name >= STEP_import_target;
}

int run_import_held(Run *run)
{
        bool gone;
        int r = run_claim(run, &run->metaverse);

        run->read_links = true;
        if (r == 0)
                r = run_import_known(run, &gone);
        if (r)
                return r;
        if (gone)
                return step_fail(run, STEP_E_PARK, "ObjectNotFound", "there is nothing to put back");
        step_say(run, RESULT_SUCCESS, "The object was read from Microsoft Entra ID now.");
        return 0;
}

static void leave_alone(Run *run, const char *attribute, const char *why)
{
        const char **left = arena_new_array(run->arena, const char *, run->n_left + 2);

        for (size_t i = 0; i < run->n_left; i++)
                left[i] = run->left[i];
        left[run->n_left++] = arena_printf(run->arena, "%s: %s", attribute, why);
        run->left = left;
        step_detail(run, "left alone", "%s", left[run->n_left - 1]);
}

/* Its time has come, and the rules ask for it (rules.account_expires). */
static bool has_expired(const Run *run)
{
        Value at = run->read_result == 0 && run->entry.object
                           ? object_get(run->entry.object, "accountExpires")
                           : VALUE_NULL;

        return (at.type == VALUE_INT || at.type == VALUE_TIME) && at.i > 0 &&
               run_config_reads(run->config, "accountExpires") &&
               at.i <= filetime_from_unix_ms(clock_wall(run->clock).ms);
}

static bool is_off_in_ad(const Run *run)
{
        Value control = run->read_result == 0 && run->entry.object
                                ? object_get(run->entry.object, "userAccountControl")
                                : VALUE_NULL;

        return (control.type == VALUE_INT && control.i & UF_ACCOUNTDISABLE) || has_expired(run);
}

static bool turns_on(const HoldWant *want)
{
        return str_is(want->attribute, "accountEnabled") && want->restore.type == VALUE_BOOL &&
               want->restore.b;
}

static void want_value(Run *run, const HoldWant *want)
{
        const TargetAttribute *at = target_attribute(run->config->schema, run->cloud.type, want->attribute);
        Value theirs = object_get(run->cloud.object, want->attribute);

        if (!at || !at->writable)
                leave_alone(run, want->attribute, "it cannot be written");
        else if (target_value_is(at, want->restore, theirs))
                return;
        else if (!target_value_is(at, want->expect, theirs))
                leave_alone(run, want->attribute,
                            arena_printf(run->arena, "changed since, it is \"%s\"",
                                         value_text(run->arena, theirs, 200)));
        else if (turns_on(want) && !run->entry.object)
                leave_alone(run, want->attribute, "nobody knows whether it is disabled in Active Directory");
        else if (turns_on(want) && is_off_in_ad(run))
                leave_alone(run, want->attribute, "it is disabled in Active Directory");
        else
                run_add_op(run, value_is_none(want->restore) ? OP_UNSET : OP_SET, want->attribute,
                           want->restore, theirs, NULL);
}

static bool has_link(const Run *run, const ObjectId *id)
{
        return run->n_cloud_links &&
               bsearch(id, run->cloud_links, run->n_cloud_links, sizeof(*id), run_compare_ids);
}

static void want_link(Run *run, const HoldWant *want)
{
        bool manager = str_is(want->attribute, "manager");
        bool has = has_link(run, &want->link), is_expected = true;

        if (manager && !guid_is_zero(&want->link_expect))
                is_expected = has_link(run, &want->link_expect);
        if (manager && want->verb == JOURNAL_LINK && guid_is_zero(&want->link_expect))
                is_expected = run->n_cloud_links == 0;
        if (has == (want->verb == JOURNAL_LINK))
                return;
        if (!is_expected)
                leave_alone(run, want->attribute, "changed since");
        else
                run_add_op(run, want->verb == JOURNAL_LINK ? OP_LINK : OP_UNLINK, want->attribute, VALUE_NULL,
                           VALUE_NULL, NULL)
                        ->link = want->link;
}

int run_plan_revert(Run *run)
{
        Value enabled = object_get(run->cloud.object, "accountEnabled");

        for (size_t i = 0; i < run->hold->n_wants; i++)
                if (run->hold->wants[i].verb == JOURNAL_SET)
                        want_value(run, &run->hold->wants[i]);
                else
                        want_link(run, &run->hold->wants[i]);
        if (str_is(run->cloud.type, "user") && is_off_in_ad(run) && enabled.type == VALUE_BOOL && enabled.b)
                run_add_op(run, OP_SET, "accountEnabled", value_bool(false), enabled, NULL);
        step_say(run, run->n_left ? RESULT_WARNING : RESULT_SUCCESS,
                 "Putting back what %s had replaced: %zu operation%s; %zu left alone.", run->hold->why,
                 run->n_ops, run->n_ops == 1 ? "" : "s", run->n_left);
        return 0;
}

void run_leave_hold(Run *run)
{
        Hold hold = *run->hold;

        hold.wants = NULL;
        hold.n_wants = 0;
        if (run->n_left) {
                const char **left = arena_new_array(run->arena, const char *, hold.n_left + run->n_left);
                size_t n = 0;

                for (size_t i = 0; i < hold.n_left; i++)
                        left[n++] = hold.left[i];
                for (size_t i = 0; i < run->n_left; i++)
                        left[n++] = run->left[i];
                hold.left = left;
                hold.n_left = n;
        }
        space_write_hold(&run->batch, &run->key, &hold);
}
