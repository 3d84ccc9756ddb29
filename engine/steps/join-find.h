/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JoinFind: whom a join group means
 *
 *      clause 1   department = Sales    --> { ada, bob, eve, ... }    the index of join values (space.h)
 *      clause 2   employeeID = 4711     --> { bob }
 *      the group                        --> { bob }                   who meets all of them
 *
 * Where an attribute has no value nobody is meant, however many meet the other clauses. An index may hold
 * hundreds of objects under one value, so hits are cut down to those of all clauses before anybody counts
 * them. For a run (join.c), and for those who explain what one would do (app/rules/joins.h).
 */

#include "engine/rules/rules.h"
#include "engine/space/space.h"

/* What `o` has for each clause of a group, in their order; none where it has nothing. */
const Value *join_values(const JoinGroup *group, const Object *o, Arena *a);

/*
 * The metaverse objects of this type that meet all clauses, each once, sorted. `values` has one for each
 * clause. Return: 0 (also when there are none), -errno.
 */
int join_find(Space *s, const char *mv_type, const JoinGroup *group, const Value *values, Arena *a,
              ObjectId **ret_ids, size_t *ret_n);
