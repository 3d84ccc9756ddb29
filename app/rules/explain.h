/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Explain: what the rules make of one object that was looked at, for the command and the console. */

#include "app/rules/joins.h"
#include "app/rules/known.h"
#include "app/rules/look.h"
#include "engine/rules/explain.h"

typedef struct Explain Explain;

struct Explain {
        ExplainStage in, out;
        bool has_out;
        const RuleInput *inputs; /* all that have a say in it, by ExplainOffer.input of `in` */
        size_t n_inputs, own;
        const Joins *joins;  /* where it would join; NULL: it is joined, or nobody was asked */
        const char *holder;  /* DN of another object of its directory that has a say in what it would join, so
                                that it may not (engine/steps/newcomer.c); NULL: none */
        const Object *cloud; /* what is in Entra ID; NULL: nothing that is known */
        const char *verdict; /* what becomes of the object, in one line */
};

/*
 * `known` NULL: as for an object that is new to the state and to Entra ID. `joins` of one that is joined to
 * nothing yet: then `known` is of the person whom it would join. Everything lives in the arena, which the
 * look's object must not outlive.
 */
void explain_object(Explain *ret, const RuleSet *rules, const Look *look, const RulesKnown *known,
                    const Joins *joins, Wall now, Arena *a);

/* What Microsoft Graph makes of an attribute that the rules give: "Graph: jobTitle", "not sent: Microsoft
 * Graph has no property for it"; NULL: it is sent by its own name. */
struct TargetSchema;
const char *explain_graph(const struct TargetSchema *schema, const char *type, const char *name, Arena *a);

/* What asks where an object would join; its source number does not matter. */
RuleInput explain_own_input(const Look *look);

/* What a candidate finds, for people; NULL: the rule is none. */
const char *explain_candidate(const Explain *e, const Rule *rule, Arena *a);
