/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/console-ops.h"

#include "app/control/release.h"
#include "app/control/sync.h"
#include "app/rules/explain.h"
#include "base/error.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static void vitals(void *context, Arena *a, Vitals *ret_vitals)
{
        ConsoleService *s = context;

        monitor_vitals(s->monitor, a, ret_vitals);
}

static size_t pulse(void *context, PulsePoint ret_points[PULSE_POINTS])
{
        ConsoleService *s = context;

        return monitor_pulse(s->monitor, ret_points);
}

static void metrics(void *context, Str *out)
{
        ConsoleService *s = context;

        monitor_metrics(s->monitor, out);
}

static void rules(void *context, void (*show)(void *page, const RuleSet *set), void *page)
{
        ConsoleService *s = context;
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->wiring->snapshot);

        show(page, c->run.rules);
}

static int explain(void *context, const char *dn, void (*see)(void *page, const ConsoleExplain *e),
                   void *page, Diag *diag)
{
        ConsoleService *s = context;
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->wiring->snapshot);
        _cleanup_(arena_freep) Arena *a = arena_new(ARENA_LIMIT_RUN);
        RulesWorld w = { .space = queue_space(s->wiring->queue),
                         .schema = c->run.schema,
                         .now = clock_wall(s->wiring->clock) };
        ConsoleExplain shown;
        const char **notes;
        bool unjoined = false;
        RulesKnown known;
        Joins joins;
        Explain e;
        Look look;
        int r;

        if (look_directory(&look, a, c, c->run.rules, dn, c->run.attributes, c->run.n_attributes, true, diag))
                return 1;
        w.connectors = connectors_for_run(&s->wiring->connectors, c, a, &w.n_connectors);
        r = known_find(&w, look.connector, &look.object->id, a, &known);
        if (r < 0) {
                diag_set(diag, "the state cannot be read: %s", strerror(-r));
                return 1;
        }
        if (r) {
                RuleInput input = explain_own_input(&look);

                if (joins_find(c->run.rules, &input, joins_ask_space, w.space, a, &joins)) {
                        diag_set(diag, "the state cannot be read");
                        return 1;
                }
                unjoined = true;
                if (joins.by && !joins.clash)
                        r = known_person(&w, &joins.by->hits[0].id, a, &known);
        }
        explain_object(&e, c->run.rules, &look, r ? NULL : &known, unjoined ? &joins : NULL, w.now, a);
        notes = arena_new_array(a, const char *, e.out.n_attributes + 1);
        for (size_t i = 0; e.has_out && i < e.out.n_attributes; i++)
                notes[i] = explain_graph(c->run.schema, e.out.type, e.out.attributes[i].name, a);
        shown = (ConsoleExplain){
                .verdict = e.verdict,
                .dn = look.object->dn,
                .type = look.object->type,
                .in = e.in,
                .out = e.out,
                .has_out = e.has_out,
                .out_notes = notes,
        };
        see(page, &shown);
        return 0;
}

static int scheduler(void *context, Str *out_json, Diag *diag)
{
        ConsoleService *s = context;

        return gate_show(&s->wiring->gate, out_json, diag);
}

static int scheduler_set(void *context, bool enabled, Diag *diag)
{
        ConsoleService *s = context;

        return gate_set(&s->wiring->gate, enabled, diag);
}

static int release(void *context, const char *name, bool drop, const char *by, Diag *diag)
{
        ConsoleService *s = context;
        Brake brake;
        int n;

        if (!brake_parse(name, &brake)) {
                diag_set(diag, "there is no such brake");
                return CONSOLE_E_ASKED;
        }
        n = release_brake(s->wiring, brake, drop, by);
        if (n >= 0)
                return 0;
        diag_set(diag, "%s", queue_why(n));
        return n;
}

static int sync_now(void *context, const char *dn, const char *by, Arena *a, const char **ret_run, Diag *diag)
{
        ConsoleService *s = context;
        Outcome o;
        int r = sync_by_service(s->wiring, &(SyncRequest){ .dn = dn, .by = by }, a, &o, diag);

        if (r == 0) {
                *ret_run = arena_strdup(a, o.run_id);
                return 0;
        }
        if (r == SYNC_E_FULL)
                diag_set(diag, "%s", QUEUE_FULL_TEXT);
        else if (!diag_any(diag))
                diag_set(diag, "%s", queue_why(r));
        return r == SYNC_E_NAME                        ? CONSOLE_E_ASKED
               : r == SYNC_E_WAITS || r == SYNC_E_FULL ? CONSOLE_E_WAITS
                                                       : error_fold(r);
}

static void acted(void *context, const char *by, const char *verb, const char *object, const char *error)
{
        ConsoleService *s = context;
        json_t *request = json_pack("{s:s, s:s}", "console", verb, "object", object);
        json_t *answer = json_pack("{s:b, s:s?}", "ok", !error, "error", error);

        acts_person(&s->wiring->acts, by, verb, request, answer);
        json_decref(request);
        json_decref(answer);
}

const ConsoleOps console_ops = {
        .vitals = vitals,
        .pulse = pulse,
        .metrics = metrics,
        .rules = rules,
        .explain = explain,
        .scheduler = scheduler,
        .scheduler_set = scheduler_set,
        .acted = acted,
        .release = release,
        .sync = sync_now,
};

int console_start(Console **ret_console, ConsoleService *service, Diag *diag)
{
        Wiring *w = service->wiring;
        const ConsoleConfig *config = &w->first->console;
        int r;

        if (!config->listen)
                return 0;
        r = console_new(ret_console,
                        &(ConsoleOptions){
                                .config = config,
                                .clock = w->clock,
                                .log = &w->log,
                                .queue = w->queue,
                                .store = &w->store,
                                .live = w->live,
                                .ops = &console_ops,
                                .context = service,
                        },
                        diag);
        if (r == 0)
                log_info(&w->log, "console", LOG_STR("listen", config->listen),
                         LOG_INT("port", console_port(*ret_console)));
        return r;
}
