/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert wants: what one object is to have again
 *
 *      meant:   Hand --> Wrong                    restore: Hand
 *      later:            Wrong --> none           expect:  none
 *
 * Made from entries of the journal: of each attribute, member and manager what was there before the first
 * that is meant, and what sosync left last. What came later counts too where it went on from there: a
 * rollback of the rules, or a run that had another value, is no change of somebody else's. A later entry that
 * found what none of ours had left says that somebody has changed it in between, and is not followed. What
 * cancels out, or was put back by a later run, is not wanted. Pure.
 */

#include "engine/space/journal.h"

typedef struct RevertEntry RevertEntry;
typedef struct RevertWants RevertWants;

struct TargetSchema;

struct RevertEntry {
        JournalEntry journal;
        bool is_meant; /* else it comes after one that is, of the same object */
};

struct RevertWants {
        Arena *arena;
        const struct TargetSchema *schema; /* as of RunConfig: which values are the same */
        HoldWant *items;
        Value *last; /* of each item that is a value: what sosync has written last, whoever was in between */
        size_t n, size;
        size_t n_back;   /* values that a later run has put back already */
        bool is_created; /* an entry that is meant made the object */
};

/* Of one object, in the order of their time. */
void revert_wants(RevertWants *w, const RevertEntry *entries, size_t n);
