/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/worker.h"

#include "app/flow/brake-store.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/steps/steps.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* A change that fails this often by its own fault waits for a person: 1 s doubling to 15 min is about a day.
 */
#define TRIES_MAX 100

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
        brakes_init(&s->brakes);
        pthread_mutex_init(&s->brakes_lock, NULL);
        return brake_store_load(&s->brakes, queue_space(queue));
}

void worker_shared_deinit(WorkerShared *s)
{
        circuit_deinit(&s->target_circuit);
        brakes_deinit(&s->brakes);
        pthread_mutex_destroy(&s->brakes_lock);
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

int64_t worker_backoff_ms(unsigned tries, uint64_t random)
{
        int64_t ms = tries > 10 ? 900000 : (int64_t)1000 << (tries ? tries - 1 : 0);

        if (ms > 900000)
                ms = 900000;
        return ms - ms / 4 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
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
        return r > 0 ? error_origin(-EAGAIN) : r;
}

static uint64_t random_number(void)
{
        uint64_t n = 0;

        if (getrandom(&n, sizeof(n), 0) != sizeof(n))
                n = (uint64_t)(uintptr_t)&n;
        return n;
}

/* The step in which the run ended. */
static const char *last_step(const Outcome *o)
{
        const char *name = NULL;

        for (size_t i = 0; i < o->n_steps && i < _STEP_N; i++)
                if (o->steps[i].ran)
                        name = step_table[i].function;
        return name;
}

static void log_outcome(const Log *log, const Outcome *o)
{
        const char *disposition = disposition_name(o->disposition);
        const char *dn = o->source.dn ? o->source.dn : o->change.dn;

        if (o->result == RESULT_FAILURE)
                log_warning(log, "run", LOG_STR("dn", dn), LOG_STR("step", last_step(o)),
                            LOG_STR("outcome", disposition), LOG_STR("error", o->error.code),
                            LOG_STR("why", o->error.additional_details), LOG_STR("run", o->run_id),
                            LOG_INT("tries", o->tries));
        else
                log_info(log, "run", LOG_STR("dn", dn), LOG_STR("step", last_step(o)),
                         LOG_STR("outcome", disposition), LOG_STR("action", action_name(o->action)),
                         LOG_INT("changes", o->n_modified),
                         LOG_INT("latency_ms", o->accepted.ms ? o->accepted.ms - o->change.seen.ms : -1),
                         LOG_STR("run", o->run_id));
}

static bool is_scope_failure(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY && run->blame != BLAME_OBJECT;
}

/* Another run has the metaverse object, for as long as its calls may take: it is looked at again in a moment.
 */
static bool is_claimed(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY &&
               str_is(run->outcome.error.code, "ConcurrentUpdate");
}

/* The next run of the object goes on where this one has stopped: who waits for an outcome waits for that one.
 */
static bool goes_on(const Run *run)
{
        return run->outcome.disposition == DISPOSITION_RETRY && run->overtaken;
}

/* The edges of a circuit: a line in the log, and an alarm. */
static void tell_opened(WorkerShared *s, const char *name, const char *text, const char *why)
{
        log_error(s->log, text, LOG_STR("circuit", name), LOG_STR("why", why));
        alarms_raise(s->alarms, "circuit", name, why, clock_wall(s->clock));
}

static void tell_closed(WorkerShared *s, const char *name, const char *text)
{
        log_info(s->log, text, LOG_STR("circuit", name));
        alarms_clear(s->alarms, "circuit", name, text, clock_wall(s->clock));
}

static void tell_source(WorkerShared *s, const Run *run, Connector *c)
{
        const char *why = run->outcome.error.additional_details;

        if (is_scope_failure(run) && run->blame == BLAME_SOURCE) {
                if (connector_failed(s->connectors, c, clock_mono(s->clock), why))
                        tell_opened(s, c->name, "the directory cannot be used; changes wait", why);
        } else if (run->read_result == 0 && run->change.kind != CHANGE_LINK) {
                if (connector_works(s->connectors, c, run->began))
                        tell_closed(s, c->name, "the directory answers again");
        } else {
                circuit_unknown(&c->circuit);
        }
}

/* What the run says about the target. A throttled run says nothing against it: the limiter holds. */
static void tell_target(WorkerShared *s, const Run *run)
{
        const char *why = run->outcome.error.additional_details;
        Mono now = clock_mono(s->clock);
        bool throttled = str_is(run->outcome.error.code, "Throttled");

        if (throttled && s->holds)
                holds_save(s->holds);
        if (is_scope_failure(run) && run->blame == BLAME_TARGET && !throttled) {
                if (circuit_failed(&s->target_circuit, now, why))
                        tell_opened(s, "target", "Microsoft Graph cannot be used; changes wait", why);
        } else if (run->strained) {
                if (circuit_strained(&s->target_circuit, now, why))
                        tell_opened(s, "target", "Microsoft Graph fails again and again; changes wait", why);
        } else if (run->call.n_reads || run->call.n_writes) {
                if (circuit_works(&s->target_circuit, run->began))
                        tell_closed(s, "target", "Microsoft Graph answers again");
        } else {
                circuit_unknown(&s->target_circuit);
        }
}

static void tell_brakes(WorkerShared *s, const Run *run)
{
        for (int i = 0; i < _BRAKE_N; i++)
                if (run->tripped & BRAKE_SET(i))
                        alarms_raise(s->alarms, "brake", brake_name((Brake)i),
                                     run->outcome.error.additional_details, clock_wall(s->clock));
}

static void tell_circuits(WorkerShared *s, const Run *run)
{
        Connector *c = connectors_find(s->connectors, run->change.source);

        if (c)
                tell_source(s, run, c);
        tell_target(s, run);
}

/* A report for every event that was ours; what the feed brought and nobody asked for is only counted. */
static bool is_worth_a_report(const Run *run)
{
        return run->outcome.disposition != DISPOSITION_OUT_OF_SCOPE || run->known ||
               run->change.kind == CHANGE_REQUEST || run->change.lane == LANE_URGENT;
}

/* What was exported rests for half a second, and for a whole one when its change had to wait already, behind
 * such a rest or in a backlog: so fifty changes in a row are three writes. An object that is slow to read
 * because it is large, a group of 50,000, is not read more than a tenth of the time. That a server is slow
 * says nothing about the object. */
#define REST_MS      500
#define REST_LONG_MS 1000
#define WAITED_MS    250
#define REST_MAX_MS  60000
#define REST_OF_READ 10
#define REST_LINKS   1000 /* so many make an object large */

int64_t worker_rest_ms(int64_t read_us, size_t n_links, bool wrote, int64_t waited_ms)
{
        int64_t of_read = n_links < REST_LINKS ? 0 : read_us / 1000 * REST_OF_READ;
        int64_t of_write = !wrote ? 0 : waited_ms < WAITED_MS ? REST_MS : REST_LONG_MS;

        if (of_read < REST_MS || of_read < of_write)
                return of_write;
        return of_read < REST_MAX_MS ? of_read : REST_MAX_MS;
}

static Wall rest_until(const Run *run, Wall now)
{
        size_t n_links = 0;
        int64_t ms;

        for (size_t i = 0; i < run->entry.n_links; i++)
                n_links += run->entry.links[i].n_ids;
        ms = worker_rest_ms(run->read_us, n_links, run->call.n_writes,
                            run->outcome.started.ms - run->change.seen.ms);
        return ms ? wall_add(now, ms) : (Wall){ 0 };
}

static void tell_watchers(WorkerShared *s, const Run *run)
{
        s->metrics.n_writes += run->call.n_writes;
        s->metrics.n_reads += run->call.n_reads;
        s->metrics.n_in_work--;
        metrics_count(&s->metrics, &run->outcome);
        if (s->live && is_worth_a_report(run) && !is_claimed(run))
                live_add(s->live, &run->outcome);
}

/* It was not its fault: the try is not counted. */
static int retry_innocent(WorkerShared *s, const Lease *lease, Wall at, const char *reason, const Commit *c)
{
        Lease innocent = *lease;

        innocent.tries--;
        return queue_retry(s->queue, &innocent, at, reason, c);
}

/* Hand the result to the queue. Return: 0, QUEUE_E_*, -errno. */
static int hand_over(WorkerShared *s, Run *run, const Lease *lease)
{
        Outcome *o = &run->outcome;
        Wall now = clock_wall(s->clock);
        Commit commit = {
                .batch = &run->batch,
                .outcome = is_worth_a_report(run) ? o : NULL,
                .due = run->due,
                .due_lane = run->due_is_urgent ? LANE_URGENT : LANE_NORMAL,
                .now = now,
                .rest_until = rest_until(run, now),
        };

        if (is_scope_failure(run) || is_claimed(run)) {
                /* Not the object's fault: no try is counted, no report is made; it waits where it can merge.
                 */
                if (run->call.n_writes == 0 && !run->retry_at.ms && !run->have_intent)
                        return queue_release(s->queue, lease);
                if (run->call.n_writes == 0)
                        commit.outcome = NULL;
                return retry_innocent(s, lease, o->retry_at, o->error.code, &commit);
        }
        if (goes_on(run))
                return retry_innocent(s, lease, o->retry_at, "Overtaken", &commit);
        if (o->disposition == DISPOSITION_RETRY && lease->tries >= TRIES_MAX)
                o->disposition = DISPOSITION_PARKED;
        if (o->disposition == DISPOSITION_RETRY) {
                if (!o->retry_at.ms)
                        o->retry_at = wall_add(now, worker_backoff_ms(lease->tries, random_number()));
                return queue_retry(s->queue, lease, o->retry_at, o->error.code, &commit);
        }
        if (o->disposition == DISPOSITION_PARKED)
                return queue_park(s->queue, lease, o->error.code ? o->error.code : "failed", &commit);
        return queue_ack(s->queue, lease, &commit);
}

/* The counters of the brakes go with the result, and not in another order than they have changed. */
static int settle(WorkerShared *s, Run *run, const Lease *lease)
{
        int r;

        if (!run->brakes_moved)
                return hand_over(s, run, lease);
        pthread_mutex_lock(&s->brakes_lock);
        brake_store_save(&s->brakes, &run->batch);
        r = hand_over(s, run, lease);
        pthread_mutex_unlock(&s->brakes_lock);
        return r;
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
        /* Without a lease nothing of it could be kept: nothing leaves. */
        config->staging = !lease || !staging_begin_run(&s->staging, c->staging);
        *owner = (NoteOwner){ .shared = s, .lease = lease, .run = run, .watch = &w->watch };
        run_init(run, w->arena, config, source, s->target, queue_space(s->queue), s->clock, change);
        run->brakes = &s->brakes;
        run->names_unknown = !is_named;
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
        if (!config->staging)
                staging_end_run(&s->staging);
        return run;
}

/* What the owner is to be asked for comes again behind this lease, in the lane that may wait for it. If that
 * cannot be queued (a full disk), the lease is not over: it comes again, and says it again. */
static void ask_in_normal_lane(WorkerShared *s, Run *run)
{
        Change change = run->change;
        int r;

        if (!run->left_to_ask)
                return;
        change.id = run->key.id;
        change.kind = CHANGE_UPSERT;
        change.lane = LANE_NORMAL;
        change.revoke = false;
        r = queue_put(s->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = clock_wall(s->clock) });
        if (!r)
                return;
        log_warning(s->log, "what the owner is to be asked for could not be queued; the change runs again",
                    LOG_STR("dn", run->dn->text), LOG_INT("code", r));
        if (run->outcome.disposition != DISPOSITION_PARKED)
                run->outcome.disposition = DISPOSITION_RETRY;
}

