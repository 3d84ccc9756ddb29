/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs: long work that is no run
 *
 *      command --control socket--> jobs_submit --> waits --> at work --> result
 *                    ^                                         |
 *                    '------------- progress ------------------'
 *
 * Reconcile, subtree, compare, explain, diff of rules, backup: seconds to hours, page by page, on threads of
 * their own, where they may block. A kind of job is one row of job_kinds (table.c) and one function:
 *
 *      static int work(Job *job, Diag *diag)
 *      {
 *              for each page {
 *                      if (job_is_cancelled(job))
 *                              return JOB_E_CANCELLED;
 *                      ...
 *                      job_progress(job, "comparing", done, total);
 *              }
 *              job->result = json_pack(...);
 *              return 0;
 *      }
 *
 * The function does not know whether a service runs: with one, it is on a jobs thread and the command follows
 * it over the control socket; without one, the command has opened the wiring and calls it itself
 * (job_run_here). It makes a Source of its own by wiring_source(). What it enqueues is worked off by the
 * workers of a service; without one it waits for the next start.
 *
 * Two threads, each does one job after the other in the order they came: one for what the service does by
 * itself (JobKind.ours), one for what people ask for, so that a renamed OU never waits behind a long report.
 * A job is cancelled when the command that asked for it goes away, and when the service stops: what must
 * survive that is durable (a memo), and taken up again by who submitted it.
 *
 * All functions but job_progress, job_is_cancelled and those that run may be called from any thread.
 */

#include "app/flow/wiring.h"

#include <jansson.h>

typedef struct Job Job;
typedef struct JobKind JobKind;
typedef struct JobProgress JobProgress;
typedef struct Jobs Jobs;

/* What a work function may return beside 0 and -errno. The diag says why. */
enum {
        JOB_E_BASE_ = 2580, /* within ERROR_BASE_APP */

        JOB_E_CANCELLED,
        JOB_E_USAGE,       /* an argument makes no sense: exit status 2 */
        JOB_E_UNREACHABLE, /* directory or Graph: 5 */
        JOB_E_FAILED,      /* 1 */
        JOB_E_UNKNOWN,     /* jobs_submit: no such kind */
        JOB_E_FULL,        /* jobs_submit: JOBS_MAX wait */
};

#define JOBS_MAX 32

struct JobKind {
        const char *name;
        bool ours;
        bool looks; /* it changes nothing: asking for it is no act, and not in the audit log */
        /* What it is called there, where that hangs on the arguments; NULL: it only looks. */
        const char *(*act)(const json_t *arguments);
        int (*work)(Job *job, Diag *diag);
};

struct JobProgress {
        char phase[48];
        uint64_t done, total; /* total 0: not known */
};

struct Job {
        /* For the work function. */
        Wiring *wiring;
        json_t *arguments; /* an object; its own */
        const char *by;    /* the user who asked, or "service" */
        TargetAsker asker; /* for calls of the target: gone when it is cancelled */
        json_t *result;    /* set by the work function: any JSON */
        int status;        /* set by the work function: EXIT_OBJECT if the result holds findings */

        /* Jobs' own. */
        const JobKind *kind;
        struct JobState *state; /* what its threads share */
};

extern const JobKind *const job_kinds[];                                     /* NULL-terminated; table.c */
const JobKind *job_kind_find(const JobKind *const *kinds, const char *name); /* or NULL */
/* Its name in the audit log when it is asked for with these arguments; NULL: it changes nothing. */
const char *job_kind_act(const JobKind *kind, const json_t *arguments);

/* -- the work function's side ---------------------------------------------------------------------------- */

/* Cheap enough for every page, and for every object. `phase` is a word or two for people. */
void job_progress(Job *job, const char *phase, uint64_t done, uint64_t total);
bool job_is_cancelled(const Job *job);

/* -- in a service ---------------------------------------------------------------------------------------- */

/* Starts the threads. `kinds`: job_kinds; tests bring their own. Return: 0, -errno. */
int jobs_new(Jobs **ret_jobs, Wiring *w, const JobKind *const *kinds);

/* Nothing begins any more, and what runs is told to end. Who waits in jobs_follow gets JOB_E_CANCELLED. */
void jobs_cancel(Jobs *j);
Jobs *jobs_free(Jobs *j); /* cancels, and waits for the threads; after everybody has released */

/*
 * `arguments` is copied. With ret_job the caller owns a reference (job_release) and nobody cancels the job
 * but he; without one it runs for itself. Return: 0, JOB_E_UNKNOWN, JOB_E_FULL.
 */
int jobs_submit(Jobs *j, const char *kind, const json_t *arguments, const char *by, Job **ret_job);

/* Is one of this kind waiting or at work? */
bool jobs_has(Jobs *j, const char *kind);

/*
 * Wait for news of a job: until its progress is another than `*seen` (0 at first), or it has ended, or
 * `timeout_us` is over. `*ret_result` when it has ended: what the work function returned; then job->result,
 * job->status and the diag (job_why) may be read. Return: true if it has ended.
 */
bool job_follow(Job *job, uint64_t *seen, int64_t timeout_us, JobProgress *ret_progress, int *ret_result);
const char *job_why(const Job *job); /* "" or the diag's lines, after the end */

/* One that only waits leaves its line, and has ended; one that is at work is told to end. */
void job_cancel(Job *job);
void job_release(Job *job); /* cancels it if it has not ended; does not wait for that */

/* What waits and what is at work: [{"kind", "by", "phase", "done", "total"}]. */
json_t *jobs_list(Jobs *j);

/* -- without a service ----------------------------------------------------------------------------------- */

/* Do it on this thread. `show` (may be NULL) is told the progress. Return: as the work function.
 * `*ret_result` is owned by the caller, NULL if it failed. */
int job_run_here(Wiring *w, const JobKind *kind, json_t *arguments, const char *by,
                 void (*show)(void *context, const JobProgress *progress), void *context, json_t **ret_result,
                 int *ret_status, Diag *diag);

/* The exit status for what a work function returned (sosync(1)). */
int job_exit_status(int r);

DEFINE_CLEANUP(Jobs, jobs_free)
