/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/monitor.h"

#include "app/control/queue-view.h"
#include "base/error.h"
#include "base/str.h"

#include <string.h>

/* What a brake holds is counted one by one, and several may look once a second. */
#define BRAKES_US ((int64_t)5 * 1000000)

/* Certificates change once a year or two; a new one is noticed within this. */
#define CERTIFICATE_US ((int64_t)600 * 1000000)

void monitor_init(Monitor *m, Wiring *w, Feeder *feeders)
{
        *m = (Monitor){ .wiring = w, .feeders = feeders, .started = clock_wall(w->clock) };
        pthread_mutex_init(&m->lock, NULL);
        m->pulse_at = mono_add(clock_mono(w->clock), PULSE_STEP_MS * 1000);
}

void monitor_deinit(Monitor *m)
{
        if (m->wiring)
                pthread_mutex_destroy(&m->lock);
}

/* -- now ------------------------------------------------------------------------------------------------- */

static VitalsBudget budget(const LimiterStats *s, LimiterScope scope, Mono now)
{
        return (VitalsBudget){
                .used = s->burst[scope] > 0 ? (double)s->used[scope] / (double)s->burst[scope] : 0,
                .hold_us = s->hold[scope].us > now.us ? s->hold[scope].us - now.us : 0,
                .n_granted = s->n_granted[scope],
                .n_waited = s->n_waited[scope],
        };
}

static void see_budget(Monitor *m, Vitals *v)
{
        Mono now = clock_mono(m->wiring->clock);
        Limiter *limiter = target_graph_limiter(m->wiring->graph);
        LimiterStats stats;

        if (!limiter)
                return;
        limiter_stats(limiter, now, &stats);
        v->has_budget = true;
        v->reads = budget(&stats, LIMITER_READ, now);
        v->writes = budget(&stats, LIMITER_WRITE, now);
        v->n_throttled = stats.n_throttled;
}

static void see_flag(Monitor *m, Arena *a, Vitals *v)
{
        FlagView view;

        gate_view(&m->wiring->gate, &view);
        v->flag_state = flag_phase_name(view.phase);
        v->flag_text = arena_strdup(a, view.text);
        v->flag_alarm = view.alarm;
}

/* Of runs that are stuck, and what cannot be written, the first is in the sentence. */
static void see_alarms(Monitor *m, Arena *a, Vitals *v)
{
        VitalsAlarm *alarms;
        AlarmEvent *events;

        alarms_list(&m->wiring->alarms, a, &events, &v->n_alarms);
        alarms = arena_new_array(a, VitalsAlarm, v->n_alarms + 1);
        for (size_t i = 0; i < v->n_alarms; i++) {
                alarms[i] = (VitalsAlarm){ .kind = events[i].kind,
                                           .name = events[i].name,
                                           .text = events[i].text,
                                           .since = events[i].since };
                if (!v->stuck &&
                    (str_is(events[i].kind, RUN_WATCH_ALARM) || str_is(events[i].kind, REPORTER_ALARM)))
                        v->stuck = events[i].text;
        }
        v->alarms = alarms;
}

/* When one goes on or off, all is counted anew. */
static void look_at_brakes(Monitor *m, const Config *c, Wall now, BrakeView *ret)
{
        Mono at = clock_mono(m->wiring->clock);
        bool known;

        brake_view_look(&m->wiring->shared.brakes.counters, &c->brakes, now, ret);
        if (!ret->on)
                return;
        pthread_mutex_lock(&m->lock);
        known = ret->on == m->brakes.on && at.us < m->brakes_at.us;
        if (known) {
                ret->counted = m->brakes.counted;
                memcpy(ret->n_held, m->brakes.n_held, sizeof(ret->n_held));
        }
        pthread_mutex_unlock(&m->lock);
        if (known)
                return;
        brake_view_count(m->wiring->queue, now, ret);
        pthread_mutex_lock(&m->lock);
        m->brakes = *ret;
        m->brakes_at = mono_add(at, BRAKES_US);
        pthread_mutex_unlock(&m->lock);
}