/* The disk is full, or the store broken: the same change at once would only turn in circles. */
#define UNSTORED_US ((int64_t)1000000)

const Outcome *worker_work(Worker *w, const Lease *lease)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(w->shared->snapshot);
        WorkerShared *s = w->shared;
        NoteOwner owner;
        Run *run;
        int r;

        s->metrics.n_in_work++;
        run = run_change(w, c, &lease->change, lease, &owner);
        run->outcome.queued = lease->queued;
        run->outcome.tries = lease->tries;
        tell_circuits(s, run);
        tell_brakes(s, run);
        ask_in_normal_lane(s, run);
        r = settle(s, run, lease);
        if (r && run->call.n_writes)
                s->trust_since_ms = clock_wall(s->clock).ms;
        if (r && run->knew)
                brakes_know(&s->brakes, run->knew_type, -1);
        if (r == QUEUE_E_STALE) {
                /* Another run has written what this one read: the change runs again at once. */
                run->outcome.disposition = DISPOSITION_RETRY;
                run->outcome.retry_at = wall_add(clock_wall(s->clock), 50);
                r = queue_retry(s->queue, lease, run->outcome.retry_at, "ConcurrentUpdate",
                                &(Commit){
                                        /* What has left is reported, whatever becomes of the rest. */
                                        .outcome = run->call.n_writes ? &run->outcome : NULL,
                                        .now = clock_wall(s->clock),
                                });
        }
        if (r && r != QUEUE_E_GONE) {
                log_error(s->log, "the result could not be stored; the change runs again",
                          LOG_STR("dn", run->outcome.source.dn), LOG_STR("step", last_step(&run->outcome)),
                          LOG_STR("run", run->outcome.run_id), LOG_INT("code", r));
                queue_release(s->queue, lease);
                w->paused = mono_add(clock_mono(s->clock), UNSTORED_US);
        }
        tell_watchers(s, run);
        log_outcome(s->log, &run->outcome);
        if (s->reporter)
                reporter_wake(s->reporter);
        if (s->waiters && !is_claimed(run) && !goes_on(run))
                waiters_deliver(s->waiters, &run->key, &run->outcome);
        if (!run->call.n_writes)
                target_give_back(s->target, (Lane)lease->change.lane, clock_mono(s->clock));
        run_deinit(run);
        return &run->outcome;
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
        log_outcome(w->shared->log, &run->outcome);
        run_deinit(run);
        return &run->outcome;
}

