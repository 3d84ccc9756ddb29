/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Joins: where the rules in scope would join an object that is joined to nothing yet
 *
 * As a run tries them (engine/steps/join.c): every rule in scope with join groups, the best first; of each
 * the groups top to bottom; a group that finds exactly one metaverse object joins. For explain, which shows
 * every candidate. The index of join values is in the state, which may belong to another process: whoever
 * calls says how it is asked.
 */

#include "engine/rules/rules.h"
#include "engine/space/space.h"

typedef struct JoinHit JoinHit;
typedef struct Joins Joins;
typedef struct RuleJoin RuleJoin;

/* More than these are not asked for: two are too many already. */
#define JOIN_HITS_MAX 10

struct JoinHit {
        ObjectId id;    /* of the metaverse object */
        const char *dn; /* of the first object that is joined to it, for people */
};

/* Who meets all clauses of a group (engine/steps/join-find.h; `values` has one for each): at most
 * JOIN_HITS_MAX of them. Return: 0, -errno. */
typedef int (*JoinAskFn)(void *context, const char *type, const JoinGroup *group, const Value *values,
                         Arena *a, const JoinHit **ret_hits, size_t *ret_n);

struct RuleJoin {
        const Rule *rule;
        const JoinGroup *group; /* that found somebody; NULL: none did */
        const JoinHit *hits;    /* exactly one: it joins */
        size_t n_hits;
};

struct Joins {
        const RuleJoin *rules; /* every candidate, best precedence first */
        size_t n_rules;
        const RuleJoin *by; /* the first that joins; NULL: none does */
        const char *clash;  /* rules lead to different objects or types: AmbiguousJoin, in words; NULL: no */
};

/* Everything lives in the arena. Return: 0, -errno. */
int joins_find(const RuleSet *rules, const RuleInput *input, JoinAskFn ask, void *context, Arena *a,
               Joins *ret_joins);

/* The state itself as the one who is asked; the context is a Space. */
int joins_ask_space(void *context, const char *type, const JoinGroup *group, const Value *values, Arena *a,
                    const JoinHit **ret_hits, size_t *ret_n);
