/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal: what sosync owes to the scheduler flag, on disk before the flag is touched
 *
 * One small value (engine/space/memo.h). While it is there, the flag may be paused by us and must be given
 * back, whatever happens to this process. Its writes are durable when they return.
 */

#include "engine/model/change.h"
#include "engine/space/memo.h"

typedef struct FlagStore FlagStore;
typedef struct Journal Journal;

/* Where small values are kept. `commit` makes a batch durable before it returns (queue_put). */
struct FlagStore {
        Space *space;
        int (*commit)(void *context, const SpaceBatch *batch); /* 0, -errno */
        void *context;
};

struct Journal {
        char hold_id[GUID_TEXT_MAX];
        char holder[128];
        bool previous; /* SyncCycleEnabled as it was */
        Wall since;
};

/* Return: 0, SPACE_E_NONE (nothing is owed), SPACE_E_CORRUPT, -errno. */
int journal_read(const FlagStore *store, Journal *ret_journal);
int journal_write(const FlagStore *store, const Journal *journal); /* 0, -errno */
int journal_remove(const FlagStore *store);                        /* 0, -errno */
