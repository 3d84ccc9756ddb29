/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wait: a condition variable, and until when to wait for it
 *
 *      Mono until = wait_in(timeout_us);
 *
 *      pthread_mutex_lock(&lock);
 *      while (!done && wait_until(&cond, &lock, until))
 *              ;
 *      pthread_mutex_unlock(&lock);
 *
 * By the monotonic clock of the machine: a wall clock that is set wakes nobody, and threads really sleep
 * where a test moves a Clock of its own.
 */

#include "base/clock.h"

#include <pthread.h>

/* As pthread_cond_init; pthread_cond_destroy ends it. */
void wait_init(pthread_cond_t *cond);

/* So long from now; negative is now. */
Mono wait_in(int64_t us);

/* The lock is held, and again at the end. False: the time is over. */
bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, Mono until);
