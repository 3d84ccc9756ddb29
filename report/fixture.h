/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fixture: outcomes to look at, for the tests of this folder and of tests/browser
 *
 * Each is what a run could have left behind, from the plain to the hostile. Everything lives in the arena.
 */

#include "engine/model/outcome.h"

typedef struct Fixture Fixture;

struct Fixture {
        const char *name; /* "create-user" */
        void (*make)(Arena *a, Outcome *o);
};

extern const Fixture fixtures[];
extern const size_t n_fixtures;

const Outcome *fixture_make(Arena *a, const char *name); /* asserts that there is one */

/* A script that must never run, in all the ways a value can carry one. */
extern const char fixture_hostile[];

/* The parts that fixtures are made of. */
void fixture_base(Arena *a, Outcome *o); /* Ada Lovelace: an update of two attributes, all ten steps */
void fixture_error(Arena *a, Outcome *o, size_t step, Disposition d, const char *code, ErrorCategory category,
                   const char *reason, const char *action, const char *details);
void fixture_cut(Outcome *o, size_t from); /* steps from this one on did not run */
void fixture_step(Arena *a, Outcome *o, size_t step, Result status, const char *description);
void fixture_detail(Arena *a, Outcome *o, size_t step, const char *key, const char *text);
AttributeInfo *fixture_attribute(Arena *a, Outcome *o, size_t step, const char *name, const char *value,
                                 const char *operation, const char *rule);
void fixture_modified(Arena *a, Outcome *o, const char *name, const char *old_value, const char *new_value);
void fixture_clear(Outcome *o, size_t step); /* no attributes */

/* Steps by what they do, in the order of engine/model/steps-table.h. */
enum {
        FIXTURE_SOURCE_DOMAIN,
        FIXTURE_TARGET_DOMAIN,
        FIXTURE_OU,
        FIXTURE_ACCESS,
        FIXTURE_OBJECT_TYPE,
        FIXTURE_GROUP_FILTER,
        FIXTURE_IMPORT_SOURCE,
        FIXTURE_IMPORT_TARGET,
        FIXTURE_SYNC,
        FIXTURE_EXPORT,
        FIXTURE_STEPS,
};
