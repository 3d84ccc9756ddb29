/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/flag-hold.h"

#include "base/error.h"

#include <string.h>

#define SECOND_US ((int64_t)1000000)

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

/* -- turns, by phase --------------------------------------------------------------------------------- */

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

static int64_t close_hold(Flag *f, const FlagInput *in, bool rest, const char *why)
{
        f->rest = rest;
        f->closing_since = in->now;
        flag_enter(f, FLAG_CLOSING, NULL, "%s", why);
        return 0;
}

static int64_t turn_free(Flag *f, const FlagInput *in)
{
        if (f->owed && in->n_busy && !f->driver->own_cycle)
                return close_hold(f, in, false,
                                  "SyncCycleEnabled is being given back: what paused it is gone");
        if (f->owed)
                return flag_give_back(f, in);
        return in->wanted && !in->stopping ? flag_take(f, in) : INT64_MAX;
}

/* When this hold must end; 0: now. */
static int64_t hold_left(const Flag *f, const FlagInput *in)
{
        return left(f->held_since, f->config->max_hold_us, in->now);
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
                flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
                return INT64_MAX;
        }
        wait = left(f->asked, f->driver->poll_us, in->now);
        if (wait)
                return wait;
        if (!f->held)
                return flag_take(f, in);
        a = arena_new(0);
        if (flag_ask(f, in, a, &state, NULL))
                return f->driver->poll_us;
        if (!state.sync_cycle_enabled && (!(state.sync_cycle_in_progress || state.scheduler_suspended) ||
                                          hold_left(f, in) < f->config->max_hold_us / 2))
                flag_renew(f, in);
        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                return flag_wait_for_cycle(f, &state);
        if (state.sync_cycle_enabled)
                return close_hold(f, in, true,
                                  "SyncCycleEnabled was set to true by someone else: it stays so");
        flag_enter(f, FLAG_HELD, NULL, "SyncCycleEnabled is paused by %s", f->holder);
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
                if (flag_ask(f, in, a, &state, NULL) == 0) {
                        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                                return flag_wait_for_cycle(f, &state);
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
                flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused by sosync");
                return INT64_MAX;
        }
        return wait ? wait : flag_take(f, in);
}

static int64_t turn_closing(Flag *f, const FlagInput *in)
{
        int64_t wait = left(f->closing_since, CLOSING_MAX_US, in->now);

        if (in->n_busy && wait && !f->driver->own_cycle)
                return sooner(wait, SECOND_US);
        return flag_give_back(f, in);
}

/* Has the regular cycle had its turn? */
static bool is_rested(const Flag *f, const FlagInput *in, const SchedulerState *state)
{
        if (in->now.us - f->released.us < f->config->min_release_us)
                return false;
        if (flag_is_starved(f, in))
                return false;
        if (state->sync_cycle_in_progress)
                return f->cycle_seen && flag_is_next_due(f, in, state);
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
        if (flag_ask(f, in, a, &state, NULL)) {
                /* Gone for a minute: no cycle runs there either. */
                if (++f->n_failures > REST_FAILURES_MAX)
                        return flag_fail(f, in, "SchedulerFlagUnknown", "SyncCycleEnabled could not be read",
                                         "it did not answer again and again");
                return f->driver->poll_us;
        }
        if (!is_rested(f, in, &state)) {
                if (flag_is_starved(f, in))
                        f->view.alarm = "RegularCycleStarved";
                return f->driver->poll_us;
        }
        flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
        return 0;
}

static int64_t turn_failed(Flag *f, const FlagInput *in)
{
        int64_t wait = f->retry.us - in->now.us;

        if (wait > 0 && !in->stopping)
                return wait;
        if (f->owed)
                return flag_give_back(f, in);
        if (is_idle(f, in)) {
                flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
                return INT64_MAX;
        }
        return flag_take(f, in);
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
        flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled was paused by %s, too late; it is given back",
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

/* -- life -------------------------------------------------------------------------------------------- */

int flag_take_over(Flag *f)
{
        int r;

        *f = (Flag){ .driver = f->driver, .config = f->config, .store = f->store, .holder = f->holder };
        flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is not paused");
        r = journal_read(&f->store, &f->journal);
        if (r < 0)
                return r;
        f->owed = r != SPACE_E_NONE;
        if (r == SPACE_E_CORRUPT) /* what is certain: somebody was about to pause a flag that was true */
                f->journal.previous = true;
        if (f->owed)
                flag_enter(f, FLAG_FREE, NULL,
                           "SyncCycleEnabled was paused when sosync ended; it is given back");
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

        if (f->owed && flag_read_owed(f) == SPACE_E_NONE &&
            scheduler_status(f->driver, a, &state, NULL) == 0 && scheduler_is_held_by(&state, f->holder))
                scheduler_resume(f->driver, f->holder, NULL);
        f->owed = f->held = false;
        flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is another node's to pause");
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
