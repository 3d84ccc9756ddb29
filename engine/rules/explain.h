/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Explain: why an object has the values it has
 *
 * The rules are asked as rules_inbound() and rules_outbound() ask them, but each flow by itself, also those
 * that a better one has made superfluous: what every rule offers, in the order of precedence, and whose value
 * it is. Slow (every flow is evaluated on its own) and for people; nothing in a run uses it.
 */

#include "engine/rules/rules.h"

typedef struct ExplainAttribute ExplainAttribute;
typedef struct ExplainOffer ExplainOffer;
typedef struct ExplainRule ExplainRule;
typedef struct ExplainStage ExplainStage;

typedef enum OfferVerdict {
        OFFER_WON,                /* this is the value */
        OFFER_MERGED,             /* merge type Merge: its values are among those of the attribute */
        OFFER_LATE,               /* it has a value, but a rule of better precedence has one too */
        OFFER_NULL,               /* it offers nothing: the next rule is asked */
        OFFER_AUTHORITATIVE_NULL, /* it says that there is no value, and nobody else is asked */
        OFFER_IGNORED,      /* IgnoreThisFlow, or apply once for an object that is there: as if it were not */
        OFFER_OUT_OF_SCOPE, /* the rule is not in scope */
        OFFER_FAILED,       /* the expression failed */
} OfferVerdict;

struct ExplainOffer {
        const Rule *rule;
        const Flow *flow;
        size_t input;
        OfferVerdict verdict;
        Value value;      /* NULL without one, and of a link */
        bool link;        /* the values are links and not shown */
        const char *text; /* OUT_OF_SCOPE: why; FAILED: what is wrong; else NULL */
};

struct ExplainAttribute {
        const char *name;
        Value value; /* without a result (another attribute failed): the winner's */
        bool link;   /* it has links */
        bool kept;   /* nobody has a value now, but somebody said IgnoreThisFlow or apply once: `value` is the
                        old   one, if there is one */
        const ExplainOffer *winner; /* NULL: nobody */
        const ExplainOffer *offers; /* in the order in which they are asked */
        size_t n_offers;
};

/* A rule for this kind of object. */
struct ExplainRule {
        const Rule *rule;
        size_t input; /* inbound: whose */
        bool in_scope;
        bool decides; /* of all that are in scope with join rules or Provision, it is the one that counts */
        const char *why_not; /* NULL: in scope */
};

struct ExplainStage {
        RuleDirection direction;
        const char *type;           /* of the result; NULL: there is none */
        const char *why;            /* there is none */
        const char *error;          /* a flow failed, so that there is none */
        const FlowedObject *result; /* NULL with `why` and `error` */
        const ExplainRule *rules;   /* in the order of precedence */
        size_t n_rules;
        const ExplainAttribute *attributes; /* by name */
        size_t n_attributes;
};

/*
 * Source objects on their way into the metaverse: all that are joined to it, ordered by source, as a run asks
 * them. `own` is the one in question; if no rule takes that, there is no result. `before` is the metaverse
 * object that is stored, NULL: it is new. Everything lives in the arena.
 */
void rules_explain_inbound(const RuleSet *set, const RuleInput *inputs, size_t n_inputs, size_t own,
                           const FlowedObject *before, Wall now, Arena *a, ExplainStage *ret);

/* The metaverse object on its way out; arguments as of rules_outbound(). */
void rules_explain_outbound(const RuleSet *set, const FlowedObject *mv, const Object *imported,
                            const ExprParameter *parameters, size_t n_parameters, Wall now, Arena *a,
                            ExplainStage *ret);

/* Where the value of an outbound attribute comes from: the metaverse attribute that its winner reads, if it
 * reads just one. NULL: none, or several. */
const ExplainAttribute *explain_origin(const ExplainStage *in, const ExplainAttribute *out, Arena *a);

const char *offer_verdict_name(OfferVerdict v); /* "won" "merged" "later" "null" ... */
