/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <strings.h>

#include "answer.h"
#include "mem.h"
#include "query.h"

static bool refuse(Answer *answer, const char *code, const char *message)
{
        answer_error(answer, 400, code, "%s", message);
        return false;
}

/* Property names in a URL are compared without regard to case. */
static int find_folded(const Schema *schema, const char *name, size_t n)
{
        for (size_t i = 0; i < schema->n; ++i) {
                if (strlen(schema->properties[i].name) == n &&
                    !strncasecmp(schema->properties[i].name, name, n))
                        return (int)i;
        }
        return -1;
}

/* With several types at hand a name counts when one of them has it. */
static bool parse_select(Selection *user, Selection *group, const Schema *schema, const char *list,
                         Answer *answer)
{
        while (*list) {
                size_t n = strcspn(list, ","), skip = strspn(list, " ");
                const char *name = list + (skip < n ? skip : n);
                size_t n_name = strcspn(name, ", /");
                int u = schema == &schema_group ? -1 : find_folded(&schema_user, name, n_name);
                int g = schema == &schema_user ? -1 : find_folded(&schema_group, name, n_name);

                if (u < 0 && g < 0 && n_name) {
                        answer_error(answer, 400, "BadRequest",
                                     "Parsing OData Select and Expand failed: Could not find a property "
                                     "named '%.*s' on type "
                                     "'microsoft.graph.%s'.",
                                     (int)n_name, name, schema ? schema->name : "directoryObject");
                        return false;
                }
                if (u >= 0)
                        user->property[u] = true;
                if (g >= 0)
                        group->property[g] = true;
                user->given = group->given = user->given || n_name;
                list += n + (list[n] == ',');
        }
        return true;
}

/* manager, manager($select=id,displayName), members($select=id) */
static bool parse_expand(Query *q, const char *value, Answer *answer)
{
        size_t n = strcspn(value, "(");
        const char *select = value + n;
        _cleanup_(mem_freep) char *list = NULL;

        if (q->schema == &schema_user && n == 7 && !strncasecmp(value, "manager", n))
                q->expand_manager = true;
        else if (q->schema == &schema_group && n == 7 && !strncasecmp(value, "members", n))
                q->expand_members = true;
        else
                return refuse(answer, "Request_UnsupportedQuery",
                              "The specified $expand is not supported by the service.");
        if (!*select)
                return true;
        if (strncasecmp(select, "($select=", 9) || select[strlen(select) - 1] != ')')
                return refuse(answer, "BadRequest",
                              "Parsing OData Select and Expand failed: Syntax error in $expand.");
        list = mem_part(select + 9, strlen(select) - 10);
        return parse_select(&q->expand_user, &q->expand_group, NULL, list, answer);
}

static bool parse_top(Query *q, const char *value, Answer *answer)
{
        size_t n = strlen(value);

        if (!n || n > 9 || strspn(value, "0123456789") != n) {
                answer_error(answer, 400, "BadRequest",
                             "Invalid value '%s' for $top query option found. The $top query option requires "
                             "a non-negative "
                             "integer value.",
                             value);
                return false;
        }
        q->top = (size_t)strtoul(value, NULL, 10);
        q->top_given = true;
        if (!q->top || q->top > QUERY_PAGE_MAX) {
                answer_error(answer, 400, "Request_UnsupportedQuery",
                             "Invalid page size specified: '%zu'. Must be between 1 and %d "
                             "inclusive.",
                             q->top, QUERY_PAGE_MAX);
                return false;
        }
        return true;
}

static bool parse_token(Query *q, const char *value, Answer *answer)
{
        char *end;

        if (strspn(value, "0123456789abcdef") != strlen(value) || strlen(value) != 16)
                return refuse(answer, "Directory_ExpiredPageToken",
                              "The specified page token value has expired or is invalid.");
        q->after = strtoull(value, &end, 16);
        return true;
}

