/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does a user hold a directory role? Two places can give one (rbacapplication-list-roleassignments, "Use
 * groups to manage role assignments"): an assignment to the user, and membership of a group that is
 * assignable to roles. Such a group cannot have groups as members, so direct membership is all.
 */

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

/* Nobody is in more groups than this many pages of 999. */
#define PAGES_MAX 20

static const char no_rights[] =
        "directory roles may not be read: RoleManagement.Read.Directory is needed for that";

/* One page. A 403, or an answer that does not tell, is "cannot be read": never "holds none". */
static int page(TargetGraph *g, Call *call, const char *path, GraphCall *c, Diag *diag)
{
        int r;

        graph_call_init(c, g, call, "GET", path);
        r = graph_call_run(c, diag);
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

static int assigned(TargetGraph *g, Call *call, const char *id, const char **ret_role, Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c;
        const json_t *first;
        const char *name;
        int r = page(
                g, call,
                arena_printf(call->arena,
                             "/roleManagement/directory/roleAssignments?$filter=principalId%%20eq%%20'%s'"
                             "&$expand=roleDefinition",
                             id),
                &c, diag);

        if (r)
                return r;
        first = json_array_get(json_object_get(c.json, "value"), 0);
        if (!first)
                return 0;
        name = json_string_value(json_object_get(json_object_get(first, "roleDefinition"), "displayName"));
        *ret_role = arena_strdup(call->arena, name ? name : "a directory role");
        return 0;
}

static int by_group(TargetGraph *g, Call *call, const char *id, const char **ret_role, Diag *diag)
{
        const char *path = arena_printf(call->arena,
                                        "/users/%s/memberOf/microsoft.graph.group?$select=id,displayName,"
                                        "isAssignableToRole&$top=999",
                                        id);

        for (size_t n = 0; path; n++) {
                _cleanup_(graph_call_deinit) GraphCall c;
                const json_t *list, *item, *next;
                size_t i;
                int r = page(g, call, path, &c, diag);

                if (r)
                        return r;
                list = json_object_get(c.json, "value");
                json_array_foreach(list, i, item)
                {
                        const char *name = json_string_value(json_object_get(item, "displayName"));

                        if (!json_is_true(json_object_get(item, "isAssignableToRole")))
                                continue;
                        *ret_role = arena_printf(call->arena, "the roles of the group %s", name ? name : "");
                        return 0;
                }
                next = json_object_get(c.json, "@odata.nextLink");
                path = json_is_string(next) ? arena_strdup(call->arena, json_string_value(next)) : NULL;
                if ((path && (strncmp(path, g->base, g->n_origin) != 0 || path[g->n_origin] != '/')) ||
                    n == PAGES_MAX) {
                        diag_set(diag, "Microsoft Graph: the list of a user's groups does not end");
                        return TARGET_E_GARBAGE;
                }
        }
        return 0;
}

int graph_role(Target *t, Call *call, const ObjectId *user, const char **ret_role, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)t;
        char id[GUID_TEXT_MAX];
        int r;

        guid_format(user, id);
        r = assigned(g, call, id, ret_role, diag);
        if (r == 0 && !*ret_role)
                r = by_group(g, call, id, ret_role, diag);
        return r;
}
