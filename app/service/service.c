/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/service.h"

#include "app/control/console-ops.h"
#include "app/control/control.h"
#include "app/control/monitor.h"
#include "app/flow/estate.h"
#include "app/flow/feeder.h"
#include "app/flow/herald.h"
#include "app/flow/wiring.h"
#include "app/job/cycle.h"
#include "app/job/jobs.h"
#include "app/service/fatal.h"
#include "app/service/heap.h"
#include "app/service/notify.h"
#include "app/service/reload.h"
#include "app/service/roles.h"
#include "app/service/workers.h"
#include "base/error.h"
#include "base/str.h"
#include "base/wait.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct Service Service;

struct Service {
        Wiring wiring;
        Feeder *feeders;         /* one for each connector */
        RecordingFile recording; /* with --record */
        _Atomic size_t n_settled;
        Monitor monitor;
        Herald herald;
        Control *control;
        ConsoleService console_service;
        Console *console;
        Cycle cycle;
        bool had_cycle; /* at the last tick */
        Roles roles;
        Workers workers;
        Mono until; /* once it stops: what is in work may take so long */

        struct event_base *base;
        struct event *signals[3];
        struct event *tick;
        uint64_t n_ticks;
        bool ready;
        bool reload_waits;     /* for rules that are being made active */
        bool rules_refused;    /* what another node made active cannot be loaded here, and that was said */
        struct event *settled; /* made active by the last feed's thread */
};

/* -- status -------------------------------------------------------------------------------------------- */

static json_t *status(void *context)
{
        Service *s = context;
        json_t *o = monitor_json(&s->monitor);

        json_object_set_new(o, "jobs", s->wiring.jobs ? jobs_list(s->wiring.jobs) : json_array());
        return o;
}

/* -- the main loop ------------------------------------------------------------------------------------- */

static void begin_stop(Service *s)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->wiring.snapshot);

        log_info(&s->wiring.log, "stopping");
        notify_stopping(c->stop_timeout_us);
        s->wiring.shared.stopping = true;
        s->until = wait_in(c->stop_timeout_us - c->stop_timeout_us / 5);
        /* Whatever hangs in a time-out of the network is given up when this alarm rings. */
        alarm((unsigned)(c->stop_timeout_us / 1000000) + 1);
        event_base_loopbreak(s->base);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
        begin_stop(context);
}

static void on_reload(evutil_socket_t signal_number, short what, void *context)
{
        Service *s = context;

        s->reload_waits = reload_config(&s->wiring) == RELOAD_E_LATER;
        if (s->reload_waits)
                log_info(&s->wiring.log, "rules are being made active; the reload comes after that");
}

/* Ticks are a second each. */
#define CATCH_UP_TICKS 60

/* A feed that was told "full" goes on when there is room again. */
static void resume_feeds(Service *s)
{
        QueueStats stats;
        bool full = false;

        for (size_t i = 0; i < s->wiring.connectors.n; i++)
                full |= s->feeders[i].intake.full;
        if (!full || queue_stats(s->wiring.queue, clock_wall(s->wiring.clock), &stats) || stats.full)
                return;
        for (size_t i = 0; i < s->wiring.connectors.n; i++)
                if (s->feeders[i].intake.full) {
                        s->feeders[i].intake.full = false;
                        feeder_resume(&s->feeders[i]);
                        log_info(&s->feeders[i].log, "the queue has room again; the feed goes on");
                }
}

/* Of all nodes of a cluster one does it. */
static void tick_cycle(Service *s)
{
        bool had = s->had_cycle;

        s->had_cycle = roles_has_cycle(&s->roles);
        if (s->had_cycle && !had)
                cycle_gain(&s->cycle);
        if (s->had_cycle)
                cycle_tick(&s->cycle);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
        Service *s = context;

        queue_tell_time(s->wiring.queue, clock_wall(s->wiring.clock));
        monitor_tick(&s->monitor);
        resume_feeds(s);
        for (size_t i = 0; i < s->wiring.connectors.n; i++)
                feeder_look(&s->feeders[i], &s->wiring);
        workers_look(&s->workers, &s->wiring);
        if (s->cycle.wiring)
                tick_cycle(s);
        if (s->reload_waits)
                s->reload_waits = reload_config(&s->wiring) == RELOAD_E_LATER;
        reload_follow_rules(&s->wiring, &s->rules_refused);
        if (++s->n_ticks % CATCH_UP_TICKS == 1)
                reload_catch_up_rules(&s->wiring);
        if (s->n_ticks % HEAP_TRIM_S == 0)
                heap_trim();
        notify_beat(s->ready);
}

