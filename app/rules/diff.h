/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesDiff: what a candidate would do to everybody, counted
 *
 * First what hurts: accounts that turn off, values that go, members that go, objects that leave or fail. Then
 * per rule and attribute how many change, with examples. The result is JSON:
 *
 *      {"objects": 100000, "changed": 12000,
 *       "effects": {"disabled": {"n": 12, "examples": ["CN=Ada,..."]},
 *                   "enabled": ..., "leave": ..., "enter": ..., "cleared": ..., "membersRemoved": ...,
 *                   "fail": ..., "mended": ...},
 *       "changes": [{"direction": "Outbound", "type": "user", "attribute": "title", "was": "...",
 *                    "is": "...", "n": 12000, "cleared": 0, "examples": [{"dn", "before", "after"}]}]}
 *
 * Belongs to one thread.
 */

#include "app/rules/compare.h"
#include "queue/keymap.h"

#include <jansson.h>

typedef struct RulesDiff RulesDiff;
typedef struct RulesEffect RulesEffect;

#define RULES_EXAMPLES 10

/* More pairs of rule and attribute than this are counted together. */
#define RULES_DIFF_ROWS_MAX 5000

typedef enum RulesEffectKind {
        RULES_DISABLED,
        RULES_LEAVE,
        RULES_CLEARED,         /* values, not objects */
        RULES_MEMBERS_REMOVED, /* members, not groups */
        RULES_FAIL,
        RULES_ENABLED,
        RULES_ENTER,
        RULES_MENDED, /* failed so far */
        _RULES_EFFECT_N,
} RulesEffectKind;

struct RulesEffect {
        uint64_t n;
        const char *examples[RULES_EXAMPLES];
        size_t n_examples;
};

struct RulesDiff {
        Arena *arena; /* of rows and examples */
        uint64_t n_objects, n_changed, n_unreadable;
        RulesEffect effects[_RULES_EFFECT_N];
        KeyMap rows;
};

void rules_diff_init(RulesDiff *d);
void rules_diff_deinit(RulesDiff *d);

/* One object, as it is and as it would be. `a` is the object's. Return: 0, -errno. */
int rules_diff_add(RulesDiff *d, const RulesWorld *w, const RulesKnown *k, const RulesView *was,
                   const RulesView *is, Arena *a);

json_t *rules_diff_json(const RulesDiff *d);
