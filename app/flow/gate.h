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
 * In a cluster one node has the flag, the one that has the role "cycle" (app/service/roles.h); the gates of
 * all show what it says on the board (engine/scheduler/board.h).
 *
 *      node with the role:  board, then driver      others:  board --view--> lanes, four times a second
 *
 * What a lease proves: an entry of the log that gives one stands before or behind the one that closed the
 * lanes. Before: whoever closed them has it in his copy, and waits for its end. Behind: gate_enter(), which
 * reads the board after the lease, sees them closed. So nobody has to be asked, and a node that is cut off
 * holds the giving back up no longer than its leases live. Who gets the role from a node that is gone closes
 * the lanes first, then gives back what the journal says, and only then takes a hold of its own.
 *
 * In staging nothing is exported, so nothing has to wait for the flag, and nobody's scheduler is paused: all
 * lanes are open, the driver is not asked, and a hold from before is given back.
 *
 * gate_turn() can be driven by hand instead of by a thread: a `sosync sync` without a service, and tests. By
 * hand a cluster's flag is only asked for; a node that runs may take it.
 */

#include "app/config/config.h"
#include "app/flow/alarm.h"
#include "engine/scheduler/board.h"
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
        const char *node; /* of a cluster: the name of this one; copied. NULL: there is none */
};

struct Gate {
        GateOptions options;
        char holder[128];
        bool is_shared;                 /* the queue is a cluster's */
        bool (*exports)(void *context); /* false: staging. NULL: always */
        void *exports_context;

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
        uint64_t leads;        /* of a cluster: the term of our role; 0: another node has it */
        uint64_t board_serial; /* at which the view was read: it grows; 0: it could not be read */

        /* Of whoever takes the turns. */
        const char *told;     /* the alarm that was logged last */
        uint64_t term;        /* of a cluster: with which the flag is ours; 0: it is not */
        uint64_t board_asked; /* when somebody asked last */
        bool owes_ask;        /* that a person has asked here could not be written there yet */
        Mono due_looked;      /* of a cluster: when it was looked whether something is due, */
        bool was_due;         /* ... and what was seen */
        bool was_staging;
        /* Of everybody. */
        _Atomic unsigned lanes; /* of the view: read before each lease */
        pthread_t thread;
        bool started;
};

/* Return: 0, -errno. */
int gate_init(Gate *g, const GateOptions *options);
void gate_deinit(Gate *g);

/* Whether anything is exported is asked of this, from any thread. Before gate_start. */
void gate_mind_staging(Gate *g, bool (*exports)(void *context), void *context);

/* The flag thread. Return: 0, -errno. */
int gate_start(Gate *g);

/* Give the flag back and end the thread. After the workers have ended, and after queue_wake_all(closing): the
 * thread may wait for the queue. */
void gate_stop(Gate *g);

/* Of a cluster: this node has the role "cycle" with this term; 0: it has not. Said again and again. */
void gate_lead(Gate *g, uint64_t term);

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
