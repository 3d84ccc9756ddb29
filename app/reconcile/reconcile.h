/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reconcile: the whole directory against the connector space, now and then
 *
 * Every `reconcile.every` (30 minutes) and on demand: a sweep (app/reconcile/sweep.h) over each base, or over
 * one OU. What it enqueues goes into the reconcile lane, behind everything else. A cycle of our own is left
 * out while the feed is not watching (it will bring what is missing by itself), and while what the last one
 * enqueued still waits.
 *
 * What must be remembered is one memo for each source: when the first start was (objects that were there
 * before it and have not changed since are nobody's loss, unless `source.initial` is all), which scope the
 * last one knew (what another one lets in is new), and when the last one ended.
 *
 * A catch-up of the feed (a position that is refused, another server) brings everything, and does not tell
 * what has changed from what was always there. Who is unknown to us is left to the reconcile that follows: a
 * memo written with the catch-up says since when changes may have been missed, and the listing when an object
 * was changed last. A reconcile while the feed does not watch looks at what has changed since the last one,
 * too.
 */

#include "app/reconcile/sweep.h"

typedef struct ReconcileMemo ReconcileMemo;

struct ReconcileMemo {
        Wall first_start;
        bool everything; /* unknown objects are enqueued, whenever they were made */
        Wall finished;   /* of the last whole one; 0: never */
        /* The scope of that one; NULL and 0 when there was none. Strings as in the configuration. */
        const char *const *include, *const *exclude, *const *types;
        size_t n_include, n_exclude, n_types;
};

/* Return: 0 (`*ret_memo` zero if there is none), -errno. A damaged memo is none. */
int reconcile_memo_read(Queue *queue, uint16_t source, Arena *a, ReconcileMemo *ret_memo);

/* In a catch-up: unknown objects are left to the next whole reconcile, which looks at what has changed since
 * the last one. Into the batch that is stored with the position, unless that is noted already. Return: 0,
 * -errno. */
int reconcile_note_missed(Queue *queue, uint16_t source, const ReconcileMemo *memo, SpaceBatch *batch);

/* Is that still to be done? Return: 0, -errno. */
int reconcile_is_missed(Queue *queue, uint16_t source, bool *ret_missed);

/* Before the feed starts: at the first start with this source it is remembered when that was.
 * Return: 0, -errno. */
int reconcile_note_start(Queue *queue, uint16_t source, const SourceConfig *config, Wall now);

/*
 * One reconcile. `sweep` names queue, sources, configuration, clock, progress, and what to look at: `dn` for
 * a part, `everything` if a person asks for it; the rest is filled here. Return: as sweep_run.
 */
int reconcile_run(Sweep *sweep, SweepResult *ret_result, Diag *diag);
