/* SPDX-License-Identifier: Apache-2.0 */

/* Overview: is all well, how was the last hour, and what became of the last changes. */

#include "report/console/page.h"
#include "report/console/plot.h"

#include <string.h>

#define FAILURES 6
#define NEWEST   8
#define ALARMS   8

typedef struct Hour {
        Wall at[PULSE_POINTS];
        double p50[PULSE_POINTS], p99[PULSE_POINTS], lanes[_LANE_N][PULSE_POINTS];
        double reads[PULSE_POINTS], writes[PULSE_POINTS];
        bool hold[PULSE_POINTS];
        PulsePoint points[PULSE_POINTS];
        size_t n;
        uint64_t n_runs, n_failures;
} Hour;

static Hour *look_back(const ConsoleOptions *c, Arena *a)
{
        Hour *h = arena_new_of(a, Hour);

        h->n = c->ops->pulse(c->context, h->points);
        for (size_t i = 0; i < h->n; i++) {
                const PulsePoint *p = &h->points[i];

                h->at[i] = p->at;
                h->p50[i] = p->p50_ms;
                h->p99[i] = p->p99_ms;
                for (int lane = 0; lane < _LANE_N; lane++)
                        h->lanes[lane][i] = p->waiting[lane];
                h->reads[i] = (double)p->used_reads * 100;
                h->writes[i] = (double)p->used_writes * 100;
                h->hold[i] = p->hold;
                h->n_runs += p->n_runs;
                h->n_failures += p->n_failures;
        }
        return h;
}

static const char *words(Arena *a, double value, const char *unit)
{
        return value < 0 ? "–" : arena_printf(a, "%.0f%s", value, unit);
}

/* The newest that is known: between two changes there is no latency. */
static const char *last_duration(Arena *a, const double *values, size_t n)
{
        char text[32];

        while (n > 0 && values[n - 1] < 0)
                n--;
        return n ? arena_strdup(a, duration_format((int64_t)(values[n - 1] * 1000), text, sizeof(text)))
                 : "–";
}

static double last(const double *values, size_t n)
{
        return n ? values[n - 1] : -1;
}

static void add_plots(const Hour *h, Wall now, Arena *a, Str *out)
{
        const PlotLine latency[] = {
                { .name = "half within", .values = h->p50, .now = last_duration(a, h->p50, h->n) },
                { .name = "99 of 100 within", .values = h->p99, .now = last_duration(a, h->p99, h->n) },
        };
        const PlotLine budget[] = {
                { .name = "writes", .values = h->writes, .now = words(a, last(h->writes, h->n), " %") },
                { .name = "reads", .values = h->reads, .now = words(a, last(h->reads, h->n), " %") },
        };
        PlotLine waiting[_LANE_N];
        Plot p = { .at = h->at, .n = h->n, .now = now };

        for (int lane = 0; lane < _LANE_N; lane++)
                waiting[lane] = (PlotLine){ .name = lane_name((Lane)lane),
                                            .values = h->lanes[lane],
                                            .now = words(a, last(h->lanes[lane], h->n), "") };
        html_raw(out, "<div class=\"plots\">");
        p.title = "From change to cloud";
        p.unit = "ms";
        p.duration = true;
        p.lines = latency;
        p.n_lines = N_ELEMENTS(latency);
        p.least_top = 1000;
        plot_draw(&p, out);
        p.title = "Waiting, by lane";
        p.unit = "";
        p.duration = false;
        p.lines = waiting;
        p.n_lines = _LANE_N;
        p.least_top = 10;
        plot_draw(&p, out);
        p.title = "Microsoft Graph's budget in use";
        p.unit = "%";
        p.lines = budget;
        p.n_lines = N_ELEMENTS(budget);
        p.least_top = 100;
        p.shade = h->hold;
        plot_draw(&p, out);
        html_raw(out, "</div>\n");
}

/* -- at a glance ----------------------------------------------------------------------------------------- */

static void fact_begin(Str *out, const char *state, const char *name)
{
        str_printf(out, "<div class=\"fact %s\"><dt>", state);
        html_icon(out, state);
        html_text(out, name);
        html_raw(out, "</dt><dd><bdi class=\"v\">");
}

static void fact_end(Str *out, const char *small)
{
        html_raw(out, "</bdi>");
        if (small && *small) {
                html_raw(out, "<span class=\"muted\"><bdi class=\"v\">");
                html_text(out, small);
                html_raw(out, "</bdi></span>");
        }
        html_raw(out, "</dd></div>\n");
}

