/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StateCopy: everything durable, from a store of one machine to a cluster, and back
 *
 *      lmdb:FOLDER  -- state_copy_to_cluster() -->  jetstream: a snapshot (snapshot.h), the log behind it
 *      lmdb:FOLDER  <-- state_copy_to_folder() ---  jetstream: the newest snapshot, the log to its end
 *
 * Every row is what it was: changes, positions, spaces, links, outcomes that have no report yet. What belongs
 * to lives is not copied: who is in work is due again, rests are over, and who gets the scheduler flag says
 * anew what it is like.
 *
 * Both ends are at rest: a folder in use is refused, and so is a cluster that has a node. (Out of a cluster
 * that works a copy can be taken too; it is the state of the moment at which the log's end was read.)
 *
 * A copy that was cut is no state. To a cluster: the key `arriving` stands until everything is there, and
 * nobody begins to work meanwhile. To a folder: it grows in FOLDER/state-copy, and whoever opens FOLDER while
 * that is there is refused. Both say to give the same command again, and then it needs no `replace`.
 *
 * A folder may be a node's copy of a cluster: the state of all is then what that node had.
 */

#include "queue/backup.h"
#include "queue/bus.h"

typedef struct StateCopy StateCopy;

struct StateCopy {
        const char *folder;
        const BusOptions *bus;
        const char *log; /* name of the cluster's log */
        bool replace;    /* what the target holds is given up; a folder keeps it as data.mdb.before-restore */
        Wall now;
        BackupProgressFn progress;
        void *context;
};

/*
 * Return: 0, QUEUE_E_GONE (the folder is in use, or the cluster has nodes), QUEUE_E_STALE (a newer program's,
 * or a copy that was cut), QUEUE_E_NONE (the source has findings: queue/check.h), QUEUE_E_EMPTY (no server
 * answers), QUEUE_E_CLOSED (progress said so), -EEXIST (the target holds a state), -ENOENT (the source holds
 * none), -errno; the diag says what and where.
 */
int state_copy_to_cluster(const StateCopy *c, uint64_t *ret_bytes, Diag *diag);
int state_copy_to_folder(const StateCopy *c, uint64_t *ret_bytes, Diag *diag);
