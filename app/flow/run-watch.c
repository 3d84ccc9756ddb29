/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/run-watch.h"

#include "engine/steps/catalogue.h"
#include "engine/steps/steps.h"

#include <stdio.h>
#include <string.h>

#define CODE "RunStuck"

void run_watch_init(RunWatch *w)
{
        *w = (RunWatch){ 0 };
        pthread_mutex_init(&w->lock, NULL);
}

void run_watch_deinit(RunWatch *w)
{
        pthread_mutex_destroy(&w->lock);
}

void run_watch_begin(RunWatch *w, Mono now, Wall wall, const Change *change)
{
        pthread_mutex_lock(&w->lock);
        w->began = w->entered = now;
        w->started = wall;
        w->change = *change;
        w->change.by = NULL;
        w->n_before = 0;
        w->at_step = false;
        snprintf(w->dn, sizeof(w->dn), "%s", change->dn ? change->dn : "");
        snprintf(w->step, sizeof(w->step), "before the first step");
        w->run_id[0] = 0;
        w->told = false;
        pthread_mutex_unlock(&w->lock);
}

void run_watch_step(RunWatch *w, Mono now, unsigned number, const char *step, const char *run_id)
{
        pthread_mutex_lock(&w->lock);
        w->entered = now;
        w->n_before = number;
        w->at_step = true;
        snprintf(w->step, sizeof(w->step), "%s", step);
        snprintf(w->run_id, sizeof(w->run_id), "%s", run_id ? run_id : "");
        pthread_mutex_unlock(&w->lock);
}

void run_watch_end(RunWatch *w, Alarms *alarms, Wall now)
{
        char run_id[GUID_TEXT_MAX], text[512];
        bool told;

        pthread_mutex_lock(&w->lock);
        told = w->told;
        memcpy(run_id, w->run_id, sizeof(run_id));
        snprintf(text, sizeof(text), "the run of %s has ended after all, at step %s", w->dn, w->step);
        w->began = (Mono){ 0 };
        w->told = false;
        if (told)
                alarms_clear(alarms, RUN_WATCH_ALARM, run_id, text, now);
        pthread_mutex_unlock(&w->lock);
}

/* What is behind it was done; where it stands is what failed. A report of its own: the run's comes if it
 * ends. */
static const Outcome *report_of(const RunWatch *w, Mono now, Wall wall, const char *text, Arena *a)
{
        const CatalogueRow *row = catalogue_find(CODE);
        Outcome *o = arena_new_of(a, Outcome);
        ObjectId id;

        guid_random(&id);
        guid_format(&id, o->run_id);
        o->change = w->change;
        o->change.dn = arena_strdup(a, w->dn);
        o->tries = 1;
        o->result = RESULT_FAILURE;
        o->disposition = DISPOSITION_RETRY;
        o->error = (ErrorInfo){ .code = row->code,
                                .category = row->category,
                                .reason = row->reason,
                                .recommended_action = row->action,
                                .additional_details = text };
        o->source_name = o->partition = "";
        o->initiated_by = "sosync";
        o->source.dn = o->change.dn;
        o->source.id = guid_format(&w->change.id, arena_alloc(a, GUID_TEXT_MAX));
        o->source.display_name = "";
        o->n_steps = _STEP_N;
        for (unsigned i = 0; i < _STEP_N; i++)
                o->steps[i].status = i < w->n_before ? RESULT_SUCCESS : RESULT_SKIPPED;
        for (unsigned i = 0; i < w->n_before; i++) {
                o->steps[i].ran = true;
                o->steps[i].description = "It is behind the run.";
        }
        if (w->at_step)
                o->steps[w->n_before] = (StepRecord){ .ran = true,
                                                      .status = RESULT_FAILURE,
                                                      .description = text,
                                                      .start_us = w->entered.us - w->began.us,
                                                      .duration_us = now.us - w->entered.us };
        o->started = w->started;
        o->finished = wall;
        o->duration_us = now.us - w->began.us;
        return o;
}

bool run_watch_look(RunWatch *w, Mono now, Wall wall, Alarms *alarms, Arena *a, const Outcome **ret_report)
{
        char run_id[GUID_TEXT_MAX];
        const char *text = NULL;
        bool stuck, tell;

        *ret_report = NULL;
        pthread_mutex_lock(&w->lock);
        stuck = w->began.us && now.us - w->began.us >= RUN_WATCH_STUCK_US;
        tell = stuck && !w->told;
        w->told |= tell;
        memcpy(run_id, w->run_id, sizeof(run_id));
        if (tell) {
                text = arena_printf(a, "the run of %s does not end: it is at step %s since %lld s, run %s",
                                    w->dn, w->step, (long long)((now.us - w->entered.us) / 1000000),
                                    w->run_id);
                *ret_report = report_of(w, now, wall, text, a);
        }
        if (tell)
                alarms_raise(alarms, RUN_WATCH_ALARM, run_id, text, wall);
        pthread_mutex_unlock(&w->lock);
        return stuck;
}
