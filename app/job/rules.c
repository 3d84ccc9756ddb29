/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a rule set: rules-diff, rules-activate, rules-history, and rules-catch-up, which applies a new
 * version to what was done by others
 */

#include "app/job/kinds.h"

#include "app/flow/connector.h"
#include "app/flow/rules-active.h"
#include "app/job/rules-groups.h"
#include "app/rules/diff.h"
#include "app/rules/store.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

/* Objects between two looks at whether anybody still wants it; and at most so many changes in one commit. */
#define PAGE 200

static const char *argument(const Job *job, const char *name)
{
        return json_string_value(json_object_get(job->arguments, name));
}

/* -- the set in question ----------------------------------------------------------------------------------
 */

typedef struct Candidate {
        const RulesFile *texts;
        size_t n_texts;
        const char *origin;
        const RuleSet *rules;
} Candidate;

static int load_candidate(Job *job, Arena *a, Candidate *ret, Diag *diag)
{
        Diag own = DIAG_INIT;
        int r = rules_load_text(a, ret->texts, ret->n_texts, &ret->rules, &own);

        for (size_t i = 0; r && i < own.n_items; i++)
                diag_add(diag, "%s", own.items[i].text);
        diag_deinit(&own);
        return r ? JOB_E_USAGE : 0;
}

/* {"version": V}: one that was active. {"folder": DIR}, or nothing: what the configuration names. */
static int find_candidate(Job *job, Arena *a, Candidate *ret, Diag *diag)
{
        const char *version = argument(job, "version"), *folder = argument(job, "folder");
        RulesHistory h;
        int r;

        if (!version) {
                r = rules_wanted(job->wiring, a, folder, &ret->texts, &ret->n_texts, &ret->origin, diag);
                return r ? JOB_E_USAGE : load_candidate(job, a, ret, diag);
        }
        r = rules_store_history(queue_space(job->wiring->queue), a, &h);
        if (r)
                return r;
        r = rules_store_read(queue_space(job->wiring->queue), a, version, &ret->texts, &ret->n_texts);
        if (r > 0) {
                diag_set(diag, "there is no version %s; `sosync rules history` shows those that are kept",
                         str_safe(a, version, strnlen(version, 64)));
                return JOB_E_USAGE;
        }
        for (size_t i = 0; r == 0 && i < h.n; i++)
                if (str_is(h.items[i].version, version))
                        ret->origin = h.items[i].origin;
        if (!ret->origin)
                ret->origin = "an earlier activation";
        return r ? r : load_candidate(job, a, ret, diag);
}

/* -- everybody --------------------------------------------------------------------------------------------
 */

/* From the spaces alone: the names of the domains are those that were heard last. Only who is in the groups
 * that the rules name is asked now, since nobody may have asked before. */
static int open_world(Job *job, Arena *a, const Config *c, const RuleSet *rules, RulesWorld *ret_world,
                      Diag *diag)
{
        RulesWorld w = { .space = queue_space(job->wiring->queue),
                         .schema = c->run.schema,
                         .now = clock_wall(job->wiring->clock) };

        w.connectors = connectors_for_run(&job->wiring->connectors, c, a, &w.n_connectors);
        *ret_world = w;
        return rules_groups_read(job->wiring, c, rules, true, a, &ret_world->groups, &ret_world->n_groups,
                                 diag);
}

typedef struct Walk Walk;

struct Walk {
        Job *job;
        RulesWorld world;
        Arena *arena; /* of the object */
        uint64_t n;
        int (*each)(Walk *w, const RulesKnown *k);
        void *context;
        ObjectId last;
};

static int each_person(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Walk *w = context;
        RulesKnown k;
        int r;

        if (n_key != sizeof(w->last))
                return 0;
        memcpy(&w->last, key, sizeof(w->last));
        if (++w->n % PAGE == 0) {
                if (job_is_cancelled(w->job))
                        return JOB_E_CANCELLED;
                job_progress(w->job, "comparing", w->n, 0);
        }
        arena_reset(w->arena);
        r = rules_known_read(&w->world, &w->last, row, w->arena, &k);
        if (r > 0)
                return 0; /* it is imported again at its next change */
        return r ? r : w->each(w, &k);
}

static int walk(Walk *w, const ObjectId *after)
{
        Space *s = w->world.space;
        int r;

        w->arena = arena_new(ARENA_LIMIT_RUN);
        r = s->ops->walk(s, SPACE_METAVERSE, after, after ? sizeof(*after) : 0, each_person, w);
        w->arena = arena_free(w->arena);
        return r;
}

/* -- diff -------------------------------------------------------------------------------------------------
 */

