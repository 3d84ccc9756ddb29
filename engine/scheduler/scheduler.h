/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scheduler: the one who runs the regular sync cycle, and his flag
 *
 *      status -> is a cycle in progress? is SyncCycleEnabled true?       pause / resume -> SyncCycleEnabled
 *
 * Beside Entra Connect the regular cycle belongs to its server; where sosync owns the objects it is sosync's
 * own. A driver reads and sets the flag of either:
 *
 *      internal   the flag lives in sosync's own state, for estates without Entra Connect
 *      command    programs on this machine ask the Connect server (deploy/connect has them ready-made)
 *
 * Field names are those of Get-ADSyncScheduler (learn.microsoft.com, "Microsoft Entra Connect Sync:
 * Scheduler"), in logs, JSON and on the terminal.
 *
 * When the flag is paused and given back is flag.h's affair. Drivers block up to their time limit; one thread
 * at a time calls a driver.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/str.h"

#include <stdbool.h>

typedef struct Scheduler Scheduler;
typedef struct SchedulerOps SchedulerOps;
typedef struct SchedulerState SchedulerState;

enum {
        SCHEDULER_E_BASE_ = 1900, /* ERROR_BASE_SCHEDULER */

        SCHEDULER_E_UNREACHABLE, /* a program failed, hung or could not be started; the diag says which */
        SCHEDULER_E_GARBAGE,     /* the answer is not what Get-ADSyncScheduler says: nothing is concluded */
        SCHEDULER_E_OTHER, /* of a cluster: another node has written meanwhile, and perhaps has the flag */
};

/* What is not said is 0 or false, but for the two that decide: without them an answer is garbage. */
struct SchedulerState {
        int64_t allowed_interval_us;
        int64_t effective_interval_us;
        int64_t customized_interval_us; /* 0: none */
        int64_t purge_interval_us;
        const char *next_policy_type; /* "Delta" "Initial" "Unspecified"; NULL: not said */
        Wall next_start;
        bool sync_cycle_enabled; /* decides */
        bool maintenance_enabled;
        bool staging_mode_enabled;
        bool scheduler_suspended;    /* by Connect itself: its wizard is open, or it is being upgraded */
        bool sync_cycle_in_progress; /* decides */
        /* Who has paused the flag, as the script on the Connect server keeps it ("SosyncHolders"). */
        const char *const *holders;
        size_t n_holders;
};

struct SchedulerOps {
        const char *name;
        int (*status)(Scheduler *s, Arena *a, SchedulerState *ret_state, Diag *diag);
        int (*pause)(Scheduler *s, int64_t for_us, const char *holder, Diag *diag);
        int (*resume)(Scheduler *s, const char *holder, Diag *diag);
        Scheduler *(*free)(Scheduler *s);
};

/* Drivers embed this first. */
struct Scheduler {
        const SchedulerOps *ops;
        int64_t poll_us; /* how often it may be asked while something is waited for */
        bool own_cycle;  /* the cycle is sosync's: it takes objects from the same queue, nothing collides */
};

/* The state lives in the arena. Return: 0, SCHEDULER_E_UNREACHABLE, SCHEDULER_E_GARBAGE, -errno. */
int scheduler_status(Scheduler *s, Arena *a, SchedulerState *ret_state, Diag *diag);

/*
 * SyncCycleEnabled becomes false. With a holder it is a lease: whoever keeps the flag gives it back by
 * himself when the last holder's time is over. Without (NULL, 0) it is a person's wish, and stays. Return: 0,
 * SCHEDULER_E_UNREACHABLE, -errno.
 */
int scheduler_pause(Scheduler *s, int64_t for_us, const char *holder, Diag *diag);

/* The holder's lease ends, and with the last one SyncCycleEnabled is true again. NULL: true, whoever holds
 * it. Return: as above. */
int scheduler_resume(Scheduler *s, const char *holder, Diag *diag);

Scheduler *scheduler_free(Scheduler *s);

bool scheduler_is_held_by(const SchedulerState *state, const char *holder);

DEFINE_CLEANUP(Scheduler, scheduler_free)

/*
 * Read what `Get-ADSyncScheduler | ConvertTo-Json` writes, of Windows PowerShell 5.1 and of 7: times as
 * "\/Date(1763805600000)\/" or ISO 8601, time spans as objects or "d.hh:mm:ss", enumerations as numbers or
 * names, a byte-order mark in front. Hostile input: at most SCHEDULER_JSON_MAX bytes, one object, no key
 * twice. Return: 0, SCHEDULER_E_GARBAGE.
 */
#define SCHEDULER_JSON_MAX ((size_t)64 << 10)
int scheduler_parse(const char *data, size_t n, Arena *a, SchedulerState *ret_state, Diag *diag);

/* The same fields as one JSON object. */
void scheduler_print_json(const SchedulerState *state, Str *out);
/* ... and as lines for people, as PowerShell's Format-List has them. */
void scheduler_print_text(const SchedulerState *state, Str *out);
