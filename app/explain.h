/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Explain: what the rules make of one object that was looked at, for the command and the console. */

#include "app/look.h"
#include "engine/rules/explain.h"

typedef struct Explain Explain;

struct Explain {
        ExplainStage in, out;
        bool has_out;
        const char *verdict; /* what becomes of the object, in one line */
};

/* Everything lives in the arena, which the look's object must not outlive. */
void explain_object(Explain *ret, const RuleSet *rules, const Look *look, Wall now, Arena *a);
