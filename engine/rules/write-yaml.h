/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Write YAML: rules in the form of our rule files
 *
 * rules_load() of what is written gives the same rules, whatever their texts hold: names that could be taken
 * for something else, line feeds and control characters are quoted. Long expressions are folded at blanks.
 */

#include "base/str.h"
#include "engine/rules/rules.h"

/* The line "rules:" and all of them. Expressions are written as their source text; Flow.expr is not read. */
void write_yaml_rules(Str *out, const Rule *const *rules, size_t n);

/* One item of the list. */
void write_yaml_rule(Str *out, const Rule *rule);
