/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/gate.h"

#include "base/error.h"
#include "engine/scheduler/scheduler-command.h"
#include "engine/scheduler/scheduler-internal.h"

#include <errno.h>
#include <jansson.h>
#include <time.h>

#define NORMAL_LANES ((LaneSet)(LANE_SET(LANE_NORMAL) | LANE_SET(LANE_RECONCILE)))

/* -- what the flag keeps on disk ----------------------------------------------------------------------- */

static int commit(void *context, const SpaceBatch *batch)
{
        Gate *g = context;
        int r = queue_put(g->options.queue, &(Intake){
                                                    .writes = batch->writes,
                                                    .n_writes = batch->n_writes,
                                                    .now = clock_wall(g->options.clock),
                                            });

        return r > 0 ? error_origin(-ENOSPC) : r;
}

static FlagStore store_of(Gate *g)
{
        return (FlagStore){ .space = queue_space(g->options.queue), .commit = commit, .context = g };
}

/* -- workers ------------------------------------------------------------------------------------------- */

LaneSet gate_lanes(const Gate *g)
{
        return g ? (LaneSet)g->lanes : LANES_ALL;
}

bool gate_enter(Gate *g, Lane lane, FlagView *ret_view)
{
        bool open, first;

        if (!g)
                return true;
        pthread_mutex_lock(&g->lock);
        open = g->view.lanes & LANE_SET(lane);
        first = false;
        if (open && lane != LANE_URGENT) {
                first = !g->n_busy++ && !g->touched;
                g->touched = true;
                g->worked = clock_mono(g->options.clock);
        }
        if (ret_view)
                *ret_view = g->view;
        if (first)
                pthread_cond_signal(&g->changed);
        pthread_mutex_unlock(&g->lock);
        return open;
}

void gate_leave(Gate *g, Lane lane)
{
        if (!g || lane == LANE_URGENT)
                return;
        pthread_mutex_lock(&g->lock);
        g->n_busy--;
        g->worked = clock_mono(g->options.clock);
        if (!g->n_busy && g->view.phase == FLAG_CLOSING)
                pthread_cond_signal(&g->changed);
        pthread_mutex_unlock(&g->lock);
}

void gate_view(Gate *g, FlagView *ret_view)
{
        pthread_mutex_lock(&g->lock);
        *ret_view = g->view;
        pthread_mutex_unlock(&g->lock);
}

void gate_ask(Gate *g)
{
        if (!g)
                return;
        pthread_mutex_lock(&g->lock);
        g->asked = true;
        pthread_cond_signal(&g->changed);
        pthread_mutex_unlock(&g->lock);
        if (!g->options.driver->own_cycle)
                queue_wake_all(g->options.queue, false);
}

/* -- one turn ------------------------------------------------------------------------------------------ */

/* An alarm is said once, when it begins and when it is over. */
static void tell(Gate *g, const FlagView *before, const FlagView *now)
{
        const Log *log = g->options.log;

        bool passing = now->phase == FLAG_FREE || now->phase == FLAG_CLOSING; /* between two tries */

        Alarms *alarms = g->options.alarms;
        Wall wall = clock_wall(g->options.clock);

        if (g->told && !str_is(now->alarm, g->told) && (now->alarm || !passing)) {
                log_info(log, "the scheduler flag is as it should be again", LOG_STR("alarm", g->told),
                         LOG_STR("why", now->text));
                alarms_clear(alarms, "scheduler", g->told, now->text, wall);
                g->told = NULL;
        }
        if (now->alarm && !g->told) {
                g->told = now->alarm;
                log_error(log, "the scheduler flag needs a person", LOG_STR("alarm", now->alarm),
                          LOG_STR("why", now->text));
                alarms_raise(alarms, "scheduler", now->alarm, now->text, wall);
        } else if (now->phase != before->phase && !g->options.driver->own_cycle)
                log_info(log, "scheduler flag", LOG_STR("is", flag_phase_name(now->phase)),
                         LOG_STR("why", now->text), LOG_STR("hold", now->hold_id));
}

static void publish(Gate *g)
{
        FlagView before;
        bool opened;

        pthread_mutex_lock(&g->lock);
        before = g->view;
        g->view = g->flag.view;
        g->lanes = g->view.lanes;
        opened = g->view.lanes & ~before.lanes;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
        tell(g, &before, &g->flag.view);
        if (opened)
                queue_wake_all(g->options.queue, false);
}

