/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A driver whose server is the room that workers go into: it counts who was inside when the flag was given
 * back. Who is inside says so, and whether the flag was paused then.
 */

#include "engine/scheduler/scheduler.h"

#include <stdatomic.h>

typedef struct RoomDriver {
        Scheduler scheduler; /* first */
        _Atomic bool enabled;
        _Atomic unsigned inside;  /* normal changes in work */
        _Atomic unsigned n_early; /* given back while somebody was inside */
        _Atomic unsigned n_late;  /* somebody inside although the flag was not paused */
        _Atomic unsigned n_pauses;
} RoomDriver;

static inline int room_status(Scheduler *s, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        ret_state->sync_cycle_enabled = ((RoomDriver *)s)->enabled;
        return 0;
}

static inline int room_pause(Scheduler *s, int64_t for_us, const char *holder, Diag *diag)
{
        ((RoomDriver *)s)->n_pauses++;
        ((RoomDriver *)s)->enabled = false;
        return 0;
}

static inline int room_resume(Scheduler *s, const char *holder, Diag *diag)
{
        RoomDriver *room = (RoomDriver *)s;

        room->n_early += room->inside > 0;
        room->enabled = true;
        return 0;
}

static inline Scheduler *room_free(Scheduler *s)
{
        return NULL;
}

static const SchedulerOps room_ops = {
        .name = "room", .status = room_status, .pause = room_pause, .resume = room_resume, .free = room_free
};
