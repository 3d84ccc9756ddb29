/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a rule set: rules-diff, rules-activate, rules-history
 */

#include "app/job/kinds.h"

#include "app/flow/rules-active.h"
#include "app/job/rules-catch-up.h"
#include "app/job/rules-groups.h"
#include "app/job/rules-walk.h"
#include "app/rules/diff.h"
#include "app/rules/store.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static const char *argument(const Job *job, const char *name)
{
        return json_string_value(json_object_get(job->arguments, name));
}

/* -- the set in question --------------------------------------------------------------------------------- */

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

/* -- diff ------------------------------------------------------------------------------------------------ */

typedef struct Comparing {
        RulesDiff diff;
        const RuleSet *was, *is;
} Comparing;

static int compare(RulesWalk *w, const RulesKnown *k)
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
        RulesWalk w = { .job = job, .what = "comparing", .each = compare, .context = &c };
        int r;

        r = find_candidate(job, a, &candidate, diag);
        if (r)
                return r;
        r = rules_walk_open(job, a, config, candidate.rules, &w.world, diag);
        if (r)
                return r;
        c.is = candidate.rules;
        rules_diff_init(&c.diff);
        if (!str_is(rules_version(c.is), rules_version(c.was)))
                r = rules_walk(&w, NULL);
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

/* -- activate -------------------------------------------------------------------------------------------- */

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
        /* Here and now, because objects that are joined to nothing wait for it. What goes wrong is taken up
         * by the catching up. */
        rules_index_joins(job);
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

/* -- history --------------------------------------------------------------------------------------------- */

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
