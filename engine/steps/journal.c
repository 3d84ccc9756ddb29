/* SPDX-License-Identifier: Apache-2.0 */

/* Journal: what this run has replaced, for the way back. */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/space/journal.h"
#include "engine/target/schema.h"

/* Confirmed, or perhaps done: a revert compares before it writes. */
static bool may_be_done(const Run *run, size_t i)
{
        return run_is_confirmed(run, i) || run_is_unheard(run, i);
}

static bool entry_of(const Run *run, const Op *op, JournalOp *ret_op)
{
        JournalOp j = { .attribute = op->attribute, .rule = op->rule };

        switch (op->kind) {
        case OP_CREATE:
                j.verb = JOURNAL_CREATE;
                break;
        case OP_SET:
        case OP_UNSET:
                j.verb = JOURNAL_SET;
                j.before = op->old_value;
                j.after = op->kind == OP_SET ? op->value : VALUE_NULL;
                break;
        case OP_LINK:
        case OP_UNLINK:
                j.verb = op->kind == OP_LINK ? JOURNAL_LINK : JOURNAL_UNLINK;
                j.link = op->link;
                if (str_is(op->attribute, "manager") && op->kind == OP_LINK && run->n_cloud_links)
                        j.link_before = run->cloud_links[0];
                break;
        case OP_REVOKE_SESSIONS:
                return false;
        }
        *ret_op = j;
        return true;
}

/* What a run before this one has sent is not known, and here is a value that the rules give, and that was
 * another when it was last looked at: that run's. */
static size_t take_over(Run *run, JournalOp *ops)
{
        const FlowedObject *planned = run->planned;
        size_t n = 0;

        for (size_t i = 0; run->in_doubt && run->cloud_before && planned && i < planned->n_values; i++) {
                const FlowedValue *v = &planned->values[i];
                const TargetAttribute *at = target_attribute(run->config->schema, run->cloud.type, v->name);
                Value before = object_get(run->cloud_before, v->name);

                if (!at || !at->writable || at->kind == TARGET_REFERENCE || at->kind == TARGET_LINKS ||
                    !target_value_is(at, v->value, object_get(run->cloud_read, v->name)) ||
                    target_value_is(at, v->value, before))
                        continue;
                ops[n++] = (JournalOp){ .verb = JOURNAL_SET,
                                        .attribute = v->name,
                                        .rule = v->rule,
                                        .before = before,
                                        .after = v->value };
        }
        return n;
}

void run_leave_journal(Run *run)
{
        /* What was announced is overwritten: of each run there is one entry. */
        JournalEntry e = {
                .at = run->journal_at.ms ? run->journal_at : clock_wall(run->clock),
                .key = run->key,
                .metaverse = run->metaverse,
                .cloud = run->cloud_id,
                .type = run_cloud_type(run),
                .dn = run->dn->text,
                .by = run->change.by ? run->change.by : "sosync",
                .rules_version = run->reverting ? "revert" : rules_version(run->config->rules),
                .request_ids = run->call.request_ids,
                .n_request_ids = run->call.n_request_ids,
        };

        uint8_t key[JOURNAL_KEY_SIZE];

        e.ops = arena_new_array(run->arena, JournalOp,
                                run->n_ops + (run->planned ? run->planned->n_values : 0) + 1);
        e.n_ops = take_over(run, e.ops);
        for (size_t i = 0; i < run->n_ops; i++)
                if (may_be_done(run, i) && entry_of(run, &run->ops[i], &e.ops[e.n_ops]))
                        e.n_ops++;
        guid_parse(run->outcome.run_id, &e.run);
        if (!e.n_ops && run->journal_at.ms) {
                journal_key(&e, key);
                space_delete(&run->batch, SPACE_JOURNAL, key, sizeof(key));
        }
        if (!e.n_ops)
                return;
        if (run->announcing)
                run->journal_at = e.at;
        space_write_journal(&run->batch, &e);
}
