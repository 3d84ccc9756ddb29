/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Place: what a worker may lease now
 *
 *      the scheduler flag's gate -> a source, the target there? -> the limiter, by lane
 *
 * Asked before the lease: what has no place waits in the queue, where it merges and can be overtaken.
 */

#include "app/flow/worker.h"

typedef struct Place Place;

struct Place {
        LaneSet lanes;
        Connector *probe; /* a source that is gone: this worker is to try it; or NULL */
        int64_t until;    /* microseconds until more may be leased */
};

/* Return: 0, or how many microseconds to wait. */
int64_t place_ask(Worker *w, Place *ret);

/* The next change that fits. A source that is to be tried goes first. Return: 0, QUEUE_E_EMPTY, -errno. */
int place_lease(Worker *w, Place *p, Lease *ret_lease);

/* Nothing was leased, or it was given back: the limiter and the circuits as if nobody had asked. */
void place_give_back(Worker *w, Place *p);
