/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Herald: runs the command of `notify:` for each alarm, with one JSON object on its standard input
 *
 *      {"event":"opened","kind":"brake","name":"disable","text":"...","since":"...","at":"...",
 *       "source":"corp.contoso.test","host":"sync1"}
 *
 * One thread, one program at a time, in the order of the events; who raises an alarm never waits for it. A
 * command that fails or takes longer than `notify.timeout` is a line in the log, and the next event is told
 * all the same. At a stop, what waits is still told for as long as the timeout allows one of them.
 */

#include "app/config/snapshot.h"
#include "app/flow/alarm.h"

#include <stdatomic.h>

typedef struct Herald Herald;

struct Herald {
        Snapshot *snapshot;
        const Log *log;
        pthread_t thread;
        bool started;

        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t wake;
        List events; /* what waits to be told */
        size_t n_events;
        bool stopping;
};

/* More that waits than this is dropped, with a line in the log: the command hangs. */
#define HERALD_EVENTS_MAX 100

/* Return: 0, -errno. */
int herald_start(Herald *h, Snapshot *snapshot, const Log *log);
void herald_stop(Herald *h); /* also of one that was never started */

/* For Alarms.tell; `herald` is the context. Also logs it. */
void herald_tell(void *herald, const AlarmEvent *event);

/* The event as the command gets it: one line of JSON (free). */
char *herald_text(const AlarmEvent *event, const char *source);
