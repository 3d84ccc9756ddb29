/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The driver `command`: status, pause and resume are programs
 *
 *      status                                 prints Get-ADSyncScheduler as JSON on standard output
 *      pause  [--for SECONDS --holder NAME]   exit status 0: SyncCycleEnabled is false
 *      resume [--holder NAME]                 exit status 0: the holder's lease has ended
 *
 * Any other exit status is a failure, and the last line on standard error says why. Each has a time limit.
 * Nothing that a program says is believed before the next status has shown it (flag.h reads again).
 */

#include "engine/scheduler/scheduler-config.h"
#include "engine/scheduler/scheduler.h"

/* The configuration is borrowed for the driver's life. Return: 0. */
int scheduler_command_new(Scheduler **ret_scheduler, const SchedulerConfig *config);
