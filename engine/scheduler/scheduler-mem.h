/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Connect server in memory, for tests: its flag, its cycles, its leases, under a clock of the test's
 *
 * It does what the real one does by the clock: a cycle that is due begins when SyncCycleEnabled is true, the
 * next is due an interval after that beginning, a
 * lease whose time is over gives the flag back (the scheduled task that the pausing script leaves behind).
 * Any number of drivers may talk to one server: two services. Not for threads.
 */

#include "engine/scheduler/scheduler.h"

typedef struct ConnectMem ConnectMem;
typedef struct ConnectMemFault ConnectMemFault;

typedef enum ConnectMemCall {
        CONNECT_MEM_ANY,
        CONNECT_MEM_STATUS,
        CONNECT_MEM_PAUSE,
        CONNECT_MEM_RESUME,
} ConnectMemCall;

/* The next calls end so. */
struct ConnectMemFault {
        ConnectMemCall on;
        unsigned n; /* how often; 0: until there is another fault */
        int end;    /* SCHEDULER_E_*; 0 with `lie`: says it worked, and does nothing */
        bool lie;
        bool after; /* it had its effect, and then failed */
        const char *text;
};

ConnectMem *connect_mem_new(const Clock *clock, int64_t interval_us, int64_t duration_us);
ConnectMem *connect_mem_free(ConnectMem *c);
Scheduler *connect_mem_open(ConnectMem *c);

/* A service beside ours may look at the flag at a moment of the test's choosing: called before each call. */
void connect_mem_watch(ConnectMem *c, void (*before)(void *context, ConnectMemCall call), void *context);
void connect_mem_on_cycle(ConnectMem *c, void (*ended)(void *context), void *context);
void connect_mem_fail(ConnectMem *c, const ConnectMemFault *fault);
void connect_mem_set(ConnectMem *c, bool enabled); /* the administrator, or the wizard */
void connect_mem_suspend(ConnectMem *c, bool suspended);
void connect_mem_start(ConnectMem *c, int64_t duration_us); /* Start-ADSyncSyncCycle; 0: the usual time */

bool connect_mem_enabled(ConnectMem *c);
bool connect_mem_running(ConnectMem *c);
unsigned connect_mem_cycles(ConnectMem *c); /* ended so far */
int64_t connect_mem_late(ConnectMem *c);    /* us: the longest that a cycle was due before it began */
Wall connect_mem_last(ConnectMem *c);       /* when the last one ended; 0: none */
unsigned connect_mem_calls(ConnectMem *c, ConnectMemCall call);

DEFINE_CLEANUP(ConnectMem, connect_mem_free)
