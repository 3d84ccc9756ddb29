/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert wants: what one object is to have again
 *
 * Made from the entries of the journal that are meant, the oldest first: of each attribute what was there
 * before the first of them, and what the last one left. What cancels out is not wanted. Pure.
 */

#include "engine/space/journal.h"

typedef struct RevertWants RevertWants;

struct RevertWants {
        Arena *arena;
        HoldWant *items;
        size_t n, size;
};

/* Of one object, in the order of their time. `*ret_created`: one of them made the object. */
void revert_wants(RevertWants *w, const JournalEntry *entries, size_t n, bool *ret_created);
