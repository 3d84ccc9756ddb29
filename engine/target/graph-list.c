/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"
#include "engine/target/graph-tenant.h"

#include <string.h>

/* "users: at most 999 objects in a page" (paging); with $expand a page is as large as the service likes. */
#define PAGE_OBJECTS  "999"
#define PAGE_PATIENCE INT64_C(120000000)
/* So often is one page asked for again, at first after a second. */
#define PAGE_TRIES 6

static const char *first_path(const TenantList *l, Arena *a)
{
        bool manager = str_is(l->type, "user") && graph_wants(l->attributes, l->n_attributes, "manager");

        return arena_printf(a, "/%ss?$select=%s%s&$top=" PAGE_OBJECTS, l->type,
                            graph_select(l->schema, l->type, l->attributes, l->n_attributes, true, a),
                            manager ? "&$expand=manager($select=id)" : "");
}

static const char *first_delta(const TenantList *l, Arena *a)
{
        const char *links = !l->links ? "" : str_is(l->type, "user") ? ",manager" : ",members";

        return arena_printf(a, "/%ss/delta?$select=%s%s", l->type,
                            graph_select(l->schema, l->type, l->attributes, l->n_attributes, true, a), links);
}

static int deliver_removed(const TenantList *l, const json_t *json, const json_t *removed, Diag *diag)
{
        const char *text = json_string_value(json_object_get(json, "id"));
        ObjectId id;

        if (!text || !guid_parse(text, &id)) {
                diag_set(diag, "Microsoft Graph: a removed object has no id");
                return TARGET_E_GARBAGE;
        }
        return l->removed(l->context, &id,
                          str_is(json_string_value(json_object_get(removed, "reason")), "deleted"));
}

/* members@delta or manager@delta: [{"id": ...}, {"id": ..., "@removed": {}}] */
static int deliver_links(const TenantList *l, const ObjectId *owner, const json_t *list, Arena *a, Diag *diag)
{
        TenantLink *links = arena_new_array(a, TenantLink, json_array_size(list) + 1);
        json_t *item;
        size_t i;

        if (!json_is_array(list)) {
                diag_set(diag, "Microsoft Graph: the links of a delta query are no list");
                return TARGET_E_GARBAGE;
        }
        json_array_foreach(list, i, item)
        {
                const char *text = json_string_value(json_object_get(item, "id"));

                if (!text || !guid_parse(text, &links[i].id)) {
                        diag_set(diag, "Microsoft Graph: a link has no id");
                        return TARGET_E_GARBAGE;
                }
                links[i].there = !json_object_get(item, "@removed");
        }
        return l->links(l->context, owner, links, json_array_size(list));
}

/* A piece of a large group that has its members and nothing else. */
static bool is_piece(const TenantList *l, const json_t *json, const json_t *links)
{
        return l->links && links && !json_object_get(json, "displayName");
}

static int deliver(const TenantList *l, const json_t *json, Arena *a, Diag *diag)
{
        const json_t *removed = json_object_get(json, "@removed");
        const json_t *links =
                json_object_get(json, str_is(l->type, "user") ? "manager@delta" : "members@delta");
        const char *manager_id = json_string_value(json_object_get(json_object_get(json, "manager"), "id"));
        ObjectId manager = { 0 };
        TargetObject o;
        int r;

        if (removed && l->removed)
                return deliver_removed(l, json, removed, diag);
        r = graph_object_parse(json, l->schema, l->type, a, &o, diag);
        if (r)
                return r;
        if (manager_id && !guid_parse(manager_id, &manager)) {
                diag_set(diag, "Microsoft Graph: a manager has no id");
                return TARGET_E_GARBAGE;
        }
        r = is_piece(l, json, links) ? 0 : l->object(l->context, &o, &manager);
        return r == 0 && l->links && links ? deliver_links(l, &o.object->id, links, a, diag) : r;
}

int graph_next_page(const TargetGraph *g, const json_t *answer, const char *here, const char **ret_next,
                    Diag *diag)
{
        const json_t *link = json_object_get(answer, "@odata.nextLink");
        const char *next = json_string_value(link);

        if (link && !next)
                diag_set(diag, "Microsoft Graph: @odata.nextLink is not a text");
        else if (next && !graph_is_ours(g, next))
                diag_set(diag, "Microsoft Graph: @odata.nextLink leads to another host");
        else if (next && str_is(next, here))
                diag_set(diag, "Microsoft Graph: @odata.nextLink leads back to the same page");
        else {
                *ret_next = next;
                return 0;
        }
        return TARGET_E_GARBAGE;
}

