/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Desk: threads that may block, so that the loop need not
 *
 * Work comes in, is done by one of DESK_THREADS, and goes back to the loop by an event. What may take seconds
 * (a read of the directory, a run) is `slow` and never has all of them, so that a page of reports never waits
 * behind it. The jobs of app/ are another thing: those may take hours, one after the other.
 */

#include <event2/event.h>
#include <stdbool.h>

typedef struct Desk Desk;
typedef struct DeskWork DeskWork;

#define DESK_THREADS 4
#define DESK_SLOW    2
#define DESK_MAX     64 /* waiting */

/* Embedded first by what is to be done. */
struct DeskWork {
        DeskWork *next;
        bool slow;
        void (*run)(DeskWork *w);  /* on a desk thread */
        void (*done)(DeskWork *w); /* on the loop's */
};

int desk_new(Desk **ret_desk, struct event_base *base); /* Return: 0, -errno */
Desk *desk_free(Desk *d);                               /* finishes what is there; done() of each is called */

/* Return: false if too much waits already. The loop's thread. */
bool desk_put(Desk *d, DeskWork *w);