/* Nothing is due for a minute at most: time for due times of other clocks, and for a stop. */
#define IDLE_US ((int64_t)60 * 1000000)

/* What may be leased now. */
typedef struct Place {
        LaneSet lanes;
        Connector *probe; /* a source that is gone: this worker is to try it; or NULL */
        int64_t until;    /* microseconds until more may be leased */
} Place;

static void give_up(Place *p, WorkerShared *s)
{
        if (p->probe)
                circuit_unknown(&p->probe->circuit);
        circuit_unknown(&s->target_circuit);
}

/* The gate has closed between the question and the lease. */
#define CLOSED_US ((int64_t)1000)

/* The scheduler flag, circuits, then the limiter by lane. Return: 0, or how long to wait. */
static int64_t ask_for_a_place(Worker *w, Place *ret)
{
        WorkerShared *s = w->shared;
        LaneSet open = gate_lanes(s->gate) & w->lanes;
        Mono now = clock_mono(s->clock);
        int64_t wait;

        if (!open)
                return IDLE_US; /* whoever opens the gate wakes everybody */
        *ret = (Place){ .lanes = open, .until = IDLE_US };
        wait = connectors_ask(s->connectors, now, &ret->probe, &ret->until);
        if (wait)
                return wait;
        wait = circuit_ask(&s->target_circuit, now);
        if (wait) {
                if (ret->probe)
                        circuit_unknown(&ret->probe->circuit);
                return wait;
        }
        if (open != LANE_SET(LANE_URGENT)) {
                wait = target_take(s->target, LANE_NORMAL, now);
                if (wait == 0)
                        return 0;
                ret->lanes = LANE_SET(LANE_URGENT);
                if (wait < ret->until)
                        ret->until = wait;
        }
        wait = target_take(s->target, LANE_URGENT, now);
        if (wait)
                give_up(ret, s);
        return wait;
}

