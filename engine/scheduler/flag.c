/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/flag.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SECOND_US ((int64_t)1000000)

/* A flag that cannot be read is asked for again after 5 s, then more seldom: a remote PowerShell is dear. */
#define RETRY_MIN_US (5 * SECOND_US)
#define RETRY_MAX_US (60 * SECOND_US)

#define REST_FAILURES_MAX 4

/* Runs have a minute; one that hangs longer does not hold the regular cycle. */
#define CLOSING_MAX_US (75 * SECOND_US)

static const char *const phase_names[_FLAG_PHASE_N] = {
        [FLAG_FREE] = "free",        [FLAG_CYCLE] = "cycle in progress", [FLAG_HELD] = "held",
        [FLAG_THEIRS] = "theirs",    [FLAG_CLOSING] = "closing",         [FLAG_REST] = "given back",
        [FLAG_FAILED] = "not known",
};

const char *flag_phase_name(FlagPhase phase)
{
        return phase_names[phase];
}

static const char *const alarms[] = {
        "SchedulerFlagNotGivenBack",
        "SchedulerFlagNotPaused",
        "SchedulerFlagUnknown",
        "RegularCycleStarved",
};

const char *flag_alarm(const char *code)
{
        for (size_t i = 0; code && i < N_ELEMENTS(alarms); i++)
                if (strcmp(alarms[i], code) == 0)
                        return alarms[i];
        return NULL;
}

/* -- what others see ----------------------------------------------------------------------------------- */

static LaneSet lanes_of(const Flag *f, FlagPhase phase)
{
        const SchedulerConfig *c = f->config;

        if (f->driver->own_cycle || phase == FLAG_HELD || phase == FLAG_THEIRS)
                return LANES_ALL;
        if (phase == FLAG_CYCLE && c->during_cycle == DURING_CYCLE_ALL)
                return LANES_ALL;
        if (phase == FLAG_CYCLE && c->during_cycle == DURING_CYCLE_NONE)
                return 0;
        if (phase == FLAG_FAILED && c->unreachable == UNREACHABLE_PROCEED)
                return LANES_ALL;
        return LANE_SET(LANE_URGENT);
}

static void __attribute__((format(printf, 4, 5)))
enter(Flag *f, FlagPhase phase, const char *alarm, const char *format, ...)
{
        va_list ap;

        if (phase == FLAG_HELD || phase == FLAG_THEIRS || phase == FLAG_CYCLE)
                f->n_failures = 0;
        f->view.phase = phase;
        f->view.lanes = lanes_of(f, phase);
        f->view.alarm = alarm;
        snprintf(f->view.hold_id, sizeof(f->view.hold_id), "%s", f->held ? f->journal.hold_id : "");
        va_start(ap, format);
        vsnprintf(f->view.text, sizeof(f->view.text), format, ap);
        va_end(ap);
}

static int64_t left(Mono since, int64_t us, Mono now)
{
        int64_t gone = now.us - since.us;

        return gone >= us ? 0 : us - gone;
}