/* Is a normal change due? Only a lease knows: a delayed one whose time has come counts too, and while the
 * gate is closed no worker takes it. It is given back untouched. */
static bool is_something_due(Gate *g)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        Lease lease = { 0 };

        if (g->options.driver->own_cycle)
                return false;
        a = arena_new(0);
        if (queue_lease(g->options.queue, clock_wall(g->options.clock), NORMAL_LANES, a, &lease))
                return false;
        queue_release(g->options.queue, &lease);
        return true;
}

/* The tenant's own word on when the regular cycle last came through; it is cached for minutes. */
static Wall last_sync(Gate *g)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        TargetInfo info;
        Call call;

        if (!g->options.target || g->options.driver->own_cycle)
                return (Wall){ 0 };
        a = arena_new(0);
        call = (Call){ .lane = LANE_NORMAL, .now = clock_mono(g->options.clock), .arena = a };
        call.deadline = mono_add(call.now, (int64_t)10 * 1000000);
        return target_info(g->options.target, &call, &info, NULL) ? (Wall){ 0 } : info.last_sync;
}

/* Who asks for the tenant must not hold a worker up, so it is done before. */
static int64_t turn(Gate *g, bool due, Wall heard)
{
        FlagInput in = { .wanted = due, .last_sync = heard };
        int64_t wait;

        pthread_mutex_lock(&g->work);
        pthread_mutex_lock(&g->lock);
        in.wanted_at = due || g->n_busy || g->asked ? clock_mono(g->options.clock) : g->worked;
        in.wanted |= g->n_busy || g->touched || g->asked;
        in.n_busy = g->n_busy;
        in.stopping = g->stopping;
        g->touched = g->asked = false;
        pthread_mutex_unlock(&g->lock);
        in.now = clock_mono(g->options.clock);
        in.wall = clock_wall(g->options.clock);
        wait = flag_turn(&g->flag, &in);
        /* Before it closes nobody may enter any more: workers are told first, and counted again. */
        publish(g);
        pthread_mutex_unlock(&g->work);
        return wait;
}

static bool is_stopping(Gate *g)
{
        bool stopping;

        pthread_mutex_lock(&g->lock);
        stopping = g->stopping;
        pthread_mutex_unlock(&g->lock);
        return stopping;
}

int64_t gate_turn(Gate *g)
{
        bool due = is_something_due(g), stopping = is_stopping(g);

        return turn(g, due,
                    !stopping && (due || g->flag.view.phase != FLAG_FREE) ? last_sync(g) : (Wall){ 0 });
}

/* -- the thread ---------------------------------------------------------------------------------------- */

static void sleep_for(Gate *g, int64_t us)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        if (us > (int64_t)3600 * 1000000)
                us = (int64_t)3600 * 1000000;
        us += t.tv_nsec / 1000;
        t.tv_sec += us / 1000000;
        t.tv_nsec = us % 1000000 * 1000;
        pthread_mutex_lock(&g->lock);
        while (!g->stopping && !g->asked && !(g->touched && g->view.phase == FLAG_FREE) &&
               !(g->view.phase == FLAG_CLOSING && !g->n_busy))
                if (pthread_cond_timedwait(&g->changed, &g->lock, &t) == ETIMEDOUT)
                        break;
        pthread_mutex_unlock(&g->lock);
}

/* Where the gate is closed until there is a hold, no worker sees that a normal change has come. */
static bool watches_queue(const Gate *g)
{
        return g->flag.view.phase == FLAG_FREE && !g->options.driver->own_cycle;
}

static void *flag_thread(void *context)
{
        Gate *g = context;

        for (;;) {
                bool stopping = is_stopping(g); /* asked before the turn: that turn gives the flag back */
                int64_t wait = gate_turn(g);

                if (stopping && g->flag.view.phase != FLAG_CLOSING)
                        return NULL;
                if (wait == 0)
                        continue;
                if (watches_queue(g) &&
                    queue_wait(g->options.queue, NORMAL_LANES, clock_wall(g->options.clock),
                               wait == INT64_MAX ? -1 : wait) == 0)
                        continue;
                sleep_for(g, wait);
        }
}