static void see_brakes(Monitor *m, const Config *c, Arena *a, Vitals *v)
{
        VitalsBrake *brakes = arena_new_array(a, VitalsBrake, _BRAKE_N);
        BrakeView view;

        look_at_brakes(m, c, v->now, &view);
        for (int i = 0; i < _BRAKE_N; i++)
                brakes[i] = (VitalsBrake){
                        .name = brake_name((Brake)i),
                        .effect = brake_effect((Brake)i),
                        .code = brake_code((Brake)i),
                        .on = view.status[i].on,
                        .since = view.status[i].since,
                        .limit = view.status[i].limit,
                        .window_us = view.status[i].window_us,
                        .counted = view.counted,
                        .n_held = view.n_held[i],
                };
        v->brakes = brakes;
        v->n_brakes = _BRAKE_N;
}

static bool see_circuit(Circuit *c, Arena *a, const char **ret_why)
{
        char why[512] = "";
        bool open = circuit_is_open(c, why, sizeof(why));

        *ret_why = open ? arena_strdup(a, why) : NULL;
        return !open;
}

static void see_source(Feeder *f, Arena *a, VitalsSource *ret)
{
        FeedStatus feed;
        IntakeWatch watch;
        bool watches, elsewhere;

        intake_status(&f->intake, a, &feed, &watch);
        watches = feed.state == FEED_WATCHING;
        elsewhere = !watches && watch.unwatched_us == 0;
        *ret = (VitalsSource){
                .name = f->connector->name,
                .base = f->connector->ldap->base,
                .watches = watches,
                .elsewhere = elsewhere,
                .unwatched_us = watch.unwatched_us,
                .state = elsewhere ? "standing by" : feed_state_name(feed.state),
                .server = feed.server,
                .text = feed.text,
                .proof_us = feed.proof_age_us,
                .paused = f->intake.full,
                .n_seen = f->intake.n_seen,
                .n_queued = f->intake.n_queued,
                .n_out_of_scope = f->intake.n_out_of_scope,
                .n_urgent = f->intake.n_urgent,
                .n_unread = f->intake.n_unread,
                .n_lookouts = f->lookouts.n_watched,
                .n_lookout_urgent = f->lookouts.n_urgent,
        };
        ret->ok = see_circuit(&f->connector->circuit, a, &ret->why);
}

static void see_sources(Monitor *m, Arena *a, Vitals *v)
{
        VitalsSource *sources = arena_new_array(a, VitalsSource, m->wiring->connectors.n);

        v->n_sources = m->wiring->connectors.n;
        for (size_t i = 0; i < v->n_sources; i++)
                see_source(&m->feeders[i], a, &sources[i]);
        v->sources = sources;
}

/* All but what brakes hold: for the main loop, which must not count. */
static void see(Monitor *m, const Config *c, Arena *a, Vitals *ret_vitals)
{
        WorkerShared *s = &m->wiring->shared;
        Vitals v = {
                .now = clock_wall(m->wiring->clock),
                .started = m->started,
                .staging = staging_is_on(&s->staging, c->staging),
                .tenant = arena_strdup(a, c->target.tenant_id),
                .rules_version = arena_strdup(a, rules_version(c->run.rules)),
                .n_in_work = s->metrics.n_in_work,
        };

        see_sources(m, a, &v);
        v.target_ok = see_circuit(&s->target_circuit, a, &v.target_why);
        v.queue_ok = queue_stats(m->wiring->queue, v.now, &v.queue) == 0;
        see_budget(m, &v);
        see_flag(m, a, &v);
        see_alarms(m, a, &v);
        pthread_mutex_lock(&m->lock);
        v.certificate_end = m->certificate_end;
        pthread_mutex_unlock(&m->lock);
        *ret_vitals = v;
}

void monitor_vitals(Monitor *m, Arena *a, Vitals *ret_vitals)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&m->wiring->snapshot);

        see(m, c, a, ret_vitals);
        see_brakes(m, c, a, ret_vitals);
}

void monitor_metrics(Monitor *m, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Vitals v;

        monitor_vitals(m, a, &v);
        metrics_text(&m->wiring->shared.metrics, &v, out);
}

/* -- the last hour --------------------------------------------------------------------------------------- */

