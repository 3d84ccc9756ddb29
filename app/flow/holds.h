/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Holds: a Retry-After outlives the process
 *
 * A 429 holds its scope in the limiter, that is, in memory; and who sees nothing move restarts the service.
 * So a hold is also stored, as a memo in wall time, and put back when the state is opened: by a service, and
 * by a `sosync sync` beside none. Stored is what workers meet, at once, and at a clean end whatever there is.
 * A crash between the answer and the store costs one request, which is answered with 429 again.
 *
 * Stored times are believed up to HOLDS_MAX_MS ahead, and not at all by a clock that is before the one they
 * were stored by: it was set back, and nobody knows by how much they are wrong.
 * From any thread.
 */

#include "base/clock.h"
#include "engine/target/limiter.h"
#include "queue/queue.h"

#include <pthread.h>

typedef struct Holds Holds;

#define HOLDS_MAX_MS ((int64_t)6 * 3600 * 1000)

/* What is over before a process can be started again is not stored. */
#define HOLDS_MIN_MS ((int64_t)2000)

struct Holds {
        Queue *queue;
        Limiter *limiter;
        const Clock *clock;
        pthread_mutex_t lock;
        Wall stored[_LIMITER_SCOPE_N]; /* lock */
};

/* Puts back what is stored. Return: 0, -errno. */
int holds_init(Holds *h, Queue *queue, Limiter *limiter, const Clock *clock);
void holds_deinit(Holds *h); /* stores what there is */

/* A call was held: store until when. A disk that is full is no reason to stop. */
void holds_save(Holds *h);
