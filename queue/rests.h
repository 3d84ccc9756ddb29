/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rests: which objects were exported a moment ago
 *
 * An object that is changed again and again is exported now and then, not each time (queue.h, "rests"). What
 * is kept here is the object's key and the end of its rest, in memory, for as long as it lasts. The caller
 * has the lock.
 */

#include "base/clock.h"
#include "base/list.h"
#include "engine/space/space.h"
#include "queue/keymap.h"

typedef struct Rests Rests;

struct Rests {
        KeyMap until;
        List line; /* all of them; each addition looks at the two in front, so that none is forgotten here */
};

void rests_init(Rests *r);
void rests_deinit(Rests *r);

/* From now on, until then. What is in the past ends a rest. */
void rests_set(Rests *r, const uint8_t key[OBJECT_KEY_SIZE], Wall until, Wall now);

/* Rests last a minute at most; one that ends later than this was set before the clock was set back. */
#define RESTS_MAX_MS 120000

static inline bool rests_are_believed(Wall until, Wall now)
{
        return until.ms - now.ms <= RESTS_MAX_MS;
}

/* The end of the object's rest; 0: it has none. */
Wall rests_of(const Rests *r, const uint8_t key[OBJECT_KEY_SIZE], Wall now);