/* From now on nothing that changes in the directories is missed: that is what "ready" promises. */
static void on_settled(evutil_socket_t fd, short what, void *context)
{
        Service *s = context;
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        log_info(&s->wiring.log, "ready", LOG_STR("source", config_source_names(s->wiring.first, a)),
                 LOG_STR("rules", rules_version(s->wiring.first->run.rules)),
                 LOG_INT("workers", s->wiring.first->workers),
                 LOG_STR("staging", staging_is_on(&s->wiring.shared.staging, s->wiring.first->staging)
                                            ? "on: nothing is exported"
                                            : NULL));
        s->ready = true;
        notify_ready();
}

static void feed_settled(void *context)
{
        Service *s = context;

        if (++s->n_settled == s->wiring.connectors.n)
                event_active(s->settled, 0, 0);
}

static void prepare_feeds(Service *s)
{
        Connectors *all = &s->wiring.connectors;

        s->feeders = calloc(all->n, sizeof(*s->feeders));
        if (!s->feeders)
                error_oom(all->n * sizeof(*s->feeders));
        for (size_t i = 0; i < all->n; i++)
                feeder_prepare(&s->feeders[i], &s->wiring, &all->items[i], feed_settled, s);
}

static int start_loop(Service *s)
{
        static const struct timeval second = { .tv_sec = 1 };

        s->base = event_base_new();
        if (!s->base)
                error_oom(1);
        s->signals[0] = evsignal_new(s->base, SIGTERM, on_stop, s);
        s->signals[1] = evsignal_new(s->base, SIGINT, on_stop, s);
        s->signals[2] = evsignal_new(s->base, SIGHUP, on_reload, s);
        for (size_t i = 0; i < N_ELEMENTS(s->signals); i++)
                event_add(s->signals[i], NULL);
        s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
        event_add(s->tick, &second);
        s->settled = event_new(s->base, -1, 0, on_settled, s);
        return 0;
}

static void end_loop(Service *s)
{
        for (size_t i = 0; i < N_ELEMENTS(s->signals); i++)
                if (s->signals[i])
                        event_free(s->signals[i]);
        if (s->tick)
                event_free(s->tick);
        if (s->settled)
                event_free(s->settled);
        if (s->base)
                event_base_free(s->base);
}

/* -- life ---------------------------------------------------------------------------------------------- */

static const ControlOps control_ops = { .status = status };

static bool is_cluster(const Service *s)
{
        return s->wiring.first->state.backend == STATE_JETSTREAM;
}

/* In a cluster who watches sees the runs of all nodes, and who has asked here may be served by another. */
static void tell_outcome(void *context, const Outcome *o)
{
        Wiring *w = context;

        live_add(w->live, o);
        waiters_deliver(&w->waiters, &(ObjectKey){ .source = o->change.source, .id = o->change.id }, o);
}

static int start(Service *s, Diag *diag)
{
        const Config *c = s->wiring.first;
        ReporterTell tell = { .fn = tell_outcome, .context = &s->wiring };
        int r = start_loop(s);

        if (r)
                return r;
        r = herald_start(&s->herald, &s->wiring.snapshot, &s->wiring.log);
        if (r)
                return r;
        s->wiring.alarms.context = &s->herald;
        s->wiring.alarms.tell = herald_tell;
        r = reporter_start(&s->wiring.reporter, s->wiring.queue, &s->wiring.store, &s->wiring.acts,
                           is_cluster(s) ? tell : (ReporterTell){ 0 }, &s->wiring.snapshot,
                           &s->wiring.shared.brakes, &s->wiring.alarms, s->wiring.clock, &s->wiring.log);
        if (r)
                return r;
        s->wiring.shared.reporter = &s->wiring.reporter;
        if (is_cluster(s))
                s->wiring.shared.live = NULL;
        r = jobs_new(&s->wiring.jobs, &s->wiring, job_kinds);
        if (r)
                return r;
        prepare_feeds(s);
        monitor_init(&s->monitor, &s->wiring, s->feeders);
        r = control_new(&s->control, &s->wiring, &control_ops, s, diag);
        if (r)
                return r;
        s->console_service = (ConsoleService){ .wiring = &s->wiring, .monitor = &s->monitor };
        r = console_start(&s->console, &s->console_service, diag);
        if (r)
                return r;
        r = gate_start(&s->wiring.gate);
        if (r)
                return r;
        r = workers_start(&s->workers, &s->wiring, (size_t)c->workers);
        if (r)
                return r;
        r = cycle_init(&s->cycle, &s->wiring);
        if (r)
                return r;
        return roles_start(&s->roles, &s->wiring, s->feeders, s->recording.file ? &s->recording : NULL, diag);
}

