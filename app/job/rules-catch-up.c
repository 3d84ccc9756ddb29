/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/rules-catch-up.h"

#include "app/job/kinds.h"
#include "app/job/rules-walk.h"
#include "app/rules/store.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

/* At most so many changes in one commit; and about so many rows. */
#define PAGE      200
#define PAGE_ROWS 1000

/*
 * Every person says by which version it was done last. Sets of earlier versions are loaded once each; what
 * they were that is not kept any more nobody knows.
 */
typedef struct OldSet {
        const char *version;
        const RuleSet *rules; /* NULL: it is not kept, or cannot be loaded */
} OldSet;

typedef struct CatchingUp {
        Arena *arena; /* of the sets */
        const RuleSet *is;
        OldSet sets[RULES_KEPT + 1];
        size_t n_sets;
        Change changes[PAGE];
        size_t n_changes;
        Arena *page; /* of the rows */
        SpaceBatch rows;
        uint64_t n_put;
} CatchingUp;

static const RuleSet *old_set(RulesWalk *w, CatchingUp *c, const char *version)
{
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

/* What is stored says how far it is, unless another version became active meanwhile: that one begins again.
 * Return: 0, JOB_E_CANCELLED, -errno. */
typedef int (*PutFn)(RulesWalk *w, CatchingUp *c, const ObjectId *done);

static int put_page(RulesWalk *w, PutFn put, bool is_last)
{
        Wiring *wiring = w->job->wiring;
        CatchingUp *c = w->context;
        Config *config;
        int r = JOB_E_CANCELLED;

        pthread_mutex_lock(&wiring->rules_lock);
        config = snapshot_get(&wiring->snapshot);
        if (str_is(rules_version(config->run.rules), rules_version(c->is)))
                r = put(w, c, is_last ? NULL : &w->done);
        config_unref(config);
        pthread_mutex_unlock(&wiring->rules_lock);
        return r == QUEUE_E_FULL ? queue_errno(r) : r;
}

/* -- the index of join values ---------------------------------------------------------------------------- */

static bool is_indexed_by(const RuleSet *rules, const char *mv_type, const char *attribute)
{
        size_t n;
        const char *const *names = rules_join_attributes(rules, mv_type, &n);

        for (size_t i = 0; i < n; i++)
                if (str_is(names[i], attribute))
                        return true;
        return false;
}

static void clear_rows(CatchingUp *c)
{
        arena_reset(c->page);
        space_batch_init(&c->rows, c->page);
}

static int put_rows(RulesWalk *w, CatchingUp *c, const ObjectId *done)
{
        int r = rules_store_indexed(w->job->wiring->queue, done, c->rows.links, c->rows.n_links,
                                    clock_wall(w->job->wiring->clock));

        if (r == 0)
                clear_rows(c);
        return r;
}

/* As the active rules make it of what is stored; where they fail, as it was. Whoever was done by a set that
 * looks for the value too, and has it still, has his row. */
static int index_person(RulesWalk *w, const RulesKnown *k)
{
        CatchingUp *c = w->context;
        const char *const *names;
        const FlowedObject *mv;
        const RuleSet *old;
        RulesView is;
        size_t n;
        int r;

        if (str_is(k->person.rules_version, rules_version(c->is)))
                return 0;
        old = old_set(w, c, k->person.rules_version);
        r = rules_view(&w->world, k, c->is, w->arena, &is);
        if (r)
                return r;
        mv = is.mv ? is.mv : is.failed ? k->before : NULL;
        if (!mv)
                return 0;
        names = rules_join_attributes(c->is, mv->type, &n);
        for (size_t i = 0; i < n; i++) {
                Value now = flowed_get(mv, names[i]);

                if (!old || !k->before || !is_indexed_by(old, mv->type, names[i]) ||
                    !value_is(now, flowed_get(k->before, names[i])))
                        space_write_join(&c->rows, LINK_ADD, mv->type, names[i], now, &k->metaverse);
        }
        /* With the one before: this one may have rows that did not go with it. */
        return c->rows.n_links < PAGE_ROWS ? 0 : put_page(w, put_rows, false);
}

int rules_index_joins(Job *job)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *page = arena_new(0);
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        CatchingUp *c = arena_new_of(a, CatchingUp);
        RulesWalk w = { .job = job, .what = "indexing", .each = index_person, .context = c };
        ObjectId after;
        int r = rules_store_joins(queue_space(job->wiring->queue), &after);

        if (r)
                return r == RULES_STORE_E_NONE ? 0 : r;
        c->arena = a;
        c->page = page;
        c->is = config->run.rules;
        clear_rows(c);
        r = rules_walk_open(job, a, config, c->is, &w.world, &diag);
        if (r == 0)
                r = rules_walk(&w, guid_is_zero(&after) ? NULL : &after);
        if (r == 0)
                r = put_page(&w, put_rows, true);
        if (r)
                log_warning(&job->wiring->log,
                            "the values that rules join by are not all in the index yet; new objects wait",
                            LOG_STR("version", rules_version(c->is)), LOG_INT("code", r),
                            LOG_STR("why", diag_text(&diag)));
        return r;
}

/* -- everybody who would be another ---------------------------------------------------------------------- */

static int put_changes(RulesWalk *w, CatchingUp *c, const ObjectId *done)
{
        int r = rules_store_caught_up(w->job->wiring->queue, done, c->changes, c->n_changes,
                                      clock_wall(w->job->wiring->clock));

        if (r == 0) {
                c->n_put += c->n_changes;
                c->n_changes = 0;
        }
        return r;
}

/* Where the active one would do something else, its objects go into the reconcile lane. So do those of a set
 * that is not kept. */
static int catch_up(RulesWalk *w, const RulesKnown *k)
{
        CatchingUp *c = w->context;
        const RuleSet *old;
        RulesView was, is;
        int r;

        if (str_is(k->person.rules_version, rules_version(c->is)))
                return 0;
        old = old_set(w, c, k->person.rules_version);
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
                        r = put_page(w, put_changes, false);
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
        RulesWalk w = { .job = job, .what = "comparing", .each = catch_up, .context = c };
        ObjectId after;
        int r = rules_index_joins(job);

        if (r)
                return r;
        r = rules_store_catch_up(queue_space(q), &after);
        if (r)
                return r == RULES_STORE_E_NONE ? 0 : r;
        c->arena = a;
        c->is = config->run.rules;
        r = rules_walk_open(job, a, config, c->is, &w.world, diag);
        if (r)
                return r;
        r = rules_walk(&w, guid_is_zero(&after) ? NULL : &after);
        if (r == 0)
                r = put_page(&w, put_changes, true);
        if (r == 0)
                log_info(&job->wiring->log, "the rules apply to everything now",
                         LOG_STR("version", rules_version(c->is)), LOG_INT("looked_at", (int64_t)w.n),
                         LOG_INT("queued", (int64_t)c->n_put));
        return r;
}

const JobKind job_rules_catch_up = { .name = "rules-catch-up", .ours = true, .work = work_catch_up };
