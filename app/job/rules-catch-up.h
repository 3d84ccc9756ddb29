/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesCatchUp: a new version of the rules is applied to what was done by others
 *
 *      activated --> index of join values --> everybody who would be another --> done
 *                    MEMO_JOINS               rules.catch-up (app/rules/store.h)
 *
 * A rule that joins by an attribute that none did before finds nobody, until whoever is known has a row for
 * the value: that is written here, at once and not by runs, and objects that are joined to nothing wait until
 * it is (engine/steps/join.c). At 100,000 people it takes seconds. Both parts go on where they stood after
 * a stop.
 */

#include "app/job/jobs.h"

/*
 * The first part, for who has just made a set active; nothing if it is done. What goes wrong is left to the
 * job rules-catch-up, which begins with it too. Return: 0, JOB_E_CANCELLED, JOB_E_UNREACHABLE, JOB_E_USAGE,
 * -errno.
 */
int rules_index_joins(Job *job);
