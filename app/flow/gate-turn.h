/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GateTurn: one turn of the scheduler flag
 *
 *      is something wanted?    normal changes due or in work, a person who asked; in staging never
 *              |
 *      flag_turn()             the driver may be asked, for seconds: `work` is held, `lock` is not
 *              |
 *      publish                 one machine: the view. A cluster: the board, and the view is what it says
 *
 * In a cluster the turn begins with the role. Who has it from now on closes the lanes before anything else is
 * done; who has lost it, or cannot write the board any more, does nothing but what flag_yield() undoes; the
 * others write on the board that somebody asked, and show what it says.
 *
 * Threads: turns are taken by one at a time, the flag's thread or whoever drives the gate by hand. What is in
 * Gate "of whoever takes the turns" has no lock for that reason.
 */

#include "app/flow/gate.h"

/* gate.c, for the turns: what the flag keeps, in the queue's store, and for how long: as the gate. */
FlagStore gate_store(Gate *g);

/*
 * What the board says, which becomes the view too, unless another thread has read a later one meanwhile. What
 * cannot be read is closed.
 */
FlagView gate_look(Gate *g);

bool gate_is_staging(const Gate *g);
bool gate_is_stopping(Gate *g);

/* Lanes that wait for the flag. */
#define GATE_LANES ((LaneSet)(LANE_SET(LANE_NORMAL) | LANE_SET(LANE_RECONCILE)))
