/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Backup: a copy of the durable store while it is in use
 *
 *      DIR/data.mdb      one snapshot, compact, readable by LMDB's own tools too
 *
 * The copy is what was durable at one moment: changes, positions, spaces, outcomes. Written under another
 * name, made durable and renamed, so a folder holds a whole copy or none. The snapshot is held as long as
 * the copy takes: what is freed meanwhile cannot be used again, so the file in use grows by what is written
 * in that time.
 */

#include "base/diag.h"
#include "queue/queue.h"

/* Shows how many bytes are written; true ends the copy. */
typedef bool (*BackupProgressFn)(void *context, uint64_t done, uint64_t total);

/*
 * Copy the store into a folder, which is made (0700) if it is not there and must not hold a copy already.
 * Return: 0, QUEUE_E_CLOSED (progress said so), -EEXIST, -ENOSPC, -errno; the diag says what and where.
 */
int queue_lmdb_backup(Queue *q, const char *folder, BackupProgressFn progress, void *context,
                      uint64_t *ret_bytes, Diag *diag);

/*
 * Put a copy in the place of a store that nobody uses. The copy is checked first; the store that was there is
 * kept as data.mdb.before-restore, and one that was kept before makes way for it. At every moment the folder
 * holds one of the two, whole.
 * Return: 0, QUEUE_E_GONE (the folder is in use), QUEUE_E_STALE (a newer program's copy), QUEUE_E_NONE (the
 * copy has findings: they are in the diag), -errno.
 */
int queue_lmdb_restore(const char *folder, const char *copy, uint64_t *ret_bytes, Diag *diag);
