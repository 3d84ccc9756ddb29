/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/rules-walk.h"

#include "app/flow/connector.h"
#include "app/job/rules-groups.h"

#include <string.h>

/* Objects between two looks at whether anybody still wants it. */
#define PAGE 200

int rules_walk_open(Job *job, Arena *a, const Config *c, const RuleSet *rules, RulesWorld *ret_world,
                    Diag *diag)
{
        RulesWorld w = { .space = queue_space(job->wiring->queue),
                         .schema = c->run.schema,
                         .now = clock_wall(job->wiring->clock) };

        w.connectors = connectors_for_run(&job->wiring->connectors, c, a, &w.n_connectors);
        *ret_world = w;
        return rules_groups_read(job->wiring, c, rules, true, a, &ret_world->groups, &ret_world->n_groups,
                                 diag);
}

static int each_person(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        RulesWalk *w = context;
        RulesKnown k;
        ObjectId id;
        int r;

        if (n_key != sizeof(id))
                return 0;
        memcpy(&id, key, sizeof(id));
        if (++w->n % PAGE == 0) {
                if (job_is_cancelled(w->job))
                        return JOB_E_CANCELLED;
                job_progress(w->job, w->what, w->n, 0);
        }
        arena_reset(w->arena);
        r = rules_known_read(&w->world, &id, row, w->arena, &k);
        if (r == 0)
                r = w->each(w, &k);
        else if (r > 0)
                r = 0; /* it is imported again at its next change */
        if (r == 0)
                w->done = id;
        return r;
}

int rules_walk(RulesWalk *w, const ObjectId *after)
{
        Space *s = w->world.space;
        int r;

        if (after)
                w->done = *after;
        w->arena = arena_new(ARENA_LIMIT_RUN);
        r = s->ops->walk(s, SPACE_METAVERSE, after, after ? sizeof(*after) : 0, each_person, w);
        w->arena = arena_free(w->arena);
        return r;
}