/* The objects of an answer, and where the next page is; `delta`, unless NULL: and where the changes will be.
 * Texts of the two: str, which outlives the arena. */
static int take(TargetGraph *g, const TenantList *l, const json_t *answer, Arena *a, Str *path, Str *delta,
                Diag *diag)
{
        const char *later = json_string_value(json_object_get(answer, "@odata.deltaLink"));
        json_t *list = json_object_get(answer, "value"), *item;
        const char *next;
        size_t i;
        int r;

        if (!json_is_array(list)) {
                diag_set(diag, "Microsoft Graph: the answer to a list is not one");
                return TARGET_E_GARBAGE;
        }
        json_array_foreach(list, i, item)
        {
                r = deliver(l, item, a, diag);
                if (r)
                        return r;
        }
        r = graph_next_page(g, answer, path->data, &next, diag);
        if (r)
                return r;
        if (delta && !next && (!later || !graph_is_ours(g, later))) {
                diag_set(diag, "Microsoft Graph: the answer to a delta query has no @odata.deltaLink");
                return TARGET_E_GARBAGE;
        }
        str_reset(path);
        if (delta && !next)
                str_add(delta, later);
        if (next)
                str_add(path, next);
        return 0;
}

/* So long before the page is asked for again; negative: not at all. */
static int64_t pause_after(TargetGraph *g, const Call *call, int r, unsigned tries)
{
        int64_t until = call->retry_at.us - clock_mono(g->clock).us;

        if (tries == PAGE_TRIES ||
            (r != TARGET_E_THROTTLED && r != TARGET_E_TRANSIENT && r != TARGET_E_UNREACHABLE))
                return -1;
        return call->retry_at.us && until > 0 ? until : INT64_C(1000000) << tries;
}

static int page(TargetGraph *g, Lane lane, const TenantList *l, Str *path, Str *delta, Diag *diag)
{
        for (unsigned tries = 0;; tries++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                _cleanup_(graph_call_deinit) GraphCall c = { 0 };
                Call call = { .lane = lane, .arena = a, .now = clock_mono(g->clock), .asker = l->asker };
                int64_t pause;
                int r;

                call.deadline = mono_add(call.now, PAGE_PATIENCE);
                graph_call_init(&c, g, &call, "GET", path->data);
                r = graph_call_run(&c, diag);
                if (r == 0)
                        return take(g, l, c.json, a, path, delta, diag);
                if (delta && c.error.status == 410)
                        return TARGET_E_NOT_FOUND;
                pause = pause_after(g, &call, r, tries);
                if (pause < 0 || !l->wait || !l->wait(l->context, pause))
                        return r;
                diag_clear(diag);
        }
}

int graph_tenant_list(Target *graph, Lane lane, const TenantList *list, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Str path;
        int r = 0;

        str_init(&path, 65536);
        str_add(&path, first_path(list, a));
        while (r == 0 && path.n)
                r = page(g, lane, list, &path, NULL, diag);
        str_deinit(&path);
        return r == TARGET_E_REJECTED ? TARGET_E_GARBAGE : r;
}

/*
 * A token that is not good any more is refused in more than one way: 410 (resyncRequired), and for users and
 * groups after seven days 400 with syncStateNotFound (delta-query-overview: "40X-series errors with error
 * codes such as syncStateNotFound"). What else is in such a link was good when Graph gave it, so whatever a
 * request with a token is refused for, the token is what another one can do without.
 */
int graph_tenant_changes(Target *graph, Lane lane, const TenantList *list, const char *link, Arena *a,
                         const char **ret_link, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        bool has_token = link != NULL;
        Str path, delta;
        int r = 0;

        if (link && !graph_is_ours(g, link))
                return TARGET_E_NOT_FOUND;
        str_init(&path, 65536);
        str_init(&delta, 65536);
        str_add(&path, link ? link : first_delta(list, a));
        while (r == 0 && path.n) {
                r = page(g, lane, list, &path, &delta, diag);
                if (r == TARGET_E_REJECTED)
                        r = has_token ? TARGET_E_NOT_FOUND : TARGET_E_GARBAGE;
                has_token = true;
        }
        if (r == 0)
                *ret_link = arena_strdup(a, delta.data);
        str_deinit(&path);
        str_deinit(&delta);
        return r;
}