/* What was added since the last point; the sums are kept for the next. */
static void see_runs(Monitor *m, PulsePoint *p)
{
        const Metrics *metrics = &m->wiring->shared.metrics;
        uint64_t all[HISTOGRAM_N + 1] = { 0 }, added[HISTOGRAM_N + 1], n_runs = 0, n_failures;
        int64_t p50, p99;

        for (int lane = 0; lane < _LANE_N; lane++) {
                uint64_t n[HISTOGRAM_N + 1];

                histogram_read(&metrics->latency[lane], n);
                for (size_t i = 0; i <= HISTOGRAM_N; i++)
                        all[i] += n[i];
        }
        for (size_t i = 0; i <= HISTOGRAM_N; i++)
                added[i] = all[i] - m->latencies[i];
        memcpy(m->latencies, all, sizeof(all));
        p50 = histogram_quantile(added, 0.5);
        p99 = histogram_quantile(added, 0.99);
        p->p50_ms = p50 < 0 ? -1 : (int32_t)((p50 + 500) / 1000);
        p->p99_ms = p99 < 0 ? -1 : (int32_t)((p99 + 500) / 1000);
        for (int d = 0; d < _DISPOSITION_N; d++)
                n_runs += metrics_runs(metrics, (Disposition)d);
        n_failures = metrics_runs(metrics, DISPOSITION_RETRY) + metrics_runs(metrics, DISPOSITION_PARKED);
        p->n_runs = (uint32_t)(n_runs - m->n_runs);
        p->n_failures = (uint32_t)(n_failures - m->n_failures);
        m->n_runs = n_runs;
        m->n_failures = n_failures;
}

static void add_point(Monitor *m)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&m->wiring->snapshot);
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        PulsePoint p = { 0 };
        Vitals v;

        see(m, c, a, &v);
        p.at = v.now;
        for (int lane = 0; lane < _LANE_N; lane++)
                p.waiting[lane] = (uint32_t)(v.queue.n[lane][QUEUE_READY] + v.queue.n[lane][QUEUE_LEASED]);
        p.used_reads = (float)v.reads.used;
        p.used_writes = (float)v.writes.used;
        p.hold = v.reads.hold_us || v.writes.hold_us;
        pthread_mutex_lock(&m->lock);
        see_runs(m, &p);
        pulse_add(&m->pulse, &p);
        pthread_mutex_unlock(&m->lock);
}

void monitor_tick(Monitor *m)
{
        Mono now = clock_mono(m->wiring->clock);

        if (now.us >= m->certificate_at.us) {
                Wall end = graph_certificate_end(&m->wiring->first->target);

                m->certificate_at = mono_add(now, CERTIFICATE_US);
                pthread_mutex_lock(&m->lock);
                m->certificate_end = end;
                pthread_mutex_unlock(&m->lock);
        }
        if (now.us < m->pulse_at.us)
                return;
        m->pulse_at = mono_add(m->pulse_at, PULSE_STEP_MS * 1000);
        if (m->pulse_at.us < now.us) /* the machine slept */
                m->pulse_at = mono_add(now, PULSE_STEP_MS * 1000);
        add_point(m);
}

size_t monitor_pulse(Monitor *m, PulsePoint ret_points[PULSE_POINTS])
{
        size_t n;

        pthread_mutex_lock(&m->lock);
        n = pulse_read(&m->pulse, ret_points);
        pthread_mutex_unlock(&m->lock);
        return n;
}

/* -- as JSON --------------------------------------------------------------------------------------------- */

static json_t *circuit_json(bool ok, const char *why)
{
        return ok ? json_pack("{s:b}", "ok", 1) : json_pack("{s:b, s:s}", "ok", 0, "why", why ? why : "");
}

/* {"ok": true, "name": ..., "base": ..., "feed": {"state": "watching", ...}} */
static json_t *source_json(const VitalsSource *s)
{
        json_t *o = circuit_json(s->ok, s->why);

        json_object_set_new(o, "name", json_string(s->name));
        json_object_set_new(o, "base", json_string(s->base));
        json_object_set_new(
                o, "feed",
                json_pack("{s:s, s:b, s:I, s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
                          s->state, "followed", s->watches || s->elsewhere, "unwatchedSeconds",
                          (json_int_t)(s->unwatched_us / 1000000), "server", s->server, "text", s->text,
                          "proofSeconds", (double)s->proof_us / 1e6, "seen", (json_int_t)s->n_seen, "queued",
                          (json_int_t)s->n_queued, "outOfScope", (json_int_t)s->n_out_of_scope, "urgent",
                          (json_int_t)s->n_urgent, "unread", (json_int_t)s->n_unread, "lookouts",
                          (json_int_t)s->n_lookouts, "lookoutUrgent", (json_int_t)s->n_lookout_urgent));
        return o;
}

static json_t *budget_json(const VitalsBudget *b)
{
        return json_pack("{s:f, s:f}", "used", b->used, "holdSeconds", (double)b->hold_us / 1e6);
}

