/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/containers.h"
#include "app/flow/intake.h"
#include "app/job/kinds.h"
#include "app/job/sweep.h"

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
                r = job_sweep(job, c, &(Sweep){ 0 }, containers_work, &n, diag);
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
