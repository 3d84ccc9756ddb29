/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Protect: what is not written, whatever Active Directory says
 *
 * Accounts that must work when everything else does not (break-glass), by name; and unless they are named,
 * groups that can hold directory roles, and users who hold one: who may write an object in Active Directory
 * must not become, or lock out, an administrator of the tenant by it. If roles cannot be read, nobody is
 * taken for one who holds none.
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

/* A listing of all holders that is so old will do. */
#define ROLES_FOR INT64_C(300000000)

/* Does any operation leave by us? What its owner is asked for is not ours to keep back. */
static bool writes(const Run *run)
{
        for (size_t i = 0; i < run->n_ops; i++)
                if (!run->ops[i].owner)
                        return true;
        return false;
}

static int ask_roles(Run *run)
{
        const char *role;
        int r;

        if (run->config->write_role_holders || !str_is(run_cloud_type(run), "user") ||
            guid_is_zero(&run->cloud_id) || !writes(run) || is_named(run, &run->config->allowed))
                return 0;
        r = target_role(run->target, &run->call, &run->cloud_id, ROLES_FOR, &role, &run->diag);
        if (r == TARGET_E_REFUSED && run_is_staging(run)) {
                step_detail(run, "directory roles", "cannot be read, and nothing is written: %s",
                            diag_text(&run->diag));
                diag_clear(&run->diag);
                return 0;
        }
        if (r)
                return run_target_failed(run, r);
        if (!role)
                return 0;
        run->n_ops = 0;
        return step_fail(run, STEP_E_SKIP, "RoleHolder", "it holds %s", role);
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
        return ask_roles(run);
}
