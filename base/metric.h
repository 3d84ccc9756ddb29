/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Metric: counters, histograms, and the text in which Prometheus reads them
 *
 * A counter is an _Atomic uint64_t; there is nothing to it. A Histogram counts durations in buckets of fixed
 * borders, without a lock: whoever reads it sees each number whole, and the sum of the buckets is the count.
 *
 * The text is the exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): a family is
 * begun once with its type and help, its samples follow. Who writes it decides what families there are; the
 * program's are one table, app/flow/metrics.c.
 *
 * Any thread.
 */

#include "base/str.h"

#include <stdatomic.h>

typedef struct Histogram Histogram;
typedef struct MetricLabel MetricLabel;

/* From half a millisecond to ten minutes, about three to a decade: what is promised (a second) and what is
 * obeyed (Retry-After of minutes) lie well inside. */
#define HISTOGRAM_BORDERS_US                                                                           \
        500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, \
                10000000, 30000000, 60000000, 300000000, 600000000
#define HISTOGRAM_N 18

struct Histogram {
        _Atomic uint64_t n[HISTOGRAM_N + 1]; /* the last: above all borders */
        _Atomic uint64_t sum_us;
};

/* Negative durations (clocks of two machines) count as nothing. */
void histogram_add(Histogram *h, int64_t us);

/* The counts as they are now; *ret_n has HISTOGRAM_N + 1 of them. */
void histogram_read(const Histogram *h, uint64_t ret_n[HISTOGRAM_N + 1]);

/* The duration below which a share `q` of these counts lies, interpolated inside its bucket; -1: no counts.
 */
int64_t histogram_quantile(const uint64_t n[HISTOGRAM_N + 1], double q);

/* -- the text ------------------------------------------------------------------------------------------ */

struct MetricLabel {
        const char *name; /* NULL: no label */
        const char *value;
};

/* "# HELP", "# TYPE"; type is "counter", "gauge" or "histogram". */
void metric_family(Str *out, const char *name, const char *type, const char *help);
void metric_sample(Str *out, const char *name, MetricLabel label, MetricLabel second, double value);
void metric_count(Str *out, const char *name, MetricLabel label, MetricLabel second, uint64_t value);
void metric_histogram(Str *out, const char *name, MetricLabel label, const Histogram *h);

#define METRIC_NO_LABEL ((MetricLabel){ 0 })
