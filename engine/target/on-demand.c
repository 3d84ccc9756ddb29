/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/on-demand.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

#define SECOND_US ((int64_t)1000000)

/* A little more than the published window: requests do not travel equally fast. */
#define WINDOW_US (10 * SECOND_US + SECOND_US / 2)

/* "Select a user and provision the account on-demand. The rate limit for this API is 5 requests per 10
 * seconds"; five members at a time (how-to-on-demand-provision). */
const OwnerWays owner_cloud_sync = {
        .name = "Cloud Sync",
        .failed = "OnDemandFailed",
        .disagrees = "OnDemandDisagrees",
        .busy = "Cloud Sync takes 5 requests for single objects in 10 seconds",
        .throttled = "Cloud Sync limits how often it is asked, and the limit is reached",
        .at_once = 5,
        .links = 5,
        .slots = 5,
        .window_us = WINDOW_US,
        .throttled_us = 10 * SECOND_US,
        /* Two of its cycles: what it does not do on demand, it does then. */
        .shows_within_us = 300 * SECOND_US,
};

/* -- which job ----------------------------------------------------------------------------------------- */

typedef struct Search {
        const char *wanted;
        Arena *arena;
        OnDemandJob *found;
        unsigned n, n_wanted;
        const char *names; /* of all of them, for people */
} Search;

/* So many are named when one has to be chosen. */
#define NAMES_MAX 5

static int on_job(void *context, const char *principal, const json_t *job)
{
        Search *s = context;
        const char *id = json_string_value(json_object_get(job, "id"));
        bool wanted = id && s->wanted && str_is_nocase(id, s->wanted);

        if (!id)
                return 0;
        if (s->n++ < NAMES_MAX)
                s->names = arena_printf(s->arena, "%s%s%.100s", s->names ? s->names : "",
                                        s->names ? ", " : "", id);
        s->n_wanted += wanted;
        if (wanted || !s->wanted)
                *s->found = (OnDemandJob){ .principal = arena_strdup(s->arena, principal),
                                           .id = arena_strdup(s->arena, id) };
        return 0;
}

/* The rule that has a mapping from this type of Active Directory object. */
static const char *rule_of(const json_t *rules, const char *type, Arena *a)
{
        const json_t *rule, *mapping;
        size_t i, k;

        json_array_foreach(rules, i, rule)
        {
                const char *id = json_string_value(json_object_get(rule, "id"));

                json_array_foreach(json_object_get(rule, "objectMappings"), k, mapping)
                {
                        const char *source = json_string_value(json_object_get(mapping, "sourceObjectName"));

                        if (id && source && str_is_nocase(source, type) &&
                            !json_is_false(json_object_get(mapping, "enabled")))
                                return arena_strdup(a, id);
                }
        }
        return NULL;
}

static const char *path_of(const OnDemandJob *job, const char *what, Arena *a)
{
        return arena_printf(a, "/servicePrincipals/%s/synchronization/jobs/%s/%s",
                            str_urlencode(a, job->principal), str_urlencode(a, job->id), what);
}

static int find_rules(TargetGraph *g, Call *call, OnDemandJob *job, Diag *diag)
{
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        const json_t *rules;
        int r = graph_jobs_get(g, call, path_of(job, "schema", call->arena), &c, "synchronizationRules",
                               &rules, diag);

        if (r)
                return r;
        job->user_rule = rule_of(rules, "user", call->arena);
        job->group_rule = rule_of(rules, "group", call->arena);
        return 0;
}

int on_demand_find(Target *graph, Call *call, const char *wanted, OnDemandJob *ret_job, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)graph;
        Search s = { .wanted = wanted, .arena = call->arena, .found = ret_job };
        int r = graph_jobs_each(g, call, on_job, &s, diag);

        if (r)
                return r;
        if (s.n == 0)
                diag_set(diag, "the tenant has no Cloud Sync job");
        else if (s.wanted && !s.n_wanted)
                diag_set(diag, "the tenant has no Cloud Sync job %s (target.cloud_sync), but: %s%s", s.wanted,
                         s.names, s.n > NAMES_MAX ? ", ..." : "");
        else if (!s.wanted && s.n > 1)
                diag_set(diag,
                         "the tenant has %u Cloud Sync jobs: target.cloud_sync.job must name one, or .jobs "
                         "one for each domain: %s%s",
                         s.n, s.names, s.n > NAMES_MAX ? ", ..." : "");
        if (s.n == 0 || (s.wanted ? !s.n_wanted : s.n > 1))
                return TARGET_E_NOT_FOUND;
        return find_rules(g, call, ret_job, diag);
}

/* -- asking -------------------------------------------------------------------------------------------- */

typedef struct OnDemand {
        Owner owner; /* first */
        Target *graph;
        const OnDemandConfig *config;

        pthread_mutex_t lock;
        Arena *arena;                         /* lock: the texts of jobs */
        OnDemandJob jobs[ON_DEMAND_JOBS_MAX]; /* lock; by number; no id: not found yet */
} OnDemand;

