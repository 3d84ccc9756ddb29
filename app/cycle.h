/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cycle: when the service reconciles by itself
 *
 * Asked every second, on the main thread. A cycle is due `reconcile.every` after the end of the last one,
 * also over a restart, but not in the first minute. While no feed watches it waits, and it leaves out sources
 * whose feed does not; what the last one has enqueued and still waits in the lane makes it pass one turn. It
 * honours the scheduler flag.
 */

#include "app/jobs.h"

typedef struct Cycle Cycle;

struct Cycle {
        Wiring *wiring;
        Mono due;
};

/* Return: 0, -errno. */
int cycle_init(Cycle *c, Wiring *w);
void cycle_tick(Cycle *c);
