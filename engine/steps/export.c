/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 10: send the plan
 *
 * A create is announced first: its intent is durable before the request leaves, so that a crash between
 * request and answer cannot create a second object. What the service has confirmed is remembered whatever
 * becomes of the rest of the run (leave.c).
 *
 * What the service has accepted is not read back. A read in the seconds after a write may show the value
 * before it, so it would prove nothing where it disagrees; and where it agrees it has cost half as much again
 * (requests are the budget). An accepted write that is gone later, because another replica has won, is found
 * by the first read after `settle`: of the object's next change, whatever that is about, and of
 * reconcile.drift, which asks for what has changed and costs one request for everybody.
 */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <string.h>

/*
 * Announce a create: durable before it leaves. A head goes with it, so that intake follows the object, and
 * the next run finds the intent, wherever the object goes before the answer is known.
 */
static int announce(Run *run)
{
        ObjectId random;
        char *id = arena_alloc(run->arena, GUID_TEXT_MAX);
        SpaceBatch batch;
        Head head;
        int r;

        guid_random(&random);
        guid_format(&random, id);
        run->ops[0].request_id = id;
        if (run->have_intent)
                run->intent_before = run->intent;
        run->intent = (Intent){
                .anchor = run->anchor,
                .type = run_cloud_type(run),
                .request_id = id,
                .tries = run->intent.tries + 1,
                .at = clock_wall(run->clock),
        };
        space_batch_init(&batch, run->arena);
        space_write_intent(&batch, &run->metaverse, &run->intent, SPACE_ANY);
        if (!run->known)
                space_write_head(&batch, &run->key,
                                 &(Head){
                                         .parent = run->entry.parent,
                                         .dn = run->dn->text,
                                         .type = run->type,
                                         .in_scope = true,
                                         .account_enabled = run_is_enabled(run),
                                         .metaverse = run->metaverse,
                                 },
                                 run->head_serial);
        r = run->note(run, &batch);
        if (r == 0 && !run->known)
                r = space_read_head(run->space, &run->key, run->arena, &head, &run->head_serial, &run->diag);
        if (r)
                return r;
        run->have_intent = true;
        step_detail(run, "client-request-id", "%s", id);
        return 0;
}

/* So many links are one request; what becomes of more is not known after a crash. */
#define LINKS_OF_A_REQUEST 20

/*
 * Announce a long list of links: durable before it leaves. If the process dies in the middle, the next run
 * reads what is there, instead of sending it all again, to be refused twenty at a time and taken apart.
 */
static int announce_links(Run *run)
{
        Cloud row = run->cloud, stored;
        SpaceBatch batch;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < run->n_ops; i++)
                n += run->ops[i].kind == OP_LINK || run->ops[i].kind == OP_UNLINK;
        if (n <= LINKS_OF_A_REQUEST || guid_is_zero(&run->person.cloud) || !run->cloud.object)
                return 0;
        row.links_imported = (Wall){ 0 };
        space_batch_init(&batch, run->arena);
        space_write_cloud(&batch, &run->cloud_id, &row, run->cloud_serial);
        r = run->note(run, &batch);
        if (r)
                return r;
        return space_read_cloud(run->space, &run->cloud_id, run->arena, &stored, &run->cloud_serial,
                                &run->diag);
}

/* The first operation that failed decides what becomes of the run. */
static int judge(Run *run, const OpResult *results)
{
        for (size_t i = 0; i < run->n_ops; i++) {
                const OpResult *res = &results[i];
                const char *attribute = run->ops[i].attribute;
                const char *code = res->code;
                const char *reason = res->reason ? res->reason : "";

                switch (res->state) {
                case OP_DONE:
                case OP_UNCHANGED:
                case OP_NOT_SENT:
                case OP_NOT_WRITABLE:
                        continue;
                case OP_CONFLICT:
                        /* What is in the way may be our own, from a try whose answer was lost: look again. */
                        if (run->ops[i].kind == OP_CREATE && run->intent.tries > 1 && run->intent.tries < 4)
                                return step_fail(run, STEP_E_RETRY, "AttributeValueMustBeUnique",
                                                 "after a create without an answer: %s", reason);
                        /* Who gives the name up, or is removed, may come after the one that is to have it. */
                        run->is_taken = true;
                        return step_fail(run, STEP_E_RETRY, code ? code : "AttributeValueMustBeUnique",
                                         "%s%s%s", reason, res->conflict_id ? "; the other object is " : "",
                                         res->conflict_id ? res->conflict_id : "");
                case OP_REFERENCE_MISSING:
                        return step_fail(run, STEP_E_RETRY, code ? code : "ReferenceNotFound", "%s: %s",
                                         attribute, reason);
                case OP_FAILED:
                        return step_fail(run, str_is(code, "ObjectNotFound") ? STEP_E_RETRY : STEP_E_PARK,
                                         code ? code : "RequestRefused", "%s%s%s", attribute ? attribute : "",
                                         attribute ? ": " : "", reason);
                }
        }
        return 0;
}