static void add_fact(Str *out, const char *state, const char *name, const char *text, const char *small)
{
        fact_begin(out, state, name);
        html_text(out, text);
        fact_end(out, small);
}

static const char *plural(Arena *a, size_t n, const char *one, const char *many)
{
        return n == 1 ? arena_printf(a, "1 %s", one) : arena_printf(a, "%zu %s", n, many);
}

/* One of each directory; its name is said where there are several. */
static void add_feed(const VitalsSource *s, Arena *a, Str *out)
{
        const char *proof = arena_printf(a, "%s, heard %.1f s ago", s->server, (double)s->proof_us / 1e6);

        if (!s->ok)
                add_fact(out, "failure", "Directory", arena_printf(a, "%s cannot be read", s->name), s->why);
        if (s->paused)
                add_fact(out, "warning", "Feed", arena_printf(a, "%s is paused: the queue is full", s->name),
                         s->server);
        else if (s->watches)
                add_fact(out, s->proof_us > 60000000 ? "warning" : "success", "Feed",
                         arena_printf(a, "watches %s", s->name), proof);
        else if (s->elsewhere)
                add_fact(out, "success", "Feed", arena_printf(a, "stands by for %s", s->name), s->text);
        else
                add_fact(out, "failure", "Feed", arena_printf(a, "%s is %s", s->name, s->state), s->text);
}

static void add_target(const Vitals *v, Arena *a, Str *out)
{
        int64_t hold = v->writes.hold_us > v->reads.hold_us ? v->writes.hold_us : v->reads.hold_us;

        if (!v->target_ok)
                add_fact(out, "failure", "Entra ID", "cannot be used", v->target_why);
        else if (hold)
                add_fact(out, "warning", "Entra ID",
                         arena_printf(a, "asked us to wait %lld s", (long long)(hold / 1000000)),
                         "changes go on by themselves");
        else
                add_fact(out, "success", "Entra ID",
                         v->staging ? "is read, not written (staging)" : "takes changes",
                         arena_printf(a, "tenant %s", v->tenant));
}

static void add_link(Str *out, const char *prefix, const char *path, const char *text)
{
        html_raw(out, "<a href=\"");
        html_attr(out, prefix);
        html_attr(out, path);
        html_raw(out, "\">");
        html_text(out, text);
        html_raw(out, "</a>");
}

/* One of each that is on: it holds back what people wait for. */
static void add_brakes(const Vitals *v, const char *prefix, Arena *a, Str *out)
{
        for (size_t i = 0; i < v->n_brakes; i++) {
                const VitalsBrake *b = &v->brakes[i];

                if (!b->on)
                        continue;
                fact_begin(out, "failure", "Brake");
                add_link(out, prefix, "/parked",
                         arena_printf(a, "“%s” is on, and %s", b->name, vitals_held(a, b)));
                fact_end(out, arena_printf(a, "more than %lld %s", (long long)b->limit, b->effect));
        }
}

static void add_flag(const Vitals *v, Str *out)
{
        if (v->flag_state)
                add_fact(out, v->flag_alarm ? "failure" : "success", "Regular cycle", v->flag_state,
                         v->flag_text);
}

static void add_certificate(const Vitals *v, Arena *a, Str *out)
{
        int64_t days = (v->certificate_end.ms - v->now.ms) / 86400000;
        char end[WALL_TEXT_MAX];

        if (!v->certificate_end.ms)
                return;
        wall_format(v->certificate_end, end);
        add_fact(out, days < 21 ? "warning" : "success", "Certificate",
                 arena_printf(a, "ends in %lld days", (long long)days), arena_printf(a, "on %.10s", end));
}

static void add_facts(const Vitals *v, const Hour *h, const char *prefix, Arena *a, Str *out)
{
        size_t parked = vitals_parked(v), waiting = vitals_waiting(v), delayed = 0;

        for (int lane = 0; lane < _LANE_N; lane++)
                delayed += v->queue.n[lane][QUEUE_DELAYED];
        html_raw(out, "<dl class=\"facts-now\">");
        for (size_t i = 0; i < v->n_sources; i++)
                add_feed(&v->sources[i], a, out);
        add_target(v, a, out);
        add_brakes(v, prefix, a, out);
        add_flag(v, out);
        add_certificate(v, a, out);
        add_fact(out, v->queue.full ? "warning" : "success", "Queue",
                 waiting ? plural(a, waiting, "change waits or is in work", "changes wait or are in work")
                         : "nothing waits",
                 delayed ? plural(a, delayed, "comes back by itself", "come back by themselves") : NULL);
        fact_begin(out, parked ? "warning" : "success", "Parked");
        add_link(out, prefix, "/parked",
                 parked ? plural(a, parked, "change waits for a person", "changes wait for a person")
                        : "nothing waits for a person");
        fact_end(out, NULL);
        fact_begin(out, h->n_failures ? "warning" : "success", "Last hour");
        add_link(out, prefix, "/changes?since=1h", plural(a, (size_t)h->n_runs, "run", "runs"));
        html_raw(out, ", ");
        add_link(out, prefix, "/changes?since=1h&result=failure",
                 plural(a, (size_t)h->n_failures, "failed", "failed"));
        fact_end(out, NULL);
        html_raw(out, "</dl>\n");
}

