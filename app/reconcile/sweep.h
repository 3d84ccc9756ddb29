/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sweep: compare a part of the directory with the connector space, and enqueue what differs
 *
 *      source_list --page--> each object: verdict --> changes, refreshed heads --> queue_put
 *             '--- what is known and did not come: read by its GUID ---'
 *
 * The net under the feed: reconcile sweeps everything, a subtree job what is below one container. GUID, name
 * and version are all that is listed. Only an object whose version is not the one of its last import is read,
 * and compared by the fingerprint of what rules read of it: a logon raises the version too, and is nothing.
 * The versions of two servers cannot be compared; there too the fingerprint decides. Where it is the same,
 * the head is brought up to date, so that the next sweep need not read.
 *
 * An object that was never imported is enqueued if it was made after the first start (the feed has missed
 * it), if it was changed while the feed had lost its place, if it has come into scope by what the sweep is
 * about, or if everything is asked for; once: a run that finds it is not ours leaves no head, so what a sweep
 * has offered is remembered (a link row of 16 bytes).
 *
 * Absence proves nothing. What is known and is not listed is read by its GUID: a tombstone is a delete, and
 * what cannot be seen is counted.
 *
 * What a sweep finds goes into the reconcile lane; what has a change in the queue already is left to it. A
 * sweep that ends early has done no harm and begins anew: what it has enqueued merges with what it enqueues
 * again. Belongs to one thread, and blocks in the directory and the queue.
 */

#include "app/config/config.h"
#include "queue/queue.h"

typedef struct Sweep Sweep;
typedef struct SweepRename SweepRename;
typedef struct SweepResult SweepResult;

enum {
        SWEEP_E_BASE_ = 2560, /* within ERROR_BASE_APP */

        SWEEP_E_CANCELLED,   /* progress said so */
        SWEEP_E_UNREACHABLE, /* the directory; the diag says why */
        SWEEP_E_NO_CONTAINER,
        SWEEP_E_FULL, /* the queue */
};

struct SweepResult {
        uint64_t n_objects;  /* of the types in scope, that were listed */
        uint64_t n_same;     /* in scope, known, and as it was imported */
        uint64_t n_read;     /* that had to be read for it */
        uint64_t n_outside;  /* unknown and out of scope */
        uint64_t n_never;    /* unknown, in scope, older than the first start: left alone */
        uint64_t n_offered;  /* unknown, in scope, enqueued by an earlier sweep: a run has decided */
        uint64_t n_waiting;  /* differs, and has a change in the queue already */
        uint64_t n_hidden;   /* known, neither listed nor readable: nothing is concluded */
        uint64_t n_enqueued; /* the sum of the next five */
        uint64_t n_new, n_changed, n_moved, n_scope, n_gone;
        uint64_t n_missed; /* of these, and of the names of containers: the feed should have brought it long
                              ago */
};

/* A container that has another name than before. What is below it had another one too. */
struct SweepRename {
        const char *now, *before;
};

struct Sweep {
        Queue *queue;
        Source *lister, *reader; /* two, since a listing and a read cannot share a connection */
        const Config *config;
        const SourceConfig *source_config; /* base and scope */
        const Clock *clock;
        uint16_t source;

        /* What to look at: a container and all below it, by id or name; neither: the whole base. */
        const ObjectId *below;
        const char *dn;
        /* Of unknown objects in scope: all of them. */
        bool everything;
        /* ... or those that were made after this. 0: none. */
        Wall first_start;
        /* ... or those that were changed after this, since the feed may have missed it. 0: none. */
        Wall changed_since;
        /* ... or those that were out of scope before: by another scope, or by the name that a container above
         * them had. NULL: as now. */
        const Scope *scope_before;
        const SweepRename *renames;
        size_t n_renames;
        /* Of a sweep of everything: what is known and not listed is looked for too. */
        bool look_for_absent;
        bool feed_watches; /* what is older than SWEEP_YOUNG_MS is the feed's fault */

        /* True ends the sweep. May be NULL. */
        bool (*progress)(void *context, const char *phase, uint64_t done, uint64_t total);
        void *context;
};

/* Return: 0, SWEEP_E_*, -errno. The result is what was done until then, in any case. */
int sweep_run(const Sweep *s, SweepResult *ret_result, Diag *diag);

void sweep_result_add(SweepResult *sum, const SweepResult *n);

/* What a source could not do, as SWEEP_E_*; everything else as it is. */
int sweep_source_failed(int r);

/* What a sweep may not conclude from: a change this young may not have come through the feed yet. */
#define SWEEP_YOUNG_MS 120000
