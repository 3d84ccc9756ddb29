/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/cycle.h"

#include "app/flow/intake.h"
#include "app/reconcile/reconcile.h"
#include "base/error.h"

/* A start has better things to do. */
#define AFTER_START_US ((int64_t)60 * 1000000)

/* What failed a moment ago is not tried in the next; what goes on failing (a group that is not there any
 * more) more and more seldom, until there is news of it. */
#define AGAIN_US     ((int64_t)3 * 1000000)
#define AGAIN_MAX_US ((int64_t)5 * 60 * 1000000)

/* Until this source is due. Return: 0, -errno. */
static int ask_memo(Wiring *w, const Connector *source, int64_t *ret_left)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall now = clock_wall(w->clock);
        ReconcileMemo m;
        int r = reconcile_memo_read(w->queue, source->number, a, &m);

        if (r)
                return error_trace(r);
        *ret_left = w->first->reconcile.every_us -
                    (now.ms - (m.finished.ms ? m.finished.ms : m.first_start.ms)) * 1000;
        return 0;
}

/* By what was done before, by this process or another. Return: 0, -errno (as it was). */
static int ask_when(Cycle *c)
{
        Wiring *w = c->wiring;
        int64_t wait = AFTER_START_US, soonest = INT64_MAX;

        for (size_t i = 0; i < w->connectors.n; i++) {
                int64_t left = 0;
                int r = ask_memo(w, &w->connectors.items[i], &left);

                if (r)
                        return r;
                soonest = left < soonest ? left : soonest;
        }
        /* A clock that was set back does not put it off for ever. */
        if (soonest > wait)
                wait = soonest < w->first->reconcile.every_us ? soonest : w->first->reconcile.every_us;
        c->due = mono_add(clock_mono(w->clock), wait);
        return 0;
}

/* What a catch-up has left is asked for again if a reconcile fails, and then more seldom: each is one of all
 * sources. */
#define MISSED_AGAIN_US     ((int64_t)5 * 60 * 1000000)
#define MISSED_AGAIN_MAX_US ((int64_t)60 * 60 * 1000000)

/* Of the time before. Return: 0, -errno. */
static int recall_missed(Cycle *c)
{
        Wiring *w = c->wiring;

        for (size_t i = 0; i < w->connectors.n; i++) {
                const Connector *source = &w->connectors.items[i];
                bool missed;
                int r = reconcile_is_missed(w->queue, source->number, &missed);

                if (r)
                        return error_trace(r);
                if (missed && source->intake)
                        source->intake->missed_due = true;
        }
        return 0;
}

void cycle_deinit(Cycle *c)
{
        c->filter_of = config_unref(c->filter_of);
}

int cycle_init(Cycle *c, Wiring *w)
{
        Wall now = clock_wall(w->clock);
        int r;

        *c = (Cycle){ .wiring = w, .missed_pause_us = MISSED_AGAIN_US };
        for (size_t i = 0; i < w->connectors.n; i++) {
                const Connector *source = &w->connectors.items[i];

                r = reconcile_note_start(w->queue, source->number, source->source, now);
                if (r)
                        return error_trace(r);
        }
        r = ask_when(c);
        if (r == 0)
                r = recall_missed(c);
        if (r)
                return r;
        for (size_t i = 0; i < w->connectors.n; i++)
                if (w->connectors.items[i].intake)
                        w->connectors.items[i].intake->containers_due = true; /* perhaps: the job looks */
        return 0;
}

void cycle_gain(Cycle *c)
{
        if (ask_when(c) || recall_missed(c))
                log_warning(&c->wiring->log, "when the last reconcile was cannot be read");
}

static bool somebody_watches(const Connectors *all)
{
        for (size_t i = 0; i < all->n; i++)
                if (all->items[i].intake && intake_is_watching(all->items[i].intake))
                        return true;
        return false;
}

static bool last_one_waits(Cycle *c)
{
        QueueStats stats;

        return queue_stats(c->wiring->queue, clock_wall(c->wiring->clock), &stats) ||
               stats.n[LANE_RECONCILE][QUEUE_READY] + stats.n[LANE_RECONCILE][QUEUE_LEASED] > 0;
}

static bool is_containers_due(Cycle *c)
{
        const Connectors *all = &c->wiring->connectors;

        for (size_t i = 0; i < all->n; i++) {
                IntakeSink *in = all->items[i].intake;

                if (in && in->containers_due && intake_is_watching(in))
                        return true;
        }
        return false;
}

