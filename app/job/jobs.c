/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/jobs.h"

#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/wait.h"
#include "engine/steps/catalogue.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 10)

typedef struct JobState JobState;

/* The half of a job that threads share. */
struct JobState {
        Job job; /* first */
        List link;
        Jobs *jobs; /* NULL: job_run_here */
        char *by;
        void (*show)(void *context, const JobProgress *progress);
        void *context;
        _Atomic bool cancelled;

        /* Jobs.lock protects what follows. */
        unsigned n_refs; /* who submitted it and kept it, and the thread or its line */
        bool waits;      /* in a line */
        JobProgress progress;
        uint64_t n_news;
        bool ended;
        int result;
        Str why;
};

/* One thread and its line. */
typedef struct Line {
        Jobs *jobs;
        pthread_t thread;
        bool started;
        List waiting;  /* Jobs.lock */
        JobState *now; /* Jobs.lock */
} Line;

struct Jobs {
        Wiring *wiring;
        const JobKind *const *kinds;
        Line lines[2]; /* [JobKind.ours] */

        pthread_mutex_t lock; /* protects what follows, and the fields of JobState and Line that say so */
        pthread_cond_t news;
        size_t n_waiting;
        bool stopping;
};

/* -- a job ----------------------------------------------------------------------------------------------- */

static bool is_gone(void *context)
{
        const JobState *s = context;

        return s->cancelled;
}

static JobState *state_new(Jobs *j, Wiring *w, const JobKind *kind, const json_t *arguments, const char *by)
{
        JobState *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->by = strdup(by ? by : "service");
        if (!s->by)
                error_oom(1);
        list_init(&s->link);
        str_init(&s->why, TEXT_MAX);
        s->jobs = j;
        s->n_refs = 1;
        s->job = (Job){
                .wiring = w,
                .arguments = arguments ? json_deep_copy(arguments) : json_object(),
                .by = s->by,
                .asker = { .is_gone = is_gone, .context = s },
                .kind = kind,
                .state = s,
        };
        return s;
}

static void state_free(JobState *s)
{
        json_decref(s->job.arguments);
        json_decref(s->job.result);
        str_deinit(&s->why);
        free(s->by);
        free(s);
}

/* The lock is held. */
static void state_unref(JobState *s)
{
        if (--s->n_refs == 0)
                state_free(s);
}

void job_progress(Job *job, const char *phase, uint64_t done, uint64_t total)
{
        JobState *s = job->state;
        JobProgress p = { .done = done, .total = total };

        snprintf(p.phase, sizeof(p.phase), "%s", phase);
        if (s->show)
                s->show(s->context, &p);
        if (!s->jobs)
                return;
        pthread_mutex_lock(&s->jobs->lock);
        s->progress = p;
        s->n_news++;
        pthread_cond_broadcast(&s->jobs->news);
        pthread_mutex_unlock(&s->jobs->lock);
}

bool job_is_cancelled(const Job *job)
{
        return job->state->cancelled;
}

/* The lock is held. Nobody waits for what is before it, to be told that it is over. */
static void leave_line(JobState *s)
{
        if (!s->waits)
                return;
        s->waits = false;
        list_remove(&s->link);
        s->jobs->n_waiting--;
        s->ended = true;
        s->result = JOB_E_CANCELLED;
        pthread_cond_broadcast(&s->jobs->news);
        state_unref(s);
}

void job_cancel(Job *job)
{
        JobState *s = job->state;

        pthread_mutex_lock(&s->jobs->lock);
        s->cancelled = true;
        leave_line(s);
        pthread_mutex_unlock(&s->jobs->lock);
}

void job_release(Job *job)
{
        JobState *s = job->state;
        Jobs *j = s->jobs;

        pthread_mutex_lock(&j->lock);
        s->cancelled = true;
        leave_line(s);
        state_unref(s);
        pthread_mutex_unlock(&j->lock);
}

const char *job_why(const Job *job)
{
        return job->state->why.data;
}

bool job_follow(Job *job, uint64_t *seen, int64_t timeout_us, JobProgress *ret_progress, int *ret_result)
{
        JobState *s = job->state;
        Mono until = wait_in(timeout_us);
        bool ended;

        pthread_mutex_lock(&s->jobs->lock);
        while (!s->ended && s->n_news == *seen && wait_until(&s->jobs->news, &s->jobs->lock, until))
                ;
        *seen = s->n_news;
        *ret_progress = s->progress;
        ended = s->ended;
        if (ended)
                *ret_result = s->result;
        pthread_mutex_unlock(&s->jobs->lock);
        return ended;
}

/* -- the threads ----------------------------------------------------------------------------------------- */

static JobState *next_job(Line *l)
{
        Jobs *j = l->jobs;
        JobState *s = NULL;

        pthread_mutex_lock(&j->lock);
        while (!j->stopping && list_is_empty(&l->waiting))
                pthread_cond_wait(&j->news, &j->lock);
        if (!list_is_empty(&l->waiting)) {
                s = list_entry(l->waiting.next, JobState, link);
                list_remove(&s->link);
                s->waits = false;
                j->n_waiting--;
                l->now = s;
        }
        pthread_mutex_unlock(&j->lock);
        return s;
}

static void end_job(Line *l, JobState *s, int r, const Diag *diag)
{
        Jobs *j = l->jobs;
        const Log *log = &j->wiring->log;

        if (r && r != JOB_E_CANCELLED)
                log_info(log, "a job failed", LOG_STR("job", s->job.kind->name), LOG_STR("by", s->by),
                         LOG_STR("why", diag_any(diag) ? diag_text(diag) : queue_why(r)));
        pthread_mutex_lock(&j->lock);
        for (size_t i = 0; i < diag->n_items; i++)
                str_printf(&s->why, "%s%s", i ? "\n" : "", diag->items[i].text);
        s->ended = true;
        s->result = r;
        l->now = NULL;
        pthread_cond_broadcast(&j->news);
        state_unref(s);
        pthread_mutex_unlock(&j->lock);
}

