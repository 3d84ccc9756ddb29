/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/worker.h"

#include "app/compare/last.h"
#include "app/flow/place.h"
#include "app/flow/run-end.h"
#include "app/flow/run-news.h"
#include "base/error.h"
#include "engine/steps/steps.h"

#include <errno.h>
#include <string.h>

int worker_shared_init(WorkerShared *s, Snapshot *snapshot, Connectors *connectors, Queue *queue,
                       Target *target, Waiters *waiters, const Clock *clock, const Log *log)
{
        *s = (WorkerShared){
                .snapshot = snapshot,
                .connectors = connectors,
                .queue = queue,
                .target = target,
                .waiters = waiters,
                .clock = clock,
                .log = log,
        };
        s->trust_since_ms = clock_wall(clock).ms;
        circuit_init(&s->target_circuit);
        return brake_store_init(&s->brakes, queue, clock_wall(clock));
}

void worker_shared_deinit(WorkerShared *s)
{
        circuit_deinit(&s->target_circuit);
        brake_store_deinit(&s->brakes, clock_wall(s->clock));
}

void worker_shared_follow(WorkerShared *s)
{
        s->anchor_fits = compare_last_anchor(queue_space(s->queue));
}

void worker_init(Worker *w, WorkerShared *shared, Source *const *sources, LaneSet lanes)
{
        *w = (Worker){
                .shared = shared,
                .lanes = lanes,
                .arena = arena_new(ARENA_LIMIT_RUN),
        };
        run_watch_init(&w->watch);
        memcpy(w->sources, sources, shared->connectors->n * sizeof(Source *));
}

void worker_deinit(Worker *w)
{
        for (size_t i = 0; i < w->shared->connectors->n; i++)
                w->sources[i] = source_free(w->sources[i]);
        w->arena = arena_free(w->arena);
        run_watch_deinit(&w->watch);
}

typedef struct NoteOwner {
        WorkerShared *shared;
        const Lease *lease;
        const Run *run;
        RunWatch *watch;
} NoteOwner;

static void entered(Run *run, const Step *step)
{
        NoteOwner *owner = run->owner;

        run_watch_step(owner->watch, clock_mono(run->clock), (unsigned)(step - step_table), step->function,
                       run->outcome.run_id);
}

static bool may_send(void *context)
{
        const NoteOwner *owner = context;

        return queue_may_send(owner->shared->queue);
}

/* So long a run sends before it makes a new beginning: well within its deadline, which is a failure. */
#define SENDING_US ((int64_t)20 * 1000000)

/*
 * A long list of links gives its lease up when something newer of the object waits, and when its time is
 * over. Not before it has sent for as long as it took to read and to plan: of a group that is changed all the
 * time at least half is work.
 */
static bool gives_way(void *context)
{
        const NoteOwner *owner = context;
        const Run *run = owner->run;
        Mono first = run->call.first_write;
        int64_t sending = clock_mono(run->clock).us - first.us;

        if (!owner->lease || !first.us || sending < first.us - run->began.us)
                return false;
        return sending > SENDING_US || queue_is_overtaken(owner->shared->queue, owner->lease);
}

/* An intent: durable before the create leaves. */
static int note(Run *run, const SpaceBatch *batch)
{
        NoteOwner *owner = run->owner;
        int r;

        if (!owner->lease)
                return error_origin(-EINVAL);
        r = queue_note(owner->shared->queue, owner->lease,
                       &(Commit){ .batch = batch, .now = clock_wall(owner->shared->clock) });
        return r > 0 ? error_origin(r == QUEUE_E_FULL ? -ENOSPC : -EAGAIN) : r;
}

static int change_brakes(Run *run, bool (*change)(Brakes *b, void *context), void *context)
{
        NoteOwner *owner = run->owner;

        return brake_store_change(&owner->shared->brakes, clock_wall(run->clock), change, context);
}

static Run *run_change(Worker *w, const Config *c, const Change *change, const Lease *lease, NoteOwner *owner)
{
        WorkerShared *s = w->shared;
        Connector *connector = connectors_find(s->connectors, change->source);
        Source *source = connector ? w->sources[connector - s->connectors->items] : NULL;
        bool is_named = connector && connector_is_named(s->connectors, connector, source);
        RunConfig *config;
        Run *run;

        run = arena_new_of(w->arena, Run);
        config = arena_memdup(w->arena, &c->run, sizeof(c->run));
        config->connectors = connectors_for_run(s->connectors, c, w->arena, &config->n_connectors);
        config->anchor_fits = s->anchor_fits;
        config->trust_since.ms = lease ? s->trust_since_ms : 0;
        config->unkept = !lease;
        config->staging =
                lease ? !staging_begin_run(&s->staging, c->staging) : staging_is_on(&s->staging, c->staging);
        *owner = (NoteOwner){ .shared = s, .lease = lease, .run = run, .watch = &w->watch };
        run_init(run, w->arena, config, source, s->target, queue_space(s->queue), s->clock, change);
        run->brakes = &s->brakes.counters;
        run->change_brakes = s->brakes.is_shared ? change_brakes : NULL;
        run->names_unknown = !is_named;
        run->in_doubt = lease && lease->in_doubt;
        /* A person waits for an answer; everybody else's urgent work does not wait for the owner. */
        run->may_ask = change->lane != LANE_URGENT || (change->kind == CHANGE_REQUEST &&
                                                       (!s->gate || w->flag.lanes & LANE_SET(LANE_NORMAL)));
        if (s->gate) {
                run->scheduler = arena_strdup(w->arena, w->flag.text);
                if (*w->flag.hold_id)
                        run->outcome.cycle_id = arena_strdup(w->arena, w->flag.hold_id);
        }
        run->note = note;
        run->owner = owner;
        run->entered = entered;
        run->call.now = clock_mono(s->clock);
        run->call.deadline = mono_add(run->call.now, 60 * (int64_t)1000000);
        run->call.may_send = may_send;
        run->call.gives_way = gives_way;
        run->call.context = owner;
        run_watch_begin(&w->watch, run->call.now, clock_wall(s->clock), change);
        pipeline_run(run);
        run_watch_end(&w->watch, s->alarms, clock_wall(s->clock));
        if (lease)
                staging_end_run(&s->staging, !config->staging);
        return run;
}

