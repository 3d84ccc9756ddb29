/* SPDX-License-Identifier: Apache-2.0 */

/* Step 1: is the object in the domain (connector and partition) that is synchronized? */

#include "engine/steps/internal.h"

/* A DN that was asked for belongs to the source whose base holds it; it is the first's if there is none. */
static bool has_others(const Run *run)
{
        size_t n = 0;

        for (size_t i = 0; i < run->config->n_connectors; i++)
                n += run->config->connectors[i].scope != NULL;
        return n > 1 && guid_is_zero(&run->change.id);
}

int step_source_domain(Run *run)
{
        const RunConnector *c = run_connector(run);
        const Dn *base;

        step_detail(run, "connector", "%s", c->name ? c->name : "unknown");
        if (!c->scope)
                return step_fail(run, STEP_E_SKIP, "DomainNotInScope",
                                 "the source %s is not in the configuration any more",
                                 c->name ? c->name : "of this change");
        base = scope_base(c->scope);
        step_detail(run, "partition", "%s", base->text);
        if (run->source_info.server)
                step_detail(run, "server", "%s", run->source_info.server);
        step_detail(run, "distinguishedName", "%s", run->dn->text);

        /* A deleted object lies below the partition's Deleted Objects container: the domain is still ours. */
        if (!scope_has_base(c->scope, run->dn) && has_others(run))
                return step_fail(run, STEP_E_SKIP, "DomainNotInScope",
                                 "%s is in the domain of none of the sources", run->dn->text);
        if (!scope_has_base(c->scope, run->dn))
                return step_fail(run, STEP_E_SKIP, "DomainNotInScope", "%s is not below %s", run->dn->text,
                                 base->text);
        step_say(run, RESULT_SUCCESS, "The object is in the domain of connector %s.", c->name);
        return 0;
}
