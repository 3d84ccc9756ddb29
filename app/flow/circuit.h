/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Circuit: a cause that is not the object's stops the work, not the objects
 *
 *      CLOSED --failure--> OPEN --probe due--> one worker tries --success--> CLOSED
 *                            ^------------------ failure ----------'
 *
 * A refused token, a withdrawn consent, a domain controller or Graph that is gone: nothing is parked, no try
 * is counted, one probe at a time (of those that come back), one alarm, and all goes on by itself. One
 * circuit per source and one for the target. Pure but for its mutex: time is an argument. Any thread.
 */

#include "base/clock.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct Circuit {
        pthread_mutex_t lock; /* protects what follows */
        bool open;
        bool probing; /* a worker is trying */
        pthread_t prober;
        Mono probe_began;
        Mono opened;
        unsigned n_probes;
        unsigned n_strains; /* in a row */
        Mono probe_at;
        char why[512];
} Circuit;

/* Probes: after 1 s, then doubling to a minute: a restart of the other side is noticed at once, a long outage
 * costs one request a minute. */
#define CIRCUIT_PROBE_FIRST_US ((int64_t)1000000)
#define CIRCUIT_PROBE_MAX_US   ((int64_t)60 * 1000000)

/* A probe that has not come back by then may be stuck itself, in its directory or in a slow answer: another
 * one begins. */
#define CIRCUIT_PROBE_LIMIT_US ((int64_t)10 * 1000000)

void circuit_init(Circuit *c);
void circuit_deinit(Circuit *c);

/* 0: go on (closed, or you are the probe: say how it went, on the same thread). Else microseconds until it is
 * worth asking. */
int64_t circuit_ask(Circuit *c, Mono now);

/* It works, by a run that began then: one from before the failure says nothing about now, unless it is the
 * probe. Returns true if that closed the circuit. */
bool circuit_works(Circuit *c, Mono began);

/* It failed in a way that may be the object's or the scope's (a 503, a lost connection). Several in a row, of
 * whatever objects, are an outage. Returns true if that opened the circuit. */
#define CIRCUIT_STRAINS 5
bool circuit_strained(Circuit *c, Mono now, const char *why);

/* It failed for the scope's reason. Returns true if that opened the circuit. */
bool circuit_failed(Circuit *c, Mono now, const char *why);

/* The probe could not say (nothing was due, or the object's own fault came first). */
void circuit_unknown(Circuit *c);

/* There was nothing to try it with: it stays open, and somebody tries later, as after a failure. */
void circuit_postpone(Circuit *c, Mono now);

bool circuit_is_open(Circuit *c, char *why, size_t size);
