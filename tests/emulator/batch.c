/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <strings.h>

#include "batch.h"
#include "mem.h"
#include "route.h"
#include "write.h"

typedef struct Item Item;

struct Item {
        const json_t *json;
        const char *id;
        int depends; /* position of the item this one waits for; -1: none */
        int status;
        unsigned int units;
        int64_t delay_ms;
};

/* "<before><id><after>" */
static bool refuse(Answer *answer, const char *before, const char *id, const char *after)
{
        answer_error(answer, 400, "BadRequest", "%s%s%s", before, id, after);
        return false;
}

static int item_find(const Item *items, size_t n, const char *id)
{
        for (size_t i = 0; i < n; ++i) {
                if (id && !strcasecmp(items[i].id, id))
                        return (int)i;
        }
        return -1;
}

static bool item_parse(Item *items, size_t i, const json_t *json, Answer *answer)
{
        const char *id = json_string_value(json_object_get(json, "id"));
        const char *method = json_string_value(json_object_get(json, "method"));
        const char *url = json_string_value(json_object_get(json, "url"));

        if (!id || !*id)
                return refuse(answer, "Invalid batch payload format: a request has no '", "id", "'.");
        if (item_find(items, i, id) >= 0)
                return refuse(answer, "Request Id '", id, "' has to be unique in a batch.");
        if (!method || !url)
                return refuse(answer, "Invalid batch payload format: the request '", id,
                              "' has no method or no url.");
        if (json_object_get(json, "atomicityGroup"))
                return refuse(answer, "The property atomicityGroup of request '", id, "' is not supported.");
        items[i] = (Item){ .json = json, .id = id, .depends = -1 };
        return true;
}

/* Shapes: no dependency, a chain, or all (but the first of them) on the same one */
static bool items_link(Item *items, size_t n, Answer *answer)
{
        size_t n_linked = 0;
        bool chain = true, star = true;
        int hub = -1;

        for (size_t i = 0; i < n; ++i) {
                const json_t *depends = json_object_get(items[i].json, "dependsOn");

                if (!json_array_size(depends))
                        continue;
                items[i].depends = item_find(items, n, json_string_value(json_array_get(depends, 0)));
                if (json_array_size(depends) != 1 || items[i].depends < 0 || items[i].depends >= (int)i)
                        return refuse(answer, "The dependsOn of request '", items[i].id,
                                      "' does not name exactly one earlier request.");
                ++n_linked;
                hub = hub < 0 ? items[i].depends : hub;
                chain = chain && items[i].depends == (int)i - 1;
                star = star && items[i].depends == hub;
        }
        if (n_linked && !(chain && n_linked == n - 1) && !(star && n_linked == n - 1))
                return refuse(answer,
                              "The dependsOn of the requests is neither parallel, nor sequential, nor all on "
                              "the same request",
                              "", ".");
        return true;
}

static const char *item_header(const Item *item, const char *name)
{
        const char *key;
        json_t *v;

        json_object_foreach(json_object_get(item->json, "headers"), key, v)
        {
                if (!strcasecmp(key, name))
                        return json_string_value(v);
        }
        return NULL;
}

static void item_write(const Item *item, const Answer *a, Text *t)
{
        text_comma(t);
        text_puts(t, "{\"id\":");
        text_json(t, item->id);
        text_printf(t, ",\"status\":%d,\"headers\":{", item->status);
        for (size_t i = 0; i < a->n_headers; ++i) {
                text_key(t, a->headers[i].name);
                text_json(t, a->headers[i].value);
        }
        if (a->body.n) {
                text_key(t, "Content-Type");
                text_json(t, a->content_type ? a->content_type : "application/json");
        }
        text_puts(t, "}");
        if (a->body.n && !a->content_type) {
                text_key(t, "body");
                text_add(t, a->body.data, a->body.n);
        } else if (a->body.n) {
                text_key(t, "body");
                text_json_n(t, a->body.data, a->body.n);
        }
        text_puts(t, "}");
}

static void item_run(Emulator *emulator, const Call *outer, uint64_t number, Item *item, Text *t)
{
        const char *url = json_string_value(json_object_get(item->json, "url"));
        json_t *json = json_object_get(item->json, "body");
        _cleanup_(mem_freep) char *target = NULL;
        _cleanup_(text_deinit) Text body = { 0 };
        _cleanup_(answer_deinit) Answer answer = { 0 };
        _cleanup_(call_deinit) Call call = {
                .method = call_method(json_string_value(json_object_get(item->json, "method"))),
                .authorization = outer->authorization,
                .client_request_id = item_header(item, "client-request-id"),
                .consistency = item_header(item, "ConsistencyLevel"),
                .content_type = item_header(item, "Content-Type"),
                .prefer = item_header(item, "Prefer"),
                .host = outer->host,
                .now_us = outer->now_us,
                .wall_ms = outer->wall_ms,
                .batched = true,
        };

        if (asprintf(&target, "/v1.0%s%s", *url == '/' ? "" : "/", url) < 0)
                abort();
        if (json)
                text_value(&body, json);
        call.body = body.n ? body.data : "";
        call.n_body = body.n;
        random_guid(&emulator->random, call.request_id);
        call.target = target;
        emulator_serve(emulator, &call, number, &answer);
        item->status = answer.status;
        item->delay_ms = answer.delay_ms;
        for (size_t i = 0; i < answer.n_headers; ++i) {
                if (!strcmp(answer.headers[i].name, "x-ms-resource-unit"))
                        item->units = (unsigned int)strtoul(answer.headers[i].value, NULL, 10);
        }
        item_write(item, &answer, t);
}

static void item_skip(Emulator *emulator, const Call *outer, Item *item, Text *t)
{
        _cleanup_(answer_deinit) Answer answer = { 0 };

        answer_error(&answer, 424, "FailedDependency",
                     "The request did not execute because the request that it depended on failed.");
        answer_finish(&answer, outer);
        item->status = 424;
        item_write(item, &answer, t);
}

void batch_run(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer);
        const json_t *requests = json_object_get(body, "requests");
        size_t n = json_array_size(requests);
        Item items[BATCH_MAX];
        unsigned int units = 0;
        Text *t = &answer->body;

        if (!body)
                return;
        if (!json_is_array(requests) || !n) {
                refuse(answer, "Invalid batch payload format", "", ".");
                return;
        }
        if (n > BATCH_MAX) {
                refuse(answer, "Number of batch request steps exceeds the maximum value of ", "20", ".");
                return;
        }
        for (size_t i = 0; i < n; ++i) {
                if (!item_parse(items, i, json_array_get(requests, i), answer))
                        return;
        }
        if (!items_link(items, n, answer))
                return;
        answer->status = 200;
        text_puts(t, "{\"responses\":[");
        for (size_t i = 0; i < n; ++i) {
                if (items[i].depends >= 0 && items[items[i].depends].status >= 400)
                        item_skip(emulator, call, &items[i], t);
                else
                        item_run(emulator, call, call->number, &items[i], t);
                units += items[i].units;
                if (items[i].delay_ms > answer->delay_ms)
                        answer->delay_ms = items[i].delay_ms;
        }
        text_puts(t, "]}");
        answer_header(answer, "x-ms-resource-unit", "%u", units);
}
