/* SPDX-License-Identifier: Apache-2.0 */

/* Step 2: is the tenant reachable, and is it the one that is configured? */

#include "engine/steps/internal.h"

#include "engine/space/tenant.h"

/* With what is known of one tenant nothing is said in another. Whoever is in contact first notes which it is.
 */
static int check_tenant(Run *run)
{
        const char *id = run->target_info.tenant_id, *noted = NULL;
        int r = tenant_read(run->space, run->arena, &noted);

        if (r < 0)
                return r;
        if (r == SPACE_E_NONE && tenant_is_id(id))
                tenant_write(&run->batch, id);
        if (!tenant_differs(noted, id))
                return 0;
        run->blame = BLAME_TARGET;
        return step_fail(run, STEP_E_RETRY, "TenantChanged",
                         "the state folder is of the tenant %s, and target.tenant_id names %s", noted, id);
}

int step_target_domain(Run *run)
{
        bool staging = run->config->staging || run->change.staging;
        int r = target_info(run->target, &run->call, &run->target_info, &run->diag);

        if (r)
                return run_target_failed(run, r);

        run->outcome.tenant_id = arena_strdup(run->arena, run->target_info.tenant_id);
        run->outcome.target_name = arena_strdup(run->arena, run->target_info.name);
        step_detail(run, "connector", "%s", run->target_info.name);
        step_detail(run, "tenantId", "%s", run->target_info.tenant_id);
        if (run->target_info.tenant_name)
                step_detail(run, "tenant", "%s", run->target_info.tenant_name);
        r = check_tenant(run);
        if (r)
                return r;
        if (run->scheduler)
                step_detail(run, "scheduler", "%s", run->scheduler);
        step_detail(run, "staging", "%s", staging ? "True" : "False");
        /* A wrong word about who owns the objects would export what must not be, or nothing at all. */
        if ((run->config->estate != ESTATE_ALONE) != run->target_info.on_premises_sync) {
                run->blame = BLAME_TARGET;
                return step_fail(
                        run, STEP_E_RETRY, "EstateMismatch",
                        run->target_info.on_premises_sync
                                ? "a synchronization is on in this tenant, but target.estate is alone"
                                : "no synchronization is on in this tenant, but target.estate says so");
        }
        step_say(run, RESULT_SUCCESS, "The tenant is reachable and enabled for export%s.",
                 staging ? ", which staging holds back" : "");
        return 0;
}
