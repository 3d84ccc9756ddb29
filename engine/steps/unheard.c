/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unheard: what was sent, and perhaps done
 *
 * A request whose answer is lost may have had its effect, and so may one of a process that died behind it:
 * what was announced (announce.c) counts as sent and not heard of. A value is read back by the next run, and
 * put right; what replication hides from that run is found by reconcile.drift. Three things are not found so:
 *
 *  - a link. Reads of Graph lag, and until the next run the source may have taken the link back: then nobody
 *    would name it any more. So what was sent counts as named by the source, as after a run that is done; and
 *    who is named no more is taken out also if a read does not show him.
 *  - the account. One that is off is blocked by somebody, and stays so, unless it was us: then the read that
 *    finds it off says so. Until it must have replicated a read proves nothing, so it is sent again.
 *  - the end of the sessions. It cannot be read, and the account is off already when the change runs again.
 *
 * The mark of each is a row among the writes of the cloud object; that of links and sessions, without a value
 * before, goes with the first whole run that comes to its end; that of the account, with the value that was
 * sent, when it has arrived or cannot arrive any more.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <string.h>

#define SESSIONS "signInSessions"
#define ACCOUNT  "account turned"

/* An answer of which nothing can be concluded (target.h: OP_FAILED with TARGET_E_TRANSIENT or _GARBAGE). */
bool run_is_unheard(const Run *run, size_t i)
{
        if (run->announcing)
                return !run->ops[i].owner;
        return run->results && run->strained && run->results[i].state == OP_FAILED;
}

static bool is_link(const Op *op)
{
        return op->kind == OP_LINK || op->kind == OP_UNLINK;
}

static bool is_marked(const Run *run, const char *name)
{
        for (size_t i = 0; i < run->cloud.n_writes; i++)
                if (str_is(run->cloud.writes[i].attribute, name))
                        return true;
        return false;
}

/* Those of a create too: it was found by its intent. */
bool run_links_are_unheard(const Run *run)
{
        return run->is_own_create || is_marked(run, run_link_attribute(run->cloud.type));
}

bool run_is_mark(const CloudWrite *w)
{
        return str_is(w->attribute, SESSIONS) || str_is(w->attribute, ACCOUNT) ||
               str_is(w->attribute, "manager") || str_is(w->attribute, "member");
}

bool run_is_account(const Op *op)
{
        return op->kind == OP_SET && str_is(op->attribute, "accountEnabled") && !op->owner;
}

static const CloudWrite *find_account(const Run *run, bool on)
{
        for (size_t i = 0; i < run->cloud.n_writes; i++) {
                const CloudWrite *w = &run->cloud.writes[i];

                if (str_is(w->attribute, ACCOUNT) && w->before.type == VALUE_BOOL && w->before.b == on)
                        return w;
        }
        return NULL;
}

bool run_is_unfinished(const Run *run)
{
        return run->in_doubt || (!run->head.hash.low && !run->head.hash.high);
}

bool run_account_was_sent(const Run *run, bool on)
{
        return find_account(run, on) != NULL;
}

bool run_account_may_turn(const Run *run, bool on)
{
        const CloudWrite *w = find_account(run, on);

        return w && run_is_settling(run, w->at);
}

/* What was sent and has not been heard of, by this run or by one before it. Only who reads can say that it
 * has arrived, or never will. */
static size_t leave_account(const Run *run, CloudWrite *writes, size_t n)
{
        Value now = object_get(run->cloud.object, "accountEnabled");
        bool known = false, reads = run->change.kind != CHANGE_LINK || run->reverting;

        for (size_t i = 0; i < run->n_ops; i++) {
                if (!run_is_account(&run->ops[i]))
                        continue;
                known |= run_is_confirmed(run, i);
                if (run_is_unheard(run, i))
                        writes[n++] = (CloudWrite){ .attribute = ACCOUNT,
                                                    .before = run->ops[i].value,
                                                    .at = clock_wall(run->clock) };
        }
        for (size_t i = 0; i < run->cloud.n_writes && !known; i++) {
                const CloudWrite *w = &run->cloud.writes[i];

                if (str_is(w->attribute, ACCOUNT) &&
                    (!reads || (run_is_settling(run, w->at) && !value_is(w->before, now))))
                        writes[n++] = *w;
        }
        return n;
}

