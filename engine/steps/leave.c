/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leave behind: the rows that a run stores with the acknowledgement of its change
 *
 * Two kinds. What the cloud has confirmed is a fact and is stored whatever became of the run: the cloud id of
 * a created object, values that were accepted, links that are there now. What the run concluded (head,
 * import, metaverse) is stored only by a run that is done, so that an unfinished one starts again from where
 * it was.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <string.h>

/*
 * What staging holds back must be planned again once it may leave. A plan compares with the last finished run
 * (what AD had then is cleared and unlinked, an account that was off then is turned on), so that one stays.
 * Who has left or was deleted stays too, without a hash: that is what a promotion makes due
 * (app/flow/staging.c).
 */
static bool is_held_back(const Run *run)
{
        return run_is_staging(run) && run->n_ops;
}

/* Most runs read what is known: only their head is new. */
static void leave_import(Run *run)
{
        if (!run->previous || !object_is(run->previous, run->object))
                space_write_import(&run->batch, &run->key, run->object, SPACE_ANY);
}

/* Conclusions, of a run that is done. */
static int leave_conclusions(Run *run)
{
        bool pending = is_held_back(run), left = run_has_left(run);
        Head head = {
                .parent = run->entry.parent,
                .dn = run->dn->text,
                .type = run->type ? run->type : run->head.type,
                .in_scope = !left || (pending && run->head.in_scope),
                /* Nothing has changed, so no rule was asked, and the bit of userAccountControl is not all
                   they know. */
                .account_enabled =
                        run->known && (pending || !run->mv) ? run->head.account_enabled : run_is_enabled(run),
                .version = run->entry.version,
                /* What is held back, or what a failed rule would have said, is still to be done. */
                .hash = pending || run->failed || run->left_to_ask || run->incomplete ? (Hash128){ 0 }
                                                                                      : run->hash,
                .metaverse = run->mv ? run->metaverse : run->head.metaverse,
                .imported = clock_wall(run->clock),
        };

        space_write_head(&run->batch, &run->key, &head, run->head_serial);
        if (left && !pending)
                return run_withdraw(run);
        if (!run->object)
                return 0;
        leave_import(run);
        if (run->mv && !run->failed && !(pending && run->person.n_flowed))
                run_leave_joins(run);
        /* A run that ended before the plan has left them as they are. */
        return run->planned ? run_leave_import_links(run) : 0;
}

/* It was read and judged, and nothing of it may be sent: either it has left, or it has its say all the same.
 */
static int leave_skipped(Run *run)
{
        if (run_has_left(run))
                return run_withdraw(run);
        if (run->object)
                leave_import(run);
        return 0;
}

/* The head of an object whose run is not done, or that left scope: as it was, but for what is certain. */
static void leave_head(Run *run, bool in_scope)
{
        Head head = run->head;

        head.dn = run->dn->text;
        head.in_scope = in_scope;
        head.deleted = run->entry.deleted || run->change.kind == CHANGE_GONE;
        if (!head.deleted || !run->head.deleted || !head.gone.ms)
                head.gone = head.deleted ? clock_wall(run->clock) : (Wall){ 0 };
        head.hash = (Hash128){ 0 };
        /* Judged, and nothing is left to do for this version of it. */
        if (!in_scope && run->read_result == 0)
                head.version = run->entry.version;
        if (run->mv)
                head.metaverse = run->metaverse;
        if (run->type)
                head.type = run->type;
        if (!run->known)
                head.account_enabled = true;
        space_write_head(&run->batch, &run->key, &head, run->head_serial);
}

/* What was sent may have left the cloud between two states: even if the object becomes again what it was at
 * its last finished run, it is worked on whole. */
void run_leave_unfinished(Run *run)
{
        Head head = run->head;

        if (!head.hash.low && !head.hash.high && !run->is_turned)
                return;
        head.hash = (Hash128){ 0 };
        space_write_head(&run->batch, &run->key, &head, run->head_serial);
}

void run_leave_adopted(Run *run)
{
        run_leave_person(run, NULL);
        leave_head(run, true);
        run_leave_appeared(run);
        run_leave_candidate(run);
        if (run->have_intent)
                space_delete(&run->batch, SPACE_INTENT, &run->metaverse, sizeof(run->metaverse));
}

void run_look_again(Run *run, bool links)
{
        Wall then = wall_add(clock_wall(run->clock), run->config->settle_ms);

        if (!run->due.ms || then.ms < run->due.ms)
                run->due = then;
        if (links)
                run->cloud.links_imported = (Wall){ 0 };
}

/* What staging holds back the other installation does, in the same second: one more look, when that must be
 * seen, so that it is not still "to be done" when somebody has decided otherwise and this one is promoted. */
static void look_again_after_staging(Run *run)
{
        bool links = false;

        for (size_t i = 0; i < run->n_ops; i++)
                links |= run->ops[i].kind == OP_LINK || run->ops[i].kind == OP_UNLINK;
        if (run->known && run->change.kind != CHANGE_DUE)
                run_look_again(run, links);
}

