/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/sweep.h"

int job_sweep(Job *job, const Connector *c, const Sweep *how,
              int (*run)(Sweep *sweep, SweepResult *ret_result, Diag *diag), SweepResult *ret_result,
              Diag *diag)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        _cleanup_(source_freep) Source *lister = NULL, *reader = NULL;
        Wiring *w = job->wiring;
        Sweep sweep = *how;
        int r = wiring_source(w, c, &lister);

        if (r == 0)
                r = wiring_source(w, c, &reader);
        if (r)
                return r;
        sweep.queue = w->queue;
        sweep.lister = lister;
        sweep.reader = reader;
        sweep.config = config;
        sweep.source_config = connector_in_force(c, config);
        sweep.source = c->number;
        sweep.clock = w->clock;
        sweep.progress = job_sweep_progress;
        sweep.context = job;
        return run(&sweep, ret_result, diag);
}

bool job_sweep_progress(void *context, const char *phase, uint64_t done, uint64_t total)
{
        job_progress(context, phase, done, total);
        return job_is_cancelled(context);
}

json_t *job_sweep_json(const SweepResult *n)
{
        return json_pack(
                "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "objects",
                (json_int_t)n->n_objects, "same", (json_int_t)n->n_same, "read", (json_int_t)n->n_read,
                "outOfScope", (json_int_t)n->n_outside, "neverSynchronized", (json_int_t)n->n_never,
                "offered", (json_int_t)n->n_offered, "waiting", (json_int_t)n->n_waiting, "notVisible",
                (json_int_t)n->n_hidden, "enqueued", (json_int_t)n->n_enqueued, "new", (json_int_t)n->n_new,
                "changed", (json_int_t)n->n_changed, "moved", (json_int_t)n->n_moved, "scopeChanged",
                (json_int_t)n->n_scope, "deleted", (json_int_t)n->n_gone, "missed", (json_int_t)n->n_missed);
}

int job_sweep_result(int r)
{
        switch (r) {
        case SWEEP_E_CANCELLED:
                return JOB_E_CANCELLED;
        case SWEEP_E_UNREACHABLE:
                return JOB_E_UNREACHABLE;
        case SWEEP_E_NO_CONTAINER:
                return JOB_E_USAGE;
        case SWEEP_E_FULL:
                return JOB_E_FAILED;
        default:
                return r;
        }
}
