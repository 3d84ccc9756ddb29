/* SPDX-License-Identifier: Apache-2.0 */

/* Step 1: is the object in the domain (connector and partition) that is synchronized? */

#include "engine/steps/internal.h"

int step_source_domain(Run *run)
{
        const Dn *base = scope_base(run->config->scope);

        step_detail(run, "connector", "%s", run_connector(run)->name);
        step_detail(run, "partition", "%s", base->text);
        if (run->source_info.server)
                step_detail(run, "server", "%s", run->source_info.server);
        step_detail(run, "distinguishedName", "%s", run->dn->text);

        /* A deleted object lies below the partition's Deleted Objects container: the domain is still ours. */
        if (!scope_has_base(run->config->scope, run->dn))
                return step_fail(run, STEP_E_SKIP, "DomainNotInScope", "%s is not below %s", run->dn->text,
                                 base->text);
        step_say(run, RESULT_SUCCESS, "The object is in the domain of connector %s.",
                 run_connector(run)->name);
        return 0;
}
