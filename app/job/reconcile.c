/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/reconcile.h"
#include "app/flow/intake.h"
#include "app/job/kinds.h"
#include "app/job/sweep.h"
#include "app/reconcile/drift.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"
#include "engine/target/graph-tenant.h"

#include <time.h>

static void log_summary(const Log *log, const char *by, const SweepResult *n, int64_t took_ms)
{
        if (n->n_missed)
                log_warning(log, "reconcile has found what the feed had missed",
                            LOG_INT("missed", (int64_t)n->n_missed));
        log_info(log, "reconciled", LOG_STR("by", by), LOG_INT("objects", (int64_t)n->n_objects),
                 LOG_INT("enqueued", (int64_t)n->n_enqueued), LOG_INT("waiting", (int64_t)n->n_waiting),
                 LOG_INT("read", (int64_t)n->n_read), LOG_INT("not_visible", (int64_t)n->n_hidden),
                 LOG_INT("took_ms", took_ms));
}

static bool is_watching(const Connector *c)
{
        return c->intake && intake_is_watching(c->intake);
}

static int reconcile(Job *job, const Connector *c, const char *ou, SweepResult *ret_result, Diag *diag)
{
        bool missed = !ou && c->intake && c->intake->missed_due;
        int r;

        if (missed)
                c->intake->missed_due = false;
        r = job_sweep(job, c,
                      &(Sweep){ .dn = ou,
                                .everything = json_is_true(json_object_get(job->arguments, "all")),
                                .feed_watches = is_watching(c) },
                      reconcile_run, ret_result, diag);
        if (missed && r)
                c->intake->missed_due = true;
        return r;
}

/* What was compared, and what could not be. */
typedef struct Round {
        SweepResult n;
        const char *below; /* the bases that were compared */
        json_t *failed;    /* [{"source", "why"}] */
} Round;

static void note_failed(Job *job, const Connector *c, json_t *failed, Diag *diag)
{
        json_array_append_new(failed,
                              json_pack("{s:s, s:s}", "source", c->ldap->name, "why", diag_text(diag)));
        log_warning(&job->wiring->log, "a directory could not be compared", LOG_STR("source", c->ldap->name),
                    LOG_STR("why", diag_text(diag)));
        diag_clear(diag);
}

/* One source after the other. One that is gone does not keep the others from their turn. */
static int reconcile_all(Job *job, Round *round, Arena *a, Diag *diag)
{
        bool cycle = json_is_true(json_object_get(job->arguments, "cycle"));
        Connectors *all = &job->wiring->connectors;

        for (size_t i = 0; i < all->n; i++) {
                SweepResult n = { 0 };
                int r;

                if (cycle && !is_watching(&all->items[i]))
                        continue; /* its feed will bring what is missing */
                r = reconcile(job, &all->items[i], NULL, &n, diag);
                sweep_result_add(&round->n, &n);
                if (r && r != SWEEP_E_UNREACHABLE)
                        return r;
                if (r)
                        note_failed(job, &all->items[i], round->failed, diag);
                else
                        round->below = arena_printf(a, "%s%s%s", round->below, *round->below ? " and " : "",
                                                    all->items[i].ldap->base);
        }
        return 0;
}

/* -- the cloud ------------------------------------------------------------------------------------------ */

static bool wait_for_graph(void *context, int64_t us)
{
        for (; us > 0; us -= 1000000) {
                struct timespec second = { .tv_sec = 1 };

                if (job_sweep_progress(context, "Graph asks to wait", 0, 0))
                        return false;
                nanosleep(&second, NULL);
        }
        return true;
}

