/* SPDX-License-Identifier: Apache-2.0 */

#include "base/metric.h"

#include "base/cleanup.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

static const int64_t borders_us[] = { HISTOGRAM_BORDERS_US };

static_assert(N_ELEMENTS(borders_us) == HISTOGRAM_N, "as many borders as buckets below the last");

void histogram_add(Histogram *h, int64_t us)
{
        size_t i = 0;

        if (us < 0)
                us = 0;
        while (i < HISTOGRAM_N && us > borders_us[i])
                i++;
        atomic_fetch_add_explicit(&h->n[i], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&h->sum_us, (uint64_t)us, memory_order_relaxed);
}

void histogram_read(const Histogram *h, uint64_t ret_n[HISTOGRAM_N + 1])
{
        for (size_t i = 0; i <= HISTOGRAM_N; i++)
                ret_n[i] = atomic_load_explicit(&h->n[i], memory_order_relaxed);
}

int64_t histogram_quantile(const uint64_t n[HISTOGRAM_N + 1], double q)
{
        uint64_t all = 0, below = 0;
        double rank;

        for (size_t i = 0; i <= HISTOGRAM_N; i++)
                all += n[i];
        if (all == 0)
                return -1;
        rank = q * (double)all;
        for (size_t i = 0; i < HISTOGRAM_N; i++) {
                int64_t low = i ? borders_us[i - 1] : 0;

                if (n[i] && (double)(below + n[i]) >= rank) {
                        double part = (rank - (double)below) / (double)n[i];

                        return low + (int64_t)((part > 0 ? part : 0) * (double)(borders_us[i] - low));
                }
                below += n[i];
        }
        return borders_us[HISTOGRAM_N - 1]; /* at least: there is no border above */
}

/* -- the text ------------------------------------------------------------------------------------------ */

/* Line breaks would end a line, and with it the sample. */
static void add_escaped(Str *out, const char *s, bool quoted)
{
        for (; *s; s++)
                if (*s == '\\')
                        str_add(out, "\\\\");
                else if (*s == '\n')
                        str_add(out, "\\n");
                else if (*s == '"' && quoted)
                        str_add(out, "\\\"");
                else
                        str_add_char(out, *s);
}

void metric_family(Str *out, const char *name, const char *type, const char *help)
{
        str_printf(out, "# HELP %s ", name);
        add_escaped(out, help, false);
        str_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void add_label(Str *out, MetricLabel label, const char *before)
{
        if (!label.name)
                return;
        str_printf(out, "%s%s=\"", before, label.name);
        add_escaped(out, label.value, true);
        str_add_char(out, '"');
}

static void add_name(Str *out, const char *name, MetricLabel label, MetricLabel second)
{
        str_add(out, name);
        if (!label.name)
                return;
        add_label(out, label, "{");
        add_label(out, second, ",");
        str_add_char(out, '}');
}

void metric_sample(Str *out, const char *name, MetricLabel label, MetricLabel second, double value)
{
        add_name(out, name, label, second);
        if (isnan(value))
                str_add(out, " NaN\n");
        else
                str_printf(out, " %.10g\n", value);
}

void metric_count(Str *out, const char *name, MetricLabel label, MetricLabel second, uint64_t value)
{
        add_name(out, name, label, second);
        str_printf(out, " %" PRIu64 "\n", value);
}

void metric_histogram(Str *out, const char *name, MetricLabel label, const Histogram *h)
{
        uint64_t n[HISTOGRAM_N + 1], sum = 0;

        histogram_read(h, n);
        for (size_t i = 0; i <= HISTOGRAM_N; i++) {
                char border[32] = "+Inf";

                sum += n[i];
                if (i < HISTOGRAM_N)
                        snprintf(border, sizeof(border), "%g", (double)borders_us[i] / 1e6);
                str_printf(out, "%s_bucket", name);
                if (label.name) {
                        add_label(out, label, "{");
                        add_label(out, (MetricLabel){ "le", border }, ",");
                } else {
                        add_label(out, (MetricLabel){ "le", border }, "{");
                }
                str_printf(out, "} %" PRIu64 "\n", sum);
        }
        str_printf(out, "%s_sum", name);
        add_name(out, "", label, METRIC_NO_LABEL);
        str_printf(out, " %.6f\n%s_count", (double)h->sum_us / 1e6, name);
        add_name(out, "", label, METRIC_NO_LABEL);
        str_printf(out, " %" PRIu64 "\n", sum);
}
