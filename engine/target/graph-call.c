/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* If the configuration says nothing. */
#define TIMEOUT INT64_C(30000000)

/* Without Retry-After on a 429, as Entra Connect's single object sync says: "Please retry after 5 minutes".
 */
#define NO_RETRY_AFTER INT64_C(300000000)

/* A 429 whose Retry-After is 0, or a date that has passed, does not say how long: whoever came back at once
 * would be refused at once, some hundred times a second, and each of these counts against us. */
#define AT_ONCE INT64_C(1000000)

static const char *const priorities[_LANE_N] = {
        [LANE_URGENT] = "x-ms-throttle-priority: High",
        [LANE_NORMAL] = "x-ms-throttle-priority: Normal",
        [LANE_RECONCILE] = "x-ms-throttle-priority: Low",
};

void graph_call_init(GraphCall *c, TargetGraph *g, Call *call, const char *method, const char *path)
{
        *c = (GraphCall){ .g = g, .call = call, .path = path };
        http_request_init(&c->http);
        c->http.method = method;
        c->write = strcmp(method, "GET") != 0;
        c->http.scope = c->write ? LIMITER_WRITE : LIMITER_READ;
        c->http.units = 1;
}

void graph_call_deinit(GraphCall *c)
{
        http_request_deinit(&c->http);
        if (c->secret_body) {
                explicit_bzero(c->secret_body, c->n_secret_body);
                free(c->secret_body);
        }
        bearer_unref(c->bearer);
        json_decref(c->json);
}

/*
 * On the thread that drives Http, before anything else may leave: what the service says about its limits.
 * x-ms-throttle-limit-percentage comes with answers above 0.8, x-ms-resource-unit with the cost of the
 * request (learn.microsoft.com/graph/throttling).
 */
static void on_answer(HttpRequest *r)
{
        TargetGraph *g = r->graph;
        HttpAnswer *a = &r->answer;
        Mono now = r->answered;
        int64_t units, wait;

        if ((r->end == HTTP_ANSWERED || r->end == HTTP_CUT) && g->options->limits.published && !r->apart) {
                if (str_to_int64(a->resource_unit, &units) && units >= 0 && units < 1000)
                        limiter_correct(g->limiter, LIMITER_READ,
                                        r->scope == LIMITER_READ ? (int)r->units : 1, (int)units, now);
                if (a->throttle_percentage[0])
                        limiter_slow(g->limiter, graph_throttle_scope(a->throttle_scope, r->scope),
                                     strtod(a->throttle_percentage, NULL), now);
        }
        if (a->status == 429 || a->status == 503) {
                wait = http_retry_after(a->retry_after, a->date, clock_wall(g->clock));
                if (a->status == 429 && wait <= 0)
                        wait = wait < 0 ? NO_RETRY_AFTER : AT_ONCE;
                if (wait >= 0) {
                        r->held_until = mono_add(now, wait);
                        if (!r->apart)
                                limiter_hold(g->limiter, graph_throttle_scope(a->throttle_scope, r->scope),
                                             r->held_until);
                }
        }
        if (a->status == 503)
                atomic_store(&g->fresh, true); /* "open a new connection" (throttling guidance for 503) */
        http_wake(r);
}

static void add_header(HttpRequest *r, const char *line)
{
        r->headers[r->n_headers++] = line;
}

static bool is_unwanted(void *context)
{
        return target_asker_is_gone(context);
}

/* An asker is only looked at; Http's context may be anything. */
static void mind_asker(HttpRequest *h, const TargetAsker *asker)
{
        const union {
                const TargetAsker *ours;
                void *context;
        } a = { .ours = asker };

        h->is_unwanted = asker ? is_unwanted : NULL;
        h->unwanted_context = a.context;
}

