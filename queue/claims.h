/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Claims: which metaverse objects a run works on, in memory
 *
 * Two source objects can belong to one metaverse object; their runs must not work at once. A run claims at
 * most one, after its lease, so there is no order to get wrong, and nobody waits: who finds it taken comes
 * back in a moment (engine/steps/join.c).
 *
 * They are of one process, and gone with it: after a crash nobody is at work. In a cluster the log has them
 * too (OP_CLAIM), and this is asked first, because it costs nothing. Any thread.
 */

#include "engine/model/value.h"
#include "queue/keymap.h"

#include <pthread.h>

typedef struct Claims Claims;

struct Claims {
        pthread_mutex_t lock;
        KeyMap map; /* lock */
};

void claims_init(Claims *c);
void claims_deinit(Claims *c);
bool claims_take(Claims *c, const ObjectId *id);    /* false: another run has it */
void claims_release(Claims *c, const ObjectId *id); /* one that is not taken: nothing */
