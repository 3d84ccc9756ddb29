/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/metrics.h"

#include "app/flow/alarm.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#define NONE METRIC_NO_LABEL

static size_t code_index(const char *code)
{
        size_t n;
        const CatalogueRow *rows = catalogue_all(&n);

        for (size_t i = 0; i < n && i < METRICS_CODES_MAX - 1; i++)
                if (str_is(rows[i].code, code))
                        return i;
        return METRICS_CODES_MAX - 1;
}

void metrics_count(Metrics *m, const Outcome *o)
{
        Lane lane = o->change.lane < _LANE_N ? (Lane)o->change.lane : LANE_NORMAL;

        m->n_runs[lane][o->disposition]++;
        histogram_add(&m->run[lane], o->duration_us);
        /* What the directory's clock says has whole seconds; the feed's arrival is what we can answer for. */
        if (o->accepted.ms && o->change.seen.ms)
                histogram_add(&m->latency[lane], (o->accepted.ms - o->change.seen.ms) * 1000);
        for (size_t i = 0; i < o->n_steps && i < _STEP_N; i++)
                if (o->steps[i].ran)
                        histogram_add(&m->step[i], o->steps[i].duration_us);
        m->n_suppressed += o->disposition == DISPOSITION_NO_CHANGE && o->steps[STEP_import_source].ran &&
                           !o->steps[STEP_import_target].ran;
        if (o->error.code)
                m->n_errors[code_index(o->error.code)]++;
}

uint64_t metrics_runs(const Metrics *m, Disposition d)
{
        uint64_t n = 0;

        for (int lane = 0; lane < _LANE_N; lane++)
                n += m->n_runs[lane][d];
        return n;
}

/* -- what happened --------------------------------------------------------------------------------------- */

static MetricLabel lane_label(int lane)
{
        return (MetricLabel){ "lane", lane_name((Lane)lane) };
}

static void add_runs(const Metrics *m, Str *out)
{
        static const char name[] = "sosync_runs_total";

        metric_family(out, name, "counter",
                      "Runs of the ten steps that have ended, by what became of the change.");
        for (int lane = 0; lane < _LANE_N; lane++)
                for (int d = 0; d < _DISPOSITION_N; d++)
                        metric_count(out, name, lane_label(lane),
                                     (MetricLabel){ "result", disposition_name((Disposition)d) },
                                     m->n_runs[lane][d]);
}

static void add_errors(const Metrics *m, Str *out)
{
        static const char name[] = "sosync_errors_total";
        size_t n;
        const CatalogueRow *rows = catalogue_all(&n);

        metric_family(out, name, "counter",
                      "Runs that ended with an error code of the catalogue, see sosync(1).");
        for (size_t i = 0; i < n && i < METRICS_CODES_MAX - 1; i++)
                metric_count(out, name, (MetricLabel){ "code", rows[i].code }, NONE, m->n_errors[i]);
        metric_count(out, name, (MetricLabel){ "code", "other" }, NONE, m->n_errors[METRICS_CODES_MAX - 1]);
}

static void add_histograms(const Metrics *m, Str *out)
{
        static const char latency[] = "sosync_change_latency_seconds", run[] = "sosync_run_duration_seconds",
                          step[] = "sosync_step_duration_seconds";
        static const char *const steps[] = {
#define STEP_NAME(function, name, type, title) #function,
                STEPS(STEP_NAME)
#undef STEP_NAME
        };

        metric_family(out, latency, "histogram",
                      "From the arrival of a change at the feed to its confirmation by Microsoft Graph.");
        for (int lane = 0; lane < _LANE_N; lane++)
                metric_histogram(out, latency, lane_label(lane), &m->latency[lane]);
        metric_family(out, run, "histogram", "Duration of a run.");
        for (int lane = 0; lane < _LANE_N; lane++)
                metric_histogram(out, run, lane_label(lane), &m->run[lane]);
        metric_family(out, step, "histogram", "Duration of a step of a run, of those that were reached.");
        for (size_t i = 0; i < _STEP_N; i++)
                metric_histogram(out, step, (MetricLabel){ "step", steps[i] }, &m->step[i]);
}

/* -- what is ------------------------------------------------------------------------------------------- */

