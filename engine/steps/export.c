/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 10: send the plan
 *
 * What could not be told afterwards is announced first (announce.c): it is durable before the request leaves.
 * What the service has confirmed is remembered whatever becomes of the rest of the run (leave.c).
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
        r = run_announce(run);
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
        /* After a death the next run reads the links once more: what this one has done is not asked for
         * again. */
        if (doubted.ms && run_links_are_unheard(run))
                run->cloud.links_imported = (Wall){ 0 };
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
