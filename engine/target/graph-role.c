/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does a user hold a directory role? Three places can give one (rbacapplication-list-roleassignments,
 * rbacapplication-list-roleeligibilityscheduleinstances, "Use groups to manage role assignments"): an
 * assignment to the user; that he may make himself one for some hours, as nearly all administrators of a
 * tenant with Privileged Identity Management; and membership of a group that is assignable to roles. Such a
 * group cannot have groups as members, so direct membership is all. Who may only make himself a member of
 * such a group is not seen: to read that takes another permission
 * (PrivilegedEligibilitySchedule.Read.AzureADGroup).
 */

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

/* No list about roles has more pages of 999. */
#define PAGES_MAX 20

static const char no_rights[] =
        "directory roles may not be read: RoleManagement.Read.Directory is needed for that";

static int page(TargetGraph *g, Call *call, const char *path, GraphCall *c, Diag *diag)
{
        int r;

        graph_call_init(c, g, call, "GET", path);
        r = graph_call_run(c, diag);
        /* There is no Privileged Identity Management (Microsoft Entra ID P2, or Governance), so nobody can.
         */
        if (r && str_is(c->error.service_code, "AadPremiumLicenseRequired")) {
                call->error_code = call->error_text = NULL;
                diag_clear(diag);
                return TARGET_E_NOT_FOUND;
        }
        if (r == TARGET_E_REFUSED && c->error.status == 403)
                diag_set(diag, "%s", no_rights);
        if (r == TARGET_E_REJECTED)
                return TARGET_E_GARBAGE;
        if (r == 0 && !json_is_array(json_object_get(c->json, "value"))) {
                diag_set(diag, "Microsoft Graph: the answer about directory roles is not a list");
                return TARGET_E_GARBAGE;
        }
        return r;
}

int graph_role_list(TargetGraph *g, Call *call, const char *path,
                    int (*item)(void *context, const json_t *item), void *context, Diag *diag)
{
        for (size_t n = 0; path; n++) {
                _cleanup_(graph_call_deinit) GraphCall c = { 0 };
                const json_t *list, *one;
                const char *next;
                size_t i;
                int r = page(g, call, path, &c, diag);

                if (r)
                        return r == TARGET_E_NOT_FOUND ? 0 : r;
                list = json_object_get(c.json, "value");
                json_array_foreach(list, i, one)
                {
                        r = item(context, one);
                        if (r)
                                return r < 0 ? r : 0;
                }
                r = graph_next_page(g, c.json, path, &next, diag);
                if (r)
                        return r;
                path = next ? arena_strdup(call->arena, next) : NULL;
                if (path && n == PAGES_MAX) {
                        diag_set(diag, "Microsoft Graph: a list about directory roles does not end");
                        return TARGET_E_GARBAGE;
                }
        }
        return 0;
}

typedef struct Found {
        Arena *arena;
        const char *role;
} Found;

static int on_assignment(void *context, const json_t *item)
{
        Found *f = context;
        const char *name =
                json_string_value(json_object_get(json_object_get(item, "roleDefinition"), "displayName"));

        f->role = arena_strdup(f->arena, name ? name : "a directory role");
        return 1;
}

static int on_eligible(void *context, const json_t *item)
{
        Found *f = context;

        on_assignment(f, item);
        f->role = arena_printf(f->arena, "%s (eligible)", f->role);
        return 1;
}

static int on_group(void *context, const json_t *item)
{
        Found *f = context;
        const char *name = json_string_value(json_object_get(item, "displayName"));

        if (!json_is_true(json_object_get(item, "isAssignableToRole")))
                return 0;
        f->role = arena_printf(f->arena, "the roles of the group %s", name ? name : "");
        return 1;
}

/**
 * graph_role() - does this user hold a directory role?
 *
 * Return: see target_role().
 */
int graph_role(Target *t, Call *call, const ObjectId *user, int64_t age_us, const char **ret_role, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)t;
        Found found = { .arena = call->arena };
        char id[GUID_TEXT_MAX];
        int r;

        if (age_us)
                return graph_holder(g, call, user, age_us, ret_role, diag);
        guid_format(user, id);
        r = graph_role_list(g, call,
                            arena_printf(call->arena,
                                         "/roleManagement/directory/roleAssignments?$filter=principalId"
                                         "%%20eq%%20'%s'&$expand=roleDefinition",
                                         id),
                            on_assignment, &found, diag);
        if (r == 0 && !found.role)
                r = graph_role_list(g, call,
                                    arena_printf(call->arena,
                                                 GRAPH_ELIGIBLE "?$filter=principalId"
                                                                "%%20eq%%20'%s'&$expand=roleDefinition",
                                                 id),
                                    on_eligible, &found, diag);
        if (r == 0 && !found.role)
                r = graph_role_list(g, call,
                                    arena_printf(call->arena,
                                                 "/users/%s/memberOf/microsoft.graph.group?$select=id,"
                                                 "displayName,isAssignableToRole&$top=999",
                                                 id),
                                    on_group, &found, diag);
        *ret_role = found.role;
        return r;
}
