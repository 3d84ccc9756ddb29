/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The section `scheduler` of sosync.yaml. */

#include "base/config.h"

typedef struct SchedulerConfig SchedulerConfig;

typedef enum SchedulerDriver {
        SCHEDULER_INTERNAL,
        SCHEDULER_COMMAND,
} SchedulerDriver;

typedef enum DuringCycle {
        DURING_CYCLE_URGENT, /* urgent changes go ahead, the others wait */
        DURING_CYCLE_NONE,
        DURING_CYCLE_ALL,
} DuringCycle;

typedef enum WhenUnreachable {
        UNREACHABLE_WAIT,    /* normal work waits, with an alarm */
        UNREACHABLE_PROCEED, /* it goes on, which every report says */
} WhenUnreachable;

typedef enum MinGap {
        MIN_GAP_CYCLE, /* until a cycle that was due has run, at least min_release */
        MIN_GAP_TIME,  /* min_release, whatever is due */
} MinGap;

struct SchedulerConfig {
        int driver;        /* SchedulerDriver */
        ConfigList status; /* program and arguments: const char * */
        ConfigList pause;
        ConfigList resume;
        int64_t timeout_us;
        const char *holder;
        int64_t max_hold_us;
        int64_t linger_us; /* 0: not given; scheduler_linger() */
        int min_gap;       /* MinGap */
        int64_t min_release_us;
        int during_cycle; /* DuringCycle */
        int unreachable;  /* WhenUnreachable */
};

extern const ConfigField scheduler_fields[];

/* How long the flag stays paused after the last change: 2 s for internal, 2 m for a remote one. */
int64_t scheduler_linger(const SchedulerConfig *c);

/* Rules between fields. `connect`: target.estate is connect, where only a command can know the flag.
 * Return: 0, CONFIG_E_INVALID. */
int scheduler_check(const SchedulerConfig *c, bool connect, const ConfigDoc *doc, Diag *diag);