static int64_t sooner(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static bool is_idle(const Flag *f, const FlagInput *in)
{
        return in->stopping || !left(f->wanted_last, scheduler_linger(f->config), in->now);
}

/* -- asking -------------------------------------------------------------------------------------------- */

static int64_t fail(Flag *f, const FlagInput *in, const char *alarm, const char *what, const char *why)
{
        int64_t wait = f->n_failures > 3 ? RETRY_MAX_US : RETRY_MIN_US << f->n_failures;

        f->n_failures++;
        if (wait > RETRY_MAX_US)
                wait = RETRY_MAX_US;
        f->retry = mono_add(in->now, wait);
        enter(f, FLAG_FAILED, alarm, "%s: %s; %s", what, why,
              f->config->unreachable == UNREACHABLE_PROCEED ? "changes go on (scheduler.unreachable: proceed)"
                                                            : "normal changes wait");
        return wait;
}

static int ask(Flag *f, const FlagInput *in, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        int r = scheduler_status(f->driver, a, ret_state, diag);

        f->asked = in->now;
        if (r)
                return r;
        f->interval_us = ret_state->effective_interval_us;
        f->next_start = ret_state->next_start;
        if (f->view.phase == FLAG_REST && ret_state->sync_cycle_in_progress)
                f->cycle_seen = true;
        return 0;
}

/* Somebody else's service has paused it too: that is no administrator. */
static bool is_held_by_others(const Flag *f, const SchedulerState *state)
{
        return state->n_holders > (size_t)scheduler_is_held_by(state, f->holder);
}

/* -- giving back --------------------------------------------------------------------------------------- */

static int64_t after_release(Flag *f, const FlagInput *in, const SchedulerState *state)
{
        f->owed = f->held = false;
        f->released = in->wall;
        f->cycle_seen = state->sync_cycle_in_progress;
        f->due =
                state->next_start.ms && state->next_start.ms <= in->wall.ms ? state->next_start : (Wall){ 0 };
        if ((f->rest || f->due.ms) && !in->stopping) {
                enter(f, FLAG_REST, NULL, "SyncCycleEnabled was given back: the regular cycle has its turn");
                return f->driver->poll_us;
        }
        enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is given back");
        return in->stopping || !in->wanted ? INT64_MAX : 0;
}

/* A person may have changed on another node what is given back; and who had the flag meanwhile may have done
 * it already. Return: 0, SPACE_E_NONE (nothing is owed any more), -errno. */
static int read_owed(Flag *f)
{
        Journal now = { 0 };
        int r = journal_read(&f->store, &now);

        if (r == SPACE_E_CORRUPT)
                return 0;
        if (r == 0 && strcmp(now.hold_id, f->journal.hold_id) != 0)
                return SPACE_E_NONE;
        if (r == 0)
                f->journal = now;
        return r;
}

/* Read; if it is true, someone else decided: leave it. Else restore, read back, remove the journal. */
static int64_t give_back(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        SchedulerState state = { 0 };
        bool restore, still;
        int64_t wait;
        int r = read_owed(f);

        if (r && r != SPACE_E_NONE)
                diag_set(&diag, "the journal of the hold cannot be read: %s", strerror(r < 0 ? -r : EIO));

        if (r == SPACE_E_NONE) {
                f->owed = f->held = false;
                enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is given back");
                return in->stopping || !in->wanted ? INT64_MAX : 0;
        }
        if (r == 0)
                r = ask(f, in, a, &state, &diag);
        restore = r == 0 && f->journal.previous &&
                  (!state.sync_cycle_enabled || scheduler_is_held_by(&state, f->journal.holder));
        if (restore) {
                r = scheduler_resume(f->driver, f->journal.holder, &diag);
                if (r == 0)
                        r = ask(f, in, a, &state, &diag);
        }
        still = r == 0 && restore && !state.sync_cycle_enabled && !is_held_by_others(f, &state);
        if (r == 0 && !still) {
                r = journal_remove(&f->store, &f->journal);
                if (r && r != SCHEDULER_E_OTHER)
                        diag_set(&diag, "the journal of the hold cannot be removed: %s",
                                 strerror(r < 0 ? -r : EIO));
        }
        if (r == SCHEDULER_E_OTHER)
                wait = 0; /* it is another one by now: read again */
        else if (r || still)
                wait = fail(f, in, "SchedulerFlagNotGivenBack", "SyncCycleEnabled could not be given back",
                            still ? "it is still false after resume" : diag_text(&diag));
        else
                wait = after_release(f, in, &state);
        diag_deinit(&diag);
        return wait;
}

static int64_t close_hold(Flag *f, const FlagInput *in, bool rest, const char *why)
{
        f->rest = rest;
        f->closing_since = in->now;
        enter(f, FLAG_CLOSING, NULL, "%s", why);
        return 0;
}

/* -- taking -------------------------------------------------------------------------------------------- */

/* Entra ID has heard nothing of the regular cycle for longer than two of them: it must run, not wait. */
static bool is_starved(const Flag *f, const FlagInput *in)
{
        return !f->driver->own_cycle && in->last_sync.ms && f->interval_us &&
               in->wall.ms - in->last_sync.ms > 2 * f->interval_us / 1000;
}

/* The next cycle begins before it is looked again: there will be no gap between this one and that. */
static bool is_next_due(const Flag *f, const FlagInput *in, const SchedulerState *state)
{
        return state->next_start.ms && state->next_start.ms <= in->wall.ms + 2 * f->driver->poll_us / 1000;
}

static int64_t wait_for_cycle(Flag *f, const SchedulerState *state)
{
        if (state->sync_cycle_in_progress)
                enter(f, FLAG_CYCLE, NULL, "A regular sync cycle is in progress%s",
                      f->held ? "; SyncCycleEnabled is paused" : "");
        else
                enter(f, FLAG_CYCLE, NULL,
                      "Entra Connect has suspended its scheduler: its wizard is open, or it is upgraded");
        return f->driver->poll_us;
}

static int64_t confirm(Flag *f, const FlagInput *in, Arena *a, Diag *diag)
{
        SchedulerState state;
        int r = ask(f, in, a, &state, diag);

        if (r || state.sync_cycle_enabled)
                return fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled could not be paused",
                            r ? diag_text(diag) : "it is still true after pause");
        f->held = true;
        f->held_since = in->now;
        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                return wait_for_cycle(f, &state); /* it began between our reading and our pause */
        enter(f, FLAG_HELD, NULL, "SyncCycleEnabled is paused by %s", f->holder);
        return f->driver->poll_us;
}