static void *line_thread(void *context)
{
        Line *l = context;
        JobState *s;

        while ((s = next_job(l))) {
                Diag diag = DIAG_INIT;
                int r = s->cancelled ? JOB_E_CANCELLED : s->job.kind->work(&s->job, &diag);

                end_job(l, s, r, &diag);
                diag_deinit(&diag);
        }
        return NULL;
}

int jobs_new(Jobs **ret_jobs, Wiring *w, const JobKind *const *kinds)
{
        _cleanup_(jobs_freep) Jobs *j = calloc(1, sizeof(*j));

        if (!j)
                error_oom(sizeof(*j));
        j->wiring = w;
        j->kinds = kinds;
        pthread_mutex_init(&j->lock, NULL);
        wait_init(&j->news);
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++) {
                j->lines[i].jobs = j;
                list_init(&j->lines[i].waiting);
        }
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++) {
                int r = thread_start(&j->lines[i].thread, line_thread, &j->lines[i],
                                     i ? "jobs own" : "jobs asked");

                if (r)
                        return r;
                j->lines[i].started = true;
        }
        *ret_jobs = TAKE(j);
        return 0;
}

void jobs_cancel(Jobs *j)
{
        pthread_mutex_lock(&j->lock);
        j->stopping = true;
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++) {
                if (j->lines[i].now)
                        j->lines[i].now->cancelled = true;
                list_for_each (k, &j->lines[i].waiting)
                        list_entry(k, JobState, link)->cancelled = true;
        }
        pthread_cond_broadcast(&j->news);
        pthread_mutex_unlock(&j->lock);
}

static void end_lines(Jobs *j)
{
        jobs_cancel(j);
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++)
                if (j->lines[i].started) {
                        pthread_join(j->lines[i].thread, NULL);
                        j->lines[i].started = false;
                }
}

Jobs *jobs_free(Jobs *j)
{
        if (!j)
                return NULL;
        end_lines(j);
        pthread_cond_destroy(&j->news);
        pthread_mutex_destroy(&j->lock);
        free(j);
        return NULL;
}

const JobKind *job_kind_find(const JobKind *const *kinds, const char *name)
{
        for (size_t i = 0; kinds[i]; i++)
                if (str_is(kinds[i]->name, name))
                        return kinds[i];
        return NULL;
}

const char *job_kind_act(const JobKind *kind, const json_t *arguments)
{
        if (kind->looks)
                return NULL;
        return kind->act ? kind->act(arguments) : kind->name;
}

int jobs_submit(Jobs *j, const char *name, const json_t *arguments, const char *by, Job **ret_job)
{
        const JobKind *kind = job_kind_find(j->kinds, name);
        JobState *s;
        int r = 0;

        if (!kind)
                return JOB_E_UNKNOWN;
        s = state_new(j, j->wiring, kind, arguments, by);
        pthread_mutex_lock(&j->lock);
        if (j->stopping || j->n_waiting >= JOBS_MAX) {
                state_unref(s);
                r = JOB_E_FULL;
        } else {
                list_push(&j->lines[kind->ours].waiting, &s->link);
                s->waits = true;
                j->n_waiting++;
                if (ret_job) {
                        s->n_refs++;
                        *ret_job = &s->job;
                }
                pthread_cond_broadcast(&j->news);
        }
        pthread_mutex_unlock(&j->lock);
        return r;
}

bool jobs_has(Jobs *j, const char *kind)
{
        bool has = false;

        pthread_mutex_lock(&j->lock);
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++) {
                has |= j->lines[i].now && str_is(j->lines[i].now->job.kind->name, kind);
                list_for_each (k, &j->lines[i].waiting)
                        has |= str_is(list_entry(k, JobState, link)->job.kind->name, kind);
        }
        pthread_mutex_unlock(&j->lock);
        return has;
}

static void list_add(json_t *list, const JobState *s)
{
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:I, s:I}", "kind", s->job.kind->name, "by", s->by,
                                        "phase", s->progress.phase, "done", (json_int_t)s->progress.done,
                                        "total", (json_int_t)s->progress.total));
}

json_t *jobs_list(Jobs *j)
{
        json_t *list = json_array();

        pthread_mutex_lock(&j->lock);
        for (size_t i = 0; i < N_ELEMENTS(j->lines); i++) {
                if (j->lines[i].now)
                        list_add(list, j->lines[i].now);
                list_for_each (k, &j->lines[i].waiting)
                        list_add(list, list_entry(k, JobState, link));
        }
        pthread_mutex_unlock(&j->lock);
        return list;
}

/* -- without a service ----------------------------------------------------------------------------------- */

int job_run_here(Wiring *w, const JobKind *kind, json_t *arguments, const char *by,
                 void (*show)(void *context, const JobProgress *progress), void *context, json_t **ret_result,
                 int *ret_status, Diag *diag)
{
        JobState *s = state_new(NULL, w, kind, arguments, by);
        int r;

        s->show = show;
        s->context = context;
        r = kind->work(&s->job, diag);
        *ret_result = r ? NULL : json_incref(s->job.result);
        *ret_status = r ? job_exit_status(r) : s->job.status;
        state_free(s);
        return r;
}

int job_exit_status(int r)
{
        switch (r) {
        case 0:
                return EXIT_DONE;
        case JOB_E_USAGE:
        case JOB_E_UNKNOWN:
                return EXIT_USAGE;
        case JOB_E_UNREACHABLE:
                return EXIT_UNREACHABLE;
        default:
                return EXIT_OBJECT;
        }
}
