/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

/* No group has so many members that more pages of 999 could be meant; a server that never ends is broken. */
#define PAGES_MAX 1000
/* A $filter that is true for one object, or few, has not so many pages without any. */
#define EMPTY_PAGES_MAX 20

typedef struct Fetch Fetch;

struct Fetch {
        TargetGraph *g;
        Call *call;
        const Match *match;
        ObjectSink *sink;
        bool users;
        bool by_extension; /* the anchor of a group is looked for in the directory extension that may hold it
                            */
        bool manager;      /* asked for: comes along with the object by $expand */
        Diag *diag;
};

/* Private: the sink has had enough. */
#define STOPPED (TARGET_E_BASE_ + 90)

/* > 0 of the sink ends the fetch, which is no error; -errno goes up. */
static int heard(int r)
{
        return r > 0 ? STOPPED : r;
}

/*
 * A user's manager is one reference: $expand brings it with the object, for one resource unit more and one
 * request less. Members are read page by page.
 */
static const char *options_of(const Fetch *f, bool list)
{
        return arena_printf(f->call->arena, "$select=%s%s",
                            graph_select(f->call->schema, f->match->type, f->match->attributes,
                                         f->match->n_attributes, list, f->call->arena),
                            f->manager ? "&$expand=manager($select=id)" : "");
}

/* A user name that begins with '$' would be read as a segment of OData: it needs the bracket form. */
static const char *path_of_upn(Arena *a, const char *upn)
{
        if (upn[0] == '$')
                return arena_printf(a, "/users('%s')", graph_quote(a, upn));
        return arena_printf(a, "/users/%s", str_urlencode(a, upn));
}

static const char *filter_of(const Fetch *f)
{
        Arena *a = f->call->arena;
        const char *quoted = graph_quote(a, f->match->value);

        if (f->by_extension)
                return arena_printf(a, "%s%%20eq%%20'%s'", f->g->options->group_anchor, quoted);
        if (f->match->by == MATCH_ANCHOR || f->match->by == MATCH_DELETED)
                return arena_printf(a, "onPremisesImmutableId%%20eq%%20'%s'", quoted);
        if (f->match->by == MATCH_SID)
                return arena_printf(a, "onPremisesSecurityIdentifier%%20eq%%20'%s'", quoted);
        return arena_printf(a, "mail%%20eq%%20'%s'%%20or%%20proxyAddresses/any(p:p%%20eq%%20'smtp:%s')",
                            quoted, quoted);
}

static bool is_list(const Fetch *f)
{
        return f->by_extension || f->match->by == MATCH_MAIL || f->match->by == MATCH_DELETED ||
               f->match->by == MATCH_SID || (f->match->by == MATCH_ANCHOR && f->users);
}

/* NULL: such an object cannot exist. *ret_list: the answer is a list. */
static const char *path_of(const Fetch *f, bool *ret_list)
{
        const Match *m = f->match;
        Arena *a = f->call->arena;
        const char *set = f->users ? "users" : "groups", *options = options_of(f, is_list(f));
        char buf[GUID_TEXT_MAX];
        ObjectId id;

        *ret_list = false;
        if (!m->value || !m->value[0])
                return NULL;
        if (m->by == MATCH_ID)
                return guid_parse(m->value, &id)
                               ? arena_printf(a, "/%s/%s?%s", set, guid_format(&id, buf), options)
                               : NULL;
        if (m->by == MATCH_UPN)
                return f->users ? arena_printf(a, "%s?%s", path_of_upn(a, m->value), options) : NULL;
        if (m->by == MATCH_ANCHOR && !f->users && !f->by_extension)
                return arena_printf(a, "/groups(uniqueName='%s')?%s", graph_quote(a, m->value), options);
        *ret_list = true;
        if (m->by == MATCH_DELETED) {
                if (!f->users)
                        return NULL; /* security groups are deleted for good (directory-deleteditems-list) */
                set = "directory/deletedItems/microsoft.graph.user";
        }
        return arena_printf(a, "/%s?$filter=%s&%s&$top=5", set, filter_of(f), options);
}

static int garbage(const Fetch *f, const char *what)
{
        diag_set(f->diag, "Microsoft Graph: %s", what);
        return TARGET_E_GARBAGE;
}