static int job_of(OnDemand *o, Call *call, size_t number, const char *wanted, OnDemandJob *ret_job,
                  Diag *diag)
{
        Arena *a = call->arena;
        OnDemandJob job;
        int r;

        pthread_mutex_lock(&o->lock);
        job = o->jobs[number];
        if (job.id)
                *ret_job = (OnDemandJob){ arena_strdup(a, job.principal), arena_strdup(a, job.id),
                                          arena_strdup(a, job.user_rule), arena_strdup(a, job.group_rule) };
        pthread_mutex_unlock(&o->lock);
        if (job.id)
                return 0;
        r = on_demand_find(o->graph, call, wanted, ret_job, diag);
        if (r)
                return r;
        pthread_mutex_lock(&o->lock);
        if (!o->jobs[number].id) {
                if (!o->arena)
                        o->arena = arena_new(0);
                o->jobs[number] = (OnDemandJob){ arena_strdup(o->arena, ret_job->principal),
                                                 arena_strdup(o->arena, ret_job->id),
                                                 arena_strdup(o->arena, ret_job->user_rule),
                                                 arena_strdup(o->arena, ret_job->group_rule) };
        }
        pthread_mutex_unlock(&o->lock);
        return 0;
}

static void forget_jobs(OnDemand *o)
{
        pthread_mutex_lock(&o->lock);
        memset(o->jobs, 0, sizeof(o->jobs));
        o->arena = arena_free(o->arena);
        pthread_mutex_unlock(&o->lock);
}

static json_t *subject_of(const OwnerAsk *ask)
{
        json_t *subject = json_pack("{s:s,s:s}", "objectId", ask->call->dn, "objectTypeName", ask->type);
        json_t *members = json_array();

        for (size_t i = 0; i < ask->n_links; i++)
                json_array_append_new(members, json_pack("{s:s,s:s}", "objectId", ask->links[i]->link_dn,
                                                         "objectTypeName", ask->links[i]->link_type));
        if (ask->n_links)
                json_object_set_new(subject, "links", json_pack("{s:o}", "members", members));
        else
                json_decref(members);
        return subject;
}

static const char *body_of(const OwnerAsk *ask, const char *rule)
{
        json_t *body =
                json_pack("{s:[{s:s,s:[o]}]}", "parameters", "ruleId", rule, "subjects", subject_of(ask));
        char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        const char *copy = arena_strdup(ask->call->arena, text);

        free(text);
        json_decref(body);
        return copy;
}

/* Whose fault it is that there is no answer. 400: the object's. */
static int judge(OnDemand *o, const GraphCall *c, OwnerAsk *ask, int r)
{
        ask->retry_at =
                r == TARGET_E_THROTTLED || r == TARGET_E_TRANSIENT ? ask->call->retry_at : (Mono){ 0 };
        if (r == TARGET_E_THROTTLED)
                return OWNER_E_THROTTLED;
        if (r != TARGET_E_REJECTED)
                return OWNER_E_UNREACHABLE;
        if (c->error.status == 404)
                forget_jobs(o);
        return c->error.status == 400 ? OWNER_E_FAILED : OWNER_E_UNREACHABLE;
}

static int post(OnDemand *o, OwnerAsk *ask, const char *path, const char *body, Diag *diag)
{
        TargetGraph *g = (TargetGraph *)o->graph;
        _cleanup_(graph_call_deinit) GraphCall c = { 0 };
        int r;

        graph_call_init(&c, g, ask->call, "POST", path);
        c.apart = true;
        c.timeout_us = o->config->timeout_us;
        c.http.body = body;
        c.http.n_body = strlen(body);
        ask->call->deadline = mono_add(clock_mono(g->clock), o->config->timeout_us);
        r = graph_call_run(&c, diag);
        if (c.http.sent)
                ask->left = c.http.left;
        return r ? judge(o, &c, ask, r) : on_demand_parse(c.json, ask->call->arena, &ask->said, diag);
}

static int on_demand_sync(Owner *owner, OwnerAsk *ask, Diag *diag)
{
        OnDemand *o = (OnDemand *)owner;
        OnDemandJob job = { 0 };
        const char *rule, *body, *wanted;
        size_t number;
        int r;

        if (!on_demand_job_for(o->config, ask->call->dn, ask->call->arena, &number, &wanted)) {
                diag_set(diag, "no job of target.cloud_sync.jobs is for %s", ask->call->dn);
                return OWNER_E_FAILED;
        }
        r = job_of(o, ask->call, number, wanted, &job, diag);
        if (r) {
                ask->retry_at = r == TARGET_E_THROTTLED ? ask->call->retry_at : (Mono){ 0 };
                return r == TARGET_E_THROTTLED ? OWNER_E_THROTTLED : OWNER_E_UNREACHABLE;
        }
        rule = str_is(ask->type, "group") ? job.group_rule : job.user_rule;
        body = rule ? body_of(ask, rule) : NULL;
        if (!body) {
                diag_set(diag, "the synchronization job %s has no rule for a %s", job.id, ask->type);
                return OWNER_E_FAILED;
        }
        return post(o, ask, path_of(&job, "provisionOnDemand", ask->call->arena), body, diag);
}

static Owner *on_demand_free(Owner *owner)
{
        OnDemand *o = (OnDemand *)owner;

        arena_free(o->arena);
        pthread_mutex_destroy(&o->lock);
        free(o);
        return NULL;
}

static const OwnerOps on_demand_ops = {
        .name = "on-demand",
        .ways = &owner_cloud_sync,
        .sync = on_demand_sync,
        .free = on_demand_free,
};

int on_demand_new(Owner **ret_owner, Target *graph, const OnDemandConfig *config)
{
        OnDemand *o = calloc(1, sizeof(*o));

        if (!o)
                error_oom(sizeof(*o));
        o->owner.ops = &on_demand_ops;
        o->graph = graph;
        o->config = config;
        pthread_mutex_init(&o->lock, NULL);
        *ret_owner = &o->owner;
        return 0;
}