typedef struct Comparing {
        RulesDiff diff;
        const RuleSet *was, *is;
} Comparing;

static int compare(Walk *w, const RulesKnown *k)
{
        Comparing *c = w->context;
        RulesView was, is;
        int r;

        r = rules_view(&w->world, k, c->was, w->arena, &was);
        if (r == 0)
                r = rules_view(&w->world, k, c->is, w->arena, &is);
        return r ? r : rules_diff_add(&c->diff, &w->world, k, &was, &is, w->arena);
}

static int work_diff(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        Comparing c = { .was = config->run.rules };
        Mono began = clock_mono(job->wiring->clock);
        Candidate candidate = { 0 };
        Walk w = { .job = job, .each = compare, .context = &c };
        int r;

        r = find_candidate(job, a, &candidate, diag);
        if (r)
                return r;
        r = open_world(job, a, config, candidate.rules, &w.world, diag);
        if (r)
                return r;
        c.is = candidate.rules;
        rules_diff_init(&c.diff);
        if (!str_is(rules_version(c.is), rules_version(c.was)))
                r = walk(&w, NULL);
        if (r == 0) {
                job->result = rules_diff_json(&c.diff);
                json_object_set_new(job->result, "active", json_string(rules_version(c.was)));
                json_object_set_new(job->result, "candidate", json_string(rules_version(c.is)));
                json_object_set_new(job->result, "origin", json_string(candidate.origin));
                json_object_set_new(job->result, "seconds",
                                    json_real((double)(clock_mono(job->wiring->clock).us - began.us) / 1e6));
        }
        rules_diff_deinit(&c.diff);
        return r;
}

const JobKind job_rules_diff = { .name = "rules-diff", .looks = true, .work = work_diff };

/* -- activate ---------------------------------------------------------------------------------------------
 */

static int work_activate(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const char *expected = argument(job, "expected"), *how = argument(job, "how"), *restart = NULL;
        const GroupMembers *groups;
        Candidate c = { 0 };
        size_t n_groups;
        int r = find_candidate(job, a, &c, diag);

        if (r)
                return r;
        if (expected && !str_is(expected, rules_version(c.rules))) {
                diag_set(diag, "the rules are not those that were shown any more: version %s, not %s",
                         rules_version(c.rules), expected);
                return JOB_E_USAGE;
        }
        /* A group that nobody can read would stop every object that its rules are for. */
        r = rules_groups_read(job->wiring, config, c.rules, false, a, &groups, &n_groups, diag);
        if (r)
                return r;
        r = rules_activate(job->wiring, c.texts, c.n_texts, c.origin, job->by, how ? how : "activate",
                           &restart, diag);
        if (r == -EFBIG) {
                diag_set(diag, "the rules are larger than 16 MiB, and cannot be kept");
                return JOB_E_USAGE;
        }
        if (r)
                return r > 0 ? JOB_E_USAGE : r;
        log_warning(&job->wiring->log, "rules activated", LOG_STR("version", rules_version(c.rules)),
                    LOG_STR("from", c.origin), LOG_STR("by", job->by), LOG_STR("how", how));
        job->result = json_pack("{s:s, s:s, s:s?, s:b}", "version", rules_version(c.rules), "origin",
                                c.origin, "restart", restart, "service", job->wiring->jobs != NULL);
        /* Without a service it is done at the next start. */
        if (job->wiring->jobs)
                jobs_submit(job->wiring->jobs, job_rules_catch_up.name, NULL, "service", NULL);
        return 0;
}

static const char *act(const json_t *arguments)
{
        const char *how = json_string_value(json_object_get(arguments, "how"));

        return str_is(how, "rollback") ? "rules-rollback" : "rules-activate";
}

const JobKind job_rules_activate = { .name = "rules-activate", .act = act, .work = work_activate };

/* -- history ----------------------------------------------------------------------------------------------
 */

static int work_history(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Space *space = queue_space(job->wiring->queue);
        ObjectId after;
        RulesHistory h;
        json_t *items;
        int r = rules_store_history(space, a, &h);

        if (r)
                return r;
        items = json_array();
        for (size_t i = 0; i < h.n; i++) {
                char at[WALL_TEXT_MAX];

                json_array_append_new(
                        items, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "version", h.items[i].version,
                                         "at", wall_format(h.items[i].at, at), "by", h.items[i].by, "how",
                                         h.items[i].how, "origin", h.items[i].origin, "active", i == 0));
        }
        job->result = json_pack("{s:o, s:b}", "activations", items, "catchingUp",
                                rules_store_catch_up(space, &after) == 0);
        return 0;
}