static void add_queue(const Vitals *v, Str *out)
{
        static const struct {
                const char *name, *help;
        } states[_QUEUE_STATE_N] = {
                [QUEUE_READY] = { "sosync_queue_ready", "Changes that could be worked on now." },
                [QUEUE_LEASED] = { "sosync_queue_leased", "Changes in work." },
                [QUEUE_DELAYED] = { "sosync_queue_delayed", "Changes that come back by themselves." },
                [QUEUE_PARKED] = { "sosync_queue_parked", "Changes that wait for a person." },
                [QUEUE_DATED] = { "sosync_queue_dated", "Objects whose rules look at the clock." },
        };
        static const char oldest[] = "sosync_queue_oldest_seconds";

        for (int state = 0; state < _QUEUE_STATE_N; state++) {
                metric_family(out, states[state].name, "gauge", states[state].help);
                for (int lane = 0; lane < _LANE_N; lane++)
                        metric_count(out, states[state].name, lane_label(lane), NONE,
                                     v->queue.n[lane][state]);
        }
        metric_family(out, oldest, "gauge", "Age of the change that is next in its lane; 0: none waits.");
        for (int lane = 0; lane < _LANE_N; lane++) {
                Wall seen = v->queue.oldest[lane];

                metric_sample(out, oldest, lane_label(lane), NONE,
                              seen.ms ? (double)(v->now.ms - seen.ms) / 1000 : 0);
        }
}

static void add_brakes(const Vitals *v, Str *out)
{
        static const char on[] = "sosync_brake_on", held[] = "sosync_brake_held";

        metric_family(out, on, "gauge",
                      "1: the brake is on, and what would do more of it waits for a person.");
        for (size_t i = 0; i < v->n_brakes; i++)
                metric_sample(out, on, (MetricLabel){ "brake", v->brakes[i].name }, NONE, v->brakes[i].on);
        metric_family(out, held, "gauge",
                      "Changes that the brake holds; none is said behind a very long backlog.");
        for (size_t i = 0; i < v->n_brakes; i++)
                if (v->brakes[i].counted)
                        metric_count(out, held, (MetricLabel){ "brake", v->brakes[i].name }, NONE,
                                     v->brakes[i].n_held);
}

static void add_alarms(const Vitals *v, Str *out)
{
        static const char name[] = "sosync_alarms_open";

        metric_family(out, name, "gauge",
                      "Alarms that are open, as the command of notify: was told of them.");
        for (size_t k = 0; k < ALARM_KINDS; k++) {
                uint64_t n = 0;

                for (size_t i = 0; i < v->n_alarms; i++)
                        n += str_is(v->alarms[i].kind, alarm_kinds[k]);
                metric_count(out, name, (MetricLabel){ "kind", alarm_kinds[k] }, NONE, n);
        }
}

static double open_files(void)
{
        DIR *dir = opendir("/proc/self/fd");
        double n = -1; /* this one */

        if (!dir)
                return NAN;
        for (struct dirent *e = readdir(dir); e; e = readdir(dir))
                n += e->d_name[0] != '.';
        closedir(dir);
        return n;
}

