/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal: what sosync owes to the scheduler flag, on disk before the flag is touched
 *
 * One small value (engine/space/memo.h). While it is there, the flag may be paused by us and must be given
 * back, whatever happens to this process. Its writes are durable when they return.
 *
 * In a cluster it is in the state of all, so that another node gives the flag back when the one that paused
 * it is gone. It is written and removed by compare-and-set: who was late does not touch what another one
 * owes.
 */

#include "engine/model/change.h"
#include "engine/space/memo.h"

typedef struct FlagStore FlagStore;
typedef struct Journal Journal;

/* Where small values are kept. `commit` makes a batch durable before it returns (queue_put, checked). */
struct FlagStore {
        Space *space;
        int (*commit)(void *context, const SpaceBatch *batch); /* 0, SCHEDULER_E_OTHER, -errno */
        void *context;
};

struct Journal {
        char hold_id[GUID_TEXT_MAX];
        char holder[128];
        bool previous; /* SyncCycleEnabled as it was */
        Wall since;
        uint64_t serial; /* at which it was read; 0: it is new */
};

/* Return: 0, SPACE_E_NONE (nothing is owed), SPACE_E_CORRUPT (the serial is filled in), -errno. */
int journal_read(const FlagStore *store, Journal *ret_journal);

/* If it is as it was read. Return: 0 (the serial is the new one), SCHEDULER_E_OTHER, -errno. */
int journal_write(const FlagStore *store, Journal *journal);
int journal_remove(const FlagStore *store, const Journal *journal);