static void no_change(Worker *w, Place *p)
{
        WorkerShared *s = w->shared;

        give_up(p, s);
        target_give_back(s->target, p->lanes == LANE_SET(LANE_URGENT) ? LANE_URGENT : LANE_NORMAL,
                         clock_mono(s->clock));
}

/* A source that is to be tried goes first. If it has nothing due, the others have their turn. */
static int lease_one(Worker *w, Place *p, Lease *ret_lease)
{
        WorkerShared *s = w->shared;
        Wall now = clock_wall(s->clock);
        int r;

        if (p->probe) {
                r = queue_lease_of(s->queue, now, p->lanes, p->probe->number, w->arena, ret_lease);
                if (r != QUEUE_E_EMPTY)
                        return r;
                circuit_postpone(&p->probe->circuit, clock_mono(s->clock));
                p->probe = NULL;
        }
        return queue_lease(s->queue, now, p->lanes, w->arena, ret_lease);
}

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
                wait = ask_for_a_place(w, &place);
        if (wait)
                return wait;
        arena_reset(w->arena);
        r = lease_one(w, &place, &lease);
        if (r == 0 && !gate_enter(s->gate, (Lane)lease.change.lane, &w->flag)) {
                queue_release(s->queue, &lease);
                no_change(w, &place);
                return CLOSED_US;
        }
        if (r == 0) {
                const Outcome *o = worker_work(w, &lease);

                gate_leave(s->gate, (Lane)lease.change.lane);
                if (ret_outcome)
                        *ret_outcome = o;
                return 0;
        }
        no_change(w, &place);
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