/* The disk is full, or the store broken: the same change at once would only turn in circles. */
#define UNSTORED_US ((int64_t)1000000)

const Outcome *worker_work(Worker *w, const Lease *lease)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(w->shared->snapshot);
        WorkerShared *s = w->shared;
        Lease back = *lease;
        NoteOwner owner;
        Run *run;
        int r;

        s->metrics.n_in_work++;
        run = run_change(w, c, &lease->change, lease, &owner);
        run->outcome.queued = lease->queued;
        run->outcome.tries = lease->tries;
        run_tell(s, run);
        r = run_end(s, run, lease);
        if (r && r != QUEUE_E_GONE) {
                log_error(s->log, "the result could not be stored; the change runs again",
                          LOG_STR("dn", run->outcome.source.dn),
                          LOG_STR("step", run_last_step(&run->outcome)), LOG_STR("run", run->outcome.run_id),
                          LOG_INT("code", r));
                back.in_doubt |= run->call.n_writes > 0 || run->announced;
                queue_release(s->queue, &back);
                w->paused = mono_add(clock_mono(s->clock), UNSTORED_US);
        }
        run_tell_watchers(s, run);
        run_log(s->log, &run->outcome);
        if (s->reporter)
                reporter_wake(s->reporter);
        w->goes_on = r == 0 && run_goes_on(run);
        if (s->waiters && !run_waits_its_turn(run) && !run_goes_on(run))
                waiters_deliver(s->waiters, &run->key, &run->outcome);
        if (!run->call.n_writes)
                target_give_back(s->target, (Lane)lease->change.lane, clock_mono(s->clock));
        run_deinit(run);
        return &run->outcome;
}

bool worker_exports(void *shared)
{
        WorkerShared *s = shared;
        _cleanup_(config_unrefp) Config *c = snapshot_get(s->snapshot);

        return !staging_is_on(&s->staging, c->staging);
}

const Outcome *worker_try(Worker *w, const Change *change)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(w->shared->snapshot);
        NoteOwner owner;
        Run *run;

        arena_reset(w->arena);
        if (w->shared->gate)
                gate_view(w->shared->gate, &w->flag);
        run = run_change(w, c, change, NULL, &owner);
        run_log(w->shared->log, &run->outcome);
        run_deinit(run);
        return &run->outcome;
}

/* The gate has closed between the question and the lease. */
#define CLOSED_US ((int64_t)1000)

int64_t worker_turn(Worker *w, LaneSet *ret_lanes, const Outcome **ret_outcome)
{
        WorkerShared *s = w->shared;
        int64_t wait = w->paused.us - clock_mono(s->clock).us;
        Lease lease = { 0 };
        Place place;
        int r;

        /* No lane is waited for: a change that arrives cannot be worked on either. */
        *ret_lanes = 0;
        if (ret_outcome)
                *ret_outcome = NULL;
        if (wait <= 0)
                wait = place_ask(w, &place);
        if (wait)
                return wait;
        arena_reset(w->arena);
        r = place_lease(w, &place, &lease);
        if (r == 0 && !gate_enter(s->gate, (Lane)lease.change.lane, &w->flag)) {
                queue_release(s->queue, &lease);
                place_give_back(w, &place);
                return CLOSED_US;
        }
        if (r == 0) {
                const Outcome *o = worker_work(w, &lease);

                gate_leave(s->gate, (Lane)lease.change.lane);
                if (ret_outcome)
                        *ret_outcome = o;
                return 0;
        }
        place_give_back(w, &place);
        if (r != QUEUE_E_EMPTY) {
                log_error(s->log, "the queue cannot be read", LOG_INT("code", r));
                return 1000000;
        }
        /* Only the lanes that have room: one without would end the wait at once, and be refused again. */
        *ret_lanes = place.lanes;
        return place.until;
}

void worker_run(Worker *w)
{
        WorkerShared *s = w->shared;

        while (!s->stopping) {
                LaneSet lanes;
                int64_t wait = worker_turn(w, &lanes, NULL);

                for (size_t i = 0; wait && i < s->connectors->n; i++)
                        source_idle(w->sources[i], clock_mono(s->clock));
                if (wait && queue_wait(s->queue, lanes, clock_wall(s->clock), wait) == QUEUE_E_CLOSED)
                        break;
        }
}