static json_t *pulse_json(Monitor *m)
{
        PulsePoint *points = calloc(PULSE_POINTS, sizeof(*points));
        json_t *list = json_array();
        size_t n;

        if (!points)
                error_oom(sizeof(*points));
        n = monitor_pulse(m, points);
        for (size_t i = 0; i < n; i++) {
                const PulsePoint *p = &points[i];
                char at[WALL_TEXT_MAX];

                json_array_append_new(
                        list,
                        json_pack("{s:s, s:i, s:i, s:i, s:i, s:[i, i, i]}", "at", wall_format(p->at, at),
                                  "p50Ms", (int)p->p50_ms, "p99Ms", (int)p->p99_ms, "runs", (int)p->n_runs,
                                  "failures", (int)p->n_failures, "waiting", (int)p->waiting[LANE_URGENT],
                                  (int)p->waiting[LANE_NORMAL], (int)p->waiting[LANE_RECONCILE]));
        }
        free(points);
        return list;
}

static json_t *alarms_json(const Vitals *v)
{
        json_t *list = json_array();

        for (size_t i = 0; i < v->n_alarms; i++) {
                const VitalsAlarm *alarm = &v->alarms[i];
                char since[WALL_TEXT_MAX];

                json_array_append_new(list, json_pack("{s:s, s:s, s:s%, s:s}", "kind", alarm->kind, "name",
                                                      alarm->name, "text", alarm->text, strlen(alarm->text),
                                                      "since", wall_format(alarm->since, since)));
        }
        return list;
}

static json_t *flag_json(Monitor *m)
{
        FlagView view;
        json_t *o;

        gate_view(&m->wiring->gate, &view);
        o = json_pack("{s:s, s:s, s:s}", "state", flag_phase_name(view.phase), "text", view.text, "hold",
                      view.hold_id);
        if (view.alarm)
                json_object_set_new(o, "alarm", json_string(view.alarm));
        return o;
}

json_t *monitor_json(Monitor *m)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *c = snapshot_get(&m->wiring->snapshot);
        const Metrics *metrics = &m->wiring->shared.metrics;
        json_t *o = json_object(), *runs = json_object();
        char started[WALL_TEXT_MAX];
        const char *sentence;
        BrakeView brakes;
        bool good;
        Vitals v;

        monitor_vitals(m, a, &v);
        sentence = vitals_sentence(a, &v, &good);
        json_object_set_new(o, "pid", json_integer(getpid()));
        json_object_set_new(o, "version", json_string(SOSYNC_VERSION));
        json_object_set_new(o, "started", json_string(wall_format(v.started, started)));
        json_object_set_new(o, "good", json_boolean(good));
        json_object_set_new(o, "sentence", json_string(sentence));
        json_object_set_new(o, "staging", json_boolean(v.staging));
        json_object_set_new(o, "rules", json_string(v.rules_version));
        json_object_set_new(o, "scheduler", flag_json(m));
        json_object_set_new(o, "sources", json_array());
        for (size_t i = 0; i < v.n_sources; i++)
                json_array_append_new(json_object_get(o, "sources"), source_json(&v.sources[i]));
        json_object_set_new(o, "target", circuit_json(v.target_ok, v.target_why));
        for (int d = 0; d < _DISPOSITION_N; d++)
                json_object_set_new(runs, disposition_name((Disposition)d),
                                    json_integer((json_int_t)metrics_runs(metrics, (Disposition)d)));
        json_object_set_new(o, "runs", runs);
        json_object_set_new(o, "suppressed", json_integer((json_int_t)metrics->n_suppressed));
        json_object_set_new(o, "writes", json_integer((json_int_t)metrics->n_writes));
        json_object_set_new(o, "inWork", json_integer((json_int_t)v.n_in_work));
        if (v.has_budget)
                json_object_set_new(o, "budget",
                                    json_pack("{s:o, s:o, s:I}", "reads", budget_json(&v.reads), "writes",
                                              budget_json(&v.writes), "throttled",
                                              (json_int_t)v.n_throttled));
        look_at_brakes(m, c, v.now, &brakes);
        if (v.queue_ok)
                json_object_set_new(o, "queue", queue_view_stats(m->wiring->queue, &brakes, v.now));
        json_object_set_new(o, "alarms", alarms_json(&v));
        json_object_set_new(o, "pulse", pulse_json(m));
        return o;
}
