/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler.h"

#include <assert.h>

int scheduler_status(Scheduler *s, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        SchedulerState state = { 0 };
        int r = s->ops->status(s, a, &state, diag);

        if (r == 0)
                *ret_state = state;
        return r;
}

int scheduler_pause(Scheduler *s, int64_t for_us, const char *holder, Diag *diag)
{
        assert(!holder == !for_us); /* a holder without an end would hold for ever */
        return s->ops->pause(s, for_us, holder, diag);
}

int scheduler_resume(Scheduler *s, const char *holder, Diag *diag)
{
        return s->ops->resume(s, holder, diag);
}

Scheduler *scheduler_free(Scheduler *s)
{
        return s ? s->ops->free(s) : NULL;
}

bool scheduler_is_held_by(const SchedulerState *state, const char *holder)
{
        for (size_t i = 0; i < state->n_holders; i++)
                if (str_is(state->holders[i], holder))
                        return true;
        return false;
}
