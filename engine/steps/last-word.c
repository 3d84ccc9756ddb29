/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Last word: what is said to the cloud account of an object that is not synchronized any more
 *
 * What is disabled in AD becomes disabled in the cloud, in scope or not. What leaves scope enabled, or was
 * deleted, follows on_leave and on_delete: it is reported, or its account turned off. That is an update,
 * never a delete; and the proof is the object at its new place, or its tombstone, never that it could not be
 * found.
 *
 * It is said once. Somebody who turns the account on again in the cloud after that has decided otherwise; who
 * turns it off then is not us, and it stays off when the object comes back.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/steps/catalogue.h"

#define UF_ACCOUNTDISABLE 2

bool run_is_gone_step(StepName name)
{
        return name == STEP_source_domain || name == STEP_target_domain || name == STEP_ou ||
               name == STEP_import_target || name == STEP_sync || name == STEP_export;
}

int run_has_other(Run *run, bool on, bool *ret_has)
{
        *ret_has = false;
        for (size_t i = 0; i < run->person.n_joined && !*ret_has; i++) {
                const ObjectKey *key = &run->person.joined[i];
                Head head;
                int r;

                if (key->source == run->key.source && guid_is(&key->id, &run->key.id))
                        continue;
                r = space_read_head(run->space, key, run->arena, &head, NULL, &run->diag);
                if (r < 0)
                        return r;
                *ret_has = r == 0 && !head.deleted && head.in_scope && (!on || head.account_enabled);
        }
        return 0;
}

/* UF_ACCOUNTDISABLE of userAccountControl (MS-ADTS 2.2.16). */
static bool is_disabled(const Object *o)
{
        Value control = o ? object_get(o, "userAccountControl") : VALUE_NULL;

        return control.type == VALUE_INT && control.i & UF_ACCOUNTDISABLE;
}

/* Is this object on? By the rules, if they have spoken; else by the bit, or that of another with a say in its
 * person. */
int run_ask_whether_on(Run *run, bool *ret_on)
{
        *ret_on = run_is_enabled(run);
        for (size_t i = 0; i < run->person.n_joined && !run->mv && !*ret_on; i++) {
                const ObjectKey *key = &run->person.joined[i];
                const Object *o = NULL;
                Head head;
                int r;

                if (key->source == run->key.source && guid_is(&key->id, &run->key.id))
                        continue;
                r = space_read_head(run->space, key, run->arena, &head, NULL, &run->diag);
                if (r == 0 && !head.deleted && run_connector_of(run, key->source)->scope)
                        r = space_read_import(run->space, key, run->arena, &o, NULL, &run->diag);
                else if (r == 0)
                        continue;
                if (r < 0)
                        return r;
                *ret_on = r == 0 && !is_disabled(o);
        }
        return 0;
}

static bool is_off(Value enabled)
{
        return enabled.type == VALUE_BOOL && !enabled.b;
}

/* Off, and nothing of ours that was sent before can still turn it on. */
static bool stays_off(const Run *run, Value enabled)
{
        return is_off(enabled) && !run_account_may_turn(run, true);
}

/* What sosync has turned off is as it was told to be; what is on, somebody has turned on. */
static void note_last_word(Run *run, Value theirs)
{
        if (stays_off(run, theirs))
                run->cloud.last_word |= run->has_gone && run->cloud.disabled_by_us;
        else if (run->has_gone && !is_off(theirs) && !run_account_may_turn(run, false))
                run->cloud.disabled_by_us = false;
}

static void plan_disable(Run *run, Value theirs)
{
        run_add_op(run, OP_SET, "accountEnabled", value_bool(false), theirs,
                   run->mv ? flowed_find(run->mv, "accountEnabled") : NULL);
        if (run_is_to_revoke(run))
                run_add_op(run, OP_REVOKE_SESSIONS, NULL, VALUE_NULL, VALUE_NULL, NULL);
}

/**
 * run_last_word() - out of scope, by OU, filter or rule: is its account turned off?
 *
 * `leaves`: it is out of scope for good, so that on_leave applies; not where a rule has failed.
 * Return: 0, STEP_E_SKIP, STEP_E_PARK (nobody knows whether it is disabled in AD), -errno.
 */
