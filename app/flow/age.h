/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Age: the time that ages are counted from, when old things are removed
 *
 * A clock may be years ahead for a while: a machine that starts with a wrong battery clock, until it has
 * heard from a time server. Whoever then removes "what is older than 30 days" removes everything, and it does
 * not come back with the clock. So this time follows the clock, but never faster than twice the time that has
 * passed by the monotonic one while the service ran:
 *
 *      clock      ----.          .-----------     a clock that is ahead for an hour makes what is kept
 *                      |________|                 an hour older, and no more
 *      age        -----/~~~~~~~~\------------     after a rest of a week it takes a week until all that
 *                                                 is too old has gone
 *
 * A clock that is behind counts at once (less is removed); when it has been more than a day behind for a day,
 * it was this time that was ahead, and it is set back.
 *
 * It is kept in the file `age` of the folder of the reports, of this machine. One thread.
 */

#include "base/clock.h"

typedef struct Age Age;

struct Age {
        Wall at;         /* the latest time that was believed; 0: not begun */
        Mono looked;     /* at the last age_pass() */
        int64_t back_us; /* the clock has been far behind `at` for so long */
};

/* From the file; without it from the clock, but not behind `newest`: the end of the newest that is stored (0:
 * nothing is). */
void age_begin(Age *g, const char *folder, Wall newest, Wall now, Mono mono);

/* Time has passed. Returns what ages are counted from now. */
Wall age_pass(Age *g, Wall now, Mono mono);

/* Into the file. Return: 0, -errno. */
int age_keep(const Age *g, const char *folder);
