/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/flag-hold.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SECOND_US ((int64_t)1000000)

/* A flag that cannot be read is asked for again after 5 s, then more seldom: a remote PowerShell is dear. */
#define RETRY_MIN_US (5 * SECOND_US)
#define RETRY_MAX_US (60 * SECOND_US)

/* -- what others see --------------------------------------------------------------------------------- */

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

void flag_enter(Flag *f, FlagPhase phase, const char *alarm, const char *format, ...)
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

/* -- asking ------------------------------------------------------------------------------------------ */

int64_t flag_fail(Flag *f, const FlagInput *in, const char *alarm, const char *what, const char *why)
{
        int64_t wait = f->n_failures > 3 ? RETRY_MAX_US : RETRY_MIN_US << f->n_failures;

        f->n_failures++;
        if (wait > RETRY_MAX_US)
                wait = RETRY_MAX_US;
        f->retry = mono_add(in->now, wait);
        flag_enter(f, FLAG_FAILED, alarm, "%s: %s; %s", what, why,
                   f->config->unreachable == UNREACHABLE_PROCEED
                           ? "changes go on (scheduler.unreachable: proceed)"
                           : "normal changes wait");
        return wait;
}

int flag_ask(Flag *f, const FlagInput *in, Arena *a, SchedulerState *ret_state, Diag *diag)
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

/* -- giving back ------------------------------------------------------------------------------------- */

static int64_t after_release(Flag *f, const FlagInput *in, const SchedulerState *state)
{
        f->owed = f->held = false;
        f->released = in->now;
        f->cycle_seen = state->sync_cycle_in_progress;
        f->due =
                state->next_start.ms && state->next_start.ms <= in->wall.ms ? state->next_start : (Wall){ 0 };
        if ((f->rest || f->due.ms) && !in->stopping) {
                flag_enter(f, FLAG_REST, NULL,
                           "SyncCycleEnabled was given back: the regular cycle has its turn");
                return f->driver->poll_us;
        }
        flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is given back");
        return in->stopping || !in->wanted ? INT64_MAX : 0;
}

int flag_read_owed(Flag *f)
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

/*
 * What an earlier process has paused ends there by itself. So long after it a false is not ours any more: the
 * machine was away, or its state is an old one that was restored. If one of our name holds it all the same,
 * it may be the installation that the copy is of, at work; and if it was renewed by who died here, it ends
 * soon.
 */
static bool is_over(const Flag *f, const FlagInput *in)
{
        const int64_t lease_ms = (f->config->max_hold_us + FLAG_LEASE_SLACK_US) / 1000;

        return !f->held && !f->driver->own_cycle && f->journal.since.ms &&
               in->wall.ms - f->journal.since.ms > lease_ms;
}