static int submit(GraphCall *c, Diag *diag)
{
        TargetGraph *g = c->g;
        Call *call = c->call;
        Arena *a = call->arena;
        HttpRequest *h = &c->http;
        Mono now = clock_mono(g->clock);
        ObjectId id;
        int r;

        r = token_get(g->token, call->deadline, call->asker, &c->bearer, diag);
        if (r)
                return r;
        /* After all that may have taken time, and before what is in flight for longer than we can say. */
        if (call->may_send && !call->may_send(call->context)) {
                diag_set(diag, "nothing was sent: this node could not renew its session in the cluster, and "
                               "another may have the object by now");
                return TARGET_E_TRANSIENT;
        }
        if (!c->request_id) {
                guid_random(&id);
                c->request_id = guid_format(&id, c->client_id);
        }
        h->url = strstr(c->path, "://") ? c->path : arena_printf(a, "%s%s", g->base, c->path);
        h->n_headers = 0;
        add_header(h, c->bearer->header);
        add_header(h, "Accept: application/json");
        add_header(h, "Expect:"); /* no 100-continue: it costs a round trip */
        add_header(h, arena_printf(a, "client-request-id: %s", c->request_id));
        add_header(h, priorities[call->lane]);
        add_header(h, h->body ? "Content-Type: application/json" : "Content-Type:");
        if (c->upsert)
                add_header(h, "Prefer: create-if-missing");
        h->lane = call->lane;
        h->metered = true;
        h->fresh = atomic_exchange(&g->fresh, false);
        h->apart = c->apart;
        h->joins = !c->alone && !c->apart && graph_batch_takes(g, h);
        h->deadline = mono_add(now, c->timeout_us                ? c->timeout_us
                                    : g->options->timeout_us > 0 ? g->options->timeout_us
                                                                 : TIMEOUT);
        if (call->deadline.us < h->deadline.us)
                h->deadline = call->deadline;
        h->patience = mono_add(now, GRAPH_PATIENCE);
        mind_asker(h, call->asker);
        h->graph = g;
        h->done = on_answer;
        c->submitted = true;
        http_submit(g->http, h);
        return 0;
}

void graph_call_start(GraphCall *c, Diag *diag)
{
        if (c->call->paper && c->write)
                graph_paper(c);
        else
                c->failed = submit(c, diag);
}

/* Back to the state before submit, for the one repetition after a 401. */
static void rewind_call(GraphCall *c)
{
        HttpRequest old = c->http;

        http_request_deinit(&c->http);
        http_request_init(&c->http);
        c->http.method = old.method;
        c->http.scope = old.scope;
        c->http.units = old.units;
        c->http.body = old.body;
        c->http.n_body = old.n_body;
        c->bearer = bearer_unref(c->bearer);
        c->submitted = false;
}

static void keep_request_id(Call *call, const char *id)
{
        if (!id[0])
                return;
        if (call->n_request_ids == call->size_request_ids) {
                size_t size = call->size_request_ids ? 2 * call->size_request_ids : 8;
                const char **larger = arena_new_array(call->arena, const char *, size);

                if (call->n_request_ids > 0)
                        memcpy(larger, call->request_ids, call->n_request_ids * sizeof(*larger));
                call->request_ids = larger;
                call->size_request_ids = size;
        }
        call->request_ids[call->n_request_ids++] = arena_strdup(call->arena, id);
}

static void keep_account(GraphCall *c)
{
        Call *call = c->call;
        const HttpRequest *h = &c->http;

        keep_request_id(call, h->answer.request_id);
        if (!h->sent)
                return;
        if (!c->write) {
                ++call->n_reads;
                return;
        }
        ++call->n_writes;
        if (call->first_write.us == 0 || h->left.us < call->first_write.us)
                call->first_write = h->left;
        if (h->end == HTTP_ANSWERED && h->answer.status / 100 == 2 && h->answered.us > call->last_write.us)
                call->last_write = h->answered;
}

/*
 * A request as people read it. The link of a page or of a delta query is whole, and hundreds of characters of
 * it are the token by which the service knows where it stands ($skiptoken, $deltatoken): nobody reads that,
 * and whoever has it and may read the tenant can go on from there.
 */
static const char *shown_path(const GraphCall *c)
{
        const char *base = c->g->base, *path = c->path, *token;

        if (str_starts(path, base))
                path += strlen(base);
        token = strstr(path, "token=");
        return token ? arena_printf(c->call->arena, "%.*s...", (int)(token - path) + 6, path) : path;
}

static int say(GraphCall *c, int r, Diag *diag, const char *what)
{
        const GraphError *e = &c->error;
        const char *id = c->http.answer.request_id, *path = shown_path(c);

        if (e->status)
                diag_set(diag, "Microsoft Graph: %s %s: %d %s%s%s%s%s%s", c->http.method, path, e->status,
                         e->service_code ? e->service_code : what, e->message ? ": " : "",
                         e->message ? e->message : "", id[0] ? " (request-id " : "", id, id[0] ? ")" : "");
        else
                diag_set(diag, "Microsoft Graph: %s %s: %s", c->http.method, path, what);
        return r;
}

/*
 * Writes are answered with 204 and nothing, or with what they have made. What else says 2xx (a proxy that
 * lets nothing through and says "200", a gateway that wraps an error) has perhaps not asked Graph at all.
 */
