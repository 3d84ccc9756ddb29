/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FlagHold: one hold of SyncCycleEnabled, from the journal to the flag given back
 *
 *      flag_take()       ask --> journal on disk --> pause --> ask again: only now it is held
 *      flag_renew()      the same hold for max_hold more, on Connect's side too
 *      flag_give_back()  read what is owed --> ask --> resume --> ask again --> remove the journal
 *
 * These are what the turns of flag.c are made of; nobody else calls them. The orders above are the promises
 * 1, 3 and 5 of flag.h: whatever dies between two arrows, the journal is there for as long as something may
 * be owed, and what a driver says it did counts only when it has been read.
 *
 * All but the questions at the end enter a phase, with the sentence and the alarm that others see. Each
 * int64_t is microseconds until the next turn makes sense, as flag_turn() returns it. The thread is the
 * flag's; drivers block.
 */

#include "engine/scheduler/flag.h"

/* The phase, the lanes that go with it, and what others read: the alarm is a literal, or NULL. */
void __attribute__((format(printf, 4, 5)))
flag_enter(Flag *f, FlagPhase phase, const char *alarm, const char *format, ...);

/* Something did not go well: FLAG_FAILED, tried again after 5 s, then more seldom, at least once a minute. */
int64_t flag_fail(Flag *f, const FlagInput *in, const char *alarm, const char *what, const char *why);

/* Of a cycle that runs, or a scheduler that is suspended. */
int64_t flag_wait_for_cycle(Flag *f, const SchedulerState *state);

int64_t flag_take(Flag *f, const FlagInput *in);
int64_t flag_give_back(Flag *f, const FlagInput *in);

/* What fails shows at the next look. */
void flag_renew(Flag *f, const FlagInput *in);

/* The driver's answer, in `a`, and what is to be remembered of it. Return: as scheduler_status(). */
int flag_ask(Flag *f, const FlagInput *in, Arena *a, SchedulerState *ret_state, Diag *diag);

/*
 * A person may have changed on another node what is given back; and who had the flag meanwhile may have done
 * it already. Return: 0, SPACE_E_NONE (nothing is owed any more), -errno.
 */
int flag_read_owed(Flag *f);

/* Entra ID has heard nothing of the regular cycle for longer than two of them: it must run, not wait. */
bool flag_is_starved(const Flag *f, const FlagInput *in);

/* The next cycle begins before it is looked again: there will be no gap between this one and that. */
bool flag_is_next_due(const Flag *f, const FlagInput *in, const SchedulerState *state);
