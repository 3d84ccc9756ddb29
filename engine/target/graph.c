/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

/* So many requests may be under way by themselves. Below that a batch would only be slower: each of its
 * answers waits for the slowest. */
#define BATCH_ABOVE 8

/* The tenant's name and domains change rarely. */
#define INFO_FOR INT64_C(300000000)

static TargetGraph *target_graph(Target *t)
{
        return (TargetGraph *)t;
}

/*
 * A write that a worker has taken from the limiter before it leased its change (decisions.md 5) leaves
 * without being charged again. A worker does not know yet which lane it will lease, so credits belong to
 * nobody: what counts is that the sum is right.
 */
static bool take_credit(TargetGraph *g)
{
        int n = atomic_load(&g->credits);

        while (n > 0) {
                if (atomic_compare_exchange_weak(&g->credits, &n, n - 1))
                        return true;
        }
        return false;
}

static void add_credit(TargetGraph *g)
{
        if (atomic_fetch_add(&g->credits, 1) >= GRAPH_CREDITS_MAX)
                atomic_fetch_sub(&g->credits, 1);
}

/* On the thread that drives Http. A write costs one write and one resource unit. */
static int64_t admit(void *context, HttpRequest *request, Mono now)
{
        TargetGraph *g = context;
        Mono held = limiter_held(g->limiter, request->scope, now);
        int64_t wait;

        if (held.us > 0)
                return held.us - now.us;
        if (request->scope == LIMITER_READ)
                return limiter_take(g->limiter, LIMITER_READ, request->units, request->lane, now);
        wait = take_credit(g) ? 0 : limiter_take(g->limiter, LIMITER_WRITE, 1, request->lane, now);
        if (wait == 0)
                limiter_correct(g->limiter, LIMITER_READ, 0, 1, now);
        return wait;
}

static void refund(void *context, HttpRequest *request, Mono now)
{
        TargetGraph *g = context;

        limiter_give_back(g->limiter, request->scope, request->units, now);
}

static int64_t tick(void *context, Mono now)
{
        TargetGraph *g = context;

        return token_tick(g->token, now);
}

/*
 * Reads are charged when they leave. Here it is only made sure that there is room for the two units that a
 * run begins with.
 */
static int64_t graph_take(Target *t, Lane lane, Mono now)
{
        TargetGraph *g = target_graph(t);
        int64_t wait = limiter_wait(g->limiter, LIMITER_READ, 2, lane, now);

        if (wait > 0)
                return wait;
        wait = limiter_take(g->limiter, LIMITER_WRITE, 1, lane, now);
        if (wait == 0)
                add_credit(g);
        return wait;
}

static void graph_give_back(Target *t, Lane lane, Mono now)
{
        TargetGraph *g = target_graph(t);

        if (take_credit(g))
                limiter_give_back(g->limiter, LIMITER_WRITE, 1, now);
}

/* A 403 belongs to the object if it is the only one: administrators may be changed by few (user-update). */
bool graph_denied(TargetGraph *g, const ObjectId *id)
{
        bool withdrawn = false;

        pthread_mutex_lock(&g->lock);
        if (!id) {
                g->n_denied = 0;
        } else if (g->n_denied == 0 || !guid_is(&g->denied[0], id)) {
                withdrawn = g->n_denied >= 2 && !guid_is(&g->denied[1], id);
                g->denied[1] = g->denied[0];
                g->denied[0] = *id;
                if (g->n_denied < 2)
                        ++g->n_denied;
        }
        pthread_mutex_unlock(&g->lock);
        return withdrawn;
}

static const char *keep(TargetGraph *g, const char *old, const char *text)
{
        return str_is(old, text) ? old : arena_strdup(g->arena, text);
}

static bool is_kept(const char *const *list, size_t n, const json_t *names)
{
        for (size_t i = 0; i < n; ++i) {
                if (!str_is(list[i], json_string_value(json_array_get(names, i))))
                        return false;
        }
        return n == json_array_size(names);
}

