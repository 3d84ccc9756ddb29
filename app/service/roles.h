/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Roles: what one node of a cluster does for all
 *
 *      feed of a source     the node that has the role follows the directory; the others wait for it to end
 *      "cycle"              reconcile, drift and what else is due by the clock (app/job/cycle.h), and the
 *                           scheduler flag of all (app/flow/gate.h)
 *
 * One node has them all: the others go where that of the first source goes, for who reconciles must hear what
 * changes meanwhile. In one process alone every role is ours. In a cluster a thread asks for each of them
 * every second and a half: who stops asking loses them within six seconds, and another node goes on from the
 * position that is stored. What the old one still puts is no harm: its changes say "look again", and its
 * positions are refused. Workers run on every node and have no role.
 *
 * The same thread, in one process too, looks whether a feed has ended by itself, and begins it again.
 */

#include "app/flow/feeder.h"

typedef struct Roles Roles;

struct Roles {
        Wiring *wiring;
        Feeder *feeders; /* one for each connector; prepared */
        RecordingFile *record;
        bool *leads;
        unsigned *waits; /* looks until a feed that has ended begins again */
        int first;       /* whose the role of the first source is: what queue_role() said */
        _Atomic bool has_cycle;

        pthread_mutex_t lock;
        pthread_cond_t cond; /* lock */
        bool stopping;       /* lock */
        pthread_t thread;
        bool has_thread;
        bool open;
};

/* One look at the roles and their feeds; the thread's. Return: as roles_start(). */
int roles_look(Roles *r, Diag *diag);

/* The first look is made before it returns. Return: 0, -errno; the diag says what is wrong with a feed. */
int roles_start(Roles *r, Wiring *w, Feeder *feeders, RecordingFile *record, Diag *diag);
void roles_stop(Roles *r); /* feeds that run are the caller's to stop */

bool roles_has_cycle(const Roles *r);
