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

/* Rows of the export step and of Modified Properties, one per attribute of the plan. */
static void report_plan(Run *run)
{
        AttributeInfo *infos = arena_new_array(run->arena, AttributeInfo, run->n_ops + 1);
        ModifiedProperty *modified = arena_new_array(run->arena, ModifiedProperty, run->n_ops + 1);
        AttributeInfo *links = NULL;
        size_t n = 0;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];
                char id[GUID_TEXT_MAX];

                switch (op->kind) {
                case OP_CREATE:
                case OP_REVOKE_SESSIONS:
                        break;
                case OP_SET:
                case OP_UNSET:
                        modified[n] = (ModifiedProperty){
                                .name = op->attribute,
                                .old_value = value_is_none(op->old_value)
                                                     ? NULL
                                                     : value_text(run->arena, op->old_value, STEP_TEXT_MAX),
                                .new_value = op->kind == OP_UNSET
                                                     ? NULL
                                                     : value_text(run->arena, op->value, STEP_TEXT_MAX),
                        };
                        infos[n++] = (AttributeInfo){
                                .name = op->attribute,
                                .multi_valued = op->value.type == VALUE_LIST,
                                .type = value_type_name(op->kind == OP_UNSET ? op->old_value : op->value),
                                .value = op->kind == OP_UNSET
                                                 ? NULL
                                                 : value_text(run->arena, op->value, STEP_TEXT_MAX),
                                .n_values = (uint32_t)value_count(op->value),
                                .operation = op->kind == OP_UNSET           ? "delete"
                                             : value_is_none(op->old_value) ? "add"
                                                                            : "update",
                                .sync_rule = op->rule,
                                .mapping_type = op->mapping,
                                .data_source = op->data_source,
                        };
                        break;
                case OP_LINK:
                case OP_UNLINK:
                        if (!links) {
                                modified[n].name = op->attribute;
                                links = &infos[n++];
                                *links = (AttributeInfo){
                                        .name = op->attribute,
                                        .multi_valued = !str_is(op->attribute, "manager"),
                                        .type = "reference",
                                        .operation = "update",
                                        .sync_rule = op->rule,
                                        .mapping_type = op->mapping,
                                        .data_source = op->data_source,
                                        .n_values = (uint32_t)run->n_cloud_links,
                                };
                        }
                        guid_format(&op->link, id);
                        if (op->kind == OP_LINK) {
                                if (links->n_added++ < 100)
                                        links->value_add = links->value_add
                                                                   ? arena_printf(run->arena, "%s\n%s",
                                                                                  links->value_add, id)
                                                                   : arena_strdup(run->arena, id);
                                links->n_values++;
                        } else {
                                if (links->n_deleted++ < 100)
                                        links->value_delete = links->value_delete
                                                                      ? arena_printf(run->arena, "%s\n%s",
                                                                                     links->value_delete, id)
                                                                      : arena_strdup(run->arena, id);
                                links->n_values -= links->n_values > 0;
                        }
                        break;
                }
        }
        if (links) {
                ModifiedProperty *m = &modified[links - infos];

                links->value = arena_printf(run->arena, "%u", links->n_values);
                m->old_value =
                        run->n_cloud_links ? arena_printf(run->arena, "%zu", run->n_cloud_links) : NULL;
                m->new_value = links->n_values ? links->value : NULL;
        }
        run->record->attributes = infos;
        run->record->n_attributes = n;
        run->outcome.modified = modified;
        run->outcome.n_modified = n;
}

static Action action_of(const Run *run)
{
        Action action = run->n_ops ? ACTION_UPDATE : ACTION_OTHER;

        for (size_t i = 0; i < run->n_ops; i++) {
                if (run->ops[i].kind == OP_CREATE)
                        return ACTION_CREATE;
                if (run->ops[i].kind == OP_SET && str_is(run->ops[i].attribute, "accountEnabled") &&
                    !run->ops[i].value.b)
                        action = ACTION_DISABLE;
        }
        return action;
}

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
                        return step_fail(run, STEP_E_PARK, code ? code : "AttributeValueMustBeUnique",
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

/* "aboutMe, skills": what goes to another service in requests of its own. */
static void say_services(Run *run)
{
        const char *names = NULL, *service = NULL;

        for (size_t i = 0; i < run->n_ops; i++) {
                const TargetAttribute *at =
                        target_attribute(run->config->schema, run->ops[i].type, run->ops[i].attribute);

                if (!at || !at->service)
                        continue;
                service = at->service;
                names = names ? arena_printf(run->arena, "%s, %s", names, at->name) : at->name;
        }
        if (names)
                step_detail(run, "in a request of its own", "%s (%s)", names, service);
}

/* What the object's owner says of its own steps, as details of this one. */
static void report_owner(Run *run)
{
        const OwnerReport *said = &run->call.owner_said;

        for (size_t i = 0; i < said->n_notes; i++)
                step_detail(run,
                            arena_printf(run->arena, "%s%s%s", run->call.owner_name,
                                         *said->notes[i].key ? ": " : "", said->notes[i].key),
                            "%s", said->notes[i].text);
}

/* More than this of one object is not written down. */
#define PAPER_MAX ((size_t)1 << 20)

/* Somebody asked what would be done: the requests as they would be sent. What is asked of the object's owner
 * is not ours to write. */
static void put_on_paper(Run *run)
{
        OpResult *results = arena_new_array(run->arena, OpResult, run->n_ops + 1);
        Call call = run->call;
        Str paper;
        size_t n = 0;
        int r;

        while (n < run->n_ops && !run->ops[n].owner)
                n++;
        str_init(&paper, PAPER_MAX);
        call.paper = &paper;
        r = target_apply(run->target, &call, run->ops, n, results, &run->diag);
        if (r)
                step_detail(run, "what cannot be sent", "%s", diag_text(&run->diag));
        diag_clear(&run->diag);
        if (n < run->n_ops)
                str_printf(&paper,
                           "%s# %zu operations are left to the synchronization that owns the object\n",
                           paper.n ? "\n" : "", run->n_ops - n);
        if (paper.cut)
                step_detail(run, "left out of requests", "what goes beyond %zu bytes", PAPER_MAX);
        if (paper.n)
                step_detail(run, STEP_REQUESTS, "%s", paper.data);
        str_deinit(&paper);
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

        /* A person has put back what was wrong, and has not said yet that it may go on. */
        if (run->held && !run->reverting && run_keep_disable(run, &left)) {
                step_detail(run, "held", "%s", left ? left : "a new object");
                run->held_back = true;
        }
        r = run_ask_protected(run);
        if (r)
                return r;
        report_plan(run);
        say_services(run);
        run->outcome.action = action_of(run);
        if (run->n_ops == 0 && run->held_back)
                return step_fail(run, STEP_E_PARK, "HeldByRevert", NULL);
        if (run->n_ops == 0) {
                step_say(run, RESULT_SKIPPED,
                         "Nothing to export: Microsoft Entra ID has these values already.");
                return STEP_E_DONE;
        }
        if (run_is_staging(run)) {
                if (run->change.staging)
                        put_on_paper(run);
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
        report_owner(run);
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
        if (run->held_back)
                return step_fail(run, STEP_E_PARK, "HeldByRevert",
                                 "the account was disabled, and nothing else was sent");
        step_say(run, RESULT_SUCCESS, "%zu operation%s accepted in %u request%s.", run->n_ops,
                 run->n_ops == 1 ? " was" : "s were", run->call.n_writes, run->call.n_writes == 1 ? "" : "s");
        return STEP_E_DONE;
}