int run_leave_behind(Run *run)
{
        Disposition d = run->outcome.disposition;
        bool done = d == DISPOSITION_DONE || d == DISPOSITION_NO_CHANGE || d == DISPOSITION_STAGED;
        /* Deleted on both sides: there is nobody to say it to, and nothing to look for again. */
        bool nobody_is_there =
                run->gone && d == DISPOSITION_OUT_OF_SCOPE && !run->cloud.object && !run->restorable;
        bool newly_known, keep;
        int r;

        if (guid_is_zero(&run->key.id))
                return 0; /* asked for by DN, and nobody knows the object: there is nothing to remember */
        run_leave_ahead(run);
        if (run->change.kind == CHANGE_LINK && !run->reverting)
                return run_leave_ready(run, done);
        if (run->reverting) {
                run_leave_cloud(run);
                if (done && !run_is_staging(run))
                        run_leave_hold(run);
                run_leave_unfinished(run);
                return 0;
        }
        /* It was found in another way, or there is nothing to be found for: only what waits has a candidate.
         */
        if ((done || d == DISPOSITION_OUT_OF_SCOPE) && (!run->known || guid_is_zero(&run->person.cloud)))
                run_leave_candidate(run);
        /* A tombstone to which the last word is still to be said keeps its place. */
        if (run_has_left(run) && (done        ? !is_held_back(run)
                                  : run->gone ? nobody_is_there
                                              : d == DISPOSITION_OUT_OF_SCOPE && run->known)) {
                r = run_leave_room(run);
                if (r)
                        return r;
        }
        if (run->gone) {
                run_leave_cloud(run);
                run_leave_intent(run);
                if (guid_is_zero(&run->person.cloud) && !guid_is_zero(&run->cloud_id))
                        run_leave_person(run, NULL);
                if (done && is_held_back(run)) {
                        look_again_after_staging(run);
                        run_leave_unfinished(run);
                } else if (done || nobody_is_there) {
                        leave_head(run, false);
                        return run_withdraw(run);
                }
                return 0;
        }
        /* The whole of an unfinished run is planned again. A wait of it that AD has taken back by then would
         * be known to nobody, and be set when its target appears. */
        if (!done) {
                run->batch.n_edges = 0;
                run_leave_named(run);
        }

        if (done && is_held_back(run))
                look_again_after_staging(run);
        if (done && run->is_hidden)
                run_look_again(run, true);
        /* An object that is created or adopted is found by its id even if the rest of its run failed. */
        run_leave_cloud(run);
        if (run->no_room)
                run_leave_newcomer(run);
        newly_known = !guid_is_zero(&run->cloud_id) && !guid_is(&run->person.cloud, &run->cloud_id);
        /* Who leaves has nothing to say about what the others make of it. */
        keep = !done || run->failed || run_has_left(run) || (is_held_back(run) && run->person.n_flowed);
        if (run->object && (newly_known || (run->mv && ((done && !run->failed) || run_gave_something(run)))))
                run_leave_person(run, keep ? NULL : run->mv);
        run_leave_intent(run);
        r = run_leave_referrers(run);
        if (r)
                return r;
        if (done)
                return leave_conclusions(run);
        if (d == DISPOSITION_OUT_OF_SCOPE ? run->known : newly_known)
                leave_head(run, d != DISPOSITION_OUT_OF_SCOPE);
        else if (run->known)
                run_leave_unfinished(run);
        return d == DISPOSITION_OUT_OF_SCOPE && run->known ? leave_skipped(run) : 0;
}

int run_leave_facts(Run *run)
{
        Head head;
        int r;

        space_batch_init(&run->batch, run->arena);
        r = space_read_head(run->space, &run->key, run->arena, &head, &run->head_serial, &run->diag);
        if (r)
                return r;
        run->head = head;
        run_leave_unfinished(run);
        run_leave_journal(run);
        return 0;
}

int run_leave_ready(Run *run, bool done)
{
        /* What must not be written is not asked for again: a whole run finds it, if one may. */
        bool refused = run->outcome.disposition == DISPOSITION_OUT_OF_SCOPE;
        uint8_t owner[OBJECT_KEY_SIZE];

        run_leave_cloud(run);
        object_key_pack(&run->key, owner);
        for (size_t i = 0; i < run->n_ready; i++)
                if (refused || run_is_confirmed(run, i))
                        space_write_link(&run->batch, LINK_READY, LINK_REMOVE, owner, sizeof(owner),
                                         run_link_attribute(run->cloud.type), &run->ready[i]);
        /* Its own cloud object is gone: a whole run makes it again, with everything that it names. */
        if (run->outcome.disposition == DISPOSITION_RETRY &&
            str_is(run->outcome.error.code, "ObjectNotFound")) {
                space_again(&run->batch, &run->key);
                run_leave_unfinished(run);
        }
        /* What staging holds back is planned again by the object's next whole run. */
        if (done && run_is_staging(run) && run->known)
                leave_head(run, run->head.in_scope);
        return 0;
}
