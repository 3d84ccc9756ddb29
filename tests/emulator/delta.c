/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Delta query: GET /users/delta and /groups/delta (delta-query-overview, user-delta, group-delta)
 *
 * A token is opaque to clients; here it is the hexadecimal form of
 *
 *      kind (n next page, d delta) . epoch . since . until . after . wall time . names of $select
 *
 * The first page fixes `until`; what changes between two pages comes again with the next delta, so replays
 * occur, as they do with Graph. Tokens live for seven days. One that cannot be read, has expired, or is of
 * another type gets 410 with the place to begin anew, or 400 with syncStateNotFound, as Graph says it of
 * users and groups after seven days (devblogs, "Duration of change tracking tokens"): POST delta says which.
 * With members or manager in $select, members@delta and manager@delta tell what came and went, or all of them
 * the first time; those of a group are not divided among pages.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "emulator.h"
#include "mem.h"
#include "query.h"
#include "route.h"

#define TOKEN_DAYS 7

typedef struct Token Token;

struct Token {
        char kind;
        unsigned int epoch;
        unsigned long long since; /* generation; 0: from the beginning */
        unsigned long long until;
        unsigned long long after; /* number in the list */
        long long wall_ms;        /* of the first page */
        const char *select;
};

static void write_token(Text *t, const Token *token)
{
        _cleanup_(text_deinit) Text plain = { 0 };

        text_printf(&plain, "%c.%u.%llx.%llx.%llx.%llx.%s", token->kind, token->epoch, token->since,
                    token->until, token->after, (unsigned long long)token->wall_ms, token->select);
        for (size_t i = 0; i < plain.n; ++i)
                text_printf(t, "%02x", (unsigned int)(unsigned char)plain.data[i]);
}