/* What the feeds and the configuration have brought so far. */
static uint64_t count_news(const Cycle *c)
{
        const Connectors *all = &c->wiring->connectors;
        uint64_t n = c->n_configs;

        for (size_t i = 0; i < all->n; i++)
                n += all->items[i].intake ? all->items[i].intake->n_due : 0;
        return n;
}

static void submit(Cycle *c, const char *kind, bool due, CycleTry *t)
{
        Wiring *w = c->wiring;
        Mono now = clock_mono(w->clock);
        uint64_t news = count_news(c);

        if (jobs_has(w->jobs, kind))
                return;
        if (!due || news != t->news)
                *t = (CycleTry){ .soon = t->soon, .not_before = t->soon, .news = news, .pause_us = AGAIN_US };
        if (!due || now.us < t->not_before.us)
                return;
        t->soon = mono_add(now, AGAIN_US);
        t->not_before = mono_add(now, t->pause_us);
        t->pause_us = 2 * t->pause_us < AGAIN_MAX_US ? 2 * t->pause_us : AGAIN_MAX_US;
        jobs_submit(w->jobs, kind, NULL, NULL, NULL);
}

/* A reload, or an activation of rules, may have named another group. */
static bool is_filter_due(Cycle *c)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&c->wiring->snapshot);
        const Connectors *all = &c->wiring->connectors;
        bool due = false;
        size_t n_groups;

        rules_member_groups(config->run.rules, NULL, &n_groups);
        for (size_t i = 0; i < all->n; i++) {
                IntakeSink *in = all->items[i].intake;

                if (!in)
                        continue;
                if (c->filter_of != config)
                        in->filter_due = true;
                due |= (n_groups || connector_in_force(&all->items[i], config)->scope.group_filter) &&
                       in->filter_due && intake_is_watching(in);
        }
        if (c->filter_of != config) {
                c->n_configs++;
                config_unref(c->filter_of);
                c->filter_of = config_ref(config);
        }
        return due;
}

/* Has a catch-up, of a feed that watches by now, left something to a reconcile? */
static bool is_missed_due(const Cycle *c)
{
        const Connectors *all = &c->wiring->connectors;

        for (size_t i = 0; i < all->n; i++) {
                IntakeSink *in = all->items[i].intake;

                if (in && in->missed_due && intake_is_watching(in))
                        return true;
        }
        return false;
}

static void tick_reconcile(Cycle *c)
{
        Wiring *w = c->wiring;
        _cleanup_(config_unrefp) Config *config = snapshot_get(&w->snapshot);
        Mono now = clock_mono(w->clock);
        int64_t every_us = config->reconcile.every_us;
        bool runs = jobs_has(w->jobs, "reconcile"), left = is_missed_due(c);
        bool missed = left && now.us >= c->missed_again.us, may;
        json_t *arguments;

        if (!left && !runs)
                c->missed_pause_us = MISSED_AGAIN_US;

        /* A reload that wants it more often does not wait for what was agreed before. */
        if (every_us && c->due.us - now.us > every_us)
                c->due = mono_add(now, every_us);
        if (missed && now.us < c->due.us)
                c->due = now;
        may = gate_own_cycle(w->shared.gate, runs, every_us,
                             wall_add(clock_wall(w->clock), (c->due.us - now.us) / 1000));

        /* The flag is paused while there is work, and by a person for as long as he likes. */
        if (now.us < c->due.us || !may || !somebody_watches(&w->connectors) || runs)
                return;
        c->due = mono_add(now, every_us ? every_us : AFTER_START_US);
        if (missed) {
                c->missed_again = mono_add(now, c->missed_pause_us);
                c->missed_pause_us = 2 * c->missed_pause_us < MISSED_AGAIN_MAX_US ? 2 * c->missed_pause_us
                                                                                  : MISSED_AGAIN_MAX_US;
        } else if (!every_us) {
                return;
        }
        if (!missed && last_one_waits(c)) {
                log_info(&w->log, "no reconcile this time: the reconcile lane is not empty");
                return;
        }
        arguments = json_pack("{s:b}", "cycle", 1);
        jobs_submit(w->jobs, "reconcile", arguments, NULL, NULL);
        json_decref(arguments);
}

void cycle_tick(Cycle *c)
{
        submit(c, "containers", is_containers_due(c), &c->containers);
        submit(c, "filter", is_filter_due(c), &c->filter);
        tick_reconcile(c);
}
