/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/run-news.h"

#include "app/flow/run-end.h"
#include "base/str.h"

/* The step in which the run ended. */
const char *run_last_step(const Outcome *o)
{
        const char *name = NULL;

        for (size_t i = 0; i < o->n_steps && i < _STEP_N; i++)
                if (o->steps[i].ran)
                        name = step_table[i].function;
        return name;
}

void run_log(const Log *log, const Outcome *o)
{
        const char *disposition = disposition_name(o->disposition);
        const char *dn = o->source.dn ? o->source.dn : o->change.dn;

        if (o->result == RESULT_FAILURE)
                log_warning(log, "run", LOG_STR("dn", dn), LOG_STR("step", run_last_step(o)),
                            LOG_STR("outcome", disposition), LOG_STR("error", o->error.code),
                            LOG_STR("why", o->error.additional_details ?: o->error.reason),
                            LOG_STR("run", o->run_id), LOG_INT("tries", o->tries));
        else
                log_info(log, "run", LOG_STR("dn", dn), LOG_STR("step", run_last_step(o)),
                         LOG_STR("outcome", disposition), LOG_STR("action", action_name(o->action)),
                         LOG_INT("changes", o->n_modified),
                         LOG_INT("latency_ms", o->accepted.ms ? o->accepted.ms - o->change.seen.ms : -1),
                         LOG_STR("run", o->run_id));
}

/* The edges of a circuit: a line in the log, and an alarm. */
static void tell_opened(WorkerShared *s, const char *name, const char *text, const char *why)
{
        log_error(s->log, text, LOG_STR("circuit", name), LOG_STR("why", why));
        alarms_raise(s->alarms, "circuit", name, why, clock_wall(s->clock));
}

static void tell_closed(WorkerShared *s, const char *name, const char *text)
{
        log_info(s->log, text, LOG_STR("circuit", name));
        alarms_clear(s->alarms, "circuit", name, text, clock_wall(s->clock));
}

static void tell_source(WorkerShared *s, const Run *run, Connector *c)
{
        const char *why = run->outcome.error.additional_details;

        if (run_is_scope_failure(run) && run->blame == BLAME_SOURCE) {
                if (connector_failed(s->connectors, c, clock_mono(s->clock), why))
                        tell_opened(s, c->name, "the directory cannot be used; changes wait", why);
        } else if (run->read_result == 0 && run->change.kind != CHANGE_LINK) {
                if (connector_works(s->connectors, c, run->began))
                        tell_closed(s, c->name, "the directory answers again");
        } else {
                circuit_unknown(&c->circuit);
        }
}

/* What the run says about the target. A throttled run says nothing against it: the limiter holds. */
static void tell_target(WorkerShared *s, const Run *run)
{
        const char *why = run->outcome.error.additional_details;
        Mono now = clock_mono(s->clock);
        bool throttled = str_is(run->outcome.error.code, "Throttled");

        if (throttled && s->holds)
                holds_save(s->holds);
        if (run_is_scope_failure(run) && run->blame == BLAME_TARGET && !throttled) {
                if (circuit_failed(&s->target_circuit, now, why))
                        tell_opened(s, "target", "Microsoft Graph cannot be used; changes wait", why);
        } else if (run->strained) {
                if (circuit_strained(&s->target_circuit, now, why))
                        tell_opened(s, "target", "Microsoft Graph fails again and again; changes wait", why);
        } else if (run->call.n_reads || run->call.n_writes) {
                if (circuit_works(&s->target_circuit, run->began))
                        tell_closed(s, "target", "Microsoft Graph answers again");
        } else {
                circuit_unknown(&s->target_circuit);
        }
}

static void tell_brakes(WorkerShared *s, const Run *run)
{
        for (int i = 0; i < _BRAKE_N; i++)
                if (run->tripped & BRAKE_SET(i))
                        alarms_raise(s->alarms, "brake", brake_name((Brake)i),
                                     run->outcome.error.additional_details, clock_wall(s->clock));
}

void run_tell(WorkerShared *s, const Run *run)
{
        Connector *c = connectors_find(s->connectors, run->change.source);

        if (c)
                tell_source(s, run, c);
        tell_target(s, run);
        tell_brakes(s, run);
}

void run_tell_watchers(WorkerShared *s, const Run *run)
{
        s->metrics.n_writes += run->call.n_writes;
        s->metrics.n_reads += run->call.n_reads;
        s->metrics.n_in_work--;
        metrics_count(&s->metrics, &run->outcome);
        if (s->live && run_is_worth_a_report(run) && !run_waits_its_turn(run))
                live_add(s->live, &run->outcome);
}
