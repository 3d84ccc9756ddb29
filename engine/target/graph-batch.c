/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Batch: several requests in one $batch (json-batching), and its answer taken apart
 *
 * It saves connections and round trips, not budget: the service counts every item. Each has its own status,
 * request id and Retry-After, so a 429 of one holds what it names and nobody else is repeated. What an answer
 * does not mention may have had its effect: it was lost. An answer to the whole (401, 429, 503, a page of a
 * proxy) is the answer to each; an older description of throttling gives 424 with the items' answers beside
 * it, which count. Creates are never among them: one that is lost inside a 200 is harder to find again.
 */

#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The bodies of one batch together: below the 4 MB that Graph takes of a request. */
#define BATCH_BODY_MAX ((size_t)3 << 20)

static const char *header_of(const HttpRequest *r, const char *name)
{
        size_t n = strlen(name);

        for (size_t i = 0; i < r->n_headers; ++i) {
                if (strncasecmp(r->headers[i], name, n) == 0 && r->headers[i][n] == ':')
                        return r->headers[i];
        }
        return NULL;
}

static char *joined(const char *a, size_t n_a, const char *b)
{
        char *text = malloc(n_a + strlen(b) + 1);

        if (!text)
                error_oom(n_a);
        memcpy(text, a, n_a);
        strcpy(text + n_a, b);
        return text;
}

/* Those that say something about this request, and not about the connection or who signs in. */
static json_t *headers_of(const HttpRequest *r)
{
        static const char *const names[] = { "client-request-id", "x-ms-throttle-priority", "Prefer" };
        json_t *headers = json_object();

        for (size_t i = 0; i < N_ELEMENTS(names); ++i) {
                const char *line = header_of(r, names[i]);

                if (line)
                        json_object_set_new(
                                headers, names[i],
                                json_string(line + strlen(names[i]) + strspn(line + strlen(names[i]), ": ")));
        }
        if (r->body)
                json_object_set_new(headers, "Content-Type", json_string("application/json"));
        return headers;
}

static void write_item(Str *s, const TargetGraph *g, const HttpRequest *r, size_t i)
{
        char id[16];
        json_t *item;
        char *text;

        snprintf(id, sizeof(id), "%zu", i);
        item = json_pack("{s:s, s:s, s:s, s:o}", "id", id, "method", r->method, "url",
                         r->url + strlen(g->base), "headers", headers_of(r));
        text = json_dumps(item, JSON_COMPACT);
        json_decref(item);
        if (!text)
                error_oom(0);
        if (r->body) {
                text[strlen(text) - 1] = '\0'; /* its brace */
                str_printf(s, "%s%s,\"body\":", i ? "," : "", text);
                str_add_n(s, r->body, r->n_body);
                str_add(s, "}");
        } else {
                str_printf(s, "%s%s", i ? "," : "", text);
        }
        free(text);
}

/* May this request travel with others? */
bool graph_batch_takes(const TargetGraph *g, const HttpRequest *r)
{
        return str_starts(r->url, g->base) && r->n_body <= BATCH_BODY_MAX / HTTP_BUNDLE_MAX;
}

void graph_batch(void *context, HttpBundle *b)
{
        TargetGraph *g = context;
        HttpRequest *c = &b->carrier;
        Str s;

        str_init(&s, 2 * BATCH_BODY_MAX);
        str_add(&s, "{\"requests\":[");
        for (size_t i = 0; i < b->n_items; ++i)
                write_item(&s, g, b->items[i], i);
        str_add(&s, "]}");
        b->body = joined(s.data, s.n, "");
        str_deinit(&s);
        b->url = joined(g->base, strlen(g->base), "/$batch");
        c->method = "POST";
        c->url = b->url;
        c->body = b->body;
        c->n_body = strlen(b->body);
        /* Whoever signed in for the first: a token is as good as another, and a 401 is answered for each. */
        c->headers[c->n_headers++] = header_of(b->items[0], "Authorization");
        c->headers[c->n_headers++] = "Accept: application/json";
        c->headers[c->n_headers++] = "Expect:";
        c->headers[c->n_headers++] = "Content-Type: application/json";
}

static void keep(char *field, size_t size, const json_t *headers, const char *name)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)headers, key, v)
        {
                if (strcasecmp(key, name) == 0 && json_is_string(v))
                        snprintf(field, size, "%s", json_string_value(v));
        }
}

#define KEEP(answer, field, headers, name) keep((answer)->field, sizeof((answer)->field), headers, name)

/* The answer of one item. */
static void take(HttpRequest *r, const HttpAnswer *whole, const json_t *response)
{
        const json_t *headers = json_object_get(response, "headers");
        const json_t *body = json_object_get(response, "body");
        HttpAnswer *a = &r->answer;

        a->status = (int)json_integer_value(json_object_get(response, "status"));
        memcpy(a->date, whole->date, sizeof(a->date));
        memcpy(a->request_id, whole->request_id, sizeof(a->request_id));
        KEEP(a, content_type, headers, "Content-Type");
        KEEP(a, request_id, headers, "request-id");
        KEEP(a, retry_after, headers, "Retry-After");
        KEEP(a, resource_unit, headers, "x-ms-resource-unit");
        KEEP(a, throttle_percentage, headers, "x-ms-throttle-limit-percentage");
        KEEP(a, throttle_scope, headers, "x-ms-throttle-scope");
        if (body && !json_is_null(body)) {
                a->body = json_is_string(body) ? strdup(json_string_value(body))
                                               : json_dumps(body, JSON_COMPACT);
                if (!a->body)
                        error_oom(0);
                a->n_body = strlen(a->body);
                if (!a->content_type[0] && json_is_object(body))
                        snprintf(a->content_type, sizeof(a->content_type), "application/json");
        }
        r->end = HTTP_ANSWERED;
}

/* What happened to the whole has happened to each. */
static void copy(HttpRequest *r, const HttpRequest *carrier)
{
        r->end = carrier->end;
        memcpy(r->error, carrier->error, sizeof(r->error));
        r->answer = carrier->answer;
        r->answer.body = NULL;
        if (carrier->answer.body)
                r->answer.body = joined(carrier->answer.body, carrier->answer.n_body, "");
}

static void lose(HttpRequest *r)
{
        r->end = HTTP_LOST;
        snprintf(r->error, sizeof(r->error), "the answer to a batch does not mention this request");
}

void graph_unbatch(void *context, HttpBundle *b)
{
        HttpAnswer *whole = &b->carrier.answer;
        json_t *json = b->carrier.end == HTTP_ANSWERED && whole->n_body
                               ? json_loadb(whole->body, whole->n_body, 0, NULL)
                               : NULL;
        const json_t *responses = json_object_get(json, "responses");
        bool taken[HTTP_BUNDLE_MAX] = { false };
        const json_t *response;
        size_t i;

        json_array_foreach(responses, i, response)
        {
                const char *id = json_string_value(json_object_get(response, "id"));
                int64_t which;

                if (!id || !str_to_int64(id, &which) || which < 0 || (size_t)which >= b->n_items ||
                    taken[which] || !json_is_integer(json_object_get(response, "status")))
                        continue;
                taken[which] = true;
                take(b->items[which], whole, response);
        }
        for (i = 0; i < b->n_items; ++i) {
                if (taken[i])
                        continue;
                if (json_is_array(responses) || (b->carrier.end == HTTP_ANSWERED && whole->status / 100 == 2))
                        lose(b->items[i]);
                else
                        copy(b->items[i], &b->carrier);
        }
        json_decref(json);
}
