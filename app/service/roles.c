/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/roles.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"

#define PERIOD_US ((int64_t)1500000)
#define MIRROR_MS 5000

/* Looks between the end of a feed and its next beginning: half a minute. What ended it may be for good, and
 * workers go on meanwhile. */
#define AGAIN_LOOKS 20

/* It would be said to be ready, if it had the role. */
static void stand_by(Roles *r, size_t i, int whose)
{
        intake_stand_by(&r->feeders[i].intake, whose == QUEUE_E_GONE);
}

static int lead(Roles *r, size_t i, uint64_t term, Diag *diag)
{
        Feeder *f = &r->feeders[i];
        int err;

        intake_lead(&f->intake, term);
        err = feeder_start(f, r->wiring, r->record, diag);
        if (err) {
                feeder_stop(f);
                return err;
        }
        r->leads[i] = true;
        if (r->wiring->queue->ops->role)
                log_info(&f->log, "this node follows the source");
        return 0;
}

static void step_down(Roles *r, size_t i, int whose)
{
        Feeder *f = &r->feeders[i];

        log_warning(&f->log, "another node follows the source, or nobody knows; this one stops");
        r->leads[i] = false;
        feeder_tell_stop(f);
        feeder_stop(f);
        stand_by(r, i, whose);
}

/* By an error of the state or of the system. What it had in hand is lost with it; what is stored is the
 * truth. */
static void end_feed(Roles *r, size_t i)
{
        Feeder *f = &r->feeders[i];

        log_error(&f->log, "the feed has ended; in half a minute it begins again with the position that is "
                           "stored");
        r->leads[i] = false;
        r->waits[i] = AGAIN_LOOKS;
        feeder_stop(f);
}

static bool waits(Roles *r, size_t i)
{
        if (r->waits[i] == 0)
                return false;
        return --r->waits[i] > 0;
}

/*
 * One node has all the roles, and they follow the first: what is due by the clock needs feeds that watch, and
 * those of another node are unknown here. Return: as queue_role().
 */
static int ask(Roles *r, const char *name, uint64_t *ret_term)
{
        return r->first ? r->first : queue_role(r->wiring->queue, name, ret_term);
}

/* Another node has the first: it may have this one at once. */
static void let_go(Roles *r, const char *name)
{
        if (r->first)
                queue_role_drop(r->wiring->queue, name);
}

static int look_at_feed(Roles *r, size_t i, Diag *diag)
{
        Feeder *f = &r->feeders[i];
        uint64_t term = 0;
        int whose = ask(r, f->connector->feed, &term);
        bool ours = whose == 0;

        if (i == 0)
                r->first = whose;
        /* It was lost and found again between two looks: the position may have moved. */
        if (r->leads[i] && (!ours || term != intake_term(&f->intake))) {
                step_down(r, i, whose);
                if (i > 0)
                        let_go(r, f->connector->feed);
        }
        if (r->leads[i] && feeder_has_ended(f))
                end_feed(r, i);
        if (ours && !r->leads[i] && !waits(r, i))
                return lead(r, i, term, diag);
        if (!ours)
                stand_by(r, i, whose);
        return 0;
}

static void look_at_cycle(Roles *r)
{
        uint64_t term = 0;
        bool had = r->has_cycle, ours = ask(r, "cycle", &term) == 0;

        r->has_cycle = ours;
        gate_lead(&r->wiring->gate, ours ? term : 0);
        if (had && !ours)
                let_go(r, "cycle");
}

#define BRAKE_TEXT_MAX 160

static const char *brake_text(Brake brake, const BrakeStatus *s, char text[BRAKE_TEXT_MAX])
{
        snprintf(text, BRAKE_TEXT_MAX, "the brake \"%s\" is on: more than %lld %s", brake_name(brake),
                 (long long)s->limit, brake_effect(brake));
        return text;
}

/* What another node has put on or released is shown here too; it was told there. Whoever put it on tells it
 * within moments, so what is quite new is left to him. */
