/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fixture: directory objects in few words, for the tests and the benchmark of this folder
 *
 *      "title=Engineer"                text
 *      "userAccountControl:i=512"      integer          "mailEnabled:b=True"   boolean
 *      "objectGUID:x=0102..."          bytes            "manager:r=CN=Ada"     reference
 *      "proxyAddresses:l=a|b"          list of texts
 */

#include "engine/rules/rules.h"

typedef struct FixtureResult {
        const Rule *join;           /* NULL: no rule took the object */
        const FlowedObject *mv;     /* NULL: not reached */
        const FlowedObject *target; /* NULL: not to be there */
        const char *why;
        int r;
} FixtureResult;

/* Names of one domain; the last is an empty row. */
extern const ExprParameter fixture_parameters[];
extern const size_t n_fixture_parameters;

/* A quarter past eight on 22 November 2026. */
extern const Wall fixture_now;

/* A user with 30 attributes, for what is measured. */
extern const char *const fixture_ada[];

/* `attributes` ends with NULL. */
const Object *fixture_object(Arena *a, const char *type, const char *dn, const char *const *attributes);

/* Through the whole set: join, inbound, outbound. */
FixtureResult fixture_run(const RuleSet *set, const Object *o, const Object *imported, Arena *a, Diag *diag);

/* Value for people; "(none)". */
const char *fixture_text(Arena *a, const FlowedObject *o, const char *name);

/* A rule set of one text. */
const RuleSet *fixture_rules(Arena *a, const char *text, Diag *diag);
