/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Run news: who hears of a run, and what
 *
 * Circuits hear what it says about directory and target, alarms of their edges and of brakes; then the log,
 * the metrics, and who watches.
 */

#include "app/flow/worker.h"
#include "engine/steps/steps.h"

/* Circuits and alarms, before the result is handed over: the next worker asks them. */
void run_tell(WorkerShared *s, const Run *run);

/* Metrics, and the live list. */
void run_tell_watchers(WorkerShared *s, const Run *run);

/* One line. */
void run_log(const Log *log, const Outcome *o);

/* The step in which the run ended; NULL: before the first. */
const char *run_last_step(const Outcome *o);
