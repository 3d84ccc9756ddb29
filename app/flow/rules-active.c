/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/rules-active.h"

#include "app/config/extensions.h"
#include "app/rules/store.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *origin_of(Arena *a, const Config *c, const char *folder)
{
        const char *from = folder ? folder : c->rules.directory;

        return arena_printf(a, "%s%s%s", from ? from : "the shipped set of sosync " SOSYNC_VERSION,
                            c->rules.account_expires ? ", with account_expires" : "",
                            c->target.extensions.n_items ? ", with target.extensions" : "");
}

int rules_wanted(Wiring *w, Arena *a, const char *folder, const RulesFile **ret_texts, size_t *ret_n,
                 const char **ret_origin, Diag *diag)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&w->snapshot);

        *ret_origin = origin_of(a, c, folder);
        return config_read_rules(c, folder, a, ret_texts, ret_n, diag);
}

static int store(Wiring *w, const RulesFile *texts, size_t n, const RuleSet *set, const char *origin,
                 const char *by, const char *how)
{
        return rules_store_activate(w->queue, texts, n,
                                    &(RulesActivation){
                                            .version = rules_version(set),
                                            .origin = origin,
                                            .by = by,
                                            .how = how,
                                            .at = clock_wall(w->clock),
                                    });
}

/* The state has no rules yet: those of the configuration are the first. */
static int take_first(Wiring *w, const Config *c, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const RulesFile *texts;
        const RuleSet *set;
        size_t n;
        int r;

        r = config_read_rules(c, NULL, a, &texts, &n, diag);
        if (r == 0)
                r = rules_load_text(a, texts, n, &set, diag);
        /* Changed since the configuration was read, a moment ago: what works and what is stored must be one.
         */
        if (r > 0 || (r == 0 && !str_is(rules_version(set), rules_version(c->run.rules)))) {
                diag_add(diag, "the rules have changed while they were read; start again");
                return -EAGAIN;
        }
        return r ? r : store(w, texts, n, set, origin_of(a, c, NULL), "service", "first start");
}

static int use_stored(Wiring *w, Config *c, const RulesActivation *active, Diag *diag)
{
        const RulesFile *texts;
        const RuleSet *set;
        size_t n;
        int r;

        r = rules_store_read(queue_space(w->queue), c->arena, active->version, &texts, &n);
        if (r < 0)
                return r;
        if (r == 0)
                r = rules_load_text(c->arena, texts, n, &set, diag);
        if (r) {
                diag_add(diag,
                         "the active rules, version %s (%s), cannot be loaded by this program; look at the "
                         "findings above, and `sosync rules activate` a set that can",
                         active->version, active->origin);
                w->rules_broken = true;
                return 0;
        }
        config_use_rules(c, set);
        return 0;
}

int rules_adopt(Wiring *w, Config *c, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *configured = rules_version(c->run.rules);
        RulesHistory h;
        int r;

        w->rules_broken = false;
        r = rules_store_history(queue_space(w->queue), a, &h);
        if (r)
                return r;
        if (h.n == 0)
                return c->rules_invalid ? RULE_E_INVALID : take_first(w, c, diag);
        if (c->rules_invalid) {
                log_error(&w->log, "the rules of the configuration have faults; the active ones go on",
                          LOG_STR("active", h.items[0].version), LOG_STR("why", diag_text(diag)));
                diag_clear(diag);
        } else if (str_is(h.items[0].version, configured)) {
                return 0;
        }
        r = use_stored(w, c, &h.items[0], diag);
        /* After an activation from another folder that is so for good; a new one is worth a word. */
        if (r == 0 && !w->rules_broken && !c->rules_invalid)
                log_info(&w->log, "the configured rules are not the active ones: sosync rules diff",
                         LOG_STR("active", h.items[0].version), LOG_STR("from", h.items[0].origin),
                         LOG_STR("configured", configured));
        return r;
}

/* It works from now on. The lock is held. */
static void swap_in(Wiring *w, Config *next, const char **ret_restart)
{
        if (ret_restart)
                *ret_restart = config_needs_restart(w->first, next);
        w->rules_broken = false;
        snapshot_swap(&w->snapshot, next);
}

int rules_activate(Wiring *w, const RulesFile *texts, size_t n_texts, const char *origin, const char *by,
                   const char *how, const char **ret_restart, Diag *diag)
{
        _cleanup_(config_unrefp) Config *now = NULL;
        Config *next = NULL;
        int r;

        pthread_mutex_lock(&w->rules_lock);
        now = snapshot_get(&w->snapshot);
        r = config_with_rules(&next, now, texts, n_texts, diag);
        if (r == 0)
                r = store(w, texts, n_texts, next->run.rules, origin, by, how);
        if (r == 0)
                swap_in(w, TAKE(next), ret_restart);
        pthread_mutex_unlock(&w->rules_lock);
        config_unref(next);
        return r;
}

/* The lock is held. */
static int follow(Wiring *w, Config *now, const RulesActivation *active, Arena *a, const char **ret_restart,
                  Diag *diag)
{
        Config *next = NULL;
        const RulesFile *texts;
        size_t n;
        int r = rules_store_read(queue_space(w->queue), a, active->version, &texts, &n);

        if (r)
                return r < 0 ? r : 0;
        r = config_with_rules(&next, now, texts, n, diag);
        if (r)
                return r;
        swap_in(w, next, ret_restart);
        return RULES_FOLLOW_E_NEW;
}

int rules_follow(Wiring *w, const char **ret_restart, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *now = NULL;
        RulesHistory h;
        int r;

        if (pthread_mutex_trylock(&w->rules_lock))
                return 0;
        now = snapshot_get(&w->snapshot);
        r = rules_store_history(queue_space(w->queue), a, &h);
        if (r == 0 && h.n && !str_is(h.items[0].version, rules_version(now->run.rules)))
                r = follow(w, now, &h.items[0], a, ret_restart, diag);
        pthread_mutex_unlock(&w->rules_lock);
        return r;
}
