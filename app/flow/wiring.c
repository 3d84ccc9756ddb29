/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/wiring.h"

#include "app/compare/last.h"
#include "app/flow/rules-active.h"
#include "app/flow/state.h"
#include "base/error.h"
#include "engine/steps/catalogue.h"
#include "listener/source-ldap.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int open_queue(Wiring *w, const Config *c, Diag *diag)
{
        int r = state_open(&w->queue, c, clock_wall(w->clock), diag);

        if (r == QUEUE_E_GONE)
                return WIRING_E_BUSY;
        if (r == QUEUE_E_EMPTY)
                return WIRING_E_AWAY;
        return r ? WIRING_E_STATE : 0;
}

/* Who may write what we may not: it is asked. */
static int open_owner(Wiring *w, const Config *c)
{
        /* Cloud Sync's pace is its own, and so are its cycles. */
        static const OwnerConfig on_demand = { .pace_us = 0 };
        bool connect = c->run.estate == ESTATE_CONNECT;
        Owner *owner;
        int r = connect ? owner_command_new(&owner, &c->target.connect)
                        : on_demand_new(&owner, w->graph, &c->target.cloud_sync);

        return r ? r
                 : target_owner_new(&w->target, w->target, owner, connect ? &c->target.connect : &on_demand,
                                    w->clock);
}

static int open_target(Wiring *w, const Config *c, Diag *diag)
{
        _cleanup_(target_freep) Target *graph = NULL;
        int r = target_graph_new(&graph, &c->target, w->clock, &w->log, diag);

        if (r)
                return r;
        r = target_retry_new(&w->target, graph, w->clock);
        if (r)
                return r;
        w->graph = TAKE(graph); /* the decorator owns it */
        return c->run.ask_owner ? open_owner(w, c) : 0;
}

int wiring_exit_status(int r)
{
        return r == WIRING_E_CONFIG ? EXIT_USAGE : r == WIRING_E_AWAY ? EXIT_UNREACHABLE : EXIT_OBJECT;
}

int wiring_open(Wiring *w, const char *config_path, Diag *diag)
{
        ReportStore *store = NULL;
        Config *c = NULL;
        int r;

        *w = (Wiring){ .clock = &clock_system };
        r = config_load_tolerant(&c, config_path, diag);
        if (r)
                return r > 0 ? WIRING_E_CONFIG : r;
        snapshot_init(&w->snapshot, c);
        w->first = config_ref(c);
        waiters_init(&w->waiters);
        alarms_init(&w->alarms, NULL, NULL);
        pthread_mutex_init(&w->rules_lock, NULL);
        pthread_mutex_init(&w->staging_lock, NULL);
        w->open = true;

        r = open_queue(w, c, diag);
        if (r)
                return r;
        r = report_store_new(&store, c->reports.path, true, diag);
        w->store = store;
        if (r == -ENOSPC) {
                /* Paperwork never stops work: outcomes wait in the queue until there is room. */
                log_error(&w->log, "reports cannot be written for now", LOG_STR("why", diag_text(diag)));
                diag_clear(diag);
        } else if (r) {
                return WIRING_E_STATE;
        }
        r = rules_adopt(w, c, diag);
        if (r == RULE_E_INVALID)
                return WIRING_E_CONFIG;
        if (r) {
                diag_add(diag, "%s: which rules are active cannot be read: %s", c->state.path, strerror(-r));
                return WIRING_E_STATE;
        }
        if (acts_open(&w->acts, c, w->clock, &w->log, diag))
                return WIRING_E_STATE;
        r = open_target(w, c, diag);
        if (r)
                return r;
        r = common_budget_start(&w->budget, w->first, target_graph_limiter(w->graph), w->clock, &w->log,
                                diag);
        if (r)
                return r == BUS_E_DOWN ? WIRING_E_AWAY : WIRING_E_STATE;
        r = holds_init(&w->holds, w->queue, target_graph_limiter(w->graph), w->clock);
        if (r) {
                diag_set(diag, "%s: until when Microsoft Graph wants to be left alone cannot be read: %s",
                         c->state.path, strerror(-r));
                return WIRING_E_STATE;
        }
        r = connectors_open(&w->connectors, w->first, w->queue, w->clock, &w->log, diag);
        if (r)
                return r > 0 ? WIRING_E_STATE : r;
        r = worker_shared_init(&w->shared, &w->snapshot, &w->connectors, w->queue, w->target, &w->waiters,
                               w->clock, &w->log);
        if (r) {
                diag_set(diag, "%s: the counters of the brakes cannot be read: %s", c->state.path,
                         strerror(-r));
                return WIRING_E_STATE;
        }
        w->shared.alarms = &w->alarms;
        w->shared.holds = &w->holds;
        w->live = live_new();
        w->shared.live = w->live;
        w->shared.anchor_fits = compare_last_anchor(queue_space(w->queue));
        r = staging_load(&w->shared.staging, w->queue, clock_wall(w->clock));
        if (r)
                diag_set(diag, "%s: what promote or demote decided cannot be read: %s", c->state.path,
                         strerror(-r));
        if (r)
                return WIRING_E_STATE;
        r = gate_open(&w->gate, w->first, w->queue, w->target, &w->alarms, w->clock, &w->log);
        if (r)
                return r;
        gate_mind_staging(&w->gate, worker_exports, &w->shared);
        w->shared.gate = &w->gate;
        return 0;
}

void wiring_close(Wiring *w)
{
        if (!w->open)
                return;
        if (w->shared.gate) {
                gate_stop(w->shared.gate); /* whoever has taken the flag gives it back */
                w->shared.gate = NULL;
        }
        if (w->shared.queue)
                worker_shared_deinit(&w->shared);
        w->live = live_free(w->live);
        gate_deinit(&w->gate);
        connectors_close(&w->connectors);
        common_budget_stop(&w->budget);
        holds_deinit(&w->holds);
        w->target = target_free(w->target);
        w->store = report_store_free(w->store);
        acts_close(&w->acts);
        w->queue = queue_free(w->queue);
        waiters_deinit(&w->waiters);
        alarms_deinit(&w->alarms);
        pthread_mutex_destroy(&w->rules_lock);
        pthread_mutex_destroy(&w->staging_lock);
        snapshot_deinit(&w->snapshot);
        w->first = config_unref(w->first);
        w->open = false;
}

int wiring_source(Wiring *w, const Connector *c, Source **ret_source)
{
        return source_ldap_new(
                ret_source,
                &(SourceLdapConfig){ .ldap = c->ldap, .pin = c->pin, .door = c->door, .clock = w->clock });
}

int wiring_sources(Wiring *w, Source *ret_sources[CONFIG_SOURCES_MAX])
{
        for (size_t i = 0; i < w->connectors.n; i++) {
                int r = wiring_source(w, &w->connectors.items[i], &ret_sources[i]);

                if (r) {
                        while (i > 0)
                                source_free(ret_sources[--i]);
                        return r;
                }
        }
        return 0;
}