static void look_at_brakes(Wiring *w)
{
        BrakeStatus status[_BRAKE_N];
        Wall now = clock_wall(w->clock);
        _cleanup_(config_unrefp) Config *c = NULL;

        if (!w->shared.brakes.is_shared)
                return;
        c = snapshot_get(&w->snapshot);
        brake_store_look(&w->shared.brakes);
        brakes_status(&w->shared.brakes.counters, &c->brakes, now, status);
        for (int i = 0; i < _BRAKE_N; i++) {
                char text[BRAKE_TEXT_MAX];

                if (status[i].on && now.ms - status[i].since.ms < MIRROR_MS)
                        continue;
                alarms_mirror(&w->alarms, "brake", brake_name((Brake)i),
                              status[i].on ? brake_text((Brake)i, &status[i], text) : NULL, now);
        }
}

/* Alone: one that was on when the service ended is on, and is told again as whatever is found again. */
static void recall_brakes(Wiring *w)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&w->snapshot);
        BrakeStatus status[_BRAKE_N];
        Wall now = clock_wall(w->clock);

        if (w->shared.brakes.is_shared)
                return;
        brakes_status(&w->shared.brakes.counters, &c->brakes, now, status);
        for (int i = 0; i < _BRAKE_N; i++) {
                char text[BRAKE_TEXT_MAX];

                if (status[i].on)
                        alarms_raise(&w->alarms, "brake", brake_name((Brake)i),
                                     brake_text((Brake)i, &status[i], text), now);
        }
}

int roles_look(Roles *r, Diag *diag)
{
        int result = 0;

        r->first = 0;
        for (size_t i = 0; result == 0 && i < r->wiring->connectors.n; i++)
                result = look_at_feed(r, i, diag);
        look_at_cycle(r);
        return result;
}

/* At the roles, and at what is decided for all nodes. */
static int look(Roles *r, Diag *diag)
{
        int result = roles_look(r, diag);

        look_at_brakes(r->wiring);
        if (r->wiring->queue->ops->role)
                worker_shared_follow(&r->wiring->shared);
        return result;
}

static bool sleeps(Roles *r)
{
        Mono until = wait_in(PERIOD_US);
        bool on;

        pthread_mutex_lock(&r->lock);
        while (!r->stopping && wait_until(&r->cond, &r->lock, until))
                ;
        on = !r->stopping;
        pthread_mutex_unlock(&r->lock);
        return on;
}

static void *roles_thread(void *context)
{
        Roles *r = context;

        while (sleeps(r)) {
                Diag diag = DIAG_INIT;

                /* The configuration was good at the start: what goes wrong now is tried again. */
                if (look(r, &diag))
                        log_warning(&r->wiring->log, "a feed cannot be started",
                                    LOG_STR("why", diag_text(&diag)));
                diag_deinit(&diag);
        }
        return NULL;
}

int roles_start(Roles *r, Wiring *w, Feeder *feeders, RecordingFile *record, Diag *diag)
{
        int err;

        *r = (Roles){ .wiring = w, .feeders = feeders, .record = record };
        r->leads = calloc(w->connectors.n ? w->connectors.n : 1, sizeof(*r->leads));
        r->waits = calloc(w->connectors.n ? w->connectors.n : 1, sizeof(*r->waits));
        if (!r->leads || !r->waits)
                error_oom(w->connectors.n);
        pthread_mutex_init(&r->lock, NULL);
        wait_init(&r->cond);
        r->open = true;
        recall_brakes(w);
        err = look(r, diag);
        if (err)
                return err;
        err = thread_start(&r->thread, roles_thread, r, "roles");
        if (err)
                return err;
        r->has_thread = true;
        return 0;
}

void roles_stop(Roles *r)
{
        if (!r->open)
                return;
        if (r->has_thread) {
                pthread_mutex_lock(&r->lock);
                r->stopping = true;
                pthread_cond_signal(&r->cond);
                pthread_mutex_unlock(&r->lock);
                pthread_join(r->thread, NULL);
        }
        pthread_cond_destroy(&r->cond);
        pthread_mutex_destroy(&r->lock);
        free(r->leads);
        free(r->waits);
        r->open = false;
}

bool roles_has_cycle(const Roles *r)
{
        return r->has_cycle;
}
