/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Workers: the threads that do the changes, as one
 *
 * One in sixteen, and at least one, takes urgent changes only: however long the others are at work, somebody
 * is free for those. Each has sources of its own (an LDAP handle has one thread). How a worker chooses its
 * next change, and when it ends, is in app/flow/worker.h.
 *
 * All functions are the main thread's.
 */

#include "app/flow/wiring.h"

typedef struct Workers Workers;

struct Workers {
        Worker *items;
        pthread_t *threads;
        size_t n;       /* started */
        size_t n_ended; /* of these, from the first on */
};

/* `n` of them. Return: 0, -errno; those that were started are to be stopped all the same. */
int workers_start(Workers *all, Wiring *w, size_t n);

/* Waits for the last run of each, but not longer. */
void workers_wait(Workers *all, Mono until);

/* Waits for the last run. They end by themselves when `shared.stopping` is set and the queue wakes them. */
void workers_stop(Workers *all);

/* Is one stuck in a step? It is alarmed of, and reported as it stands (app/flow/run-watch.h). */
void workers_look(Workers *all, Wiring *w);
