/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Containers: the domain, its OUs and whatever else objects lie below, by name
 *
 * An OU that is renamed or moved is one entry of the feed, and touches none of the objects below it; yet
 * their names change, and with them perhaps whether they are in scope. So the names of containers are kept
 * (SPACE_CONTAINER): thousands of rows, read once at the first start. An entry that shows another name makes
 * what is below *due*, in the transaction that stores the feed's position, and stays due over any crash until
 * containers_work() has swept it:
 *
 *      entry: OU=Sales is now OU=Verkauf --> row {dn: OU=Verkauf, dn_before: OU=Sales}
 *          --> sweep below its GUID: what is known gets a change, what is unknown if the new name lets it in
 *          --> row {dn: OU=Verkauf}
 *
 * A container that is renamed again meanwhile keeps the oldest name as the one before, and is swept again.
 */

#include "app/reconcile/sweep.h"
#include "listener/feed.h"

/* Is this type a container's? */
bool container_is_type(const char *type);

/*
 * An entry of the feed. If it is a container, what it has become goes into the batch that is stored with the
 * position. `*ret_due`: there is work for containers_work().
 * Return: 0, -errno.
 */
int container_note(Space *space, uint16_t source, const FeedEntry *e, SpaceBatch *batch,
                   bool *ret_is_container, bool *ret_due);

/*
 * The names that a reconcile finds, against those that are kept: a feed that was cut off for too long has
 * missed a name, and nothing else tells who came into scope by it. Stored only when the sweep that took them
 * into account has ended well: one that is cut finds the same again.
 */
typedef struct ContainerNames {
        SweepRename *renames; /* for Sweep.renames: what a name above explains is left out */
        size_t n_renames;
        uint64_t n_missed; /* of these: the feed should have brought it long ago */
        SpaceBatch batch;  /* the names as they are */
} ContainerNames;

/* Below `sweep->dn` (NULL: everywhere). In `a`. Return: as sweep_run. */
int containers_compare(Sweep *sweep, Arena *a, ContainerNames *ret_names, Diag *diag);
int containers_store(const Sweep *sweep, const ContainerNames *names);

/*
 * Read the names of all containers if that has not been done, and sweep what is due. `sweep` names queue,
 * sources, configuration, clock and progress; the result is the sum of all sweeps.
 * Return: as sweep_run.
 */
int containers_work(Sweep *sweep, SweepResult *ret_result, Diag *diag);
