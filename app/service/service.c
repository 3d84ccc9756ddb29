/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/service.h"

#include "app/control/console-ops.h"
#include "app/control/control.h"
#include "app/control/monitor.h"
#include "app/flow/estate.h"
#include "app/flow/feeder.h"
#include "app/flow/herald.h"
#include "app/flow/rules-active.h"
#include "app/flow/wiring.h"
#include "app/job/cycle.h"
#include "app/job/jobs.h"
#include "app/rules/store.h"
#include "app/service/heap.h"
#include "app/service/notify.h"
#include "app/service/roles.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

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
        Roles roles;

        Worker *workers;
        pthread_t *threads;
        size_t n_workers; /* started */

        struct event_base *base;
        struct event *signals[3];
        struct event *tick;
        uint64_t n_ticks;
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

/* -- workers ------------------------------------------------------------------------------------------- */

static void *worker_thread(void *context)
{
        worker_run(context);
        return NULL;
}

static int start_workers(Service *s, const Config *c, Diag *diag)
{
        size_t n = (size_t)c->workers, n_urgent = n / 16 ? n / 16 : 1;

        s->workers = calloc(n, sizeof(*s->workers));
        s->threads = calloc(n, sizeof(*s->threads));
        if (!s->workers || !s->threads)
                error_oom(n * sizeof(*s->workers));
        for (size_t i = 0; i < n; i++) {
                Source *sources[CONFIG_SOURCES_MAX];
                int r = wiring_sources(&s->wiring, sources);

                if (r)
                        return r;
                worker_init(&s->workers[i], &s->wiring.shared, sources,
                            i < n_urgent ? LANE_SET(LANE_URGENT) : LANES_ALL);
                r = pthread_create(&s->threads[i], NULL, worker_thread, &s->workers[i]);
                if (r) {
                        worker_deinit(&s->workers[i]);
                        return error_origin(-r);
                }
                s->n_workers++;
        }
        return 0;
}

static void stop_workers(Service *s)
{
        for (size_t i = 0; i < s->n_workers; i++) {
                pthread_join(s->threads[i], NULL);
                worker_deinit(&s->workers[i]);
        }
        free(s->workers);
        free(s->threads);
}

/* -- the main loop ------------------------------------------------------------------------------------- */

static void begin_stop(Service *s)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&s->wiring.snapshot);

        log_info(&s->wiring.log, "stopping");
        notify_stopping();
        s->wiring.shared.stopping = true;
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
        Diag diag = DIAG_INIT;
        Config *next = NULL;
        const char *key;

        if (config_load(&next, s->wiring.first->path, &diag)) {
                for (size_t i = 0; i < diag.n_items; i++)
                        log_error(&s->wiring.log, "reload refused", LOG_STR("why", diag.items[i].text));
                log_error(&s->wiring.log, "the configuration in force stays in force");
                diag_deinit(&diag);
                return;
        }
        pthread_mutex_lock(&s->wiring.rules_lock);
        if (rules_adopt(&s->wiring, next, &diag) || s->wiring.rules_broken) {
                pthread_mutex_unlock(&s->wiring.rules_lock);
                for (size_t i = 0; i < diag.n_items; i++)
                        log_error(&s->wiring.log, "reload refused", LOG_STR("why", diag.items[i].text));
                s->wiring.rules_broken = false;
                config_unref(next);
                diag_deinit(&diag);
                return;
        }
        key = config_needs_restart(s->wiring.first, next);
        if (key)
                log_warning(&s->wiring.log, "a change takes effect only after a restart",
                            LOG_STR("key", key));
        config_hold_back(next, s->wiring.first);
        log_set_level((LogLevel)next->log.level);
        log_info(&s->wiring.log, "reloaded", LOG_STR("rules", rules_version(next->run.rules)));
        snapshot_swap(&s->wiring.snapshot, next);
        pthread_mutex_unlock(&s->wiring.rules_lock);
        diag_deinit(&diag);
}

/* A version of the rules that was activated without a service, or whose work was cut short. */
static void catch_up_rules(Service *s)
{
        ObjectId after;

        if (rules_store_catch_up(queue_space(s->wiring.queue), &after) == 0 &&
            !jobs_has(s->wiring.jobs, "rules-catch-up"))
                jobs_submit(s->wiring.jobs, "rules-catch-up", NULL, "service", NULL);
}

/* What another node of the cluster has made active. */
static void follow_rules(Service *s)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(config_unrefp) Config *now = NULL;
        const char *restart = NULL;
        int r = rules_follow(&s->wiring, &restart, &diag);

        if (r == RULES_FOLLOW_E_NEW) {
                now = snapshot_get(&s->wiring.snapshot);
                log_info(&s->wiring.log, "rules that were made active elsewhere work here now",
                         LOG_STR("version", rules_version(now->run.rules)), LOG_STR("restart", restart));
        } else if (r && !s->rules_refused) {
                log_error(&s->wiring.log,
                          "rules that were made active elsewhere cannot be loaded; the old go on",
                          LOG_STR("why", r < 0 ? strerror(-r) : diag_text(&diag)));
        }
        s->rules_refused = r && r != RULES_FOLLOW_E_NEW;
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

