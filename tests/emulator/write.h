/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Write: what creates and updates of users and groups have in common
 *
 * Every function that returns bool leaves its refusal in the answer when it returns false. A write checks
 * everything first and changes the store only when nothing was refused, so a refused request has no effect.
 */

#include <jansson.h>
#include <stdbool.h>

#include "emulator.h"

typedef struct References References;

/* References in one request, owners and members together */
#define REFERENCES_MAX 20

struct References {
        Object *objects[REFERENCES_MAX];
        size_t n;
};

/* The body as a JSON object. NULL: refused. */
json_t *write_body(const Call *call, Answer *answer);

/*
 * The object a path names by id, by user principal name or by an alternate key: for a read as the replica has
 * it, for a write as it is. NULL: refused.
 */
Object *write_target(const Emulator *emulator, const Call *call, const Schema *schema, Answer *answer);

/* Is it one where the request arrives? A replica may not have heard of the last write. */
bool write_sees_member(const Emulator *emulator, const Object *group, const Object *member);

/* Objects mastered on premises take few properties only. */
bool write_check_master(const Object *object, const json_t *body, Answer *answer);
bool write_refuse_master(Answer *answer);

/* Values that must be unique */
bool write_check_unique(const Emulator *emulator, const Schema *schema, const Object *object,
                        const json_t *body, Answer *answer);
bool write_refuse_conflict(const char *property, const Object *other, Answer *answer);

/* Shared rules of single values */
bool write_check_nickname(const Schema *schema, const json_t *body, Answer *answer);
bool write_refuse_value(const Schema *schema, const char *property, const char *why, Answer *answer);

/* {"@odata.id":"https://graph.microsoft.com/v1.0/directoryObjects/<id>"} or one item of a bind list */
Object *write_reference(const Emulator *emulator, const char *url, Answer *answer);
bool write_references(const Emulator *emulator, const json_t *list, References *references, Answer *answer);

/* Puts the values in; annotations are skipped. Sets answer->changed. */
void write_apply(Emulator *emulator, Object *object, const json_t *body, Answer *answer);

/* 201 with the object and its Location */
void write_answer_created(const Call *call, const Object *object, Answer *answer);

/* Groups: may members and owners change; may this object become a "members" or "owners" reference (groups.c)
 */
bool group_check_change(const Call *call, const Object *group, Answer *answer);
bool group_check_link(const Emulator *emulator, const Object *group, const Object *object, const char *name,
                      Answer *answer);
