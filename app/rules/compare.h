/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesCompare: what two rule sets make of one person or group that the spaces know
 *
 *      Person, its imports, its cloud object --one set--> RulesView --two views--> RulesChange...
 *
 * Computed from the spaces alone: nothing is read from the directory or from Graph, and nothing is written.
 * (But the members of a group that only the newer set names: whoever compares reads them once,
 * app/job/rules-groups.) What a view says is what the next run of the object would plan, as far as rules
 * decide it.
 *
 * Everything lives in the arena of one object, which the caller resets.
 */

#include "engine/rules/rules.h"
#include "engine/space/space.h"
#include "engine/steps/steps.h"

typedef struct GroupMembers GroupMembers;
typedef struct RulesChange RulesChange;
typedef struct RulesKnown RulesKnown;
typedef struct RulesView RulesView;
typedef struct RulesWorld RulesWorld;

/* Who is in a group that a set's member clauses name: for objects that were imported before it did. */
struct GroupMembers {
        uint16_t source;
        const char *attribute; /* RuleGroup.attribute */
        const ObjectId *ids;   /* sorted */
        size_t n_ids;
};

/* What all comparisons share. */
struct RulesWorld {
        Space *space;
        const RunConnector *connectors; /* with their parameters: rules read the domain's names */
        size_t n_connectors;
        const GroupMembers *groups;
        size_t n_groups;
        const struct TargetSchema *schema; /* as of RunConfig */
        Wall now;
};

/* A person or group as it is stored. */
struct RulesKnown {
        ObjectId metaverse;
        Person person;
        const FlowedObject *before; /* the metaverse object; NULL: never finished */
        RuleInput *inputs;
        size_t n_inputs;
        Cloud cloud;    /* object NULL: not in the cloud */
        const char *dn; /* of the first input, for people */
};

struct RulesView {
        const RuleSet *rules;
        const FlowedObject *mv;      /* NULL: no rule takes it */
        const FlowedObject *planned; /* NULL: nothing is to be in the cloud */
        const char *failed;          /* a rule ends with an error; NULL: none */
        const char *why_not;         /* with planned NULL */
};

/* One attribute that is another. Outbound: of the cloud object, and only what would be sent. */
struct RulesChange {
        RuleDirection direction;
        const char *type; /* "person", "user" */
        const char *attribute;
        Value before, after;  /* before: what is there, where the old rules leave it alone */
        const char *was, *is; /* rules; NULL: none */
        bool link;            /* members: no values */
        uint64_t n_links;     /* ... that go */
};

/* `row` is the Person's. Return: 0, SPACE_E_CORRUPT (it is imported again at its next change), -errno. */
int rules_known_read(const RulesWorld *w, const ObjectId *metaverse, const SpaceRow *row, Arena *a,
                     RulesKnown *ret_known);

/* Return: 0, -errno. A failing rule is a view too. */
int rules_view(const RulesWorld *w, const RulesKnown *k, const RuleSet *rules, Arena *a, RulesView *ret_view);

/* Every difference. With `mv` those of the metaverse too. */
int rules_changes(const RulesWorld *w, const RulesKnown *k, const RulesView *a_view, const RulesView *b_view,
                  bool mv, Arena *a, RulesChange **ret_changes, size_t *ret_n);

/* Would the next run do another thing? Failing and leaving are differences too, and what it is found by. */
bool rules_differ(const RulesWorld *w, const RulesKnown *k, const RulesView *a_view, const RulesView *b_view,
                  Arena *a);