static bool parse_option(Query *q, const Call *call, const Option *o, Answer *answer)
{
        if (!strcasecmp(o->name, "select"))
                return parse_select(&q->select_user, &q->select_group, q->schema, o->value, answer);
        if (!strcasecmp(o->name, "top"))
                return parse_top(q, o->value, answer);
        if (!strcasecmp(o->name, "skiptoken"))
                return parse_token(q, o->value, answer);
        if (!strcasecmp(o->name, "expand"))
                return parse_expand(q, o->value, answer);
        if (!strcasecmp(o->name, "skip"))
                return refuse(answer, "Request_BadRequest", "'$skip' is not supported by the service.");
        if (!strcasecmp(o->name, "orderby") || !strcasecmp(o->name, "search"))
                return refuse(answer, "Request_UnsupportedQuery",
                              "The query option is not supported by the service.");
        if (!strcasecmp(o->name, "filter") || !strcasecmp(o->name, "count") || !o->dollar)
                return true;
        answer_error(answer, 400, "BadRequest", "The query parameter '$%s' is not supported.", o->name);
        return false;
}

bool query_refuse_apart(const Query *query, Answer *answer)
{
        for (size_t i = 0; i < schema_user.n; ++i) {
                if (query->select_user.given && query->select_user.property[i] &&
                    (schema_user.properties[i].flags & P_APART)) {
                        answer_error(answer, 400, "Request_UnsupportedQuery",
                                     "The property '%s' can only be retrieved with a single user.",
                                     schema_user.properties[i].name);
                        return false;
                }
        }
        return true;
}

bool query_parse(Query *query, const Call *call, const Schema *schema, Answer *answer)
{
        const char *filter = call_option(call, "filter"), *count = call_option(call, "count");

        *query = (Query){ .schema = schema, .top = QUERY_PAGE };
        if (count && strcasecmp(count, "true") && strcasecmp(count, "false"))
                return refuse(answer, "BadRequest", "Invalid value for $count query option found.");
        query->count = count && !strcasecmp(count, "true");
        query->advanced = query->count && call->consistency && !strcasecmp(call->consistency, "eventual");
        if (query->count && !query->advanced)
                return refuse(answer, "Request_BadRequest", "$count is not currently supported.");
        for (size_t i = 0; i < call->n_options; ++i) {
                if (!parse_option(query, call, &call->options[i], answer))
                        return false;
        }
        if (filter && !schema)
                return refuse(answer, "Request_UnsupportedQuery",
                              "The specified filter to the reference property query is currently "
                              "not supported.");
        return !filter || filter_parse(&query->filter, schema, filter, query->advanced, answer);
}

bool query_parse_select(Query *query, const char *list, Answer *answer)
{
        return parse_select(&query->select_user, &query->select_group, query->schema, list, answer);
}

void query_deinit(Query *query)
{
        filter_freep(&query->filter);
}

void query_base(Text *t, const Call *call)
{
        text_puts(t, "http://");
        text_puts(t, call->host ? call->host : "localhost");
}

static void write_properties(Text *t, const Selection *selection, const Object *object)
{
        const Schema *schema = object->schema;

        for (size_t i = 0; i < schema->n; ++i) {
                const Property *p = &schema->properties[i];

                if (!(selection->given ? selection->property[i] : (p->flags & P_DEFAULT) != 0))
                        continue;
                if (t->data[t->n - 1] != '{')
                        text_add(t, ",", 1);
                text_add(t, "\"", 1);
                text_puts(t, p->name);
                text_add(t, "\":", 2);
                if (p->flags & P_SECRET)
                        text_add(t, "null", 4);
                else if (!object->values[i] && (p->flags & P_NOT_NULL))
                        text_add(t, "[]", 2);
                else
                        text_value(t, object->values[i]);
        }
}

static void write_plain(Text *t, const Selection *user, const Selection *group, const Object *object,
                        const char *context, bool type)
{
        text_puts(t, "{");
        if (context) {
                text_key(t, "@odata.context");
                text_json(t, context);
        }
        if (type) {
                text_key(t, "@odata.type");
                text_printf(t, "\"#microsoft.graph.%s\"", object->schema->name);
        }
        write_properties(t, object->schema == &schema_user ? user : group, object);
}

/* Graph expands at most 20 members. */
#define EXPAND_MAX 20

