/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Protect: what is not written, whatever Active Directory says
 *
 * Accounts that must work when everything else does not (break-glass), by name; and groups that can hold
 * directory roles, unless they are named: who may write a group in Active Directory must not make
 * administrators of the tenant by it.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

/* By DN, cloud id, or user name of either side. */
static bool is_named(const Run *run, const ConfigList *names)
{
        const char *const *items = names->items;
        char id[GUID_TEXT_MAX];

        guid_format(&run->cloud_id, id);
        for (size_t i = 0; i < names->n_items; i++) {
                const char *upn =
                        run->cloud.object ? object_text(run->cloud.object, "userPrincipalName") : NULL;
                const char *ours = run->object ? object_text(run->object, "userPrincipalName") : NULL;
                const Dn *dn;

                if (str_is_nocase(items[i], id) || (upn && str_is_nocase(items[i], upn)) ||
                    (ours && str_is_nocase(items[i], ours)))
                        return true;
                if (dn_parse(run->arena, items[i], &dn, NULL) == 0 && dn_is(dn, run->dn))
                        return true;
        }
        return false;
}

int run_ask_protected(Run *run)
{
        if (!run->n_ops)
                return 0;
        if (is_named(run, &run->config->guarded)) {
                run->n_ops = 0;
                return step_fail(run, STEP_E_SKIP, "ProtectedAccount", NULL);
        }
        if (run->cloud.role_assignable && !is_named(run, &run->config->allowed)) {
                run->n_ops = 0;
                return step_fail(run, STEP_E_SKIP, "RoleAssignableGroup", NULL);
        }
        return 0;
}
