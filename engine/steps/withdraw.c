/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Withdraw: who has left scope, or was deleted, has no say any more
 *
 * A person may have objects in two directories, and the cloud account has what all of them say. One that
 * leaves takes its values along: its row of the connector space goes, as Entra Connect's does, so that no run
 * of another object reads it (inputs.c). The others have not changed and nobody would run them, so their
 * changes are put with this run's acknowledgement. It happens once: by the row being there.
 *
 * Many who leave at once are as many runs of others; what these clear and turn off the brakes count.
 */

#include "engine/steps/internal.h"

/*
 * Has it left scope for good, or was it deleted? By its name, its type, the filter group or the inbound
 * rules, as this run has seen it; not what cannot be found or may not be written, and not what only the
 * outbound rules keep back: that still has its say in the metaverse.
 */
bool run_has_left(const Run *run)
{
        StepName last = (StepName)(run->record - run->outcome.steps);

        if (!run_connector(run)->scope)
                return false; /* a source that is not configured now is not asked, and keeps its rows */
        if (run->leaving || run->entry.deleted || run->change.kind == CHANGE_GONE)
                return true;
        if (last >= STEP_sync)
                return !run->mv && !run->rules_result;
        return run->outcome.disposition == DISPOSITION_OUT_OF_SCOPE && last != STEP_access &&
               last != STEP_import_source && last != STEP_import_target;
}

int run_has_say(Run *run, const ObjectKey *key, bool *ret_has)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        SpaceRow row;
        int r;

        object_key_pack(key, buf);
        r = run->space->ops->get(run->space, SPACE_IMPORT, buf, sizeof(buf), run->arena, &row);
        *ret_has = r == 0 && row.serial;
        return r;
}

/* Another object of the person: it is worked on as a whole, although it has not changed itself. */
static int run_other(Run *run, const ObjectKey *key, size_t *n)
{
        uint64_t serial;
        bool has_say;
        Head head;
        int r = run_has_say(run, key, &has_say);

        if (r || !has_say)
                return r;
        r = space_read_head(run->space, key, run->arena, &head, &serial, &run->diag);
        if (r)
                return r < 0 ? r : 0;
        head.hash = (Hash128){ 0 };
        space_write_head(&run->batch, key, &head, serial);
        space_again(&run->batch, key);
        run->batch.again_revoke |= run->change.revoke;
        ++*n;
        return 0;
}

/*
 * What it has said is not said any more: its row of the connector space goes, and the other objects of its
 * person, who were sent with its values, are run again. That row was there is what makes it once.
 */
int run_withdraw(Run *run)
{
        uint8_t buf[OBJECT_KEY_SIZE];
        bool has_say;
        size_t n = 0;
        int r = run_has_say(run, &run->key, &has_say);

        if (r || !has_say)
                return r;
        object_key_pack(&run->key, buf);
        space_delete(&run->batch, SPACE_IMPORT, buf, sizeof(buf));
        for (size_t i = 0; r == 0 && i < run->person.n_joined; i++) {
                const ObjectKey *key = &run->person.joined[i];

                if (key->source != run->key.source || !guid_is(&key->id, &run->key.id))
                        r = run_other(run, key, &n);
        }
        if (n)
                step_detail(run, "withdrawn", "what it gave; %zu other object%s of the same %s %s run again",
                            n, n == 1 ? "" : "s", run->person.type, n == 1 ? "is" : "are");
        return r;
}
