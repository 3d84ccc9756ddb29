/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * World: the rules of test-flow.yaml, and what the tests that use them share. With cmocka, so tests only.
 */

#include "engine/rules/fixture.h"

typedef struct World {
        Arena *a;
        const RuleSet *set;
        Diag diag;
} World;

int world_setup(void **state);
int world_teardown(void **state);

/* `attributes` in the notation of fixture.h. */
RuleInput input_of(World *w, const char *connector, uint16_t source, const char *const *attributes);

#define INPUT(connector, source, ...) input_of(w, connector, source, (const char *[]){ __VA_ARGS__, NULL })

const FlowedObject *inbound(World *w, const RuleInput *inputs, size_t n);
const FlowedObject *inbound_again(World *w, const RuleInput *inputs, size_t n, const FlowedObject *before);

/* The value as text, and the rule that gave it; rule NULL: there is none. */
void assert_value(World *w, const FlowedObject *o, const char *name, const char *value, const char *rule);
