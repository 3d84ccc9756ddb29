/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Synchronization jobs: a Cloud Sync configuration is a service principal made of one application template,
 * with jobs of the template AD2AADProvisioning (cloud-sync/how-to-inbound-synch-ms-graph)
 */

#include "base/str.h"
#include "engine/target/graph-internal.h"
#include "engine/target/graph-tenant.h"

#include <string.h>
#include <strings.h>

#define TEMPLATE "1a4721b3-e57f-4451-ae87-ef078703ec94"

/* More configurations than domains that a tenant can have. */
#define PRINCIPALS_MAX 100

int graph_jobs_get(TargetGraph *g, Call *call, const char *path, GraphCall *c, const char *list,
                   const json_t **ret_list, Diag *diag)
{
        int r;

        graph_call_init(c, g, call, "GET", path);
        r = graph_call_run(c, diag);
        if (r == TARGET_E_REJECTED)
                return TARGET_E_GARBAGE;
        *ret_list = json_object_get(c->json, list);
        if (r == 0 && !json_is_array(*ret_list)) {
                diag_set(diag, "Microsoft Graph: the answer about synchronization jobs is not a list");
                return TARGET_E_GARBAGE;
        }
        return r;
}

/* Paused and disabled jobs own nothing today, but may again tomorrow: they count, a deleted one is not
 * listed. */
static bool is_cloud_sync(const json_t *job)
{
        const char *template = json_string_value(json_object_get(job, "templateId"));

        return template && strncasecmp(template, "AD2AADProvisioning", strlen("AD2AADProvisioning")) == 0;
}

static int jobs_of(TargetGraph *g, Call *call, const char *principal,
                   int (*job)(void *context, const char *principal, const json_t *job), void *context,
                   Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c;
        const json_t *list, *item;
        size_t i;
        int r = graph_jobs_get(g, call,
                               arena_printf(call->arena, "/servicePrincipals/%s/synchronization/jobs",
                                            str_urlencode(call->arena, principal)),
                               &c, "value", &list, diag);

        if (r)
                return r;
        json_array_foreach(list, i, item)
        {
                r = is_cloud_sync(item) ? job(context, principal, item) : 0;
                if (r)
                        return r;
        }
        return 0;
}

int graph_jobs_each(TargetGraph *g, Call *call,
                    int (*job)(void *context, const char *principal, const json_t *job), void *context,
                    Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c;
        const json_t *list, *principal;
        size_t i;
        int r = graph_jobs_get(
                g, call, "/servicePrincipals?$filter=applicationTemplateId%20eq%20'" TEMPLATE "'&$select=id",
                &c, "value", &list, diag);

        if (r)
                return r;
        json_array_foreach(list, i, principal)
        {
                const char *id = json_string_value(json_object_get(principal, "id"));

                if (!id || i == PRINCIPALS_MAX)
                        break;
                r = jobs_of(g, call, id, job, context, diag);
                if (r)
                        return r;
        }
        return 0;
}

static int count(void *context, const char *principal, const json_t *job)
{
        (void)principal;
        (void)job;
        ++*(unsigned *)context;
        return 0;
}

int graph_tenant_cloud_sync_jobs(Target *graph, Call *call, unsigned *ret_n, Diag *diag)
{
        *ret_n = 0;
        return graph_jobs_each((TargetGraph *)graph, call, count, ret_n, diag);
}
