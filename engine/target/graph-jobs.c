/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Synchronization jobs: a Cloud Sync configuration is a service principal with jobs
 *
 * Two public pages of learn.microsoft.com (Entra, hybrid/cloud-sync) tell how both look, and they do not
 * quite agree:
 *  - how-to-inbound-synch-ms-graph makes the principal of the application template 1a4721b3-..., and its
 *    jobs of the template ids AD2AADProvisioning, AD2AADPasswordHash and AAD2ADExchangeHybridWriteback. Its
 *    example of an answer, though, has "id": "AD2AADProvisioning.fc96...", "templateId": "ADDCInPassthrough".
 *  - concept-attributes shows a principal whose appId is 1a4721b3-... and whose applicationTemplateId is
 * null. Its job has "AD2AADProvisioning" in both. So no single value is relied on. Principals are looked for
 * by either id; and every job of theirs counts but those that are known to carry something else, by their own
 * id or their template's: password hashes, and what goes from the cloud to Active Directory. A job of a name
 * that nobody has seen yet counts, and is named.
 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/target/graph-internal.h"
#include "engine/target/graph-tenant.h"

#include <string.h>
#include <strings.h>

#define APPLICATION "1a4721b3-e57f-4451-ae87-ef078703ec94"
#define PRINCIPALS(by) \
        "/servicePrincipals?$filter=" by "%20eq%20'" APPLICATION "'&$select=id,applicationTemplateId"

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
        static const char *const others[] = { "AD2AADPasswordHash", "AAD2AD" };
        static const char *const keys[] = { "id", "templateId" };

        for (size_t k = 0; k < N_ELEMENTS(keys); k++) {
                const char *name = json_string_value(json_object_get(job, keys[k]));

                for (size_t i = 0; i < N_ELEMENTS(others) && name; i++)
                        if (strncasecmp(name, others[i], strlen(others[i])) == 0)
                                return false;
        }
        return json_is_string(json_object_get(job, "id"));
}

static int jobs_of(TargetGraph *g, Call *call, const char *principal,
                   int (*job)(void *context, const char *principal, const json_t *job), void *context,
                   Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
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

/* The shared application itself has no template, or has been found by it. */
static bool is_seen(const json_t *principal, size_t look)
{
        const char *template = json_string_value(json_object_get(principal, "applicationTemplateId"));

        return look > 0 && template && str_is_nocase(template, APPLICATION);
}

int graph_jobs_each(TargetGraph *g, Call *call,
                    int (*job)(void *context, const char *principal, const json_t *job), void *context,
                    Diag *diag)
{
        static const char *const looks[] = { PRINCIPALS("applicationTemplateId"), PRINCIPALS("appId") };

        for (size_t look = 0; look < N_ELEMENTS(looks); look++) {
                _cleanup_(graph_call_deinit) GraphCall c = { 0 };
                const json_t *list, *principal;
                size_t i;
                int r = graph_jobs_get(g, call, looks[look], &c, "value", &list, diag);

                if (r)
                        return r;
                json_array_foreach(list, i, principal)
                {
                        const char *id = json_string_value(json_object_get(principal, "id"));

                        if (!id || i == PRINCIPALS_MAX)
                                break;
                        r = is_seen(principal, look) ? 0 : jobs_of(g, call, id, job, context, diag);
                        if (r)
                                return r;
                }
        }
        return 0;
}

typedef struct Count {
        unsigned n;
        const char *first;
        Arena *arena;
} Count;

static int count(void *context, const char *principal, const json_t *job)
{
        const char *id = json_string_value(json_object_get(job, "id"));
        Count *c = context;

        (void)principal;
        if (c->n++ == 0)
                c->first = str_safe(c->arena, id, strlen(id));
        return 0;
}

int graph_tenant_cloud_sync_jobs(Target *graph, Call *call, unsigned *ret_n, const char **ret_first,
                                 Diag *diag)
{
        Count c = { .arena = call->arena };
        int r = graph_jobs_each((TargetGraph *)graph, call, count, &c, diag);

        *ret_n = c.n;
        *ret_first = c.first;
        return r;
}