/* The journal, then the pause, then a second look. */
static int64_t pause_cycle(Flag *f, const FlagInput *in, Arena *a, Diag *diag)
{
        ObjectId id;
        int r;

        f->journal = (Journal){ .previous = true, .since = in->wall };
        guid_random(&id);
        guid_format(&id, f->journal.hold_id);
        snprintf(f->journal.holder, sizeof(f->journal.holder), "%s", f->holder);
        r = journal_write(&f->store, &f->journal);
        if (r == SCHEDULER_E_OTHER)
                return 0; /* another node's hold: the next turn sees it */
        if (r)
                return fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled was not paused",
                            "the journal cannot be stored");
        f->owed = true;
        r = scheduler_pause(f->driver, f->config->max_hold_us + FLAG_LEASE_SLACK_US, f->holder, diag);
        if (r)
                return fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled could not be paused",
                            diag_text(diag));
        return confirm(f, in, a, diag);
}

static int64_t take(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        SchedulerState state;
        int64_t wait;
        int r = ask(f, in, a, &state, &diag);

        if (r) {
                wait = fail(f, in, "SchedulerFlagUnknown", "SyncCycleEnabled could not be read",
                            diag_text(&diag));
        } else if (state.scheduler_suspended ||
                   (state.sync_cycle_in_progress && !is_next_due(f, in, &state))) {
                wait = wait_for_cycle(f, &state);
        } else if (state.sync_cycle_in_progress && !state.sync_cycle_enabled && !state.n_holders) {
                wait = wait_for_cycle(f, &state); /* by hand: the administrator wants no regular one */
        } else if (!state.sync_cycle_enabled && !state.n_holders) {
                enter(f, FLAG_THEIRS, NULL, "SyncCycleEnabled is false, and not by sosync: it stays so");
                wait = f->driver->poll_us;
        } else if (is_starved(f, in)) {
                enter(f, FLAG_REST, "RegularCycleStarved",
                      "No regular sync cycle has reached Microsoft Entra ID for longer than two cycles: "
                      "SyncCycleEnabled is not paused before one has");
                f->released = in->wall;
                f->due = (Wall){ 0 };
                f->cycle_seen = false;
                wait = f->driver->poll_us;
        } else {
                wait = pause_cycle(f, in, a, &diag);
        }
        diag_deinit(&diag);
        return wait;
}

/* -- turns, by phase ----------------------------------------------------------------------------------- */

static int64_t turn_free(Flag *f, const FlagInput *in)
{
        if (f->owed && in->n_busy && !f->driver->own_cycle)
                return close_hold(f, in, false,
                                  "SyncCycleEnabled is being given back: what paused it is gone");
        if (f->owed)
                return give_back(f, in);
        return in->wanted && !in->stopping ? take(f, in) : INT64_MAX;
}

/* When this hold must end; 0: now. */
static int64_t hold_left(const Flag *f, const FlagInput *in)
{
        return left(f->held_since, f->config->max_hold_us, in->now);
}