static void tell(Job *job, const DriftResult *n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wiring *w = job->wiring;
        const json_t *one = json_array_get(n->examples, 0);

        if (!n->n_changed && !n->n_removed)
                return;
        log_warning(&w->log, "somebody else has changed the cloud", LOG_INT("changed", (int64_t)n->n_changed),
                    LOG_INT("deleted", (int64_t)n->n_removed), LOG_INT("enqueued", (int64_t)n->n_enqueued));
        alarms_notice(
                &w->alarms, "drift", "cloud",
                arena_printf(a,
                             "changed in Microsoft Entra ID by somebody else: %llu, deleted there: %llu; "
                             "one of them: %s (%s)",
                             (unsigned long long)n->n_changed, (unsigned long long)n->n_removed,
                             json_string_value(json_object_get(one, "dn")),
                             json_string_value(json_object_get(one, "what"))),
                clock_wall(w->clock));
}

/* What is found is in the result; that the cloud cannot be read does not spoil what the directory gave. */
static int look_for_drift(Job *job, Diag *diag)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        Wiring *w = job->wiring;
        DriftResult n;
        int r;

        if (config->reconcile.drift == DRIFT_OFF)
                return 0;
        r = drift_run(
                &(Drift){
                        .queue = w->queue,
                        .target = w->graph,
                        .changes = graph_tenant_changes,
                        .schema = config->run.schema,
                        .tenant_id = w->first->target.tenant_id,
                        .clock = w->clock,
                        .settle_ms = config->settle_us / 1000,
                        .correct = config->reconcile.drift == DRIFT_CORRECT,
                        .progress = job_sweep_progress,
                        .wait = wait_for_graph,
                        .context = job,
                        .asker = &job->asker,
                },
                &n, diag);
        json_object_set_new(job->result, "cloud", drift_json(&n));
        if (r == DRIFT_E_UNREACHABLE) {
                log_warning(&w->log, "the cloud could not be compared", LOG_STR("why", diag_text(diag)));
                json_object_set_new(json_object_get(job->result, "cloud"), "failed",
                                    json_string(diag_text(diag)));
                diag_clear(diag);
                r = 0;
        }
        tell(job, &n);
        drift_result_deinit(&n);
        return r == DRIFT_E_CANCELLED ? JOB_E_CANCELLED : r == DRIFT_E_FULL ? JOB_E_FAILED : r;
}

/* Of a part: the container that was named. */
static int reconcile_part(Job *job, const char *ou, Round *round, Diag *diag)
{
        round->below = ou;
        return reconcile(job, connectors_of_dn(&job->wiring->connectors, ou), ou, &round->n, diag);
}

static void take_result(Job *job, const Round *round, Wall began)
{
        Wiring *w = job->wiring;
        int64_t took_ms = clock_wall(w->clock).ms - began.ms;

        if (*round->below)
                log_summary(&w->log, job->by, &round->n, took_ms);
        job->result = job_sweep_json(&round->n);
        json_object_set_new(job->result, "below", json_string(round->below));
        json_object_set_new(job->result, "tookMilliseconds", json_integer(took_ms));
        json_object_set_new(job->result, "service", json_boolean(w->jobs != NULL));
        if (json_array_size(round->failed)) {
                json_object_set(job->result, "failed", round->failed);
                job->status = EXIT_UNREACHABLE;
        }
}

static int work(Job *job, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *ou = json_string_value(json_object_get(job->arguments, "ou"));
        Wall began = clock_wall(job->wiring->clock);
        Round round = { .below = "", .failed = json_array() };
        int r = ou ? reconcile_part(job, ou, &round, diag) : reconcile_all(job, &round, a, diag);

        if (r)
                r = job_sweep_result(r);
        else
                take_result(job, &round, began);
        /* The cloud is there although a directory is not. */
        if (r == 0 && !ou)
                r = look_for_drift(job, diag);
        if (r == 0 && !*round.below && json_array_size(round.failed)) {
                diag_set(diag, "%s",
                         json_string_value(json_object_get(json_array_get(round.failed, 0), "why")));
                r = JOB_E_UNREACHABLE;
        }
        json_decref(round.failed);
        return r;
}

const JobKind job_reconcile = { .name = "reconcile", .ours = true, .work = work };
