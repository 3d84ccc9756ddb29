/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesGroups: the groups that a rule set's member clauses name, as the directories have them now
 *
 * For whoever compares sets over all objects, and for whoever activates one. A group belongs to the source
 * below whose base it is.
 */

#include "app/flow/wiring.h"
#include "app/rules/compare.h"

/*
 * With `members` who is in them, else only whether they can be read. Everything lives in the arena.
 * Return: 0, JOB_E_USAGE (there is no such group), JOB_E_UNREACHABLE, -errno; the diag says which.
 */
int rules_groups_read(Wiring *w, const Config *config, const RuleSet *rules, bool members, Arena *a,
                      const GroupMembers **ret_groups, size_t *ret_n, Diag *diag);