/* The hold begins anew: on the other side too. What fails shows at the next look. */
static void renew(Flag *f, const FlagInput *in)
{
        if (scheduler_pause(f->driver, f->config->max_hold_us + FLAG_LEASE_SLACK_US, f->holder, NULL) == 0)
                f->held_since = in->now;
}

/* While a cycle runs, the flag is in nobody's way: a hold is kept, for what comes after the cycle. */
static int64_t turn_cycle(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        SchedulerState state;
        int64_t wait;

        if (f->held && is_idle(f, in))
                return close_hold(f, in, false, "SyncCycleEnabled is being given back: the work is done");
        if (!f->held && is_idle(f, in)) {
                enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
                return INT64_MAX;
        }
        wait = left(f->asked, f->driver->poll_us, in->now);
        if (wait)
                return wait;
        if (!f->held)
                return take(f, in);
        a = arena_new(0);
        if (ask(f, in, a, &state, NULL))
                return f->driver->poll_us;
        if (!state.sync_cycle_enabled && (!(state.sync_cycle_in_progress || state.scheduler_suspended) ||
                                          hold_left(f, in) < f->config->max_hold_us / 2))
                renew(f, in);
        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                return wait_for_cycle(f, &state);
        if (state.sync_cycle_enabled)
                return close_hold(f, in, true,
                                  "SyncCycleEnabled was set to true by someone else: it stays so");
        enter(f, FLAG_HELD, NULL, "SyncCycleEnabled is paused by %s", f->holder);
        return sooner(f->driver->poll_us, hold_left(f, in));
}

/* A hold ends; else it is looked at now and then: the wizard may have set it, a person may start a cycle.
 * What cannot be read then is not worse than before: our pause was confirmed, and has its end. */
static int64_t turn_held(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        SchedulerState state;
        int64_t wait, idle = left(f->wanted_last, scheduler_linger(f->config), in->now);

        if (is_idle(f, in))
                return close_hold(f, in, false, "SyncCycleEnabled is being given back: the work is done");
        if (!hold_left(f, in))
                return close_hold(f, in, true, "SyncCycleEnabled is being given back after its longest hold");
        wait = left(f->asked, f->driver->poll_us, in->now);
        if (wait == 0) {
                a = arena_new(0);
                wait = f->driver->poll_us;
                if (ask(f, in, a, &state, NULL) == 0) {
                        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                                return wait_for_cycle(f, &state);
                        if (state.sync_cycle_enabled)
                                return close_hold(
                                        f, in, true,
                                        "SyncCycleEnabled was set to true by someone else: it stays so");
                }
        }
        return sooner(sooner(wait, hold_left(f, in)), idle);
}

static int64_t turn_theirs(Flag *f, const FlagInput *in)
{
        int64_t wait = left(f->asked, f->driver->poll_us, in->now);

        if (is_idle(f, in)) {
                enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused by sosync");
                return INT64_MAX;
        }
        return wait ? wait : take(f, in);
}

static int64_t turn_closing(Flag *f, const FlagInput *in)
{
        int64_t wait = left(f->closing_since, CLOSING_MAX_US, in->now);

        if (in->n_busy && wait && !f->driver->own_cycle)
                return sooner(wait, SECOND_US);
        return give_back(f, in);
}

/* Has the regular cycle had its turn? */
static bool is_rested(const Flag *f, const FlagInput *in, const SchedulerState *state)
{
        if (in->wall.ms - f->released.ms < f->config->min_release_us / 1000)
                return false;
        if (is_starved(f, in))
                return false;
        if (state->sync_cycle_in_progress)
                return f->cycle_seen && is_next_due(f, in, state);
        return f->config->min_gap == MIN_GAP_TIME || !f->due.ms || f->cycle_seen ||
               state->next_start.ms > f->due.ms;
}

static int64_t turn_rest(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        SchedulerState state;
        int64_t wait = left(f->asked, f->driver->poll_us, in->now);

        if (in->stopping)
                return INT64_MAX;
        if (wait)
                return wait;
        a = arena_new(0);
        if (ask(f, in, a, &state, NULL)) {
                /* Gone for a minute: no cycle runs there either. */
                if (++f->n_failures > REST_FAILURES_MAX)
                        return fail(f, in, "SchedulerFlagUnknown", "SyncCycleEnabled could not be read",
                                    "it did not answer again and again");
                return f->driver->poll_us;
        }
        if (!is_rested(f, in, &state)) {
                if (is_starved(f, in))
                        f->view.alarm = "RegularCycleStarved";
                return f->driver->poll_us;
        }
        enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
        return 0;
}