static void look_at_run(Service *s, RunWatch *watch)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Clock *clock = s->wiring.clock;
        const Outcome *report;

        run_watch_look(watch, clock_mono(clock), clock_wall(clock), s->wiring.shared.alarms, a, &report);
        if (report)
                reporter_say(&s->wiring.reporter, report);
}

static void look_at_runs(Service *s)
{
        for (size_t i = 0; i < s->n_workers; i++)
                look_at_run(s, &s->workers[i].watch);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
        Service *s = context;

        queue_tell_time(s->wiring.queue, clock_wall(s->wiring.clock));
        monitor_tick(&s->monitor);
        resume_feeds(s);
        look_at_runs(s);
        if (s->cycle.wiring && roles_has_cycle(&s->roles))
                cycle_tick(&s->cycle);
        follow_rules(s);
        if (++s->n_ticks % CATCH_UP_TICKS == 1)
                catch_up_rules(s);
        if (s->n_ticks % HEAP_TRIM_S == 0)
                heap_trim();
        notify_watchdog();
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
        r = reporter_start(&s->wiring.reporter, s->wiring.queue, &s->wiring.store, &s->wiring.acts,
                           is_cluster(s) ? tell : (ReporterTell){ 0 }, &s->wiring.snapshot, s->wiring.clock,
                           &s->wiring.log);
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
        r = herald_start(&s->herald, &s->wiring.snapshot, &s->wiring.log);
        if (r)
                return r;
        s->wiring.alarms.context = &s->herald;
        s->wiring.alarms.tell = herald_tell;
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
        r = start_workers(s, c, diag);
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
                jobs_stop(s->wiring.jobs);
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
        waiters_close(&s->wiring.waiters);
        s->control = control_free(s->control);
        s->console = console_free(s->console);
        s->wiring.jobs = jobs_free(s->wiring.jobs);
        if (s->wiring.target)
                target_stop(s->wiring.target);
        stop_workers(s);
        if (s->wiring.shared.gate)
                gate_stop(s->wiring.shared.gate); /* the last run has ended: the flag is given back */
        s->wiring.shared.gate = NULL;
        reporter_stop(&s->wiring.reporter);
        herald_stop(&s->herald);
        monitor_deinit(&s->monitor);
        for (size_t i = 0; s->feeders && i < s->wiring.connectors.n; i++)
                feeder_deinit(&s->feeders[i]);
        end_loop(s);
        free(s->feeders);
}

/*
 * A fatal signal of our own making: say so in the marks of the queue, so that a change that crashes the
 * service is recognised at the next start, and die of it as usual. A signal handler has nothing but globals.
 */
static _Atomic unsigned char *crash_flag;

static void on_crash(int number)
{
        if (crash_flag)
                *crash_flag = 1;
        raise(number); /* the handler is gone (SA_RESETHAND): the core and the status are the signal's */
}

static void watch_crashes(Queue *queue)
{
        static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
        struct sigaction action = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

        crash_flag = queue_lmdb_crash_flag(queue);
        for (size_t i = 0; i < N_ELEMENTS(fatal); i++)
                sigaction(fatal[i], &action, NULL);
}

static void give_up(int number)
{
        static const char text[] =
                "sosync: stop_timeout is over; what was in work runs again at the next start\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)number;
        (void)ignored;
        _exit(EXIT_DONE);
}

/* The second signal: nobody looks at the loop any more. The store is consistent at every moment. */
static void stop_at_once(int number)
{
        static const char text[] = "sosync: stopped at once; what was in work runs again at the next start\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)number;
        (void)ignored;
        _exit(EXIT_DONE);
}

int service_run(const char *config_path, const char *record)
{
        Service s = { 0 };
        Diag diag = DIAG_INIT;
        int r;

        heap_setup();
        signal(SIGALRM, give_up);
        evthread_use_pthreads();
        r = wiring_open(&s.wiring, config_path, &diag);
        if (r == 0) {
                if (!estate_check(&s.wiring, &diag))
                        r = WIRING_E_CONFIG;
        }
        if (r == 0) {
                watch_crashes(s.wiring.queue);
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
                signal(SIGTERM, stop_at_once);
                signal(SIGINT, stop_at_once);
        }
        if (s.wiring.open)
                stop(&s);
        crash_flag = NULL;
        wiring_close(&s.wiring);
        recording_close(&s.recording);
        alarm(0);
        diag_deinit(&diag);
        return r;
}
