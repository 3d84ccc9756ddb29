/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/reload.h"

#include "app/flow/rules-active.h"
#include "app/job/jobs.h"
#include "app/rules/store.h"

#include <string.h>

/* The lock is held. */
static void take_config(Wiring *w)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Config *next = NULL;
        const char *key;

        if (config_load(&next, w->first->path, &diag)) {
                for (size_t i = 0; i < diag.n_items; i++)
                        log_error(&w->log, "reload refused", LOG_STR("why", diag.items[i].text));
                log_error(&w->log, "the configuration in force stays in force");
                return;
        }
        if (rules_adopt(w, next, &diag) || w->rules_broken) {
                for (size_t i = 0; i < diag.n_items; i++)
                        log_error(&w->log, "reload refused", LOG_STR("why", diag.items[i].text));
                w->rules_broken = false;
                config_unref(next);
                return;
        }
        key = config_needs_restart(w->first, next);
        if (key)
                log_warning(&w->log, "a change takes effect only after a restart", LOG_STR("key", key));
        config_hold_back(next, w->first);
        log_set_level((LogLevel)next->log.level);
        log_info(&w->log, "reloaded", LOG_STR("rules", rules_version(next->run.rules)));
        snapshot_swap(&w->snapshot, next);
}

int reload_config(Wiring *w)
{
        if (pthread_mutex_trylock(&w->rules_lock))
                return RELOAD_E_LATER;
        take_config(w);
        pthread_mutex_unlock(&w->rules_lock);
        return 0;
}

void reload_catch_up_rules(Wiring *w)
{
        ObjectId after;

        if (rules_store_catch_up(queue_space(w->queue), &after) == 0 && !jobs_has(w->jobs, "rules-catch-up"))
                jobs_submit(w->jobs, "rules-catch-up", NULL, "service", NULL);
}

void reload_follow_rules(Wiring *w, bool *refused)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(config_unrefp) Config *now = NULL;
        const char *restart = NULL;
        int r = rules_follow(w, &restart, &diag);

        if (r == RULES_FOLLOW_E_NEW) {
                now = snapshot_get(&w->snapshot);
                log_info(&w->log, "rules that were made active elsewhere work here now",
                         LOG_STR("version", rules_version(now->run.rules)), LOG_STR("restart", restart));
        } else if (r && !*refused) {
                log_error(&w->log, "rules that were made active elsewhere cannot be loaded; the old go on",
                          LOG_STR("why", r < 0 ? strerror(-r) : diag_text(&diag)));
        }
        *refused = r && r != RULES_FOLLOW_E_NEW;
}