/* Of all that a $filter has found: the only one, none, or too many. */
static int only_of(const Fetch *f, const json_t *list, json_t **ret)
{
        Arena *a = f->call->arena;
        const char *names = "";
        const json_t *item;
        size_t i;

        if (json_array_size(list) == 0)
                return TARGET_E_NOT_FOUND;
        if (json_array_size(list) == 1) {
                *ret = json_incref(json_array_get(list, 0));
                return 0;
        }
        json_array_foreach(list, i, item)
        {
                const char *id = json_string_value(json_object_get(item, "id"));

                names = arena_printf(a, "%s%s%s", names, i ? ", " : "", id ? id : "?");
        }
        diag_set(f->diag, "%zu objects in Entra ID have %s: %s", json_array_size(list), f->match->value,
                 names);
        return TARGET_E_AMBIGUOUS;
}

static int deliver_ids(const Fetch *f, const char *attribute, json_t *list)
{
        size_t n = json_array_size(list), i;
        ObjectId *ids;
        json_t *item;

        if (!json_is_array(list))
                return garbage(f, "the answer to a request for links is not a list");
        if (n == 0)
                return 0;
        ids = arena_new_array(f->call->arena, ObjectId, n);
        json_array_foreach(list, i, item)
        {
                const char *id = json_string_value(json_object_get(item, "id"));

                if (!id || !guid_parse(id, &ids[i]))
                        return garbage(f, "a link has no id");
        }
        return f->sink->links ? heard(f->sink->links(f->sink, attribute, ids, n)) : 0;
}

static int deliver_manager(const Fetch *f, const json_t *json)
{
        const json_t *manager = json_object_get(json, "manager");
        const char *text = json_string_value(json_object_get(manager, "id"));
        ObjectId id;

        if (!manager || json_is_null(manager))
                return 0;
        if (!text || !guid_parse(text, &id))
                return garbage(f, "a manager has no id");
        return f->sink->links ? heard(f->sink->links(f->sink, "manager", &id, 1)) : 0;
}

static int page(const Fetch *f, const char *path, const char **ret_next)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        const char *next;
        int r;

        graph_call_init(&c, f->g, f->call, "GET", path);
        c.http.units = 2; /* groups/{id}/members costs 3, $select takes one off (throttling-limits) */
        r = graph_call_run(&c, f->diag);
        if (r == TARGET_E_REJECTED)
                return c.error.verdict == GRAPH_NOT_FOUND ? TARGET_E_NOT_FOUND : TARGET_E_GARBAGE;
        if (r)
                return r;
        r = deliver_ids(f, "member", json_object_get(c.json, "value"));
        if (r == 0)
                r = graph_next_page(f->g, c.json, path, &next, f->diag);
        if (r == 0)
                *ret_next = next ? arena_strdup(f->call->arena, next) : NULL;
        return r;
}

static int fetch_members(const Fetch *f, const ObjectId *group)
{
        char buf[GUID_TEXT_MAX];
        const char *path = arena_printf(f->call->arena, "/groups/%s/members?$select=id&$top=999",
                                        guid_format(group, buf));
        int r = 0;

        for (size_t i = 0; path && r == 0; ++i) {
                if (i == PAGES_MAX)
                        return garbage(f, "the list of members does not end");
                r = page(f, path, &path);
        }
        return r;
}

/* What a refused look-up means. 400 on a look-up by name: no object can have such a name. A list that is not
 * there is no list without objects. */
static int judge_refusal(const Fetch *f, const GraphCall *c, bool list)
{
        if (c->error.verdict == GRAPH_NOT_FOUND && !list)
                return TARGET_E_NOT_FOUND;
        if (c->error.status == 400 && f->match->by == MATCH_UPN)
                return TARGET_E_NOT_FOUND;
        return TARGET_E_GARBAGE;
}

/* One request. The answer is the caller's, also of one that failed. */
static int ask(const Fetch *f, const char *path, bool list, json_t **ret)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(&c, f->g, f->call, "GET", path);
        c.http.units = f->manager ? 2 : 1; /* 2, less one for $select, plus one for $expand */
        r = graph_call_run(&c, f->diag);
        *ret = TAKE(c.json);
        return r == TARGET_E_REJECTED ? judge_refusal(f, &c, list) : r;
}

/* "A page of results may contain zero or more results" (paging): nobody is there only if the last one says
 * so. */
