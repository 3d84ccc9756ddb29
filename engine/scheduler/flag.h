/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flag: when SyncCycleEnabled is paused, and how it is given back
 *
 *                 wanted                    no cycle
 *      [FREE] -------------> read, journal, -------> [HELD] --linger, max_hold, stop--> [CLOSING]
 *        ^  ^                pause, read again         ^                                    |
 *        |  |                     | a cycle runs       | its end                 last run ended
 *        |  |                     v                    |                                    v
 *        |  |                  [CYCLE] ----------------'                        read, give back, read
 *        |  '- [THEIRS]           the administrator's own false                             |
 *        '---- [REST]  <--- after max_hold: until a cycle that was due has run -------------'
 *              [FAILED]         the flag cannot be read, paused or given back: tried again
 *
 * Promises, whatever dies at whatever line:
 *  1. The flag is touched only after the journal is on disk; while there is a journal, it is given back: at
 *     the end of the hold, at the stop, at the next start.
 *  2. A false that we did not set is the administrator's: work goes on, nothing is changed. So is one that is
 *     found by a process that starts after the lease of the hold before it has ended there.
 *  3. A true during our hold is somebody's decision: it stays, and nothing of ours follows it.
 *  4. No hold is longer than max_hold and the runs that are in work then, not counting the time in which a
 *     cycle runs all the same; after it the regular cycle has its turn. Where cycles follow each other
 *     without a gap, the flag is paused while one runs, so that work comes between it and the next.
 *  5. What a driver says it did is believed only after reading it.
 *  6. Urgent changes are never held back (but by during_cycle: none).
 *
 * In a cluster one node at a time has the flag, the others read what it says (board.h). It is given back by
 * whoever has it next, if the node that paused it is gone: its journal is in the state of all. That node may
 * be late instead of gone, and pause what was given back a moment ago: flag_yield() undoes that, and if it
 * dies in that very moment, the lease that the pause is on Connect's side.
 *
 * Straight calls: flag_turn() does what is to be done now and says when it wants to be called again. Time is
 * an argument; only drivers block. One thread owns a Flag; FlagView is a copy for the others.
 */

#include "engine/scheduler/journal.h"
#include "engine/scheduler/scheduler-config.h"
#include "engine/scheduler/scheduler.h"

typedef struct Flag Flag;
typedef struct FlagInput FlagInput;
typedef struct FlagView FlagView;

typedef enum FlagPhase {
        FLAG_FREE,    /* nothing to do for it */
        FLAG_CYCLE,   /* a regular cycle runs, or Connect has suspended its scheduler */
        FLAG_HELD,    /* paused by us, and no cycle runs */
        FLAG_THEIRS,  /* paused by the administrator */
        FLAG_CLOSING, /* to be given back as soon as the last run has ended */
        FLAG_REST,    /* given back after max_hold; the regular cycle has its turn */
        FLAG_FAILED,  /* cannot be read, paused or given back */
        _FLAG_PHASE_N,
} FlagPhase;

struct FlagInput {
        Mono now;
        Wall wall;
        bool wanted; /* normal changes are due or in work, or a person asked; or were, since the last turn */
        Mono wanted_at;  /* when it last was so; 0: now */
        unsigned n_busy; /* normal changes in work; of a cluster: on all nodes */
        bool stopping;   /* give it back, take it no more */
        Wall last_sync;  /* when Entra ID last heard of the regular cycle; 0: not known */
};

/* What others may know, by value. */
struct FlagView {
        FlagPhase phase;
        LaneSet lanes;               /* that may be worked on now */
        char hold_id[GUID_TEXT_MAX]; /* of the hold: cycleId of the reports; "": none */
        char text[320];              /* one sentence, for reports and people */
        const char *alarm;           /* a person must look; the code. NULL: fine */
};

/* Filled by flag_init; nobody else looks inside. */
struct Flag {
        Scheduler *driver;
        const SchedulerConfig *config;
        FlagStore store;
        const char *holder;

        FlagView view;
        bool owed; /* there is a journal */
        bool held; /* our pause has been confirmed */
        bool rest; /* CLOSING ends in REST, not in FREE */
        Journal journal;
        Mono held_since, closing_since, wanted_last, asked, retry, released;
        unsigned n_failures;
        Wall due;        /* REST: a cycle was to begin then; 0: none was due */
        bool cycle_seen; /* REST: one has run since */
        int64_t interval_us;
        Wall next_start;
};

/* The driver, configuration, holder and store are borrowed. Reads the journal: who died in a hold owes it.
 * Return: 0, -errno. */
int flag_init(Flag *f, Scheduler *driver, const SchedulerConfig *config, const FlagStore *store,
              const char *holder);

/*
 * Of a cluster. take_over: this node has it from now on, and owes what the one before it owed. yield: another
 * node has it; what this one paused too late is resumed. Return: as flag_init.
 */
int flag_take_over(Flag *f);
void flag_yield(Flag *f);

/* Return: microseconds until the next turn makes sense; INT64_MAX: when something is wanted. */
int64_t flag_turn(Flag *f, const FlagInput *in);

/*
 * A person sets SyncCycleEnabled. During our hold it becomes the value that is given back. Of a cluster: on
 * any node. Return: 0, SCHEDULER_E_UNREACHABLE, -errno.
 */
int flag_set(Flag *f, bool enabled, Diag *diag);

const char *flag_phase_name(FlagPhase phase);
const char *flag_alarm(const char *code); /* the same as a literal; NULL: no alarm of the flag */

/* The lease on the other side ends so long after max_hold: time for the last runs and our own giving back. */
#define FLAG_LEASE_SLACK_US ((int64_t)60 * 1000000)
