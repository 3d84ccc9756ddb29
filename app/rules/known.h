/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Known: what the state knows of one object of a directory, beside what the directory says of it
 *
 * The stored metaverse object, the other objects that are joined to it, as they were imported last, and what
 * is in Entra ID. The state belongs to one process; a command gets this as JSON from the job "rules-known".
 */

#include "app/rules/compare.h"

#include <jansson.h>

/* `connector`: name of the source. Everything lives in the arena. Return: 0, SPACE_E_NONE: the state does not
 * know the object, or does not know it joined; SPACE_E_CORRUPT, -errno. */
int known_find(const RulesWorld *w, const char *connector, const ObjectId *id, Arena *a,
               RulesKnown *ret_known);

/* By the metaverse object. Return: as known_find(). */
int known_person(const RulesWorld *w, const ObjectId *metaverse, Arena *a, RulesKnown *ret_known);

/* Of the known it has: before, the inputs, and the cloud object. */
json_t *known_json(const RulesKnown *k, Arena *a);
int known_from_json(const json_t *j, Arena *a, RulesKnown *ret_known); /* Return: 0, -EBADMSG */
