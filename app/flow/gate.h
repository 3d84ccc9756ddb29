/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Gate: which changes may be worked on, as far as the scheduler flag is concerned
 *
 *      workers --enter, leave--> Gate <--lanes, text-- flag thread --> Flag --> driver (programs)
 *
 * The flag thread alone talks to the flag's driver, which may take seconds. Workers read which lanes are
 * open, and enter for each change; the flag is not given back while one of the normal or reconcile lane is
 * inside. Urgent changes pass without being counted. What the flag was like is said in every report.
 *
 * gate_turn() can be driven by hand instead of by a thread: a `sosync sync` without a service, and tests.
 */

#include "app/config/config.h"
#include "app/flow/alarm.h"
#include "engine/scheduler/flag.h"
#include "queue/queue.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct Gate Gate;
typedef struct GateOptions GateOptions;

struct GateOptions {
        const SchedulerConfig *config; /* these live as long as the gate */
        Queue *queue;
        Scheduler *driver; /* the gate's from now on */
        Alarms *alarms;    /* NULL: nobody is told */
        Target *target;    /* asked when the regular cycle was last heard of; NULL: nobody is */
        const Clock *clock;
        const Log *log;
};

struct Gate {
        GateOptions options;
        char holder[128];

        pthread_mutex_t work; /* held while the driver is at work: protects flag */
        Flag flag;

        pthread_mutex_t lock; /* protects all below; never held while a driver works */
        pthread_cond_t changed;
        FlagView view;
        unsigned n_busy; /* normal and reconcile changes in work */
        bool touched;    /* ... or were, since the last turn */
        Mono worked;     /* when one was last in work */
        bool asked;      /* a person asked for a hold */
        bool stopping;

        const char *told;       /* the alarm that was logged last; of whoever takes the turns */
        _Atomic unsigned lanes; /* of the view: read before each lease */
        pthread_t thread;
        bool started;
};

/* Return: 0, -errno. */
int gate_init(Gate *g, const GateOptions *options);
void gate_deinit(Gate *g);

/* The flag thread. Return: 0, -errno. */
int gate_start(Gate *g);

/* Give the flag back and end the thread. After the workers have ended, and after queue_wake_all(closing): the
 * thread may wait for the queue. */
void gate_stop(Gate *g);

/* Which lanes may be leased now. A NULL gate is open. */
LaneSet gate_lanes(const Gate *g);

/* A change of this lane is about to be worked on. False: the gate has closed in between. What the flag is
 * like is copied into the view (may be NULL). */
bool gate_enter(Gate *g, Lane lane, FlagView *ret_view);
void gate_leave(Gate *g, Lane lane);

void gate_view(Gate *g, FlagView *ret_view);

/* A person's work shares the hold: it is begun if it can be, and not waited for longer than a driver takes.
 */
void gate_ask(Gate *g);

/* One turn of the flag. Return: microseconds until the next; INT64_MAX: when there is work. */
int64_t gate_turn(Gate *g);

/*
 * Where the regular cycle is sosync's own: said now and then by who runs it, whether it runs and when the
 * next is due. Return: may it begin now? True where it is not ours: its lane is gated anyway.
 */
bool gate_own_cycle(Gate *g, bool in_progress, int64_t interval_us, Wall next);

/* For `sosync scheduler`: as one JSON object; and SyncCycleEnabled by a person's hand. Blocks as long as the
 * driver does. Return: 0, SCHEDULER_E_*, -errno; the diag says why. */
int gate_show(Gate *g, Str *out_json, Diag *diag);
int gate_set(Gate *g, bool enabled, Diag *diag);

/* A driver and the gate made of a configuration. Return: 0, -errno. */
int gate_open(Gate *g, const Config *c, Queue *queue, Target *target, Alarms *alarms, const Clock *clock,
              const Log *log);
