/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/kinds.h"
#include "app/reconcile/filter-group.h"
#include "app/work/intake.h"

static int work_one(Job *job, const Connector *c, Diag *diag)
{
        _cleanup_(source_freep) Source *source = NULL;
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const char *group = connector_in_force(c, config)->scope.group_filter;
        Wiring *w = job->wiring;
        size_t n_added, n_removed;
        int r = wiring_source(w, c, &source);

        if (r)
                return r;
        r = filter_group_work(w->queue, source, group, c->number, clock_wall(w->clock), &n_added, &n_removed,
                              diag);
        if (n_added || n_removed)
                log_info(&w->log, "the filter group has changed", LOG_STR("group", group),
                         LOG_INT("added", (int64_t)n_added), LOG_INT("removed", (int64_t)n_removed));
        return r > 0 ? JOB_E_UNREACHABLE : r;
}

static int work(Job *job, Diag *diag)
{
        Connectors *all = &job->wiring->connectors;
        int result = 0;

        for (size_t i = 0; i < all->n; i++) {
                IntakeSink *in = all->items[i].intake;
                int r;

                if (!in || !in->filter_due)
                        continue;
                in->filter_due = false;
                r = work_one(job, &all->items[i], diag);
                if (r)
                        in->filter_due = true;
                result = result ? result : r;
        }
        return result;
}

const JobKind job_filter = { .name = "filter", .ours = true, .work = work };
