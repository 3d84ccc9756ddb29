/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Command rules explain, inside. */

#include "app/command/rules.h"
#include "app/rules/explain.h"

typedef struct ExplainCommand ExplainCommand;

struct ExplainCommand {
        RulesCommand *rules;
        const char *dn, *object, *type, *attribute;
        bool all;
        Look look;
        const RulesKnown *known; /* NULL: the state does not know the object, or there is none */
        const char *assumed;     /* what stands in for the state, for people; NULL: nothing */
        const Joins *joins;      /* where it would join; NULL: it is joined, or nobody knows */
        RulesKnown known_room;
        Joins joins_room;
        int status; /* of asking where */
        Explain it;
        size_t columns, name_width;
        const char *strong, *faint, *plain; /* terminal sequences; "" without a terminal */
};

const char *explain_join(Arena *a, const Rule *r); /* "objectGUID = sourceAnchorBinary, else ..." */
/* Is it the attribute of --attribute, or one of the metaverse from which that takes its value? */
bool explain_is_asked(const ExplainCommand *e, const ExplainStage *s, const char *name);
void explain_print(ExplainCommand *e);

/* For the parts of the text: a value in so many columns, and what is in Entra ID where it is another one. */
const char *explain_value(const ExplainCommand *e, Value v, bool link, size_t columns);
const char *explain_current(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x);
/* What attributes the cloud has, as configured; NULL: those of every tenant. */
const struct TargetSchema *explain_schema(const ExplainCommand *e);
void explain_print_short(const ExplainCommand *e);