static int digit(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `plain` holds the text of select. */
static bool read_token(const char *value, Text *plain, Token *ret)
{
        unsigned long long wall;
        int n = 0;

        for (; value[0]; value += 2) {
                int high = digit(value[0]), low = high < 0 ? -1 : digit(value[1]);
                char c = (char)(high * 16 + low);

                if (low < 0 || !c)
                        return false;
                text_add(plain, &c, 1);
        }
        if (!plain->n ||
            sscanf(plain->data, "%c.%u.%llx.%llx.%llx.%llx.%n", &ret->kind, &ret->epoch, &ret->since,
                   &ret->until, &ret->after, &wall, &n) != 6 ||
            !n)
                return false;
        ret->wall_ms = (long long)wall;
        ret->select = plain->data + n;
        return true;
}

static void start_over(const Emulator *emulator, const Call *call, const Schema *schema, Answer *answer)
{
        _cleanup_(text_deinit) Text base = { 0 };

        if (emulator->delta_bad_request) {
                answer_error(answer, 400, "syncStateNotFound",
                             "The sync state generation is not found. The delta token is expired and data "
                             "must be synchronized again.");
                return;
        }
        query_base(&base, call);
        answer_error(answer, 410, "resyncRequired",
                     "Resync required. The delta token has expired or is not valid; begin with an empty "
                     "$deltatoken.");
        answer_header(answer, "Location", "%s/v1.0/%s/delta?$deltatoken=", base.data, schema->set);
}

static void write_removed(Text *t, const char *id, const char *reason)
{
        text_comma(t);
        text_puts(t, "{");
        text_key(t, "id");
        text_json(t, id);
        text_key(t, "@removed");
        text_printf(t, "{\"reason\":\"%s\"}}", reason);
}

static void write_ends(Text *t, const Store *store, const Schema *schema, uint64_t since)
{
        links_for_each(object, &store->deleted, number)
        {
                if (object->schema == schema && object->changed > since)
                        write_removed(t, object->id, "changed");
        }
        for (size_t i = 0; i < store->n_removed; ++i) {
                if (store->removed[i].schema == schema && store->removed[i].at > since)
                        write_removed(t, store->removed[i].id, "deleted");
        }
}

static void write_link(Text *t, const Call *call, const Schema *schema, const char *name, const char *option,
                       const Token *token)
{
        text_key(t, name);
        text_puts(t, "\"");
        query_base(t, call);
        text_printf(t, "/v1.0/%s/delta?$%s=", schema->set, option);
        write_token(t, token);
        text_puts(t, "\"");
}

static bool is_name(const char *name, size_t n, const char *wanted)
{
        return n == strlen(wanted) && !strncasecmp(name, wanted, n);
}

/* $select without the link, which is no property. Returns whether it was there. */
static bool take_links(const char *select, const char *link, Text *rest)
{
        bool found = false;

        while (*select) {
                size_t n = strcspn(select, ",");

                if (is_name(select, n, link)) {
                        found = true;
                } else {
                        if (rest->n)
                                text_puts(rest, ",");
                        text_add(rest, select, n);
                }
                select += n + (select[n] == ',');
        }
        return found;
}

static void write_linked(Text *t, const char *id, const Schema *schema, bool there)
{
        text_comma(t);
        text_printf(t, "{\"@odata.type\":\"#microsoft.graph.%s\",\"id\":\"%s\"%s}", schema->name, id,
                    there ? "" : ",\"@removed\":{\"reason\":\"deleted\"}");
}

/* The last word on each. */
static bool is_last(const Store *store, size_t at)
{
        const Linked *l = &store->linked[at];

        for (size_t i = at + 1; i < store->n_linked; ++i)
                if (!strcmp(store->linked[i].owner, l->owner) && !strcmp(store->linked[i].id, l->id))
                        return false;
        return true;
}

static void write_links(Text *t, const Store *store, const Object *object, uint64_t since)
{
        _cleanup_(text_deinit) Text list = { 0 };

        text_puts(&list, "[");
        if (!since && object->manager)
                write_linked(&list, object->manager->id, object->manager->schema, true);
        if (!since) {
                links_for_each(member, &object->members, number)
                        write_linked(&list, member->id, member->schema, true);
        }
        for (size_t i = store->n_linked; since && i > 0 && store->linked[i - 1].at > since; --i) {
                const Linked *l = &store->linked[i - 1];

                if (!strcmp(l->owner, object->id) && is_last(store, i - 1))
                        write_linked(&list, l->id, l->schema, l->there);
        }
        if (list.n == 1)
                return;
        text_puts(&list, "]");
        --t->n; /* the brace of the object */
        text_key(t, object->schema == &schema_user ? "manager@delta" : "members@delta");
        text_add(t, list.data, list.n);
        text_puts(t, "}");
}

static void write_page(const Emulator *emulator, const Call *call, const Query *query, const Token *token,
                       bool links, Answer *answer)
{
        const Schema *schema = query->schema;
        const Links *all = store_list(emulator_view(emulator), schema);
        Token next = *token;
        uint64_t number = token->after;
        Text *t = &answer->body;
        Object *object;
        size_t n = 0;

        answer->status = 200;
        text_puts(t, "{");
        text_key(t, "@odata.context");
        text_puts(t, "\"");
        query_base(t, call);
        text_printf(t, "/v1.0/$metadata#%s\"", schema->set);
        text_key(t, "value");
        text_puts(t, "[");
        for (object = links_next(all, &number); object; object = links_next(all, &number)) {
                if (object->changed <= token->since)
                        continue;
                if (n++ == query->top)
                        break;
                next.after = number;
                text_comma(t);
                query_write(t, query, object, NULL, false);
                if (links)
                        write_links(t, emulator_view(emulator), object, token->since);
        }
        if (!object && token->since)
                write_ends(t, emulator_view(emulator), schema, token->since);
        text_puts(t, "]");
        next.kind = object ? 'n' : 'd';
        if (object)
                write_link(t, call, schema, "@odata.nextLink", "skiptoken", &next);
        else
                write_link(t, call, schema, "@odata.deltaLink", "deltatoken", &next);
        text_puts(t, "}");
}

static bool is_good(const Emulator *emulator, const Call *call, const Token *token, char kind)
{
        return token->kind == kind && token->epoch == emulator->delta_epoch &&
               call->wall_ms - token->wall_ms <= TOKEN_DAYS * INT64_C(86400000);
}

static bool check_options(const Call *call, Answer *answer)
{
        static const char *const known[] = { "select", "skiptoken", "deltatoken", "top" };

        for (size_t i = 0; i < call->n_options; ++i) {
                bool found = !call->options[i].dollar;

                for (size_t k = 0; k < ARRAY_LENGTH(known); ++k)
                        found |= !strcasecmp(call->options[i].name, known[k]);
                if (found)
                        continue;
                answer_error(answer, 400, "Request_UnsupportedQuery",
                             "The query parameter '$%s' is not supported by a delta query.",
                             call->options[i].name);
                return false;
        }
        return true;
}

static void delta(Emulator *emulator, Call *call, const Schema *schema, Answer *answer)
{
        const char *skip = call_option(call, "skiptoken"), *since = call_option(call, "deltatoken");
        const char *select = call_option(call, "select"), *given = skip ? skip : since;
        Query query = { .schema = schema, .top = QUERY_PAGE };
        _cleanup_(text_deinit) Text plain = { 0 }, rest = { 0 };
        bool links;
        Token token = {
                .kind = 'n',
                .epoch = emulator->delta_epoch,
                .until = emulator_view(emulator)->generation,
                .wall_ms = call->wall_ms,
                .select = select ? select : "",
        };

        if (!check_options(call, answer))
                return;
        if (!skip && since && !strcasecmp(since, "latest")) {
                token.since = token.until;
                token.after = UINT64_MAX - 1;
        } else if (given && *given) {
                if (!read_token(given, &plain, &token) ||
                    !is_good(emulator, call, &token, skip ? 'n' : 'd')) {
                        start_over(emulator, call, schema, answer);
                        return;
                }
                if (!skip) {
                        token.since = token.until;
                        token.until = emulator_view(emulator)->generation;
                        token.after = 0;
                        token.wall_ms = call->wall_ms;
                }
        }
        links = take_links(token.select, schema == &schema_user ? "manager" : "members", &rest);
        if (query_parse_select(&query,
                               rest.n  ? rest.data
                               : links ? "id"
                                       : "",
                               answer) &&
            query_refuse_apart(&query, answer))
                write_page(emulator, call, &query, &token, links, answer);
}

void user_delta(Emulator *emulator, Call *call, Answer *answer)
{
        delta(emulator, call, &schema_user, answer);
}

void group_delta(Emulator *emulator, Call *call, Answer *answer)
{
        delta(emulator, call, &schema_group, answer);
}