int run_last_word(Run *run, const char *code, const char *why, bool leaves)
{
        Value theirs = run->cloud.object ? object_get(run->cloud.object, "accountEnabled") : VALUE_NULL;
        bool on = run_is_enabled(run), let_go = !run->mv && !run->rules_result, other = false;

        run->has_gone = leaves;
        /* Of what has no type its class could not be read: nothing is concluded from that. */
        leaves = leaves && on && *run->type && run_connector(run)->on_leave == LAST_WORD_DISABLE &&
                 run->cloud.object && theirs.type == VALUE_BOOL && run->known &&
                 (run->is_own_create || !guid_is_zero(&run->person.cloud));
        /* With run->mv all objects of the person have spoken; one that no rule takes speaks for itself alone.
         */
        if (leaves || let_go) {
                int r = run_has_other(run, false, &other);

                if (r)
                        return r;
        }
        if (run->cloud.object && !other)
                note_last_word(run, theirs);
        leaves = leaves && !run->cloud.last_word;
        if (run->cloud.object && !leaves && !other && !is_off(theirs) && run_is_unread(run))
                return run_unread(run);
        if (!run->cloud.object || other || (on && !leaves))
                return step_fail(run, STEP_E_SKIP, code, "%s", why ? why : catalogue_find(code)->reason);
        if (stays_off(run, theirs)) {
                run_owe_revoke(run, NULL);
                step_say(run, RESULT_SUCCESS, "Disabled in %sMicrosoft Entra ID.",
                         on ? "" : "Active Directory and in ");
                return 0;
        }
        plan_disable(run, theirs);
        if (on)
                step_warn(run, code,
                          "out of scope: the account is disabled (scope.on_leave), and nothing else is sent");
        else
                step_say(run, RESULT_WARNING,
                         "Disabled in Active Directory: the account is disabled, and nothing else is sent.");
        return 0;
}

/* A tombstone keeps userAccountControl (MS-ADTS 3.1.1.5.5.1.1): was the account off when it was deleted? */
static bool was_disabled(const Run *run)
{
        return run->read_result == 0 && is_disabled(run->entry.object);
}

int run_judge_gone(Run *run)
{
        bool user, may_be, other = false;
        const char *type;
        int r = run_may_be_in_cloud(run, &may_be, &type);

        user = str_is(type, "user");
        if (r == 0 && user && may_be)
                r = run_has_other(run, false, &other);
        if (r)
                return r;
        if (!user || !may_be || other ||
            (run_connector(run)->on_delete != LAST_WORD_DISABLE && !was_disabled(run)))
                return step_fail(run, STEP_E_SKIP, "DeleteNotSupported", NULL);
        run->gone = true;
        step_say(run, RESULT_WARNING,
                 "Deleted in Active Directory, but known in the cloud: the account is disabled.");
        return 0;
}

int run_import_gone(Run *run)
{
        bool found = true, gone = false;
        int r;

        if (guid_is_zero(&run->person.cloud)) {
                r = run_match_lost(run, &found);
        } else {
                r = run_claim(run, &run->metaverse);
                if (r == 0)
                        r = run_import_known(run, &gone);
        }
        if (r)
                return r;
        if (gone) {
                run->cloud = (Cloud){ 0 };
                run->cloud_id = (ObjectId){ 0 };
                r = run_ask_restorable(run, &run->restorable);
                if (r)
                        return r;
        }
        if (gone || !found)
                return step_fail(run, STEP_E_SKIP, "DeleteNotSupported",
                                 "deleted in Active Directory, and %s Microsoft Entra ID",
                                 run->restorable ? "among the deleted users of" : "not in");
        step_say(run, RESULT_SUCCESS, "The object was read from Microsoft Entra ID now.");
        return 0;
}

int run_plan_gone(Run *run)
{
        Value theirs = object_get(run->cloud.object, "accountEnabled");

        run->has_gone = true;
        note_last_word(run, theirs);
        if (stays_off(run, theirs)) {
                run_owe_revoke(run, NULL);
                step_say(run, RESULT_SUCCESS,
                         "Deleted in Active Directory, and disabled in Microsoft Entra ID.");
                return 0;
        }
        if (run->cloud.last_word && run->head.deleted)
                return step_fail(run, STEP_E_SKIP, "DeleteNotSupported",
                                 "the account was disabled when the object was deleted, and somebody has "
                                 "enabled it since");
        plan_disable(run, theirs);
        step_warn(run, "DeleteNotSupported", "the account is disabled, and nothing else is sent");
        return 0;
}