static int64_t turn_failed(Flag *f, const FlagInput *in)
{
        int64_t wait = f->retry.us - in->now.us;

        if (wait > 0 && !in->stopping)
                return wait;
        if (f->owed)
                return give_back(f, in);
        if (is_idle(f, in)) {
                enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
                return INT64_MAX;
        }
        return take(f, in);
}

static int64_t (*const turns[_FLAG_PHASE_N])(Flag *f, const FlagInput *in) = {
        [FLAG_FREE] = turn_free,     [FLAG_CYCLE] = turn_cycle,     [FLAG_HELD] = turn_held,
        [FLAG_THEIRS] = turn_theirs, [FLAG_CLOSING] = turn_closing, [FLAG_REST] = turn_rest,
        [FLAG_FAILED] = turn_failed,
};

/* Of a cluster: who had the flag before, and does not know yet that he lost it, may have begun a hold. */
static void adopt(Flag *f)
{
        Journal late = { 0 };

        if (f->owed || journal_read(&f->store, &late))
                return;
        f->journal = late;
        f->owed = true;
        enter(f, FLAG_FREE, NULL, "SyncCycleEnabled was paused by %s, too late; it is given back",
              late.holder);
}

int64_t flag_turn(Flag *f, const FlagInput *in)
{
        Mono at = in->wanted_at.us ? in->wanted_at : in->now;

        if (in->wanted && at.us > f->wanted_last.us)
                f->wanted_last = at;
        adopt(f);
        return turns[f->view.phase](f, in);
}

/* -- life ---------------------------------------------------------------------------------------------- */

int flag_take_over(Flag *f)
{
        int r;

        *f = (Flag){ .driver = f->driver, .config = f->config, .store = f->store, .holder = f->holder };
        enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
        r = journal_read(&f->store, &f->journal);
        if (r < 0)
                return r;
        f->owed = r != SPACE_E_NONE;
        if (r == SPACE_E_CORRUPT) /* what is certain: somebody was about to pause a flag that was true */
                f->journal.previous = true;
        if (f->owed)
                enter(f, FLAG_FREE, NULL, "SyncCycleEnabled was paused when sosync ended; it is given back");
        return 0;
}

int flag_init(Flag *f, Scheduler *driver, const SchedulerConfig *config, const FlagStore *store,
              const char *holder)
{
        *f = (Flag){ .driver = driver, .config = config, .store = *store, .holder = holder };
        return flag_take_over(f);
}

/* While the journal of our hold is there, whoever has the flag now will give it back. */
void flag_yield(Flag *f)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SchedulerState state;

        if (f->owed && read_owed(f) == SPACE_E_NONE && scheduler_status(f->driver, a, &state, NULL) == 0 &&
            scheduler_is_held_by(&state, f->holder))
                scheduler_resume(f->driver, f->holder, NULL);
        f->owed = f->held = false;
        enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is another node's to pause");
}

/* What is owed is read, not remembered: the hold may be another node's. */
static int set_previous(Flag *f, bool enabled)
{
        Journal owed = { 0 };
        int r;

        do {
                r = journal_read(&f->store, &owed);
                if (r == SPACE_E_NONE)
                        return 0;
                if (r == SPACE_E_CORRUPT)
                        snprintf(owed.holder, sizeof(owed.holder), "%s", f->holder);
                if (r < 0)
                        return r;
                owed.previous = enabled;
                r = journal_write(&f->store, &owed);
        } while (r == SCHEDULER_E_OTHER);
        if (r == 0 && f->owed)
                f->journal = owed;
        return r;
}

int flag_set(Flag *f, bool enabled, Diag *diag)
{
        int r = set_previous(f, enabled);

        if (r)
                return r;
        return enabled ? scheduler_resume(f->driver, NULL, diag) : scheduler_pause(f->driver, 0, NULL, diag);
}
