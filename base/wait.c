/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"

#include <time.h>

#define US_PER_S ((int64_t)1000000)

void wait_init(pthread_cond_t *cond)
{
        pthread_condattr_t attr;

        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
}

Mono wait_in(int64_t us)
{
        return mono_add(clock_mono(&clock_system), us > 0 ? us : 0);
}

bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, Mono until)
{
        const struct timespec t = { .tv_sec = until.us / US_PER_S, .tv_nsec = until.us % US_PER_S * 1000 };

        return pthread_cond_timedwait(cond, lock, &t) == 0;
}
