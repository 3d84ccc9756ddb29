/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/gate.h"

#include "base/error.h"
#include "base/wait.h"
#include "engine/scheduler/scheduler-command.h"
#include "engine/scheduler/scheduler-internal.h"
#include "queue/jetstream-config.h"

#include <errno.h>

#define NORMAL_LANES ((LaneSet)(LANE_SET(LANE_NORMAL) | LANE_SET(LANE_RECONCILE)))

/* -- what the flag keeps on disk ----------------------------------------------------------------------- */

static int commit(void *context, const SpaceBatch *batch)
{
        Gate *g = context;
        int r = queue_put(g->options.queue, &(Intake){
                                                    .writes = batch->writes,
                                                    .n_writes = batch->n_writes,
                                                    .checked = true,
                                                    .now = clock_wall(g->options.clock),
                                            });

        if (r == QUEUE_E_STALE)
                return SCHEDULER_E_OTHER;
        return r > 0 ? error_origin(r == QUEUE_E_FULL ? -ENOSPC : -EAGAIN) : r;
}

static FlagStore store_of(Gate *g)
{
        return (FlagStore){ .space = queue_space(g->options.queue), .commit = commit, .context = g };
}

/* -- the board of a cluster ---------------------------------------------------------------------------- */

/* Between two looks: how much later than the node that has the flag the others open. */
#define LOOK_US ((int64_t)250000)

/* Between two looks whether something is due while the lanes are closed: one that finds something is two
 * entries of the log. */
#define DUE_US ((int64_t)1000000)

/* Between two looks whether staging has ended. */
#define STAGING_US ((int64_t)1000000)

/* What the board says, which becomes the view too, unless another thread has read a later one meanwhile. What
 * cannot be read is closed. */
static FlagView look(Gate *g)
{
        FlagStore store = store_of(g);
        Board board = { 0 };
        bool opened = false, is_later;

        if (board_read(&store, &board))
                board.view = (FlagView){
                        .phase = FLAG_FREE,
                        .lanes = g->options.driver->own_cycle ? LANES_ALL : LANE_SET(LANE_URGENT),
                        .text = "SyncCycleEnabled is not paused",
                };
        pthread_mutex_lock(&g->lock);
        is_later = board.serial ? board.serial > g->board_serial : g->board_serial != 0;
        if (is_later) {
                opened = board.view.lanes & ~g->view.lanes;
                g->board_serial = board.serial;
                g->view = board.view;
                g->lanes = board.view.lanes;
                pthread_cond_broadcast(&g->changed);
        }
        pthread_mutex_unlock(&g->lock);
        if (opened)
                queue_wake_all(g->options.queue, false);
        return board.view;
}

/* -- workers ------------------------------------------------------------------------------------------- */

static bool is_staging(const Gate *g)
{
        return g->exports && !g->exports(g->exports_context);
}

LaneSet gate_lanes(const Gate *g)
{
        return !g || is_staging(g) ? LANES_ALL : (LaneSet)g->lanes;
}

