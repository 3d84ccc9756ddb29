/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trust: a user that was read a moment ago is not read again
 *
 * With target.trust_space a change of a user that this process has read, or made, within that time is planned
 * against the row of the connector space: one request instead of two. What is risked: what somebody else has
 * changed in the cloud since then is not seen. A value that AD changes now is overwritten either way; another
 * one stays as he left it until the next read. The answer of the write is looked at: when something of it is
 * refused, or is not heard, the row is trusted no more, and the run is repeated with a read, before anybody
 * is asked to help.
 *
 * Never trusted: what another process left (it may have died between a write and its acknowledgement), what a
 * result that could not be stored has touched, a group (whether it can hold roles is not stored), what is
 * urgent, asked for by a person, leaves, or is looked at because somebody changed it in the cloud.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

static bool is_change_of_its_own(const Run *run)
{
        return (run->change.kind == CHANGE_UPSERT || run->change.kind == CHANGE_DUE) &&
               run->change.lane != LANE_URGENT && !run->leaving && !run->read_links;
}

static bool has_mark(const Run *run)
{
        for (size_t i = 0; i < run->cloud.n_writes; i++)
                if (run_is_mark(&run->cloud.writes[i]))
                        return true;
        return false;
}

bool run_may_trust(const Run *run)
{
        const RunConfig *c = run->config;
        int64_t read = run->cloud.imported.ms, age = clock_wall(run->clock).ms - read;

        return c->trust_space_ms && c->trust_since.ms && read > c->trust_since.ms && age >= 0 &&
               age < c->trust_space_ms && run->cloud.object && run->cloud.links_imported.ms &&
               str_is(run->cloud.type, "user") && !run->cloud.mastered_elsewhere &&
               is_change_of_its_own(run) && !run->in_doubt && !has_mark(run);
}

/* After an export: is all of it certain? Else the row is not, whoever has planned against it. */
void run_mind_trust(Run *run)
{
        for (size_t i = 0; run->results && i < run->n_ops; i++)
                if (run->results[i].state == OP_FAILED || run->results[i].state == OP_CONFLICT ||
                    run->results[i].state == OP_REFERENCE_MISSING)
                        run->cloud.imported = (Wall){ 0 };
}
