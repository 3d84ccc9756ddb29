/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lanes: which lane is served next
 *
 * The highest lane that has something due goes first; but of any 16 leases that could have taken a lower
 * lane, at least one goes to it, so that a flood of urgent changes cannot starve the rest. Only leases count
 * that were allowed to take the lane while something in it was due: a worker for urgent changes alone takes
 * nothing away from the others.
 *
 * Pure; the caller has the lock.
 */

#include "engine/model/change.h"

typedef struct Lanes Lanes;

#define LANES_SHARE 16

struct Lanes {
        unsigned passed[_LANE_N]; /* leases in a row that passed the lane by although it had something due */
};

/* `due`: lanes that have something due and may be taken; not empty. */
Lane lanes_pick(const Lanes *l, LaneSet due);

/* The lease was given. */
void lanes_given(Lanes *l, LaneSet due, Lane lane);
