/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sync: one object, now, because a person asked
 *
 *      DN --its directory--> GUID --urgent lane--> the same pipeline as every change --> Outcome
 *
 * With a service it goes through the service's queue, and its workers do it; without one the command leases
 * and works off its own change. A DN that the directory does not have runs the steps too, to say where it
 * ends. Of several sources it is the one whose base holds the DN.
 */

#include "app/flow/wiring.h"

typedef struct SyncRequest SyncRequest;

struct SyncRequest {
        const char *dn;
        bool staging;
        const char *by; /* who asked */
        /* Is he gone? Then nobody waits for the outcome; the change stays in the queue. NULL: he stays. */
        bool (*is_gone)(void *context);
        void *context;
};

enum {
        SYNC_E_BASE_ = 2520,

        SYNC_E_WAITS, /* it is in the queue but cannot be worked on now: the diag says why */
        SYNC_E_FULL,  /* the queue takes no more */
        SYNC_E_DONE,  /* inside: another node has done it */
        SYNC_E_NAME,  /* that is no distinguished name: the diag says why */
};

/* How long a person waits for a service that is at work. */
#define SYNC_WAIT_US ((int64_t)120 * 1000000)

/*
 * Through the workers of this process (service).
 * Return: 0 with the outcome (arena), SYNC_E_WAITS, SYNC_E_FULL, SYNC_E_NAME, -errno.
 */
int sync_by_service(Wiring *w, const SyncRequest *request, Arena *a, Outcome *ret_outcome, Diag *diag);

/* On this thread, by a worker of its own (no service runs); in a cluster by another node, if that is quicker.
 * Return: as above. */
int sync_by_hand(Wiring *w, Worker *worker, const SyncRequest *request, Arena *a, Outcome *ret_outcome,
                 Diag *diag);
