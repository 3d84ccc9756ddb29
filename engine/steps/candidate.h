/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Candidate: an object in Entra ID that could be this one, and has no anchor to prove it
 *
 *      run: soft match finds it --> parked, candidate stored --> a person approves --> run: joined, row gone
 *
 * A row (engine/space/memo.h, "match." and the object's key) per source object, so that both identities can
 * be shown, and so that an approval outlives a restart and holds for this one cloud object only: if the next
 * run finds another one, that is another question.
 */

#include "engine/space/memo.h"

typedef struct Candidate Candidate;

struct Candidate {
        const char *dn;  /* of the source object */
        const char *upn; /* as the rules would export it; NULL: none, like the texts below */
        ObjectId cloud;
        const char *cloud_upn;
        const char *cloud_name; /* displayName */
        const char *by;         /* what both have: "userPrincipalName", "primary SMTP address" */
        const char *value;
        Wall seen;
        bool approved;
        Wall approved_at;
        const char *approved_by;
};

/* Return: 0, SPACE_E_NONE, -errno. */
int candidate_read(Space *s, const ObjectKey *key, Arena *a, Candidate *ret_candidate);
void candidate_write(SpaceBatch *b, const ObjectKey *key, const Candidate *c);
void candidate_delete(SpaceBatch *b, const ObjectKey *key);

/* Every row; fn > 0 ends it. Rows live until fn returns. Return: 0, what fn returned, -errno. */
int candidate_walk(Space *s, int (*fn)(void *context, const ObjectKey *key, const Candidate *c),
                   void *context);
