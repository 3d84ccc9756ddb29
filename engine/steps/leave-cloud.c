/* SPDX-License-Identifier: Apache-2.0 */

/* Facts that a run leaves behind: what the cloud has confirmed, and the create that is still without an
 * answer. */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/target/schema.h"

bool run_is_confirmed(const Run *run, size_t i)
{
        return run->results && (run->results[i].state == OP_DONE || run->results[i].state == OP_UNCHANGED);
}

/* The new object's id, and with it everything that an adoption has too. */
static bool take_created(Run *run)
{
        if (!run->n_ops || run->ops[0].kind != OP_CREATE || !run_is_confirmed(run, 0))
                return false;
        run->cloud_id = run->results[0].id;
        run->cloud = (Cloud){
                .type = run->ops[0].type,
                .object = object_finish(&(ObjectBuilder){ .arena = run->arena }, &run->cloud_id,
                                        run->ops[0].type, NULL),
                .created = clock_wall(run->clock),
                .imported = clock_wall(run->clock),
                .links_imported = clock_wall(run->clock),
        };
        run->cloud_serial = SPACE_ANY;
        run->links_read = true;
        return true;
}

/* The value that the plan gave an attribute and the service accepted; false: it was not among them. */
static bool accepted_value(const Run *run, const char *name, Value *ret_value)
{
        bool found = false;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if ((op->kind == OP_SET || op->kind == OP_UNSET) && run_is_confirmed(run, i) &&
                    str_is(op->attribute, name)) {
                        *ret_value = op->value;
                        found = true;
                }
        }
        return found;
}

/* The cloud object with the values that were accepted. */
static const Object *with_accepted(Run *run)
{
        const Object *o = run->cloud.object;
        ObjectBuilder b;
        Value v;

        object_build(&b, run->arena);
        for (size_t i = 0; i < o->n_attributes; i++)
                object_add(&b, o->attributes[i].name,
                           accepted_value(run, o->attributes[i].name, &v) ? v : o->attributes[i].value);
        for (size_t i = 0; i < run->n_ops; i++)
                if (run->ops[i].kind == OP_SET && run_is_confirmed(run, i))
                        object_add(&b, run->ops[i].attribute, run->ops[i].value);
        return object_finish(&b, &run->cloud_id, run->cloud.type, NULL);
}

/* Of two writes within settle, what was there before the first is the oldest that a read may show. */
void run_remember_writes(Run *run)
{
        Wall now = clock_wall(run->clock);
        CloudWrite *writes = arena_new_array(run->arena, CloudWrite, run->cloud.n_writes + run->n_ops + 2);
        size_t n = 0;

        for (size_t i = 0; i < run->cloud.n_writes; i++)
                if (run_is_settling(run, run->cloud.writes[i].at) && !run_is_mark(&run->cloud.writes[i]))
                        writes[n++] = run->cloud.writes[i];
        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];
                size_t w = 0;

                if (!run_is_confirmed(run, i) || (op->kind != OP_SET && op->kind != OP_UNSET))
                        continue;
                while (w < n && !str_is(writes[w].attribute, op->attribute))
                        w++;
                if (w == n)
                        writes[n++] = (CloudWrite){ .attribute = op->attribute, .before = op->old_value };
                writes[w].at = now;
                if (!str_is(op->attribute, "accountEnabled") || op->value.type != VALUE_BOOL)
                        continue;
                run->cloud.disabled_by_us = !op->value.b;
                run->cloud.last_word = !op->value.b && run->has_gone;
                if (op->value.b)
                        run_enable_is_over(run);
        }
        n = run_leave_recent(run, writes, n);
        n = run_leave_marks(run, writes, n);
        run->cloud.writes = writes;
        run->cloud.n_writes = n;
}

static bool is_first(const Run *run)
{
        return !guid_is(&run->person.cloud, &run->cloud_id);
}

void run_leave_appeared(Run *run)
{
        for (size_t i = 0; is_first(run) && i < run->person.n_joined; i++)
                run_leave_resolvable(run, &run->person.joined[i]);
        if (!run_is_joined(run))
                run_leave_resolvable(run, &run->key);
}

/* The one that was deleted in the cloud is nobody's any more, and this one stands in its place. */
static void forget_lost(Run *run)
{
        space_delete(&run->batch, SPACE_CLOUD, &run->lost, sizeof(run->lost));
        space_write_link(&run->batch, LINK_CLOUD, LINK_CLEAR, &run->lost, sizeof(run->lost),
                         run_link_attribute(run->cloud.type), NULL);
}

/* Facts: what is in the cloud now. */
void run_leave_cloud(Run *run)
{
        bool created = take_created(run);
        bool first = created || is_first(run);
        BrakeType type = str_is(run->cloud.type, "group") ? BRAKE_GROUP : BRAKE_USER;

        if (!run->cloud.object || guid_is_zero(&run->cloud_id))
                return;
        run_leave_journal(run);
        run->cloud.object = with_accepted(run);
        if (run_is_made_again(run))
                forget_lost(run);
        else if (first && run->brakes) {
                if (!run->change_brakes)
                        brakes_know(run->brakes, type, 1);
                run->knew = true;
                run->knew_type = type;
                run->brakes_moved = true;
        }
        run_remember_writes(run);
        run_mind_trust(run);
        run->cloud.metaverse = run->metaverse;
        if (run->anchor)
                run->cloud.anchor = run->anchor;
        space_write_cloud(&run->batch, &run->cloud_id, &run->cloud, run->cloud_serial);
        run_leave_cloud_links(run);
        run_leave_appeared(run);
        if (run->have_intent)
                space_delete(&run->batch, SPACE_INTENT, &run->metaverse, sizeof(run->metaverse));
}

/*
 * A create that certainly had no effect leaves no intent behind: the next one need not wait for what cannot
 * come. Nor does one whose object left scope, and that was looked for until it must have replicated. One
 * before it that was without an answer is as open as it was. After a conflict with an open one there may be
 * an object of ours, so that intent stays, until a person is asked.
 */
void run_leave_intent(Run *run)
{
        bool create = run->n_ops && run->ops[0].kind == OP_CREATE && run->results;
        bool refused = create && run->results[0].state == OP_CONFLICT;

        if (!run->have_intent)
                return;
        if (run->outcome.disposition == DISPOSITION_PARKED ||
            run->outcome.disposition == DISPOSITION_OUT_OF_SCOPE ||
            (create && (refused || run->results[0].state == OP_NOT_SENT) && !run->intent_before.tries))
                space_delete(&run->batch, SPACE_INTENT, &run->metaverse, sizeof(run->metaverse));
        else if (create && run->results[0].state == OP_NOT_SENT)
                space_write_intent(&run->batch, &run->metaverse, &run->intent_before, SPACE_ANY);
}
