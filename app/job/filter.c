/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/intake.h"
#include "app/job/kinds.h"
#include "app/reconcile/filter-group.h"

static int work_group(Job *job, const Connector *c, Source *source, const WatchedGroup *g, Diag *diag)
{
        Wiring *w = job->wiring;
        size_t n_added, n_removed;
        int r = watched_group_work(w->queue, source, g, c->number, clock_wall(w->clock), &n_added, &n_removed,
                                   diag);

        if (n_added || n_removed)
                log_info(&w->log,
                         g->wakes_known ? "a group of the rules has changed" : "the filter group has changed",
                         LOG_STR("group", g->dn), LOG_INT("added", (int64_t)n_added),
                         LOG_INT("removed", (int64_t)n_removed));
        return r > 0 ? JOB_E_UNREACHABLE : r;
}

/* One that cannot be read keeps no other from being looked at. */
static int work_one(Job *job, const Connector *c, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(source_freep) Source *source = NULL;
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const SourceConfig *s = connector_in_force(c, config);
        size_t n;
        const WatchedGroup *groups =
                watched_groups(a, s->scope.group_filter, config->run.rules, s->ldap.base, &n);
        int result = n ? wiring_source(job->wiring, c, &source) : 0;

        for (size_t i = 0; source && i < n; i++) {
                int r = work_group(job, c, source, &groups[i], diag);

                result = result ? result : r;
        }
        return result;
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
