/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesWalk: every person and group that the spaces know, one after the other, for what rules make of them
 *
 *      rules_walk_open()    what all of them share (RulesWorld)
 *      rules_walk()         each(w, person) ... in the order of their ids
 *
 * `done` is always the last one that needs no second look: who stores how far he is stores that one, whatever
 * is in hand. On the job's thread.
 */

#include "app/job/jobs.h"
#include "app/rules/compare.h"

typedef struct RulesWalk RulesWalk;

struct RulesWalk {
        Job *job;
        const char *what; /* it does, for the progress */
        RulesWorld world;
        Arena *arena; /* of the person in hand */
        uint64_t n;
        /* Return: 0: go on; anything else ends the walk. */
        int (*each)(RulesWalk *w, const RulesKnown *k);
        void *context;
        ObjectId done; /* zero: nobody */
};

/*
 * From the spaces alone: the names of the domains are those that were heard last. Only who is in the groups
 * that the rules name is asked now, since nobody may have asked before.
 * Return: 0, JOB_E_USAGE, JOB_E_UNREACHABLE, -errno.
 */
int rules_walk_open(Job *job, Arena *a, const Config *c, const RuleSet *rules, RulesWorld *ret_world,
                    Diag *diag);

/* Behind `after`; NULL: from the first. Return: 0, JOB_E_CANCELLED, what `each` has returned, -errno. */
int rules_walk(RulesWalk *w, const ObjectId *after);
