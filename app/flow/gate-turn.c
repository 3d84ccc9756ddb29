/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/gate-turn.h"

/* Between two looks whether something is due while the lanes are closed: one that finds something is two
 * entries of the log. */
#define DUE_US ((int64_t)1000000)

/* Between two looks whether staging has ended. */
#define STAGING_US ((int64_t)1000000)

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
        FlagStore store = gate_store(g);
        FlagView before;
        bool said;

        gate_view(g, &before);
        if (!g->is_shared)
                show(g);
        said = !g->is_shared || board_write(&store, &g->flag.view, g->term) == 0;
        if (g->is_shared)
                gate_look(g);
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
        if (queue_lease(g->options.queue, clock_wall(g->options.clock), GATE_LANES, a, &lease))
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
        FlagStore store = gate_store(g);

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
        FlagStore store = gate_store(g);

        pthread_mutex_lock(&g->lock);
        g->owes_ask = (g->owes_ask || g->asked) && !g->stopping;
        g->touched = g->asked = false;
        pthread_mutex_unlock(&g->lock);
        if (g->owes_ask)
                g->owes_ask = board_ask(&store) != 0;
        gate_look(g);
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
        FlagStore store = gate_store(g);
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
        bool due, stopping = gate_is_stopping(g), staging = gate_is_staging(g), ours = true;
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
