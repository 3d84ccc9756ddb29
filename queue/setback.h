/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Setback: the machine's clock was set back
 *
 * Due times are by that clock, and a retry in a second would be one in an hour. So the queue
 * compares each time it is told (queue_tell_time()) with the latest before; when the clock was set back, no
 * delay that was given before is believed any more: those rows are due now. It costs each an early retry.
 * Rows that were delayed since have later numbers (Place.sequence) and wait as they should. Dates (ROW_DATED)
 * are the directory's, and mean the clock as it is.
 */

#include "base/clock.h"

/* A step of less is not worth an early retry of everything: it makes waits longer by so much. */
#define SETBACK_MS 10000

/* `*latest`: 0 before the first look. True: the clock was set back since the last. */
static inline bool setback_look(Wall *latest, Wall now)
{
        bool is_back = latest->ms && now.ms < latest->ms - SETBACK_MS;

        if (is_back || now.ms > latest->ms)
                *latest = now;
        return is_back;
}
