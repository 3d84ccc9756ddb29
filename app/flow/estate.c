/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/estate.h"

#include "base/str.h"
#include "engine/space/tenant.h"
#include "engine/target/graph-tenant.h"

/* A start does not wait longer for a tenant that does not answer. */
#define PATIENCE_US ((int64_t)10 * 1000000)

const char *estate_name(Estate estate)
{
        static const char *const names[] = {
                [ESTATE_ALONE] = "alone",
                [ESTATE_CONNECT] = "connect",
                [ESTATE_CLOUD_SYNC] = "cloud-sync",
        };

        return names[estate];
}

int estate_find(Target *target, Target *graph, const Clock *clock, Arena *a, EstateFound *ret_found,
                Diag *diag)
{
        Call call = { .lane = LANE_URGENT, .arena = a, .now = clock_mono(clock) };
        TargetInfo info;
        const char *first = NULL;
        unsigned n = 0;
        int r;

        call.deadline = mono_add(call.now, PATIENCE_US);
        r = target_info(target, &call, &info, diag);
        if (r)
                return r;
        if (!info.on_premises_sync) {
                *ret_found = (EstateFound){ ESTATE_ALONE, true, "no synchronization is on in the tenant" };
                return 0;
        }
        r = graph_tenant_cloud_sync_jobs(graph, &call, &n, &first, diag);
        if (r == TARGET_E_REFUSED) {
                diag_clear(diag);
                *ret_found = (EstateFound){ ESTATE_CONNECT, false, "a synchronization is on in the tenant" };
                return 0;
        }
        if (r)
                return r;
        *ret_found = n ? (EstateFound){ ESTATE_CLOUD_SYNC, true,
                                        arena_printf(a, "there is a Cloud Sync job in the tenant (%.100s)",
                                                     first) }
                       : (EstateFound){ ESTATE_CONNECT, true,
                                        "a synchronization is on in the tenant, and no Cloud Sync job" };
        return 0;
}

const char *estate_contradiction(const EstateFound *found, Estate configured, Arena *a)
{
        if (found->estate == configured || (!found->sure && configured != ESTATE_ALONE))
                return NULL;
        return arena_printf(a, "%s, but target.estate is %s: it should be %s%s", found->why,
                            estate_name(configured), estate_name(found->estate),
                            found->sure ? "" : " or cloud-sync");
}

/* Return: false: there is no such job, and the diag says so. */
static bool check_job(Wiring *w, const char *wanted, Arena *a, Diag *diag)
{
        Call call = { .lane = LANE_URGENT, .arena = a, .now = clock_mono(w->clock) };
        Diag why = DIAG_INIT;
        OnDemandJob job;
        int r;

        call.deadline = mono_add(call.now, PATIENCE_US);
        r = on_demand_find(w->graph, &call, wanted, &job, &why);
        if (r == TARGET_E_NOT_FOUND)
                diag_set(diag, "%s", diag_text(&why));
        else if (r)
                log_warning(&w->log,
                            "the Cloud Sync job could not be read; what is asked of it waits for its regular "
                            "cycle meanwhile",
                            LOG_STR("why", diag_text(&why)));
        diag_deinit(&why);
        return r != TARGET_E_NOT_FOUND;
}

/* Cloud Sync is asked for single objects: by which of its jobs? */
static bool check_jobs(Wiring *w, Arena *a, Diag *diag)
{
        const OnDemandConfig *c = &w->first->target.cloud_sync;
        const OnDemandDomain *domains = c->jobs.items;
        bool ok = c->jobs.n_items > 0 || check_job(w, c->job, a, diag);

        for (size_t i = 0; i < c->jobs.n_items && ok; i++)
                ok = check_job(w, domains[i].job, a, diag);
        return ok;
}

/* NULL: the state is of this tenant, or of none yet. */
static const char *other_tenant(Wiring *w, Arena *a)
{
        Call call = { .lane = LANE_URGENT, .arena = a, .now = clock_mono(w->clock) };
        const char *noted = NULL;
        TargetInfo info;

        call.deadline = mono_add(call.now, PATIENCE_US);
        if (target_info(w->target, &call, &info, NULL) || tenant_read(queue_space(w->queue), a, &noted) ||
            !tenant_differs(noted, info.tenant_id))
                return NULL;
        return arena_printf(
                a,
                "the state folder is of the tenant %s, and target.tenant_id names %s (%s): name that "
                "one again, or give this one a state folder of its own (state.path is %s)",
                noted, info.tenant_id, info.tenant_name, w->first->state.path);
}

bool estate_check(Wiring *w, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag ignored = DIAG_INIT;
        const char *wrong = NULL;
        EstateFound found;
        bool asked;

        asked = estate_find(w->target, w->graph, w->clock, a, &found, &ignored) == 0;
        if (asked) {
                wrong = other_tenant(w, a);
                if (!wrong)
                        wrong = estate_contradiction(&found, (Estate)w->first->target.estate, a);
        } else {
                log_warning(&w->log,
                            "who owns the objects of the tenant could not be asked; each run asks again",
                            LOG_STR("why", diag_text(&ignored)));
        }
        diag_deinit(&ignored);
        if (wrong)
                diag_set(diag, "%s", wrong);
        if (wrong)
                return false;
        return !asked || !w->first->run.ask_owner || w->first->run.estate != ESTATE_CLOUD_SYNC ||
               check_jobs(w, a, diag);
}
