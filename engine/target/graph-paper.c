/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paper: a write as it would be sent, for a person who wants to see it first
 *
 *      PATCH https://graph.microsoft.com/v1.0/users/7c1e...
 *      Content-Type: application/json
 *
 *      {
 *        "jobTitle": "Engineer"
 *      }
 *
 * The form is that of .http files. No token is in it, and a new user's password is said to be one. Nothing is
 * asked and no budget is used; the answer is made up, so that the requests that would follow are written too.
 */

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

/* Stands for the id that a new object would get. */
#define NEW_ID   "11111111-1111-4111-8111-111111111111"
#define NEW_NAME "{id-of-the-new-object}"

static void add(Str *s, const char *text)
{
        const char *at;

        while ((at = strstr(text, NEW_ID))) {
                str_add_n(s, text, (size_t)(at - text));
                str_add(s, NEW_NAME);
                text = at + strlen(NEW_ID);
        }
        str_add(s, text);
}

static void add_body(Str *s, const HttpRequest *h)
{
        json_t *json = json_loadb(h->body, h->n_body, 0, NULL), *profile;
        char *text;

        profile = json_object_get(json, "passwordProfile");
        if (json_object_get(profile, "password"))
                json_object_set_new(profile, "password",
                                    json_string("(random, made when it is sent, shown nowhere)"));
        text = json ? json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
        add(s, "Content-Type: application/json\n\n");
        add(s, text ? text : "");
        add(s, "\n");
        free(text);
        json_decref(json);
}

void graph_paper(GraphCall *c)
{
        const HttpRequest *h = &c->http;
        Str *s = c->call->paper;
        bool creates = strcmp(h->method, "POST") == 0 && str_is(c->path, "/users");

        str_printf(s, "%s%s %s", s->n ? "\n###\n" : "", h->method, c->g->base);
        add(s, c->path);
        add(s, "\n");
        if (c->upsert)
                add(s, "Prefer: create-if-missing\n");
        if (h->body)
                add_body(s, h);
        c->on_paper = true;
        c->http.answer.status = creates || c->upsert ? 201 : 204;
        if (creates || c->upsert)
                c->json = json_pack("{s:s}", "id", NEW_ID);
}
