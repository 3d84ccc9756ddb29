/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hard match: the object in Entra ID that has our anchor, and what a create without an answer may have made
 *
 * A create is announced by its intent. As long as one stands, the object may be there although nobody knows
 * its id: it is looked for before anything is made, and before the last word about somebody who has left.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

/* A create of ours may have taken effect without our seeing the answer. */
int run_recall_intent(Run *run)
{
        int r = space_read_intent(run->space, &run->metaverse, run->arena, &run->intent, &run->intent_serial,
                                  &run->diag);

        if (r < 0)
                return r;
        run->have_intent = r == 0;
        if (run->have_intent)
                step_detail(run, "intent", "a create was sent before (try %u)", run->intent.tries);
        return 0;
}

/* It is this one from now on, and new to us, but for what a run has announced that never came to its end.
 * What a lost create has made is as new as one with an answer. Return: 0, -errno. */
int run_take(Run *run, const RunImport *import)
{
        Cloud row;
        int r = space_read_cloud(run->space, &import->object->id, run->arena, &row, &run->cloud_serial,
                                 &run->diag);

        if (r < 0)
                return r;
        run->cloud = (Cloud){ .created = run->is_own_create ? run->intent.at : (Wall){ 0 } };
        if (r == 0 && str_is(row.anchor, run->anchor)) {
                run->cloud.writes = row.writes;
                run->cloud.n_writes = row.n_writes;
        }
        run->cloud.type = run_cloud_type(run);
        run_adopt(run, import, true);
        return 0;
}

/*
 * Base64 and the numbers of people differ by case, and a filter of Graph has none: what it finds need not
 * have our anchor. The group that its extension attribute has found has another uniqueName, or none; the
 * name itself is a key.
 */
static bool has_our_anchor(const Run *run, MatchBy by, const Object *o)
{
        const char *theirs = object_text(o, "sourceAnchor");

        if (by == MATCH_ANCHOR && str_is(run_cloud_type(run), "group"))
                return true;
        return str_is(theirs, run->anchor);
}

static int import_match(Run *run, MatchBy by, const char *value, bool *ret_found)
{
        RunImport import;
        int r = run_fetch(run, run_cloud_type(run), by, value, true, &import);

        *ret_found = false;
        if (r == TARGET_E_NOT_FOUND)
                return 0;
        if (r)
                return run_target_failed(run, r);
        if (!has_our_anchor(run, by, import.object))
                return 0;
        run->is_own_create = run->have_intent;
        r = run_take(run, &import);
        if (r)
                return r;
        step_detail(run, "match", "anchor %s", run->anchor);
        *ret_found = true;
        return 0;
}

/*
 * A group that Entra Connect or Cloud Sync has made has no uniqueName: only our own have one. What it has,
 * for ever, is the SID of the directory's group.
 */
static int import_theirs(Run *run, bool *ret_found)
{
        Value sid = flowed_get(run->mv, "objectSidString");
        RunImport import;
        int r;

        if (run->config->estate == ESTATE_ALONE || sid.type != VALUE_STRING ||
            !str_is(run_cloud_type(run), "group"))
                return 0;
        r = run_fetch(run, "group", MATCH_SID, sid.s, true, &import);
        if (r == TARGET_E_NOT_FOUND)
                return 0;
        if (r)
                return run_target_failed(run, r);
        if (!import.mastered_elsewhere)
                return 0;
        r = run_take(run, &import);
        if (r)
                return r;
        step_detail(run, "match", "onPremisesSecurityIdentifier %s", sid.s);
        *ret_found = true;
        return 0;
}

/* The anchor's index lags behind the objects, so what a create of ours may have made is also
 * looked for by its name, and taken if it has our anchor. */
int run_hard_match(Run *run, bool *ret_found)
{
        Value upn = flowed_get(run->mv, "userPrincipalName");
        int r = import_match(run, MATCH_ANCHOR, run->anchor, ret_found);

        if (r == 0 && !*ret_found)
                r = import_theirs(run, ret_found);
        if (r || *ret_found || !run->have_intent || upn.type != VALUE_STRING ||
            !str_is(run_cloud_type(run), "user"))
                return r;
        return import_match(run, MATCH_UPN, upn.s, ret_found);
}

/* The anchor is perhaps there, and not replicated to where we look: until `settle` has passed no second
 * create is sent. */
int run_mind_intent(Run *run)
{
        if (!run->have_intent || !run_is_settling(run, run->intent.at))
                return 0;
        return run_wait_for_replication(
                run, run->intent.at,
                "a create was sent without an answer; it is looked for until it must have replicated");
}

int run_may_be_in_cloud(Run *run, bool *ret_may, const char **ret_type)
{
        Intent intent;
        int r;

        *ret_type = run_cloud_type(run);
        *ret_may = run->known && !guid_is_zero(&run->person.cloud);
        if (*ret_may || !run->known || guid_is_zero(&run->head.metaverse))
                return 0;
        r = space_read_intent(run->space, &run->head.metaverse, run->arena, &intent, NULL, &run->diag);
        if (r < 0)
                return r;
        *ret_may = r == 0;
        if (r == 0)
                *ret_type = intent.type;
        return 0;
}

int run_match_lost(Run *run, bool *ret_found)
{
        int r;

        *ret_found = false;
        run->metaverse = run->head.metaverse;
        r = run->claimed ? 0 : run_claim(run, &run->metaverse);
        if (r == 0)
                r = run_recall_intent(run);
        if (r || !run->have_intent)
                return r;
        /* No run has come to its end, so there is no person yet. */
        run->person.type = str_is(run->intent.type, "group") ? "group" : "person";
        run->anchor = run->intent.anchor;
        r = import_match(run, MATCH_ANCHOR, run->anchor, ret_found);
        return r || *ret_found ? r : run_mind_intent(run);
}
