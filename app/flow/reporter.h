/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reporter: outcome rows of the queue become reports
 *
 * A thread of its own: workers never wait for paperwork. Rows are appended to the store and made durable,
 * then removed from the queue; a crash in between writes a report twice at most (the store drops the
 * repetition by its run id), and none is lost. Once an hour it removes what is older than `reports.keep`,
 * `audit.keep` and `state.journal`, and forgets who was deleted longer than `state.gone` ago
 * (app/flow/forget.h), by the time that is believed (app/flow/age.h).
 *
 * In a cluster the rows are of the runs of all nodes, and every node makes reports of them. Who watches here,
 * or has asked for a run here, hears of it by the reporter (ReporterTell), whichever node it was on.
 */

#include "app/config/snapshot.h"
#include "app/flow/acts.h"
#include "app/flow/alarm.h"
#include "app/flow/brake-store.h"
#include "queue/queue.h"
#include "report/html.h"
#include "report/store.h"

#include <pthread.h>

typedef struct Reporter Reporter;
typedef struct ReporterTell ReporterTell;

/* A packed outcome. */
typedef struct Said {
        uint8_t *data;
        size_t n;
} Said;

/* More are not kept: one for each worker that is stuck. */
#define REPORTER_SAID 64

/* Told of each outcome when its report is written. fn NULL: nobody. */
struct ReporterTell {
        void (*fn)(void *context, const Outcome *o);
        void *context;
};

struct Reporter {
        Queue *queue;
        _Atomic(ReportStore *)
                *store; /* NULL behind it: the disk was full when it was to be opened; tried again */
        Acts *acts;
        ReporterTell tell;
        Snapshot *snapshot;
        BrakeStore *brakes;
        Alarms *alarms;
        const Clock *clock;
        const Log *log;
        pthread_t thread;
        bool started;

        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t news;
        bool awake;
        bool stopping;
        Said said[REPORTER_SAID]; /* not from the queue */
        size_t n_said;
};

/* The alarm that reports, or the audit log with them, cannot be written: what waits fills the state. */
#define REPORTER_ALARM "reports"

/* Return: 0, -errno. */
int reporter_start(Reporter *r, Queue *queue, _Atomic(ReportStore *) *store, Acts *acts, ReporterTell tell,
                   Snapshot *snapshot, BrakeStore *brakes, Alarms *alarms, const Clock *clock,
                   const Log *log);

/* There are outcomes, or will be in a moment. Any thread. */
void reporter_wake(Reporter *r);

/* A report that no row of the queue asks for. Any thread; does not block. */
void reporter_say(Reporter *r, const Outcome *o);

/* Report what is there, and end. */
void reporter_stop(Reporter *r);

/*
 * Turn all rows that are there into reports, on the caller's thread: `sosync sync` without a service.
 * Return: 0, REPORT_E_FULL, -errno.
 */
int reporter_flush(Queue *queue, ReportStore *store, Acts *acts, ReporterTell tell, const Config *config,
                   const Log *log);

/* Render one outcome as an HTML file in the reports' folder. Return: 0 with the path (arena), -errno. */
int reporter_write_html(const Config *config, const Outcome *o, const HtmlPrevious *previous, Arena *a,
                        const char **ret_path);

/* The object's report before this one. False: there is none. `file` is set if its page has been written. */
bool reporter_find_previous(const Config *config, ReportStore *store, const Outcome *o, Arena *a,
                            HtmlPrevious *ret_previous);