void query_write(Text *t, const Query *query, const Object *object, const char *context, bool type)
{
        size_t n = 0;

        write_plain(t, &query->select_user, &query->select_group, object, context, type);
        if (query->expand_manager && object->manager) {
                text_key(t, "manager");
                write_plain(t, &query->expand_user, &query->expand_group, object->manager, NULL, true);
                text_puts(t, "}");
        }
        if (query->expand_members) {
                text_key(t, "members");
                text_puts(t, "[");
                links_for_each(member, &object->members, number)
                {
                        if (n++ == EXPAND_MAX)
                                break;
                        text_comma(t);
                        write_plain(t, &query->expand_user, &query->expand_group, member, NULL, true);
                        text_puts(t, "}");
                }
                text_puts(t, "]");
        }
        text_puts(t, "}");
}

void query_answer_one(const Query *query, const Call *call, const Object *object, Answer *answer)
{
        _cleanup_(text_deinit) Text context = { 0 };

        query_base(&context, call);
        text_printf(&context, "/v1.0/$metadata#%s/$entity", object->schema->set);
        answer->status = 200;
        query_write(&answer->body, query, object, context.data, false);
}

/* Quotes, backslashes and bytes outside of ASCII must not end or spoil the JSON text around a URL. */
static void write_url(Text *t, const char *s, size_t n)
{
        for (size_t i = 0; i < n; ++i) {
                if (s[i] == '"' || s[i] == '\\' || s[i] < 0x21 || s[i] > 0x7e)
                        text_printf(t, "%%%02X", (unsigned int)(unsigned char)s[i]);
                else
                        text_add(t, s + i, 1);
        }
}

/* Everything of the request's query but the old token, then the new one */
static void write_next_link(Text *t, const Call *call, uint64_t token)
{
        size_t n = strcspn(call->target, "?#");
        const char *s = call->target + n;
        char separator = '?';

        text_key(t, "@odata.nextLink");
        text_puts(t, "\"");
        query_base(t, call);
        write_url(t, call->target, n);
        for (; *s; s += n) {
                n = strcspn(++s, "&");
                if (!n || !strncasecmp(s, "$skiptoken=", 11) || !strncasecmp(s, "%24skiptoken=", 13))
                        continue;
                text_add(t, &separator, 1);
                write_url(t, s, n);
                separator = '&';
        }
        text_printf(t, "%c$skiptoken=%016llx\"", separator, (unsigned long long)token);
}

static bool query_wants(const Query *query, const Object *object, const Schema *kind)
{
        return (!kind || object->schema == kind) && (!query->filter || filter_match(query->filter, object));
}

static void write_reference(Text *t, const Call *call, const Object *object)
{
        text_puts(t, "{\"@odata.id\":\"");
        query_base(t, call);
        text_printf(t, "/v1.0/directoryObjects/%s\"}", object->id);
}

static size_t count_matches(const Query *query, const Links *links, const Schema *kind)
{
        size_t n = 0;

        links_for_each(object, links, number) n += query_wants(query, object, kind);
        return n;
}

void query_answer_list(const Query *query, const Call *call, const Store *store, const Links *links,
                       const Schema *kind, const char *context, Answer *answer)
{
        _cleanup_(links_deinit) Links found = { 0 };
        Text *t = &answer->body;
        uint64_t number = query->after, token = 0;
        size_t n = 0;
        Object *object;

        if (query->filter && store && filter_candidates(query->filter, store, &found))
                links = &found;
        answer->status = 200;
        text_puts(t, "{");
        text_key(t, "@odata.context");
        text_puts(t, "\"");
        query_base(t, call);
        text_printf(t, "/v1.0/$metadata#%s\"", context);
        if (query->count) {
                text_key(t, "@odata.count");
                text_printf(t, "%zu", count_matches(query, links, kind));
        }
        text_key(t, "value");
        text_puts(t, "[");
        for (object = links_next(links, &number); object; object = links_next(links, &number)) {
                if (!query_wants(query, object, kind))
                        continue;
                if (n++ == query->top)
                        break;
                token = number;
                text_comma(t);
                if (query->references)
                        write_reference(t, call, object);
                else
                        query_write(t, query, object, NULL, kind == NULL);
        }
        text_puts(t, "]");
        if (object)
                write_next_link(t, call, token);
        text_puts(t, "}");
}

void query_answer_count(const Query *query, const Links *links, const Schema *kind, Answer *answer)
{
        answer->status = 200;
        answer->content_type = "text/plain";
        text_printf(&answer->body, "%zu", count_matches(query, links, kind));
}
