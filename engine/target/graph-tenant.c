/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/graph-tenant.h"

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

#define BEARER_PREFIX "Authorization: Bearer "

int graph_tenant_claims(Target *graph, Call *call, TokenClaims *ret_claims, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        _cleanup_(bearer_unrefp) BearerToken *bearer = NULL;
        int r = token_get(g->token, call->deadline, call->asker, &bearer, diag);

        if (r)
                return r;
        if (bearer->n < sizeof(BEARER_PREFIX) ||
            !token_claims_parse(bearer->header + sizeof(BEARER_PREFIX) - 1,
                                bearer->n - (sizeof(BEARER_PREFIX) - 1), call->arena, ret_claims)) {
                diag_set(diag, "the access token cannot be read");
                return TARGET_E_GARBAGE;
        }
        return 0;
}

/*
 * The filters that directoryaudit-list documents: activityDateTime, initiatedBy/app/appId and /displayName.
 * The log often leaves appId null and names the service principal, so the display name is asked for where the
 * token tells it, and every entry is looked at again.
 */
static const char *audit_path(Arena *a, const TargetGraph *g, const TokenClaims *claims, Wall since)
{
        char when[WALL_TEXT_MAX];

        return arena_printf(a,
                            "/auditLogs/directoryAudits?$filter=activityDateTime%%20ge%%20%s%%20and%%20"
                            "initiatedBy/app/%s%%20eq%%20'%s'&$orderby=activityDateTime%%20desc&$top=10",
                            wall_format(since, when), claims->app_name ? "displayName" : "appId",
                            graph_quote(a, claims->app_name ? claims->app_name : g->options->client_id));
}

static bool is_ours(const json_t *app, const TargetGraph *g, const TokenClaims *claims)
{
        const char *app_id = json_string_value(json_object_get(app, "appId"));
        const char *principal = json_string_value(json_object_get(app, "servicePrincipalId"));
        const char *name = json_string_value(json_object_get(app, "displayName"));

        if (app_id)
                return str_is_nocase(app_id, g->options->client_id);
        if (principal && claims->object_id)
                return str_is_nocase(principal, claims->object_id);
        return name && claims->app_name && str_is(name, claims->app_name);
}

/* "2026-11-22T08:31:15.1234567Z": Graph writes seven digits of a second; milliseconds are enough. */
static bool read_time(const char *text, Wall *ret_at)
{
        char whole[20 + 1];

        if (!text || strlen(text) < 20)
                return false;
        memcpy(whole, text, 19);
        memcpy(whole + 19, "Z", 2);
        return wall_parse(whole, ret_at);
}

static const char *object_of(const json_t *entry, Arena *a)
{
        const json_t *target = json_array_get(json_object_get(entry, "targetResources"), 0);
        const char *name = json_string_value(json_object_get(target, "userPrincipalName"));

        if (!name)
                name = json_string_value(json_object_get(target, "displayName"));
        return name ? arena_strdup(a, name) : "";
}

/* The newest of the entries that are ours; the service sorts, and nothing depends on it. */
static int newest(const json_t *list, const TargetGraph *g, const TokenClaims *claims, Wall since, Arena *a,
                  TenantWrite *ret_write)
{
        const json_t *entry;
        size_t i;
        int r = TARGET_E_NOT_FOUND;

        json_array_foreach(list, i, entry)
        {
                const json_t *app = json_object_get(json_object_get(entry, "initiatedBy"), "app");
                const char *activity = json_string_value(json_object_get(entry, "activityDisplayName"));
                Wall at;

                if (!is_ours(app, g, claims) ||
                    !read_time(json_string_value(json_object_get(entry, "activityDateTime")), &at))
                        continue;
                if (at.ms < since.ms || (r == 0 && at.ms <= ret_write->at.ms))
                        continue;
                *ret_write = (TenantWrite){
                        .at = at,
                        .activity = activity ? arena_strdup(a, activity) : "",
                        .object = object_of(entry, a),
                };
                r = 0;
        }
        return r;
}

int graph_tenant_last_write(Target *graph, Call *call, Wall since, TenantWrite *ret_write, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        TokenClaims claims;
        const json_t *list;
        int r = graph_tenant_claims(graph, call, &claims, diag);

        if (r == TARGET_E_GARBAGE)
                claims = (TokenClaims){ 0 }; /* then the application's id must do */
        else if (r)
                return r;
        diag_clear(diag);
        graph_call_init(&c, g, call, "GET", audit_path(call->arena, g, &claims, since));
        r = graph_call_run(&c, diag);
        if (r == TARGET_E_REFUSED && c.error.status == 403)
                diag_set(diag, "the audit log may not be read: AuditLog.Read.All and Directory.Read.All are "
                               "needed for that");
        if (r)
                return r == TARGET_E_REJECTED ? TARGET_E_GARBAGE : r;
        list = json_object_get(c.json, "value");
        if (!json_is_array(list)) {
                diag_set(diag, "Microsoft Graph: the answer about the audit log is not a list");
                return TARGET_E_GARBAGE;
        }
        return newest(list, g, &claims, since, call->arena, ret_write);
}

int graph_tenant_clock(Target *graph, Call *call, const Clock *clock, int64_t *ret_ahead_ms, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        Wall before = clock_wall(clock);
        time_t said;
        int r;

        graph_call_init(&c, g, call, "GET", "/organization?$select=id");
        r = graph_call_run(&c, diag);
        if (r)
                return r == TARGET_E_REJECTED ? TARGET_E_GARBAGE : r;
        said = curl_getdate(c.http.answer.date, NULL);
        if (said < 0) {
                diag_set(diag, "Microsoft Graph: an answer without a date");
                return TARGET_E_GARBAGE;
        }
        *ret_ahead_ms = (int64_t)said * 1000 + 500 - (before.ms + (clock_wall(clock).ms - before.ms) / 2);
        return 0;
}
