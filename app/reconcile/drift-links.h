/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DriftLinks: members of groups and managers of users that somebody has changed in the cloud
 *
 * Compared is what Active Directory names: a member that was added in the cloud and that AD never had is
 * somebody's own. A delta query says what came and what went. The first one lists everything instead, and a
 * listing proves nothing by what it leaves out: what it does not mention is read before anything is said, of
 * at most DRIFT_LINKS_READS objects.
 *
 * Private to drift.c.
 */

#include "app/reconcile/drift.h"

typedef struct DriftLinks DriftLinks;
typedef struct ListedOwner ListedOwner;

#define DRIFT_LINKS_READS 200

/* Of a listing: an object with links of ours, and how many of them have been mentioned. */
struct ListedOwner {
        ObjectId id;
        size_t n_known, n_mentioned;
};

struct DriftLinks {
        const Drift *drift;
        Space *space;
        const char *type, *attribute; /* "group" "member" */
        bool listing;
        ListedOwner *owners; /* of a listing, in its order */
        size_t n_owners, size_owners;
};

void drift_links_begin(DriftLinks *d, const Drift *drift, const char *type, bool listing);
void drift_links_end(DriftLinks *d);

/* An object of ours is listed. Return: 0, -errno. */
int drift_links_saw(DriftLinks *d, const ObjectId *id, Arena *a);

/* What a delta query says of an object of ours. `*ret_differs`: AD's links are not there any more.
 * Return: 0, -errno. */
int drift_links_look(DriftLinks *d, const ObjectId *id, const Person *person, const TenantLink *links,
                     size_t n, Arena *a, bool *ret_differs);

/*
 * After a listing: read what was not mentioned. `differs` gets each that is not as AD has it; not 0 ends it.
 * `*ret_unread`: so many were not read. Return: 0, what `differs` returned, DRIFT_E_CANCELLED, -errno.
 */
int drift_links_read(DriftLinks *d, int (*differs)(void *context, const ObjectId *id), void *context,
                     Arena *a, uint64_t *ret_unread);
