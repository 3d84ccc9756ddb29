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

/* A role ends, and a configuration is changed, without a change of the object. What is kept back then stays
 * so until its next one; a disable does not: it is looked at again so often. */
#define LOOK_AGAIN_MS ((int64_t)3600 * 1000)

/* Nothing of the plan leaves. Return: STEP_E_SKIP. */
static int keep_back(Run *run, const char *code, const char *role)
{
        Wall then = wall_add(clock_wall(run->clock), LOOK_AGAIN_MS);

        for (size_t i = 0; i < run->n_ops; i++)
                if (run_is_account(&run->ops[i]) && !run->ops[i].value.b) {
                        if (!run->due.ms || then.ms < run->due.ms)
                                run->due = then;
                        run->due_is_urgent = true;
                        run_note_revoke(run);
                        step_detail(run, "kept back", "a disable; it is looked at again in an hour");
                }
        run->n_ops = 0;
        return role ? step_fail(run, STEP_E_SKIP, code, "it holds %s", role)
                    : step_fail(run, STEP_E_SKIP, code, NULL);
}

/* The user name in AD. Runs of references read nothing, and a tombstone may have lost it: then it is what it
 * was imported with. Return: 0, -errno. */
static int recall_name(const Run *run, const char **ret_name)
{
        const Object *object = run->object ? run->object : run->entry.object;
        int r = 0;

        *ret_name = object ? object_text(object, "userPrincipalName") : NULL;
        if (run->object || *ret_name || !run->known)
                return 0;
        r = space_read_import(run->space, &run->key, run->arena, &object, NULL, NULL);
        if (r == 0)
                *ret_name = object_text(object, "userPrincipalName");
        return r < 0 ? r : 0;
}

static bool is_dn(const Run *run, const char *text, const char *other)
{
        const Dn *dn, *known;

        return other && dn_parse(run->arena, text, &dn, NULL) == 0 &&
               dn_parse(run->arena, other, &known, NULL) == 0 && dn_is(dn, known);
}

/* By DN, cloud id, or user name of either side. Whoever is deleted has the DN of the tombstone now. */
static bool is_named(const Run *run, const ConfigList *names, const char *ours)
{
        const char *const *items = names->items;
        const char *upn = run->cloud.object ? object_text(run->cloud.object, "userPrincipalName") : NULL;
        char id[GUID_TEXT_MAX];

        guid_format(&run->cloud_id, id);
        for (size_t i = 0; i < names->n_items; i++)
                if (str_is_nocase(items[i], id) || (upn && str_is_nocase(items[i], upn)) ||
                    (ours && str_is_nocase(items[i], ours)) || is_dn(run, items[i], run->dn->text) ||
                    (run->gone && is_dn(run, items[i], run->head.dn)))
                        return true;
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

static int ask_roles(Run *run, const char *ours)
{
        const char *role;
        int r;

        if (run->config->write_role_holders || !str_is(run_cloud_type(run), "user") ||
            guid_is_zero(&run->cloud_id) || !writes(run) || is_named(run, &run->config->allowed, ours))
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
        return role ? keep_back(run, "RoleHolder", role) : 0;
}

int run_ask_protected(Run *run)
{
        const char *ours;
        int r;

        if (!run->n_ops)
                return 0;
        r = recall_name(run, &ours);
        if (r)
                return r;
        if (is_named(run, &run->config->guarded, ours))
                return keep_back(run, "ProtectedAccount", NULL);
        if (run->cloud.role_assignable && !is_named(run, &run->config->allowed, ours))
                return keep_back(run, "RoleAssignableGroup", NULL);
        return ask_roles(run, ours);
}
