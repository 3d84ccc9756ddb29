/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The driver `internal`: the flag is a value in sosync's own state
 *
 * For estates without Entra Connect, where the regular cycle is sosync's own reconcile. It works through the
 * same queue as every change, in which an object is in work once at a time, so nothing has to wait for it:
 * the flag says whether a cycle may begin.
 */

#include "engine/scheduler/journal.h"
#include "engine/scheduler/scheduler.h"

/* The store is copied; its space lives longer than the driver. Return: 0. */
int scheduler_internal_new(Scheduler **ret_scheduler, const FlagStore *store);

/* Said by who runs the cycle, from any thread: one has begun or ended; the next begins then (0: not known).
 */
void scheduler_internal_cycle(Scheduler *s, bool in_progress, int64_t interval_us, Wall next);