const JobKind job_rules_history = { .name = "rules-history", .looks = true, .work = work_history };

/* -- catch up ---------------------------------------------------------------------------------------------
 */

/*
 * Every person says by which version it was done last. Where the active one would do something else, its
 * objects go into the reconcile lane. Sets of earlier versions are loaded once each; what they were that is
 * not kept any more nobody knows, so those objects run.
 */
typedef struct OldSet {
        const char *version;
        const RuleSet *rules; /* NULL: it is not kept, or cannot be loaded */
} OldSet;

typedef struct CatchingUp {
        Arena *arena; /* of sets and of the page */
        const RuleSet *is;
        OldSet sets[RULES_KEPT + 1];
        size_t n_sets;
        Change changes[PAGE];
        size_t n_changes;
        uint64_t n_put;
} CatchingUp;

static const RuleSet *old_set(Walk *w, const char *version)
{
        CatchingUp *c = w->context;
        const RulesFile *texts;
        OldSet *set;
        size_t n;

        for (size_t i = 0; i < c->n_sets; i++)
                if (str_is(c->sets[i].version, version))
                        return c->sets[i].rules;
        if (c->n_sets == N_ELEMENTS(c->sets))
                return NULL;
        set = &c->sets[c->n_sets++];
        set->version = arena_strdup(c->arena, version ? version : "");
        if (version && rules_store_read(w->world.space, c->arena, version, &texts, &n) == 0 &&
            rules_load_text(c->arena, texts, n, &set->rules, NULL))
                set->rules = NULL;
        return set->rules;
}

/* Where it stands, unless another version became active meanwhile: that one begins again. */
static int put_page(Walk *w, bool is_last)
{
        CatchingUp *c = w->context;
        Wiring *wiring = w->job->wiring;
        Config *config;
        int r = JOB_E_CANCELLED;

        pthread_mutex_lock(&wiring->rules_lock);
        config = snapshot_get(&wiring->snapshot);
        if (str_is(rules_version(config->run.rules), rules_version(c->is)))
                r = rules_store_caught_up(wiring->queue, is_last ? NULL : &w->last, c->changes, c->n_changes,
                                          clock_wall(wiring->clock));
        config_unref(config);
        pthread_mutex_unlock(&wiring->rules_lock);
        if (r == 0) {
                c->n_put += c->n_changes;
                c->n_changes = 0;
        }
        return r == QUEUE_E_FULL ? error_origin(-ENOSPC) : r;
}

static int catch_up(Walk *w, const RulesKnown *k)
{
        CatchingUp *c = w->context;
        const RuleSet *old;
        RulesView was, is;
        int r;

        if (str_is(k->person.rules_version, rules_version(c->is)))
                return 0;
        old = old_set(w, k->person.rules_version);
        if (old) {
                r = rules_view(&w->world, k, old, w->arena, &was);
                if (r == 0)
                        r = rules_view(&w->world, k, c->is, w->arena, &is);
                if (r)
                        return r;
                if (!rules_differ(&w->world, k, &was, &is, w->arena))
                        return 0;
        }
        for (size_t i = 0; i < k->person.n_joined; i++) {
                const ObjectKey *key = &k->person.joined[i];

                if (c->n_changes == PAGE) {
                        r = put_page(w, false);
                        if (r)
                                return r;
                }
                /* The feed's DN is a hint only; the row of the head has the one that is known. */
                c->changes[c->n_changes++] = (Change){
                        .id = key->id,
                        .source = key->source,
                        .kind = CHANGE_UPSERT,
                        .lane = LANE_RECONCILE,
                        .seen = w->world.now,
                };
        }
        return 0;
}

static int work_catch_up(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        Queue *q = job->wiring->queue;
        CatchingUp *c = arena_new_of(a, CatchingUp);
        Walk w = { .job = job, .each = catch_up, .context = c };
        ObjectId after;
        int r = rules_store_catch_up(queue_space(q), &after);

        if (r)
                return r == RULES_STORE_E_NONE ? 0 : r;
        c->arena = a;
        c->is = config->run.rules;
        r = open_world(job, a, config, c->is, &w.world, diag);
        if (r)
                return r;
        r = walk(&w, guid_is_zero(&after) ? NULL : &after);
        if (r == 0)
                r = put_page(&w, true);
        if (r == 0)
                log_info(&job->wiring->log, "the rules apply to everything now",
                         LOG_STR("version", rules_version(c->is)), LOG_INT("looked_at", (int64_t)w.n),
                         LOG_INT("queued", (int64_t)c->n_put));
        return r;
}

const JobKind job_rules_catch_up = { .name = "rules-catch-up", .ours = true, .work = work_catch_up };