static int parse_body(GraphCall *c, Diag *diag)
{
        const HttpAnswer *a = &c->http.answer;
        json_error_t error;

        if (a->n_body == 0)
                return !c->write || a->status == 204
                               ? 0
                               : say(c, TARGET_E_GARBAGE, diag, "the answer to a write is empty");
        if (strncasecmp(a->content_type, "application/json", strlen("application/json")) != 0)
                return say(c, TARGET_E_GARBAGE, diag, "the answer is not JSON");
        c->json = json_loadb(a->body, a->n_body, 0, &error);
        if (!json_is_object(c->json))
                return say(c, TARGET_E_GARBAGE, diag, "the answer is not a JSON object");
        if (json_object_get(c->json, "error"))
                return say(c, TARGET_E_GARBAGE, diag, "a success with an error in it");
        if (c->write && !json_object_get(c->json, "id") && !json_object_get(c->json, "value"))
                return say(c, TARGET_E_GARBAGE, diag, "the answer to a write does not say what was written");
        return 0;
}

static int judge_verdict(GraphCall *c, Diag *diag)
{
        c->call->error_code = c->error.service_code ? c->error.service_code : c->error.code;
        c->call->error_text = c->error.message;
        if (c->http.held_until.us > 0)
                c->call->retry_at = c->http.held_until;
        switch (c->error.verdict) {
        case GRAPH_CONFLICT:
        case GRAPH_EXISTS:
        case GRAPH_NOT_FOUND:
        case GRAPH_REJECTED:
                return say(c, TARGET_E_REJECTED, diag, "refused");
        case GRAPH_DENIED:
                return say(c, c->write ? TARGET_E_REJECTED : TARGET_E_REFUSED, diag, "denied");
        case GRAPH_UNAUTHORISED:
                return say(c, TARGET_E_REFUSED, diag, "the token is not accepted");
        case GRAPH_THROTTLED:
                return say(c, TARGET_E_THROTTLED, diag, "throttled");
        case GRAPH_NONSENSE:
                return say(c, TARGET_E_GARBAGE, diag, "an answer that Microsoft Graph does not give");
        default:
                return say(c, TARGET_E_TRANSIENT, diag, "not available");
        }
}

static int judge_answer(GraphCall *c, Diag *diag)
{
        const HttpAnswer *a = &c->http.answer;

        if (a->status / 100 == 2)
                return parse_body(c, diag);
        graph_error_parse(&c->error, a->status, a->content_type, a->body, a->n_body, c->call->arena);
        return judge_verdict(c, diag);
}

static int judge(GraphCall *c, Diag *diag)
{
        const HttpRequest *h = &c->http;

        switch (h->end) {
        case HTTP_ANSWERED:
                return judge_answer(c, diag);
        case HTTP_CUT:
                graph_error_parse(&c->error, h->answer.status, "", NULL, 0, c->call->arena);
                if (c->error.verdict != GRAPH_NONSENSE)
                        return judge_verdict(c, diag);
                c->error = (GraphError){ 0 };
                return say(c, TARGET_E_TRANSIENT, diag,
                           "the connection was lost in the middle of the answer");
        case HTTP_HELD:
                c->call->retry_at = h->held_until;
                return say(c, TARGET_E_THROTTLED, diag, h->error);
        case HTTP_UNREACHABLE:
                return say(c, TARGET_E_UNREACHABLE, diag, h->error);
        case HTTP_GARBAGE:
                return say(c, TARGET_E_GARBAGE, diag, h->error);
        case HTTP_STOPPED:
                return say(c, TARGET_E_TRANSIENT, diag, "stopped");
        default:
                return say(c, TARGET_E_TRANSIENT, diag, h->error[0] ? h->error : "the connection was lost");
        }
}

/*
 * Is another token worth one repetition? Expired or withdrawn in mid-run (401, Authentication_ExpiredToken,
 * InvalidAuthenticationToken), or made before a permission was granted (403). The request had no effect.
 */
static bool wants_another_token(GraphCall *c)
{
        if (c->http.end == HTTP_ANSWERED && c->http.answer.status == 403)
                return token_doubt(c->g->token, c->bearer->generation, c->call->deadline, c->call->asker);
        /* The status is enough, also where the connection was lost behind it. */
        if ((c->http.end != HTTP_ANSWERED && c->http.end != HTTP_CUT) || c->http.answer.status != 401)
                return false;
        token_reject(c->g->token, c->bearer->generation);
        return true;
}

int graph_call_finish(GraphCall *c, Diag *diag)
{
        if (c->failed || c->on_paper)
                return c->failed;
        http_wait(c->g->http, &c->http);
        keep_account(c);
        if (wants_another_token(c)) {
                rewind_call(c);
                c->failed = submit(c, diag);
                if (c->failed)
                        return c->failed;
                http_wait(c->g->http, &c->http);
                keep_account(c);
        }
        return judge(c, diag);
}

bool graph_call_is_untouched(const GraphCall *c)
{
        switch (c->error.verdict) {
        case GRAPH_FINE:
        case GRAPH_UNAVAILABLE:
        case GRAPH_NONSENSE:
                return !c->submitted || !c->http.sent;
        default:
                return true;
        }
}
