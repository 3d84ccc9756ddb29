/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between sweep.c (the pass) and sweep-judge.c (one object). */

#include "app/reconcile/filter-group.h"
#include "app/reconcile/sweep.h"

typedef struct Pass Pass;
typedef struct PassRename PassRename;

struct PassRename {
        const Dn *now, *before;
};

struct Pass {
        const Sweep *sweep;
        SweepResult *result;
        Space *space;
        Wall now;
        Diag *diag;
        Arena *page; /* of what is put together */
        Arena *one;  /* of the object in hand */

        PassRename *renames; /* Sweep.renames that can be read as DNs */
        size_t n_renames;
        uint8_t nobody[OBJECT_KEY_SIZE];
        uint8_t offered_key[SPACE_KEY_MAX]; /* link row of the unknown objects that were enqueued */
        size_t n_offered_key;

        FilterGroup filter;

        Change *changes;
        size_t n_changes;
        SpaceBatch batch;
        uint64_t *seen; /* known objects that were listed */
        size_t n_seen, size_seen;
};

/* Return: 0, -errno. */
int sweep_judge_init(Pass *p, Arena *a);

/* Count it, and add to the page what must be done. Return: 0, SWEEP_E_*, -errno. */
int sweep_judge(Pass *p, const SourceItem *item);

void sweep_saw(Pass *p, const ObjectId *id);
bool sweep_is_missed(const Pass *p, Wall changed);
