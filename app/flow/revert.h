/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert: from the journal to what is put back
 *
 *      entries of a run, of a rule set, or since a time
 *          --> and what came later of the same objects
 *          --> per object and attribute: what was there before the first of them, what we wrote last
 *          --> compared with Entra ID now: what is neither was changed by somebody since, and is left
 *          --> a Hold per object and a change in the reconcile lane, in one transaction
 *
 * The workers put it back under limits and brakes, and compare once more (engine/steps/revert.c). Objects
 * stay held until revert_release(). Objects that the entries created are named and left: nothing is deleted.
 */

#include "app/flow/wiring.h"
#include "engine/space/journal.h"

#include <jansson.h>

typedef struct Revert Revert;
typedef struct RevertFigures RevertFigures;

struct Revert {
        Queue *queue;
        Target *target;                    /* NULL: nothing is compared */
        const struct TargetSchema *schema; /* as of RunConfig */
        const Clock *clock;
        const char *run;   /* run id or its beginning; NULL: any */
        const char *rules; /* version of a rule set or its beginning; NULL: any */
        Wall since;        /* 0: from the beginning */
        bool dry_run;
        const char *by;
        bool (*progress)(void *context, const char *phase, uint64_t done, uint64_t total); /* true: stop */
        void *context;
        const TargetAsker *asker; /* as of Call: where it is gone, so is all of this */
};

struct RevertFigures {
        size_t n_entries; /* of the journal that were meant */
        size_t n_objects; /* that something is put back on */
        size_t n_values, n_links;
        size_t n_back;   /* values that are as they were already */
        json_t *left;    /* [{"dn", "attribute", "why"}]: owned by the caller */
        json_t *created; /* [dn] */
};

enum {
        REVERT_E_BASE_ = 2560, /* within ERROR_BASE_APP */

        REVERT_E_CANCELLED,
        REVERT_E_UNREACHABLE, /* Microsoft Graph: the diag says why */
        REVERT_E_FULL,        /* the queue takes no more */
};

/* Return: 0, REVERT_E_* (also those of revert-meant.h), -errno. */
int revert_run(const Revert *rv, RevertFigures *ret_figures, Diag *diag);

/* Objects that are held: [{"dn", "since", "why", "by", "waiting": values still to be put back, "left": []}].
 */
json_t *revert_list(Queue *q, size_t max);

/* Let them go on: all, or the one of this DN. Each is synchronized whole again. Return: how many, -errno. */
int revert_release(Queue *q, const char *dn, Wall now);

/* Forget entries older than this, at most some thousand a call. Return: how many, -errno. */
int revert_prune(Queue *q, Wall before, Wall now);