bool gate_enter(Gate *g, Lane lane, FlagView *ret_view)
{
        bool staging = g && is_staging(g), reads = g && g->is_shared && lane != LANE_URGENT && !staging;
        bool open, first;
        FlagView view;

        if (!g)
                return true;
        /* What this call has read decides: that is what was read after the lease. */
        if (reads)
                view = look(g);
        pthread_mutex_lock(&g->lock);
        if (!reads)
                view = g->view;
        if (staging && !g->options.driver->own_cycle)
                view = (FlagView){ .phase = FLAG_FREE,
                                   .lanes = LANES_ALL,
                                   .text = "SyncCycleEnabled is left alone: nothing is exported in staging" };
        open = view.lanes & LANE_SET(lane);
        first = false;
        if (open && lane != LANE_URGENT && staging) {
                g->n_busy++;
        } else if (open && lane != LANE_URGENT) {
                first = !g->n_busy++ && !g->touched;
                g->touched = true;
                g->worked = clock_mono(g->options.clock);
        }
        if (ret_view)
                *ret_view = view;
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

static void show(Gate *g)
{
        bool opened;

        pthread_mutex_lock(&g->lock);
        opened = g->flag.view.lanes & ~g->view.lanes;
        g->view = g->flag.view;
        g->lanes = g->view.lanes;
        pthread_cond_broadcast(&g->changed);
        pthread_mutex_unlock(&g->lock);
        if (opened)
                queue_wake_all(g->options.queue, false);
}

/* Of a cluster: false, if another node has the flag, or if nobody can be told. */
static bool publish(Gate *g)
{
        FlagStore store = store_of(g);
        FlagView before;
        bool said;

        gate_view(g, &before);
        if (!g->is_shared)
                show(g);
        said = !g->is_shared || board_write(&store, &g->flag.view, g->term) == 0;
        if (g->is_shared)
                look(g);
        if (said)
                tell(g, &before, &g->flag.view);
        return said;
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

/* Another node has the flag, or it cannot be told: this one does nothing more. */
static void step_down(Gate *g)
{
        flag_yield(&g->flag);
        log_info(g->options.log, "this node has the scheduler flag no longer");
        pthread_mutex_lock(&g->lock);
        if (g->leads == g->term)
                g->leads = 0; /* until it is said again */
        pthread_mutex_unlock(&g->lock);
        g->term = 0;
}

/* Before anything is done the lanes are closed, for what the one before has paused is given back first. */
static void take_over(Gate *g, uint64_t term)
{
        FlagStore store = store_of(g);

        if (flag_take_over(&g->flag))
                return; /* the store cannot be read: the next turn tries again */
        g->term = term;
        g->board_asked = board_asked(&store);
        log_info(g->options.log, "this node has the scheduler flag",
                 LOG_STR("owed", g->flag.owed ? "yes" : NULL));
        if (!publish(g))
                step_down(g);
}

/* The others list what the one with the flag has told. */
static void mirror_alarm(Gate *g)
{
        Wall now = clock_wall(g->options.clock);
        FlagView view;

        gate_view(g, &view);
        if (g->told && !str_is(view.alarm, g->told)) {
                alarms_mirror(g->options.alarms, "scheduler", g->told, NULL, now);
                g->told = NULL;
        }
        if (view.alarm && !g->told) {
                g->told = view.alarm;
                alarms_mirror(g->options.alarms, "scheduler", view.alarm, view.text, now);
        }
}

/* Normal changes in work on all nodes. */
static unsigned count_leased(Gate *g)
{
        QueueStats stats;

        if (queue_stats(g->options.queue, clock_wall(g->options.clock), &stats))
                return 1; /* not known */
        return (unsigned)(stats.n[LANE_NORMAL][QUEUE_LEASED] + stats.n[LANE_RECONCILE][QUEUE_LEASED]);
}

/* Who asks for the tenant must not hold a worker up, so it is done before. */
static int64_t turn(Gate *g, bool due, Wall heard, bool staging)
{
        FlagInput in = { .wanted = due, .last_sync = heard };
        unsigned n_busy = g->is_shared ? count_leased(g) : 0;
        int64_t wait;

        pthread_mutex_lock(&g->work);
        pthread_mutex_lock(&g->lock);
        if (n_busy)
                g->worked = clock_mono(g->options.clock);
        if (!g->is_shared)
                n_busy = g->n_busy;
        in.wanted_at = !staging && (due || n_busy || g->asked) ? clock_mono(g->options.clock) : g->worked;
        in.wanted = !staging && (due || n_busy || g->touched || g->asked);
        in.n_busy = n_busy;
        in.stopping = g->stopping;
        g->touched = g->asked = false;
        pthread_mutex_unlock(&g->lock);
        in.now = clock_mono(g->options.clock);
        in.wall = clock_wall(g->options.clock);
        wait = flag_turn(&g->flag, &in);
        /* Before it closes nobody may enter any more: workers are told first, and counted again. */
        if (!publish(g)) {
                step_down(g);
                wait = INT64_MAX;
        }
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

/* Is it ours now? Under the lock of the work. */
static bool look_at_role(Gate *g)
{
        uint64_t leads;

        pthread_mutex_lock(&g->lock);
        leads = g->leads;
        pthread_mutex_unlock(&g->lock);
        if (g->term && g->term != leads)
                step_down(g);
        if (leads && !g->term)
                take_over(g, leads);
        return g->term != 0;
}

/* What a person at this node wants is said to the one that has the flag, at the next look if it cannot be
 * now. */
static int64_t follow(Gate *g)
{
        FlagStore store = store_of(g);

        pthread_mutex_lock(&g->lock);
        g->owes_ask = (g->owes_ask || g->asked) && !g->stopping;
        g->touched = g->asked = false;
        pthread_mutex_unlock(&g->lock);
        if (g->owes_ask)
                g->owes_ask = board_ask(&store) != 0;
        look(g);
        mirror_alarm(g);
        return INT64_MAX;
}

static bool is_due_anywhere(Gate *g)
{
        Mono now = clock_mono(g->options.clock);

        if (g->flag.view.phase != FLAG_FREE && now.us - g->due_looked.us < DUE_US)
                return g->was_due;
        g->was_due = is_something_due(g);
        g->due_looked = now;
        return g->was_due;
}

/* Somebody at another node has asked for a hold, or here, before the flag was ours. */
static void hear_asked(Gate *g)
{
        FlagStore store = store_of(g);
        uint64_t at = board_asked(&store);

        if (at == g->board_asked && !g->owes_ask)
                return;
        g->board_asked = at;
        g->owes_ask = false;
        pthread_mutex_lock(&g->lock);
        g->asked = true;
        pthread_mutex_unlock(&g->lock);
}

int64_t gate_turn(Gate *g)
{
        bool due, stopping = is_stopping(g), staging = is_staging(g), ours = true;
        int64_t wait;

        if (staging != g->was_staging)
                queue_wake_all(g->options.queue, false); /* other lanes are open now */
        g->was_staging = staging;

        if (g->is_shared) {
                pthread_mutex_lock(&g->work);
                ours = look_at_role(g);
                pthread_mutex_unlock(&g->work);
                if (!ours)
                        return follow(g);
                hear_asked(g);
        }
        due = !staging && (g->is_shared ? is_due_anywhere(g) : is_something_due(g));
        wait = turn(g, due,
                    !stopping && (due || g->flag.view.phase != FLAG_FREE) ? last_sync(g) : (Wall){ 0 },
                    staging);
        return staging && wait > STAGING_US ? STAGING_US : wait;
}

/* -- the thread ---------------------------------------------------------------------------------------- */

/* Under the lock. At the end of a cluster's hold the runs of other nodes are waited for: nobody signals
 * those. */
static bool is_wanted_now(const Gate *g)
{
        bool closing = g->view.phase == FLAG_CLOSING;

        if (g->is_shared && closing)
                return false;
        return g->stopping || g->asked || (g->touched && g->view.phase == FLAG_FREE) ||
               (closing && !g->n_busy);
}

static void sleep_for(Gate *g, int64_t us)
{
        const int64_t longest = (int64_t)3600 * 1000000;
        Mono until = wait_in(us < longest ? us : longest);

        pthread_mutex_lock(&g->lock);
        while (!is_wanted_now(g) && wait_until(&g->changed, &g->lock, until))
                ;
        pthread_mutex_unlock(&g->lock);
}

/* Where the gate is closed until there is a hold, no worker sees that a normal change has come. */
static bool watches_queue(const Gate *g)
{
        return g->flag.view.phase == FLAG_FREE && !g->options.driver->own_cycle && !g->is_shared &&
               !is_staging(g);
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
                /* What the others do is looked for, and so is a stop that began during the turn: while they
                 * wait for their work, is_wanted_now() does not tell. */
                sleep_for(g, g->is_shared && wait > LOOK_US ? LOOK_US : wait);
        }
}

void gate_mind_staging(Gate *g, bool (*exports)(void *context), void *context)
{
        g->exports = exports;
        g->exports_context = context;
}

int gate_start(Gate *g)
{
        int r = pthread_create(&g->thread, NULL, flag_thread, g);

        g->started = r == 0;
        return r ? error_origin(-r) : 0;
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

void gate_lead(Gate *g, uint64_t term)
{
        if (!g->is_shared)
                return;
        pthread_mutex_lock(&g->lock);
        g->leads = term;
        pthread_mutex_unlock(&g->lock);
}

/* -- life ---------------------------------------------------------------------------------------------- */

int gate_init(Gate *g, const GateOptions *options)
{
        FlagStore store;
        char host[64] = "";

        *g = (Gate){ .options = *options, .is_shared = options->queue->ops->role != NULL };
        if (gethostname(host, sizeof(host) - 1))
                host[0] = 0;
        if (options->node)
                snprintf(host, sizeof(host), "%s", options->node);
        g->options.node = NULL;
        if (options->config->holder && options->node)
                /* Each node has a name of its own: what one does late is not done in another's name. */
                snprintf(g->holder, sizeof(g->holder), "%.60s-%s", options->config->holder, host);
        else if (options->config->holder)
                snprintf(g->holder, sizeof(g->holder), "%s", options->config->holder);
        else
                snprintf(g->holder, sizeof(g->holder), "sosync@%s", host);
        pthread_mutex_init(&g->work, NULL);
        pthread_mutex_init(&g->lock, NULL);
        wait_init(&g->changed);
        store = store_of(g);
        if (flag_init(&g->flag, options->driver, options->config, &store, g->holder))
                return error_origin(-EIO);
        g->view = g->flag.view;
        g->lanes = g->view.lanes;
        if (g->is_shared)
                look(g);
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
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        FlagStore store;
        int r;

        if (c->state.backend == STATE_JETSTREAM)
                options.node = jetstream_config_node(&c->state.jetstream, a);
        g->options = options; /* what store_of() needs */
        store = store_of(g);
        r = c->scheduler.driver == SCHEDULER_COMMAND ? scheduler_command_new(&options.driver, &c->scheduler)
                                                     : scheduler_internal_new(&options.driver, &store);
        return r ? r : gate_init(g, &options);
}
