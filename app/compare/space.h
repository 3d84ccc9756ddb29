/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare space: the spaces of this installation, as a comparison may read them
 *
 * Beside the spaces stands a table: which cloud object was matched a moment ago, also of objects that this
 * installation has never imported; references are resolved by it. What was read of the cloud before, and what
 * is on its way, is left out: it is the cloud of now that is compared. A claim is not taken, since nothing is
 * written: a comparison never stands in the way of a run. Belongs to one thread.
 */

#include "engine/space/space.h"

typedef struct CompareSpace CompareSpace;

struct CompareSpace {
        Space space; /* first */
        Space *real;
        struct ComparePair *pairs; /* sorted when it is asked; 34 bytes each */
        size_t n_pairs, size_pairs;
        bool sorted;
};

void compare_space_init(CompareSpace *s, Space *real);
void compare_space_deinit(CompareSpace *s);

/* The object of the source is this cloud object. */
void compare_space_add(CompareSpace *s, const ObjectKey *object, const ObjectId *cloud);
bool compare_space_find(CompareSpace *s, const ObjectKey *object, ObjectId *ret_cloud);
