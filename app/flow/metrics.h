/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Metrics: the one registry of numbers
 *
 * What happens is counted where it happens, without a lock; what is (queue, budget, feed, certificates) is
 * asked when somebody wants to know (report/vitals.h). The mechanics are base/metric.h's; names, types and
 * meanings are the tables in metrics.c, in app/ because it knows all rooms.
 *
 * Labels are lane, step, result, code, brake and kind, whose values the program knows beforehand: never a
 * name from the directory, so that the number of series does not grow with it.
 */

#include "base/metric.h"
#include "engine/steps/steps.h"
#include "report/vitals.h"

typedef struct Metrics Metrics;

/* More than the catalogue has; the last counts codes that it does not have. */
#define METRICS_CODES_MAX 160

struct Metrics {
        Histogram latency[_LANE_N]; /* seen by the feed to confirmed by Graph, of what was exported */
        Histogram run[_LANE_N];
        Histogram step[_STEP_N];
        _Atomic uint64_t n_runs[_LANE_N][_DISPOSITION_N];
        _Atomic uint64_t n_errors[METRICS_CODES_MAX];
        _Atomic uint64_t n_writes, n_reads; /* requests to Graph */
        _Atomic uint64_t n_in_work;
        _Atomic uint64_t n_suppressed; /* runs that found nothing changed that a rule reads */
};

/* A run has ended. Any thread. */
void metrics_count(Metrics *m, const Outcome *o);

uint64_t metrics_runs(const Metrics *m, Disposition d); /* of all lanes */

/* All of it as Prometheus text. */
void metrics_text(const Metrics *m, const Vitals *v, Str *out);
