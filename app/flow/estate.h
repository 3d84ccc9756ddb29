/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Estate: who owns the objects of the tenant, as the tenant says
 *
 *      organization.onPremisesSyncEnabled    synchronization jobs        estate
 *      false                                 (not asked)                 alone
 *      true                                  there is one of Cloud Sync  cloud-sync
 *      true                                  none is                     connect
 *      true                                  may not be read             connect or cloud-sync
 *
 * Asked at every start: a contradiction with target.estate is refused with one line. A tenant that cannot be
 * reached refuses nothing: the second step of each run asks again (EstateMismatch). So is a tenant that is
 * not the one that the state is of (engine/space/tenant.h, TenantChanged). `sosync init` proposes what is
 * found.
 */

#include "app/flow/wiring.h"

typedef struct EstateFound {
        Estate estate;
        bool sure;       /* false: a synchronization is on, and which cannot be read: connect is the guess */
        const char *why; /* for people; in the arena */
} EstateFound;

/* Return: 0, TARGET_E_*, -errno. */
int estate_find(Target *target, Target *graph, const Clock *clock, Arena *a, EstateFound *ret_found,
                Diag *diag);

/* NULL: it agrees, or cannot be told; else why not, in the arena. */
const char *estate_contradiction(const EstateFound *found, Estate configured, Arena *a);

/* For the start of a service. Return: true: go on; false: the diag says why not. */
bool estate_check(Wiring *w, Diag *diag);

const char *estate_name(Estate estate);