/* The account is off; have its sessions ended? Not if a run was told to end them and was not heard to, nor if
 * the account was on when this program last knew: then a run of ours has died behind the disable. */
void run_owe_revoke(Run *run, const FlowedValue *why)
{
        Value before = run->cloud_before ? object_get(run->cloud_before, "accountEnabled") : VALUE_NULL;

        if (is_marked(run, SESSIONS) || (run->change.revoke && before.type == VALUE_BOOL && before.b))
                run_add_op(run, OP_REVOKE_SESSIONS, NULL, VALUE_NULL, VALUE_NULL, why);
}

bool run_is_to_revoke(const Run *run)
{
        return run->change.revoke || is_marked(run, SESSIONS);
}

/* The disable that was to end the sessions does not leave now: the run that sends it, of another change,
 * ends them too. */
void run_note_revoke(Run *run)
{
        CloudWrite *writes = arena_new_array(run->arena, CloudWrite, run->cloud.n_writes + 1);

        if (!run_is_to_revoke(run) || is_marked(run, SESSIONS))
                return;
        if (run->cloud.n_writes)
                memcpy(writes, run->cloud.writes, run->cloud.n_writes * sizeof(*writes));
        writes[run->cloud.n_writes++] = (CloudWrite){ .attribute = SESSIONS, .at = clock_wall(run->clock) };
        run->cloud.writes = writes;
}

/* Is the end of the sessions still to come, although the account is off, or perhaps off? */
static bool sessions_go_on(const Run *run)
{
        bool off = is_marked(run, SESSIONS), owed = false;

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if (op->kind == OP_SET && str_is(op->attribute, "accountEnabled"))
                        off |= run_is_confirmed(run, i) || run_is_unheard(run, i);
                if (op->kind == OP_REVOKE_SESSIONS)
                        owed |= !run_is_confirmed(run, i);
        }
        return off && owed;
}

static bool links_are_open(const Run *run)
{
        for (size_t i = 0; i < run->n_ops; i++)
                if (is_link(&run->ops[i]) && run_is_unheard(run, i))
                        return true;
        return run_links_are_unheard(run);
}

/* Room for two more, and one for each operation and each row before, is in `writes`. Return: how many there
 * are. */
size_t run_leave_marks(const Run *run, CloudWrite *writes, size_t n)
{
        Disposition d = run->outcome.disposition;
        bool whole =
                !run->announcing && run->planned && (d == DISPOSITION_DONE || d == DISPOSITION_NO_CHANGE);
        Wall now = clock_wall(run->clock);

        if (!whole && links_are_open(run))
                writes[n++] = (CloudWrite){ .attribute = run_link_attribute(run->cloud.type), .at = now };
        if (sessions_go_on(run) || (is_marked(run, SESSIONS) && !run->results && !whole))
                writes[n++] = (CloudWrite){ .attribute = SESSIONS, .at = now };
        return leave_account(run, writes, n);
}

/* A run that is not done has sent links, or perhaps: the source has named them. Not those that were
 * announced, and have certainly not left; but what a run that has given way was about to send, the next one
 * will. */
void run_leave_named(Run *run)
{
        uint8_t owner[OBJECT_KEY_SIZE];

        object_key_pack(&run->key, owner);
        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];
                bool sent = run_is_confirmed(run, i) || run_is_unheard(run, i);

                if (op->kind != OP_LINK || guid_is_zero(&op->named))
                        continue;
                if (sent || (run->new_names && run->new_names[i] && !run->overtaken))
                        space_write_link(&run->batch, LINK_IMPORT, sent ? LINK_ADD : LINK_REMOVE, owner,
                                         sizeof(owner), op->attribute, &op->named);
        }
}
