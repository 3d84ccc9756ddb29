/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ListPace: when the directory's list of domain controllers is read again
 *
 * Every ten minutes. Half a minute after one that could not be read, or while a controller on it is out of
 * reach: perhaps it was taken out of service. As long as that lasts, each look is twice as long after the one
 * before, so that one which is switched off for good costs no more than the rest.
 */

#include "base/clock.h"

#define LIST_EVERY_US ((int64_t)600000000)
#define LIST_SOON_US  ((int64_t)30000000)

typedef struct ListPace {
        Mono looked;     /* when it was read last, or could not be */
        int64_t soon_us; /* from then on until the next look, where not all is well; 0: it was never looked */
        bool failed;     /* it could not be read */
        bool missed;     /* one on it was out of reach then, and has been since */
} ListPace;

/* `misses`: a controller on the list is out of reach. */
static inline bool list_pace_is_due(ListPace *p, Mono now, bool misses)
{
        p->missed &= misses;
        if (!p->soon_us)
                return true;
        if (!p->missed && !p->failed)
                p->soon_us = LIST_SOON_US;
        return now.us - p->looked.us >= (misses || p->failed ? p->soon_us : LIST_EVERY_US);
}

static inline void list_pace_note(ListPace *p, Mono now, bool was_read, bool misses)
{
        bool again = p->missed || p->failed;

        p->soon_us = !again ? LIST_SOON_US : p->soon_us < LIST_EVERY_US / 2 ? p->soon_us * 2 : LIST_EVERY_US;
        p->looked = now;
        p->failed = !was_read;
        p->missed = misses;
}
