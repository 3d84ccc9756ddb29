/* SPDX-License-Identifier: Apache-2.0 */

/* Journal: what this run has replaced, for the way back. */

#include "engine/steps/internal.h"

#include "base/str.h"
#include "engine/space/journal.h"

/* Confirmed, or perhaps done: a revert compares before it writes. */
static bool may_be_done(const Run *run, size_t i)
{
        return run_is_confirmed(run, i) || (run->strained && run->results[i].state == OP_FAILED);
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

void run_leave_journal(Run *run)
{
        JournalEntry e = {
                .at = clock_wall(run->clock),
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

        if (!run->results)
                return;
        e.ops = arena_new_array(run->arena, JournalOp, run->n_ops + 1);
        for (size_t i = 0; i < run->n_ops; i++)
                if (may_be_done(run, i) && entry_of(run, &run->ops[i], &e.ops[e.n_ops]))
                        e.n_ops++;
        if (!e.n_ops)
                return;
        guid_parse(run->outcome.run_id, &e.run);
        space_write_journal(&run->batch, &e);
}
