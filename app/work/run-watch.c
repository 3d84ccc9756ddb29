/* SPDX-License-Identifier: Apache-2.0 */

#include "app/work/run-watch.h"

#include <stdio.h>
#include <string.h>

#define ALARM "run"

void run_watch_init(RunWatch *w)
{
        *w = (RunWatch){ 0 };
        pthread_mutex_init(&w->lock, NULL);
}

void run_watch_deinit(RunWatch *w)
{
        pthread_mutex_destroy(&w->lock);
}

void run_watch_begin(RunWatch *w, Mono now, const char *dn)
{
        pthread_mutex_lock(&w->lock);
        w->began = w->entered = now;
        snprintf(w->dn, sizeof(w->dn), "%s", dn ? dn : "");
        snprintf(w->step, sizeof(w->step), "before the first step");
        w->run_id[0] = 0;
        w->told = false;
        pthread_mutex_unlock(&w->lock);
}

void run_watch_step(RunWatch *w, Mono now, const char *step, const char *run_id)
{
        pthread_mutex_lock(&w->lock);
        w->entered = now;
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
        pthread_mutex_unlock(&w->lock);
        if (told)
                alarms_clear(alarms, ALARM, run_id, text, now);
}

bool run_watch_look(RunWatch *w, Mono now, Wall wall, Alarms *alarms)
{
        char run_id[GUID_TEXT_MAX], text[512];
        bool stuck, tell;

        pthread_mutex_lock(&w->lock);
        stuck = w->began.us && now.us - w->began.us >= RUN_WATCH_STUCK_US;
        tell = stuck && !w->told;
        w->told |= tell;
        memcpy(run_id, w->run_id, sizeof(run_id));
        snprintf(text, sizeof(text), "the run of %s does not end: it is at step %s since %lld s, run %s",
                 w->dn, w->step, (long long)((now.us - w->entered.us) / 1000000), w->run_id);
        pthread_mutex_unlock(&w->lock);
        if (tell)
                alarms_raise(alarms, ALARM, run_id, text, wall);
        return stuck;
}
