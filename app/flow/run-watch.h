/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RunWatch: which step each worker is at, and since when
 *
 * Everything that a run waits for has a time-out, so a run ends. One that does not, all the same, holds its
 * object and a worker, and says nothing. So each worker tells its watch when a run begins, at each step, and
 * when it ends; the main thread looks once a second and says what has lasted longer than RUN_WATCH_STUCK_US,
 * once: an alarm that names object and step, and closes when the run ends after all; and a report, whose
 * steps say how far it has come.
 *
 * The worker's functions belong to its thread; run_watch_look() to any other.
 */

#include "app/flow/alarm.h"
#include "engine/model/outcome.h"

#include <stdbool.h>

typedef struct RunWatch RunWatch;

/* Longer than the longest of patient directories and a whole run's calls to Graph together. */
#define RUN_WATCH_ALARM    "run" /* its kind */
#define RUN_WATCH_STUCK_US ((int64_t)5 * 60 * 1000000)

struct RunWatch {
        pthread_mutex_t lock; /* protects what follows */
        Mono began;           /* 0: no run */
        Mono entered;         /* the step */
        Wall started;
        Change change;     /* texts are in dn */
        unsigned n_before; /* steps that are behind it; `at_step`: it is at one */
        bool at_step;
        char step[32], dn[256], run_id[GUID_TEXT_MAX];
        bool told;
};

void run_watch_init(RunWatch *w);
void run_watch_deinit(RunWatch *w);

/* The worker. `step`: its number, and its name for people: "import_target". Texts are copied, and cut. */
void run_watch_begin(RunWatch *w, Mono now, Wall wall, const Change *change);
void run_watch_step(RunWatch *w, Mono now, unsigned number, const char *step, const char *run_id);
void run_watch_end(RunWatch *w, Alarms *alarms, Wall now);

/* Say it if the run is stuck and nobody has said so: then `*ret_report` is what a report says, in the arena,
 * else NULL. True: it is stuck. */
bool run_watch_look(RunWatch *w, Mono now, Wall wall, Alarms *alarms, Arena *a, const Outcome **ret_report);