static void stop(Service *s)
{
        s->wiring.shared.stopping = true;
        if (s->wiring.jobs)
                jobs_cancel(s->wiring.jobs);
        if (s->wiring.target)
                target_stop(s->wiring.target, TARGET_STOP_WAITING);
        if (s->wiring.live)
                live_close(s->wiring.live);
        if (s->wiring.queue)
                queue_wake_all(s->wiring.queue, true);
        roles_stop(&s->roles);
        /* All are told before the first is waited for. */
        for (size_t i = 0; s->feeders && i < s->wiring.connectors.n; i++)
                feeder_tell_stop(&s->feeders[i]);
        for (size_t i = 0; s->feeders && i < s->wiring.connectors.n; i++)
                feeder_stop(&s->feeders[i]);
        workers_wait(&s->workers, s->until);
        if (s->wiring.target)
                target_stop(s->wiring.target, TARGET_STOP_ALL);
        workers_stop(&s->workers);
        if (s->wiring.shared.gate)
                gate_stop(s->wiring.shared.gate); /* the last run has ended: the flag is given back */
        /* What may hang in the network once more: a directory that says nothing, a command. */
        waiters_close(&s->wiring.waiters);
        s->control = control_free(s->control);
        s->console = console_free(s->console);
        s->wiring.jobs = jobs_free(s->wiring.jobs);
        cycle_deinit(&s->cycle);
        s->wiring.shared.gate = NULL;
        reporter_stop(&s->wiring.reporter);
        herald_stop(&s->herald);
        monitor_deinit(&s->monitor);
        for (size_t i = 0; s->feeders && i < s->wiring.connectors.n; i++)
                feeder_deinit(&s->feeders[i]);
        end_loop(s);
        free(s->feeders);
}

int service_run(const char *config_path, const char *record)
{
        Service s = { 0 };
        Diag diag = DIAG_INIT;
        int r;

        heap_setup();
        fatal_watch_alarm();
        evthread_use_pthreads();
        r = wiring_open(&s.wiring, config_path, &diag);
        if (r == 0) {
                if (!estate_check(&s.wiring, &diag))
                        r = WIRING_E_CONFIG;
        }
        if (r == 0) {
                fatal_watch_crashes(queue_lmdb_crash_flag(s.wiring.queue));
                log_setup((LogLevel)s.wiring.first->log.level, (LogFormat)s.wiring.first->log.format,
                          STDERR_FILENO);
                if (s.wiring.rules_broken || (record && recording_create(&s.recording, record, &diag)))
                        r = WIRING_E_CONFIG;
                else
                        r = start(&s, &diag);
        }
        if (r) {
                for (size_t i = 0; i < diag.n_items; i++)
                        fprintf(stderr, "sosync: %s\n", diag.items[i].text);
                if (!diag_any(&diag))
                        fprintf(stderr, "sosync: cannot start: %s\n", strerror(r < 0 ? -r : EIO));
                r = wiring_exit_status(r);
        } else {
                event_base_dispatch(s.base);
                fatal_watch_second_stop();
        }
        if (s.wiring.open)
                stop(&s);
        fatal_forget();
        wiring_close(&s.wiring);
        recording_close(&s.recording);
        alarm(0);
        diag_deinit(&diag);
        return r;
}