static double resident_bytes(void)
{
        FILE *f = fopen("/proc/self/statm", "re");
        long long pages = 0;

        if (!f)
                return NAN;
        if (fscanf(f, "%*s %lld", &pages) != 1)
                pages = 0;
        fclose(f);
        return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* One of these for each directory, with its name. */
static double source_value(const VitalsSource *s, size_t row)
{
        const double values[] = { s->watches,
                                  (double)s->unwatched_us / 1e6,
                                  (double)s->proof_us / 1e6,
                                  s->paused,
                                  (double)s->n_seen,
                                  (double)s->n_queued,
                                  (double)s->n_out_of_scope,
                                  (double)s->n_urgent,
                                  (double)s->n_unread,
                                  (double)s->n_lookouts,
                                  (double)s->n_lookout_urgent,
                                  s->ok };

        return values[row];
}

static void add_sources(const Vitals *v, Str *out)
{
        static const struct {
                const char *name, *type, *help;
        } rows[] = {
                { "sosync_feed_watching", "gauge", "1: the feed watches the directory." },
                { "sosync_feed_unwatched_seconds", "gauge",
                  "Since nobody has followed the directory, as far as this node knows; 0: somebody does." },
                { "sosync_feed_lag_seconds", "gauge",
                  "Since the last proof of life on the feed's own connection." },
                { "sosync_feed_paused", "gauge", "1: the queue is full, and the feed waits." },
                { "sosync_feed_entries_total", "counter", "Entries that the feed brought." },
                { "sosync_feed_queued_total", "counter", "Entries that became changes." },
                { "sosync_feed_out_of_scope_total", "counter", "Entries that were nobody's business here." },
                { "sosync_feed_urgent_total", "counter", "Entries that became urgent changes." },
                { "sosync_feed_unread_total", "counter",
                  "Entries of which nothing had changed that anybody reads." },
                { "sosync_lookouts", "gauge",
                  "Other domain controllers that are watched for urgent changes." },
                { "sosync_lookout_urgent_total", "counter", "Urgent changes that those brought." },
                { "sosync_source_up", "gauge", "1: the directory can be used." },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                metric_family(out, rows[i].name, rows[i].type, rows[i].help);
                for (size_t k = 0; k < v->n_sources; k++)
                        metric_sample(out, rows[i].name, (MetricLabel){ "source", v->sources[k].name }, NONE,
                                      source_value(&v->sources[k], i));
        }
}

typedef struct Row {
        const char *name, *type, *help;
        double value;
        bool unknown; /* no sample: there is none, or nobody can say */
} Row;

static void add_rows(const Metrics *m, const Vitals *v, Str *out)
{
        const bool no_budget = !v->has_budget;
        const Row rows[] = {
                { "sosync_start_time_seconds", "gauge", "When the service was started.",
                  (double)v->started.ms / 1000, false },
                { "sosync_staging", "gauge", "1: nothing is exported.", v->staging, false },
                { "sosync_flag_alarm", "gauge", "1: the flag of the regular cycle needs a person.",
                  v->flag_alarm != NULL, !v->flag_state },
                { "sosync_target_up", "gauge", "1: Microsoft Graph can be used.", v->target_ok, false },
                { "sosync_runs_suppressed_total", "counter",
                  "Runs that ended early: nothing that a rule reads had changed since the last one.",
                  (double)m->n_suppressed, false },
                { "sosync_work_in_progress", "gauge", "Runs under way.", (double)v->n_in_work, false },
                { "sosync_queue_references_waiting", "gauge",
                  "References whose target is not in the cloud yet.", (double)v->queue.n_waiting_edges,
                  !v->queue_ok },
                { "sosync_reports_waiting", "gauge", "Outcomes that are not yet reports.",
                  (double)v->queue.n_outcomes, !v->queue_ok },
                { "sosync_store_bytes", "gauge", "Size of the durable store.", (double)v->queue.file_bytes,
                  !v->queue_ok },
                { "sosync_store_limit_bytes", "gauge", "Size at which feeds pause.",
                  (double)v->queue.limit_bytes, !v->queue_ok },
                { "sosync_graph_reads_total", "counter", "Read requests of runs.", (double)m->n_reads,
                  false },
                { "sosync_graph_writes_total", "counter", "Write requests of runs.", (double)m->n_writes,
                  false },
                { "sosync_graph_throttled_total", "counter", "Answers that asked to wait (429).",
                  (double)v->n_throttled, no_budget },
                { "sosync_graph_read_budget_used_ratio", "gauge", "Share in use of the reads that are ours.",
                  v->reads.used, no_budget },
                { "sosync_graph_write_budget_used_ratio", "gauge",
                  "Share in use of the writes that are ours.", v->writes.used, no_budget },
                { "sosync_graph_read_hold_seconds", "gauge", "Left of a hold on reads; 0: none.",
                  (double)v->reads.hold_us / 1e6, no_budget },
                { "sosync_graph_write_hold_seconds", "gauge", "Left of a hold on writes; 0: none.",
                  (double)v->writes.hold_us / 1e6, no_budget },
                { "sosync_certificate_expiry_timestamp_seconds", "gauge",
                  "When the first of the certificates for Microsoft Graph ends.",
                  (double)v->certificate_end.ms / 1000, !v->certificate_end.ms },
                { "process_cpu_seconds_total", "counter", "Processor time of the service.", cpu_seconds(),
                  false },
                { "process_resident_memory_bytes", "gauge", "Memory of the service.", resident_bytes(),
                  false },
                { "process_open_fds", "gauge", "Open files of the service.", open_files(), false },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                if (rows[i].unknown || isnan(rows[i].value))
                        continue;
                metric_family(out, rows[i].name, rows[i].type, rows[i].help);
                metric_sample(out, rows[i].name, NONE, NONE, rows[i].value);
        }
}

void metrics_text(const Metrics *m, const Vitals *v, Str *out)
{
        add_rows(m, v, out);
        add_sources(v, out);
        if (v->queue_ok)
                add_queue(v, out);
        add_brakes(v, out);
        add_alarms(v, out);
        add_runs(m, out);
        add_errors(m, out);
        add_histograms(m, out);
}