static void add_list(const ConsoleOptions *c, const char *prefix, int result, size_t max, const char *id,
                     const char *caption, Wall now, Arena *a, Str *out)
{
        const ReportFilter filter = { .result = result, .disposition = -1 };
        ReportStore *store = *c->store;
        ReportRow *rows;
        size_t n = 0;

        if (!store || report_store_list(store, &filter, 0, max, a, &rows, &n))
                n = 0;
        html_raw(out, "<div class=\"list\"><h2>");
        html_text(out, caption);
        html_raw(out, "</h2>");
        if (n) {
                page_rows_begin(out, id, caption);
                for (size_t i = 0; i < n; i++) {
                        PageRow row = page_row_of_report(&rows[i]);

                        page_row(out, prefix, &row, now);
                }
                page_rows_end(out);
        } else {
                html_raw(out, "<p class=\"muted\">None.</p>");
        }
        html_raw(out, "</div>\n");
}

/* What the command of `notify:` was told of, and is not over. */
static void add_alarms(const Vitals *v, Str *out)
{
        if (!v->n_alarms)
                return;
        html_raw(out, "<div class=\"list alarms\"><h2>Alarms</h2><ul class=\"plain card\">");
        for (size_t i = 0; i < v->n_alarms && i < ALARMS; i++) {
                const VitalsAlarm *alarm = &v->alarms[i];

                html_raw(out, "<li><b>");
                html_text(out, alarm->kind);
                html_raw(out, " <bdi class=\"v\">");
                html_text(out, alarm->name);
                html_raw(out, "</bdi></b> <bdi class=\"v\">");
                html_text(out, alarm->text);
                html_raw(out, "</bdi> <span class=\"muted\">since ");
                page_time(out, alarm->since, v->now);
                html_raw(out, "</span></li>");
        }
        if (v->n_alarms > ALARMS)
                str_printf(out, "<li class=\"muted\">and %zu more</li>", v->n_alarms - ALARMS);
        html_raw(out, "</ul></div>\n");
}

/**
 * page_overview_parts() - what changes while one looks
 */
void page_overview_parts(const ConsoleOptions *c, const char *prefix, Arena *a, Str *out)
{
        const char *sentence;
        Hour *h = look_back(c, a);
        bool good;
        Vitals v;

        c->ops->vitals(c->context, a, &v);
        sentence = vitals_sentence(a, &v, &good);
        str_printf(out, "<p class=\"whole %s\" role=\"status\">", good ? "success" : "warning");
        html_icon(out, good ? "success" : "warning");
        html_raw(out, "<span>");
        html_text(out, sentence);
        html_raw(out, "</span></p>\n");
        add_alarms(&v, out);
        add_facts(&v, h, prefix, a, out);
        add_plots(h, v.now, a, out);
        add_list(c, prefix, RESULT_FAILURE, FAILURES, "failures", "Latest failures", v.now, a, out);
        add_list(c, prefix, -1, NEWEST, "newest", "Latest changes", v.now, a, out);
}

void page_overview(Ask *q)
{
        Str *out = &q->answer.body;

        page_begin(q, "Overview", "/");
        html_raw(out, "<main id=\"content\"><h1 class=\"vh\">Overview</h1>"
                      "<form class=\"ask\" method=\"get\" role=\"search\" action=\"");
        html_attr(out, q->prefix);
        html_raw(out, "/changes\"><label for=\"q\">Why did somebody not sync?</label><div>"
                      "<input id=\"q\" name=\"q\" type=\"search\" placeholder=\"Name or part of a DN\">"
                      "<button class=\"main\">Find</button></div></form>\n"
                      "<div id=\"overview\" data-events=\"overview\">");
        page_overview_parts(q->console, q->prefix, q->arena, out);
        html_raw(out, "</div></main>\n");
        page_end(q);
}
