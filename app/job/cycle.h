/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cycle: what the service does by itself, and when
 *
 * Asked every second, on the main thread.
 *
 * Containers: their names are read at the first start, and what is below one that was renamed or moved is
 * swept at once; not more often than every 3 s.
 *
 * Filter group: its members are read at the start, after a reload, and when it has changed, at once.
 *
 * Either that fails is tried again after 3 s, and then more seldom, up to every five minutes; what the feed
 * or a reload brings meanwhile begins anew.
 *
 * Reconcile: a cycle is due `reconcile.every` after the end of the last one, also over a restart, but not in
 * the first minute; nor when another node of a cluster takes the role over. While no feed watches it waits,
 * and it leaves out sources whose feed does not; what the last one has enqueued and still waits in the lane
 * makes it pass one turn. It honours the scheduler flag. After a catch-up that has left unknown objects to
 * it, it is due at once, also where `reconcile.every` is 0; and again after five minutes as long as it fails,
 * then more seldom, up to each hour.
 */

#include "app/job/jobs.h"

typedef struct Cycle Cycle;

/* When a job that may fail is tried. */
typedef struct CycleTry {
        Mono soon;        /* not before, with news */
        Mono not_before;  /* ... and without */
        int64_t pause_us; /* until the next try, if this one fails too */
        uint64_t news;    /* as counted at the last look */
} CycleTry;

struct Cycle {
        Wiring *wiring;
        Mono due;                /* reconcile */
        Mono missed_again;       /* ... for what a catch-up has left: not before */
        int64_t missed_pause_us; /* ... until the next one, if this one fails too */
        CycleTry containers, filter;
        uint64_t n_configs;
        Config *filter_of; /* the configuration whose filter group was looked at; held, so that none comes to
                              its address */
};

/* Return: 0, -errno. */
int cycle_init(Cycle *c, Wiring *w);
void cycle_deinit(Cycle *c);

/* In a cluster: another node has ticked until now. What it has done is asked of the memo, as at a start. */
void cycle_gain(Cycle *c);
void cycle_tick(Cycle *c);