/* Lock held. Texts that were given out stay where they are. */
static void keep_names(TargetGraph *g, const json_t *names, const char *const **list, size_t *n)
{
        const char **kept;
        const json_t *name;
        size_t i;

        if (is_kept(*list, *n, names))
                return;
        kept = arena_new_array(g->arena, const char *, json_array_size(names));
        json_array_foreach(names, i, name) kept[i] = arena_strdup(g->arena, json_string_value(name));
        *list = kept;
        *n = json_array_size(names);
}

/* Lock held. "type: for example, Managed" (verifiedDomain). */
static void keep_domains(TargetGraph *g, const json_t *list)
{
        json_t *verified = json_array(), *federated = json_array();
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
        {
                json_t *name = json_object_get(item, "name");

                if (!json_is_string(name))
                        continue;
                json_array_append(verified, name);
                if (str_is_nocase(json_string_value(json_object_get(item, "type")) ?: "", "Federated"))
                        json_array_append(federated, name);
                if (json_is_true(json_object_get(item, "isInitial")))
                        g->info.initial_domain = keep(g, g->info.initial_domain, json_string_value(name));
        }
        keep_names(g, verified, &g->info.verified_domains, &g->info.n_verified_domains);
        keep_names(g, federated, &g->info.federated_domains, &g->info.n_federated_domains);
        json_decref(verified);
        json_decref(federated);
}

static void keep_info(TargetGraph *g, const json_t *organization)
{
        const char *id = json_string_value(json_object_get(organization, "id"));
        const char *name = json_string_value(json_object_get(organization, "displayName"));
        const json_t *last = json_object_get(organization, "onPremisesLastSyncDateTime");

        g->info.name = "Microsoft Entra ID";
        /* As it says itself: the configuration may have one of its domains. */
        g->info.tenant_id = keep(g, g->info.tenant_id, id ? id : g->options->tenant_id);
        g->info.tenant_name = keep(g, g->info.tenant_name, name ? name : "");
        g->info.last_sync = (Wall){ 0 };
        if (json_is_string(last))
                wall_parse(json_string_value(last), &g->info.last_sync);
        g->info.on_premises_sync = json_is_true(json_object_get(organization, "onPremisesSyncEnabled"));
        keep_domains(g, json_object_get(organization, "verifiedDomains"));
}

static int read_info(TargetGraph *g, Call *call, Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        const json_t *organization;
        int r;

        graph_call_init(&c, g, call, "GET",
                        "/organization?$select=id,displayName,verifiedDomains,onPremisesSyncEnabled,"
                        "onPremisesLastSyncDateTime");
        r = graph_call_run(&c, diag);
        if (r)
                return r == TARGET_E_REJECTED ? TARGET_E_GARBAGE : r;
        organization = json_array_get(json_object_get(c.json, "value"), 0);
        if (!json_is_object(organization)) {
                diag_set(diag, "Microsoft Graph: the answer about the tenant names none");
                return TARGET_E_GARBAGE;
        }
        pthread_mutex_lock(&g->lock);
        keep_info(g, organization);
        g->info_at = clock_mono(g->clock);
        pthread_mutex_unlock(&g->lock);
        return 0;
}

static int graph_info(Target *t, Call *call, TargetInfo *ret_info, Diag *diag)
{
        TargetGraph *g = target_graph(t);
        Mono now = clock_mono(g->clock);
        bool known;
        int r;

        pthread_mutex_lock(&g->lock);
        known = g->info_at.us > 0 && now.us - g->info_at.us < INFO_FOR;
        if (known)
                *ret_info = g->info;
        pthread_mutex_unlock(&g->lock);
        if (known)
                return 0;
        r = read_info(g, call, diag);
        if (r)
                return r;
        pthread_mutex_lock(&g->lock);
        *ret_info = g->info;
        pthread_mutex_unlock(&g->lock);
        return 0;
}

bool graph_is_federated(TargetGraph *g, const char *upn)
{
        const char *at = strrchr(upn, '@');
        bool found = false;

        pthread_mutex_lock(&g->lock);
        for (size_t i = 0; at && i < g->info.n_federated_domains; ++i)
                found |= str_is_nocase(g->info.federated_domains[i], at + 1);
        pthread_mutex_unlock(&g->lock);
        return found;
}