static size_t count_confirmed(const Run *run)
{
        size_t n = 0;

        for (size_t i = 0; i < run->n_ops; i++)
                n += run_is_confirmed(run, i);
        return n;
}

/*
 * Not a failure: what was sent is confirmed and remembered, and the next run plans the rest, with what has
 * come meanwhile: removals before additions.
 */
static int give_way(Run *run)
{
        run->overtaken = true;
        run->retry_at = clock_wall(run->clock);
        step_say(run, RESULT_WARNING,
                 "%zu of %zu operations were accepted in %u requests; the run has given its lease up, "
                 "and the next one goes on.",
                 count_confirmed(run), run->n_ops, run->call.n_writes);
        return STEP_E_RETRY;
}

int step_export(Run *run)
{
        const char *left;
        OpResult *results;
        int r, verdict;
        Wall doubted;

        /* A person has put back what was wrong, and has not said yet that it may go on. */
        if (run->held && !run->reverting && run_keep_disable(run, &left)) {
                step_detail(run, "held", "%s", left ? left : "a new object");
                run->held_back = true;
        }
        r = run_ask_protected(run);
        if (r)
                return r;
        run_say_plan(run);
        if (run->n_ops == 0 && run->held_back)
                return step_fail(run, STEP_E_PARK, "HeldByRevert", NULL);
        if (run->n_ops == 0) {
                step_say(run, RESULT_SKIPPED,
                         "Nothing to export: Microsoft Entra ID has these values already.");
                return STEP_E_DONE;
        }
        if (run_is_staging(run)) {
                if (run->change.staging)
                        run_put_on_paper(run);
                step_say(run, RESULT_SKIPPED, "%s%zu operations are planned and none is sent.",
                         run->config->staging || run->change.staging ? "Staging: " : "", run->n_ops);
                return STEP_E_DONE;
        }
        r = run_ask_brakes(run);
        if (r)
                return r;
        if (run->ops[0].kind == OP_CREATE) {
                r = announce(run);
                if (r)
                        return r;
        }
        r = announce_links(run);
        if (r)
                return r;

        results = arena_new_array(run->arena, OpResult, run->n_ops);
        r = target_apply(run->target, &run->call, run->ops, run->n_ops, results, &run->diag);
        run->results = results;
        doubted = run_doubt_links(run, results);
        run_say_owner(run);
        run->outcome.sent = run_wall(run, run->call.first_write);
        run->outcome.accepted = run_wall(run, run->call.last_write);
        if (r == TARGET_E_OVERTAKEN && count_confirmed(run))
                return give_way(run);
        if (r && r != TARGET_E_REJECTED && r != TARGET_E_OVERTAKEN)
                return run_target_failed(run, r);
        /* Also of a run that was to give way and has got nothing done: it waits like any other. */
        verdict = judge(run, results);
        if (!verdict && r == TARGET_E_OVERTAKEN)
                return give_way(run);
        if (!verdict && r)
                verdict = step_fail(run, STEP_E_PARK, "RequestRefused", "%s", diag_text(&run->diag));
        if (verdict && run->trusted) {
                /* Perhaps because it is not as it was when it was read: the next run reads. */
                run->retry_at = clock_wall(run->clock);
                return STEP_E_RETRY;
        }
        if (verdict)
                return verdict;
        if (doubted.ms)
                return run_wait_for_replication(run, doubted,
                                                "a link was written moments ago, and is not replicated yet "
                                                "to where its opposite arrived");
        if (run->held_back)
                return step_fail(run, STEP_E_PARK, "HeldByRevert",
                                 "the account was disabled, and nothing else was sent");
        step_say(run, RESULT_SUCCESS, "%zu operation%s accepted in %u request%s.", run->n_ops,
                 run->n_ops == 1 ? " was" : "s were", run->call.n_writes, run->call.n_writes == 1 ? "" : "s");
        return STEP_E_DONE;
}
