/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/containers.h"
#include "app/flow/intake.h"
#include "app/job/kinds.h"

static int work_one(Job *job, const Connector *c, SweepResult *ret_result, Diag *diag)
{
        _cleanup_(source_freep) Source *lister = NULL, *reader = NULL;
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        Wiring *w = job->wiring;
        int r = wiring_source(w, c, &lister);

        if (r == 0)
                r = wiring_source(w, c, &reader);
        if (r)
                return r;
        return containers_work(
                &(Sweep){
                        .queue = w->queue,
                        .lister = lister,
                        .reader = reader,
                        .config = config,
                        .source_config = connector_in_force(c, config),
                        .source = c->number,
                        .clock = w->clock,
                        .progress = job_sweep_progress,
                        .context = job,
                },
                ret_result, diag);
}

/* One source after the other; one that is gone does not keep the others from their turn. */
static int work(Job *job, Diag *diag)
{
        Wiring *w = job->wiring;
        SweepResult sum = { 0 };
        int result = 0;

        for (size_t i = 0; i < w->connectors.n; i++) {
                Connector *c = &w->connectors.items[i];
                SweepResult n = { 0 };
                int r;

                if (!c->intake || !c->intake->containers_due)
                        continue;
                c->intake->containers_due = false;
                r = work_one(job, c, &n, diag);
                if (r)
                        c->intake->containers_due = true;
                sweep_result_add(&sum, &n);
                result = result ? result : r;
        }
        if (sum.n_objects)
                log_info(&w->log, "a container has another name; what is below it was looked at",
                         LOG_INT("objects", (int64_t)sum.n_objects),
                         LOG_INT("enqueued", (int64_t)sum.n_enqueued));
        job->result = result ? NULL : job_sweep_json(&sum);
        return job_sweep_result(result);
}

const JobKind job_containers = { .name = "containers", .ours = true, .work = work };
