/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/gate-turn.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"
#include "engine/scheduler/scheduler-command.h"
#include "engine/scheduler/scheduler-internal.h"
#include "queue/jetstream-config.h"

#include <errno.h>

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

FlagStore gate_store(Gate *g)
{
        return (FlagStore){ .space = queue_space(g->options.queue), .commit = commit, .context = g };
}

/* -- the board of a cluster ---------------------------------------------------------------------------- */

/* Between two looks: how much later than the node that has the flag the others open. */
#define LOOK_US ((int64_t)250000)

FlagView gate_look(Gate *g)
{
        FlagStore store = gate_store(g);
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

bool gate_is_staging(const Gate *g)
{
        return g->exports && !g->exports(g->exports_context);
}

LaneSet gate_lanes(const Gate *g)
{
        return !g || gate_is_staging(g) ? LANES_ALL : (LaneSet)g->lanes;
}

bool gate_enter(Gate *g, Lane lane, FlagView *ret_view)
{
        bool staging = g && gate_is_staging(g), reads = g && g->is_shared && lane != LANE_URGENT && !staging;
        bool open, first;
        FlagView view;

        if (!g)
                return true;
        /* What this call has read decides: that is what was read after the lease. */
        if (reads)
                view = gate_look(g);
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

/* -- the thread ---------------------------------------------------------------------------------------- */

bool gate_is_stopping(Gate *g)
{
        bool stopping;

        pthread_mutex_lock(&g->lock);
        stopping = g->stopping;
        pthread_mutex_unlock(&g->lock);
        return stopping;
}

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
               !gate_is_staging(g);
}

static void *flag_thread(void *context)
{
        Gate *g = context;

        for (;;) {
                bool stopping =
                        gate_is_stopping(g); /* asked before the turn: that turn gives the flag back */
                int64_t wait = gate_turn(g);

                if (stopping && g->flag.view.phase != FLAG_CLOSING)
                        return NULL;
                if (wait == 0)
                        continue;
                if (watches_queue(g) && queue_wait(g->options.queue, GATE_LANES, clock_wall(g->options.clock),
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
        int r = thread_start(&g->thread, flag_thread, g, "flag");

        g->started = r == 0;
        return r;
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
        store = gate_store(g);
        if (flag_init(&g->flag, options->driver, options->config, &store, g->holder))
                return error_origin(-EIO);
        g->view = g->flag.view;
        g->lanes = g->view.lanes;
        if (g->is_shared)
                gate_look(g);
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
        g->options = options; /* what gate_store() needs */
        store = gate_store(g);
        r = c->scheduler.driver == SCHEDULER_COMMAND ? scheduler_command_new(&options.driver, &c->scheduler)
                                                     : scheduler_internal_new(&options.driver, &store);
        return r ? r : gate_init(g, &options);
}