/* Read; if it is true, someone else decided: leave it. Else restore, read back, remove the journal. */
int64_t flag_give_back(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        SchedulerState state = { 0 };
        bool restore, still;
        int64_t wait;
        int r = flag_read_owed(f);

        if (r && r != SPACE_E_NONE)
                diag_set(&diag, "the journal of the hold cannot be read: %s", strerror(r < 0 ? -r : EIO));

        if (r == SPACE_E_NONE) {
                f->owed = f->held = false;
                flag_enter(f, FLAG_FREE, NULL, "SyncCycleEnabled is given back");
                return in->stopping || !in->wanted ? INT64_MAX : 0;
        }
        if (r == 0)
                r = flag_ask(f, in, a, &state, &diag);
        restore = r == 0 && f->journal.previous && !is_over(f, in) &&
                  (!state.sync_cycle_enabled || scheduler_is_held_by(&state, f->journal.holder));
        if (restore) {
                r = scheduler_resume(f->driver, f->journal.holder, &diag);
                if (r == 0)
                        r = flag_ask(f, in, a, &state, &diag);
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
                wait = flag_fail(f, in, "SchedulerFlagNotGivenBack",
                                 "SyncCycleEnabled could not be given back",
                                 still ? "it is still false after resume" : diag_text(&diag));
        else
                wait = after_release(f, in, &state);
        diag_deinit(&diag);
        return wait;
}

/* -- taking ------------------------------------------------------------------------------------------ */

bool flag_is_starved(const Flag *f, const FlagInput *in)
{
        return !f->driver->own_cycle && in->last_sync.ms && f->interval_us &&
               in->wall.ms - in->last_sync.ms > 2 * f->interval_us / 1000;
}

bool flag_is_next_due(const Flag *f, const FlagInput *in, const SchedulerState *state)
{
        return state->next_start.ms && state->next_start.ms <= in->wall.ms + 2 * f->driver->poll_us / 1000;
}

int64_t flag_wait_for_cycle(Flag *f, const SchedulerState *state)
{
        if (state->sync_cycle_in_progress)
                flag_enter(f, FLAG_CYCLE, NULL, "A regular sync cycle is in progress%s",
                           f->held ? "; SyncCycleEnabled is paused" : "");
        else
                flag_enter(
                        f, FLAG_CYCLE, NULL,
                        "Entra Connect has suspended its scheduler: its wizard is open, or it is upgraded");
        return f->driver->poll_us;
}

static int64_t confirm(Flag *f, const FlagInput *in, Arena *a, Diag *diag)
{
        SchedulerState state;
        int r = flag_ask(f, in, a, &state, diag);

        if (r || state.sync_cycle_enabled)
                return flag_fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled could not be paused",
                                 r ? diag_text(diag) : "it is still true after pause");
        f->held = true;
        f->held_since = in->now;
        if (state.sync_cycle_in_progress || state.scheduler_suspended)
                return flag_wait_for_cycle(f, &state); /* it began between our reading and our pause */
        flag_enter(f, FLAG_HELD, NULL, "SyncCycleEnabled is paused by %s", f->holder);
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
                return flag_fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled was not paused",
                                 "the journal cannot be stored");
        f->owed = true;
        r = scheduler_pause(f->driver, f->config->max_hold_us + FLAG_LEASE_SLACK_US, f->holder, diag);
        if (r)
                return flag_fail(f, in, "SchedulerFlagNotPaused", "SyncCycleEnabled could not be paused",
                                 diag_text(diag));
        return confirm(f, in, a, diag);
}

int64_t flag_take(Flag *f, const FlagInput *in)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        SchedulerState state;
        int64_t wait;
        int r = flag_ask(f, in, a, &state, &diag);

        if (r) {
                wait = flag_fail(f, in, "SchedulerFlagUnknown", "SyncCycleEnabled could not be read",
                                 diag_text(&diag));
        } else if (state.scheduler_suspended ||
                   (state.sync_cycle_in_progress && !flag_is_next_due(f, in, &state))) {
                wait = flag_wait_for_cycle(f, &state);
        } else if (state.sync_cycle_in_progress && !state.sync_cycle_enabled && !state.n_holders) {
                wait = flag_wait_for_cycle(f, &state); /* by hand: the administrator wants no regular one */
        } else if (!state.sync_cycle_enabled && !state.n_holders) {
                flag_enter(f, FLAG_THEIRS, NULL, "SyncCycleEnabled is false, and not by sosync: it stays so");
                wait = f->driver->poll_us;
        } else if (flag_is_starved(f, in)) {
                flag_enter(f, FLAG_REST, "RegularCycleStarved",
                           "No regular sync cycle has reached Microsoft Entra ID for longer than two cycles: "
                           "SyncCycleEnabled is not paused before one has");
                f->released = in->now;
                f->due = (Wall){ 0 };
                f->cycle_seen = false;
                wait = f->driver->poll_us;
        } else {
                wait = pause_cycle(f, in, a, &diag);
        }
        diag_deinit(&diag);
        return wait;
}

/* The hold begins anew: on the other side too. What fails shows at the next look. */
void flag_renew(Flag *f, const FlagInput *in)
{
        if (scheduler_pause(f->driver, f->config->max_hold_us + FLAG_LEASE_SLACK_US, f->holder, NULL) == 0)
                f->held_since = in->now;
}
