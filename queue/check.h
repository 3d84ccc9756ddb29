/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Check: does everything in the store fit together?
 *
 * Reads one snapshot of a folder, also of one that a service is using or of a backup, and changes nothing.
 * What must hold:
 *
 *  1. The format is one that this program reads, and every number that was given is below the reserved range.
 *  2. A change row can be read, and stands in exactly one of the due tables, at the place that it names; a
 * due table has no other entries.
 *  3. Rows of the spaces and outcomes can be read.
 *  4. What an object resolves to in the cloud is there; so is the metaverse object of a head that was
 * imported. (A create is announced before it leaves, by an intent and a head that names what it will be. If
 * it is refused, or the object leaves meanwhile, there never is one.)
 *  5. No reference waits for an object that is in the cloud, and one that is ready has a change in the queue,
 *     unless nothing of its object is exported now.
 *
 * The snapshot is held as long as the check takes, so a store in use grows by what is written in that time.
 */

#include "base/diag.h"
#include "queue/backup.h"

typedef struct CheckResult CheckResult;

struct CheckResult {
        uint64_t n_rows;
        uint64_t n_findings; /* the diag has the first of them, one line each */
        uint64_t n_changes, n_objects, n_outcomes, n_links;
};

/*
 * Return: 0 (findings are in the diag), QUEUE_E_CLOSED (progress said so), QUEUE_E_STALE (written by a newer
 * program), -ENOENT (no store here), -errno; the diag says what and where.
 */
int queue_lmdb_check(const char *folder, BackupProgressFn progress, void *context, CheckResult *ret_result,
                     Diag *diag);