int gate_start(Gate *g)
{
        int r = pthread_create(&g->thread, NULL, flag_thread, g);

        if (r)
                return error_origin(-r);
        g->started = true;
        return 0;
}

void gate_stop(Gate *g)
{
        pthread_mutex_lock(&g->lock);
        g->stopping = true;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
        if (g->started)
                pthread_join(g->thread, NULL);
        else
                while (gate_turn(g) == 0)
                        ;
        g->started = false;
}

/* -- people -------------------------------------------------------------------------------------------- */

bool gate_own_cycle(Gate *g, bool in_progress, int64_t interval_us, Wall next)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        SchedulerState state;

        if (!g || !g->options.driver->own_cycle)
                return true;
        scheduler_internal_cycle(g->options.driver, in_progress, interval_us, next);
        if (in_progress || next.ms > clock_wall(g->options.clock).ms)
                return false;
        /* Read, not remembered: the flag may be an administrator's. */
        a = arena_new(0);
        return scheduler_status(g->options.driver, a, &state, NULL) == 0 && state.sync_cycle_enabled;
}

int gate_show(Gate *g, Str *out_json, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SchedulerState state;
        FlagView view;
        json_t *o;
        char *text;
        Str fields;
        int r;

        pthread_mutex_lock(&g->work);
        r = scheduler_status(g->options.driver, a, &state, diag);
        pthread_mutex_unlock(&g->work);
        if (r)
                return r;
        gate_view(g, &view);
        str_init(&fields, SCHEDULER_JSON_MAX * 2);
        scheduler_print_json(&state, &fields);
        o = json_loadb(fields.data, fields.n, 0, NULL);
        str_deinit(&fields);
        json_object_set_new(o, "SosyncState", json_string(flag_phase_name(view.phase)));
        json_object_set_new(o, "SosyncText", json_string(view.text));
        json_object_set_new(o, "SosyncAlarm", view.alarm ? json_string(view.alarm) : json_null());
        text = json_dumps(o, JSON_COMPACT);
        str_add(out_json, text ? text : "{}");
        free(text);
        json_decref(o);
        return 0;
}

int gate_set(Gate *g, bool enabled, Diag *diag)
{
        int r;

        pthread_mutex_lock(&g->work);
        r = flag_set(&g->flag, enabled, diag);
        pthread_mutex_unlock(&g->work);
        if (r == 0)
                log_info(g->options.log, "SyncCycleEnabled was set by a person",
                         LOG_STR("to", enabled ? "true" : "false"));
        return r;
}

/* -- life ---------------------------------------------------------------------------------------------- */

int gate_init(Gate *g, const GateOptions *options)
{
        pthread_condattr_t attributes;
        FlagStore store;
        char host[64] = "";

        *g = (Gate){ .options = *options };
        if (gethostname(host, sizeof(host) - 1))
                host[0] = 0;
        if (options->config->holder)
                snprintf(g->holder, sizeof(g->holder), "%s", options->config->holder);
        else
                snprintf(g->holder, sizeof(g->holder), "sosync@%s", host);
        pthread_mutex_init(&g->work, NULL);
        pthread_mutex_init(&g->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&g->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        store = store_of(g);
        if (flag_init(&g->flag, options->driver, options->config, &store, g->holder))
                return error_origin(-EIO);
        g->view = g->flag.view;
        g->lanes = g->view.lanes;
        return 0;
}

void gate_deinit(Gate *g)
{
        if (!g->options.driver)
                return;
        g->options.driver = scheduler_free(g->options.driver);
        pthread_cond_destroy(&g->changed);
        pthread_mutex_destroy(&g->lock);
        pthread_mutex_destroy(&g->work);
}

int gate_open(Gate *g, const Config *c, Queue *queue, Target *target, Alarms *alarms, const Clock *clock,
              const Log *log)
{
        GateOptions options = { .config = &c->scheduler,
                                .queue = queue,
                                .target = target,
                                .alarms = alarms,
                                .clock = clock,
                                .log = log };
        FlagStore store;
        int r;

        g->options = options; /* what store_of() needs */
        store = store_of(g);
        r = c->scheduler.driver == SCHEDULER_COMMAND ? scheduler_command_new(&options.driver, &c->scheduler)
                                                     : scheduler_internal_new(&options.driver, &store);
        return r ? r : gate_init(g, &options);
}