static int find_in_list(const Fetch *f, const char *path, json_t **ret)
{
        json_auto_t *found = json_array();
        const char *next;
        int r = 0;

        for (size_t i = 0; path && r == 0 && json_array_size(found) < 2; ++i) {
                json_auto_t *answer = NULL;

                if (i == EMPTY_PAGES_MAX)
                        return garbage(f, "the answer to a $filter does not end");
                r = ask(f, path, true, &answer);
                if (r == 0 && json_array_extend(found, json_object_get(answer, "value")))
                        r = garbage(f, "the answer to a $filter is not a list");
                if (r == 0)
                        r = graph_next_page(f->g, answer, path, &next, f->diag);
                if (r == 0)
                        path = next ? arena_strdup(f->call->arena, next) : NULL;
        }
        return r ? r : only_of(f, found, ret);
}

/* What lives in another service is not given with a list (user-list): it is asked for by the id. */
static int read_services(const Fetch *f, const char *const *names, size_t n, TargetObject *object)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        Arena *a = f->call->arena;
        char id[GUID_TEXT_MAX];
        TargetObject rest;
        ObjectBuilder b;
        int r;

        graph_call_init(&c, f->g, f->call, "GET",
                        arena_printf(a, "/users/%s?$select=%s", guid_format(&object->object->id, id),
                                     graph_select(f->call->schema, f->match->type, names, n, false, a)));
        r = graph_call_run(&c, f->diag);
        if (r == TARGET_E_REJECTED)
                return judge_refusal(f, &c, false);
        if (r == 0)
                r = graph_object_parse(c.json, f->call->schema, f->match->type, a, &rest, f->diag);
        if (r)
                return r;
        object_build(&b, a);
        for (size_t i = 0; i < object->object->n_attributes; ++i)
                object_add(&b, object->object->attributes[i].name, object->object->attributes[i].value);
        for (size_t i = 0; i < n; ++i)
                object_add(&b, names[i], object_get(rest.object, names[i]));
        object->object = object_finish(&b, &object->object->id, object->object->type, NULL);
        return 0;
}

static const char **services_of(const Fetch *f, size_t *ret_n)
{
        const char **names = arena_new_array(f->call->arena, const char *, f->match->n_attributes + 1);
        size_t n = 0;

        for (size_t i = 0; i < f->match->n_attributes; ++i) {
                const TargetAttribute *at =
                        target_attribute(f->call->schema, f->match->type, f->match->attributes[i]);

                if (at && at->service)
                        names[n++] = at->name;
        }
        *ret_n = n;
        return names;
}

/* Who is asked for by his id has it. */
static bool is_asked_for(const Fetch *f, const Object *o)
{
        ObjectId id;

        return f->match->by != MATCH_ID || (guid_parse(f->match->value, &id) && guid_is(&id, &o->id));
}

static int fetch_object(const Fetch *f, const char *path, bool list, TargetObject *ret_object)
{
        json_auto_t *json = NULL;
        const char **services;
        size_t n_services;
        int r = list ? find_in_list(f, path, &json) : ask(f, path, false, &json);

        if (r == 0)
                r = graph_object_parse(json, f->call->schema, f->match->type, f->call->arena, ret_object,
                                       f->diag);
        if (r == 0 && !is_asked_for(f, ret_object->object))
                r = garbage(f, "the answer is another object than the one that was asked for");
        services = services_of(f, &n_services);
        if (r == 0 && list && n_services > 0)
                r = read_services(f, services, n_services, ret_object);
        if (r == 0)
                r = heard(f->sink->object(f->sink, ret_object));
        if (r == 0 && f->manager)
                r = deliver_manager(f, json);
        return r;
}

static int find(const Fetch *f, TargetObject *ret_object)
{
        bool list;
        const char *path = path_of(f, &list);

        return path ? fetch_object(f, path, list, ret_object) : TARGET_E_NOT_FOUND;
}

/**
 * graph_fetch() - one object, then its links
 *
 * Return: 0 (also when the sink stopped it), TARGET_E_*.
 */
int graph_fetch(Target *t, Call *call, const Match *match, ObjectSink *sink, Diag *diag)
{
        Fetch f = {
                .g = (TargetGraph *)t,
                .call = call,
                .match = match,
                .sink = sink,
                .users = str_is(match->type, "user"),
                .diag = diag,
        };
        TargetObject object;
        int r;

        f.manager = f.users && graph_wants(match->attributes, match->n_attributes, "manager");
        r = find(&f, &object);
        if (r == TARGET_E_NOT_FOUND && match->by == MATCH_ANCHOR && !f.users && f.g->options->group_anchor) {
                f.by_extension = true;
                diag_clear(diag);
                r = find(&f, &object);
        }
        if (r == 0 && !f.users && graph_wants(match->attributes, match->n_attributes, "member"))
                r = fetch_members(&f, &object.object->id);
        return r == STOPPED ? 0 : r;
}
