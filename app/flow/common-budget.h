/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CommonBudget: this node's part of what the cluster may ask of Graph (queue/budget.h), given to its limiter
 *
 *      limiter (of the graph target)  <-- part, holds of the others --  thread  <-->  JetStream
 *                                      --- holds of our own ----------->
 *
 * A thread of its own looks four times a second. A node begins with nothing, alone it has all after its first
 * look; without a server its part ends by itself, and nothing leaves.
 */

#include "app/config/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/target/limiter.h"
#include "queue/budget.h"

#include <pthread.h>

typedef struct CommonBudget CommonBudget;

struct CommonBudget {
        Bus *bus;
        Budget *budget;
        Limiter *limiter;
        const Clock *clock;
        const Log *log;
        bool was_down;

        pthread_t thread;
        bool has_thread;
        pthread_mutex_t lock;
        pthread_cond_t cond; /* lock */
        bool stopping;       /* lock */
};

/*
 * Of a state that is not a cluster's: nothing. The limiter lives longer than this. The first look has been
 * taken when it returns.
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED, -errno; the diag says why. common_budget_stop() in any case.
 */
int common_budget_start(CommonBudget *b, const Config *c, Limiter *limiter, const Clock *clock,
                        const Log *log, Diag *diag);
void common_budget_stop(CommonBudget *b); /* the others have its part at once */