static void graph_stop(Target *t, TargetStop how)
{
        http_stop(target_graph(t)->http, how == TARGET_STOP_ALL);
}

static Target *graph_free(Target *t)
{
        TargetGraph *g = target_graph(t);

        http_free(g->http);
        token_free(g->token);
        limiter_free(g->limiter);
        graph_holders_free(g->holders);
        arena_free(g->arena);
        pthread_mutex_destroy(&g->lock);
        free(g);
        return NULL;
}

static const TargetOps target_graph_ops = {
        .name = "graph",
        .fetch = graph_fetch,
        .apply = graph_apply,
        .info = graph_info,
        .role = graph_role,
        .take = graph_take,
        .give_back = graph_give_back,
        .stop = graph_stop,
        .free = graph_free,
};

Limiter *target_graph_limiter(Target *t)
{
        return t->ops == &target_graph_ops ? target_graph(t)->limiter : NULL;
}

static TargetGraph *graph_alloc(const GraphOptions *o, const Clock *clock, const Log *log)
{
        const GraphCloud *cloud = &graph_clouds[o->cloud];
        LimiterOptions limits = {
                .size = (TenantSize)o->limits.tenant_size,
                .share = o->limits.share,
                .urgent_reserve = o->limits.urgent_reserve,
                .time_scale = o->limits.time_scale,
                .unlimited = !o->limits.published,
        };
        TargetGraph *g = calloc(1, sizeof(*g));
        const char *host;

        if (!g)
                error_oom(sizeof(*g));
        g->target.ops = &target_graph_ops;
        g->options = o;
        g->clock = clock;
        g->log_fields[0] = LOG_STR("target", "graph");
        g->log = (Log){ .parent = log, .fields = g->log_fields, .n_fields = 1 };
        g->base = o->endpoints.graph ? o->endpoints.graph : cloud->graph;
        host = strstr(g->base, "://");
        g->n_origin = (size_t)(strchrnul(host ? host + 3 : g->base, '/') - g->base);
        g->limiter = limiter_new(&limits);
        g->arena = arena_new(0);
        g->holders = graph_holders_new();
        pthread_mutex_init(&g->lock, NULL);
        return g;
}

/**
 * target_graph_with() - the same with another transport, for tests
 * @http: taken
 */
Target *target_graph_with(Http *http, const GraphOptions *o, const Clock *clock, const Log *log)
{
        const GraphCloud *cloud = &graph_clouds[o->cloud];
        TargetGraph *g = graph_alloc(o, clock, log);

        g->http = http;
        g->token = token_new(&g->http, o, o->endpoints.login ? o->endpoints.login : cloud->login,
                             cloud->audience, clock, &g->log);
        return &g->target;
}

/**
 * target_graph_new() - start the thread; nothing is sent yet
 * @options: lives as long as the target
 *
 * Return: 0, -errno.
 */
int target_graph_new(Target **ret_target, const GraphOptions *options, const Clock *clock, const Log *log,
                     Diag *diag)
{
        const GraphCloud *cloud = &graph_clouds[options->cloud];
        TargetGraph *g = graph_alloc(options, clock, log);
        HttpOptions http = {
                .clock = clock,
                .ca_file = options->ca_file,
                .proxy = options->proxy,
                .answer_max = GRAPH_ANSWER_MAX,
                .admit = admit,
                .refund = refund,
                .tick = tick,
                .bundle_above = BATCH_ABOVE,
                .bundle = graph_batch,
                .unbundle = graph_unbatch,
                .context = g,
        };
        int r;

        /* The thread calls tick() at once, which asks the token: it must be there before. */
        g->token = token_new(&g->http, options,
                             options->endpoints.login ? options->endpoints.login : cloud->login,
                             cloud->audience, clock, &g->log);
        json_object_seed(0); /* before several threads parse */
        r = http_new(&g->http, &http);
        if (r) {
                diag_set(diag, "the HTTP thread cannot be started: %s", strerror(-r));
                graph_free(&g->target);
                return error_trace(r);
        }
        *ret_target = &g->target;
        return 0;
}
