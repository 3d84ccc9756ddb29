/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler-internal.h"

#include "base/error.h"
#include "base/pack.h"

#include <pthread.h>

#define NAME "scheduler.internal"

/* It is asked for nothing: a read of memory and of one row. */
#define POLL_US ((int64_t)1000000)

typedef struct InternalScheduler {
        Scheduler scheduler; /* first */
        FlagStore store;
        pthread_mutex_t lock; /* of what follows */
        bool in_progress;
        int64_t interval_us;
        Wall next;
} InternalScheduler;

static const MemoShape shape = { .version = 1, .n_fields = 1 };

static int read_enabled(const FlagStore *store, bool *ret_enabled, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        MemoReader m;
        int r = memo_open(store->space, NAME, &shape, a, &m, NULL);

        *ret_enabled = true; /* as Connect's is, when nobody has said anything */
        if (r == SPACE_E_NONE)
                return 0;
        if (r)
                return error_fold(r);
        *ret_enabled = unpack_bool(&m.pack);
        if (memo_close(&m) == 0)
                return 0;
        diag_set(diag, "the stored flag cannot be read");
        return SCHEDULER_E_GARBAGE;
}

static int write_enabled(Scheduler *scheduler, bool enabled, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        InternalScheduler *s = (InternalScheduler *)scheduler;
        SpaceBatch batch;
        PackWriter w;
        int r;

        memo_begin(&w, &shape);
        pack_bool(&w, enabled);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, NAME, SPACE_ANY);
        r = s->store.commit(s->store.context, &batch);
        if (r == 0)
                return 0;
        diag_set(diag, "the flag could not be stored");
        return SCHEDULER_E_UNREACHABLE;
}

static int internal_status(Scheduler *scheduler, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        InternalScheduler *s = (InternalScheduler *)scheduler;
        bool enabled;
        int r = read_enabled(&s->store, &enabled, diag);

        if (r)
                return r;
        pthread_mutex_lock(&s->lock);
        *ret_state = (SchedulerState){
                .allowed_interval_us = s->interval_us,
                .effective_interval_us = s->interval_us,
                .next_policy_type = "Delta",
                .next_start = s->next,
                .sync_cycle_enabled = enabled,
                .sync_cycle_in_progress = s->in_progress,
        };
        pthread_mutex_unlock(&s->lock);
        return 0;
}

static int internal_pause(Scheduler *s, int64_t for_us, const char *holder, Diag *diag)
{
        return write_enabled(s, false, diag);
}

static int internal_resume(Scheduler *s, const char *holder, Diag *diag)
{
        return write_enabled(s, true, diag);
}

static Scheduler *internal_free(Scheduler *scheduler)
{
        InternalScheduler *s = (InternalScheduler *)scheduler;

        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
}

static const SchedulerOps internal_ops = {
        .name = "internal",
        .status = internal_status,
        .pause = internal_pause,
        .resume = internal_resume,
        .free = internal_free,
};

int scheduler_internal_new(Scheduler **ret_scheduler, const FlagStore *store)
{
        InternalScheduler *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->scheduler = (Scheduler){ .ops = &internal_ops, .poll_us = POLL_US, .own_cycle = true };
        s->store = *store;
        pthread_mutex_init(&s->lock, NULL);
        *ret_scheduler = &s->scheduler;
        return 0;
}

void scheduler_internal_cycle(Scheduler *scheduler, bool in_progress, int64_t interval_us, Wall next)
{
        InternalScheduler *s = (InternalScheduler *)scheduler;

        if (!scheduler->own_cycle)
                return;
        pthread_mutex_lock(&s->lock);
        s->in_progress = in_progress;
        s->interval_us = interval_us;
        s->next = next;
        pthread_mutex_unlock(&s->lock);
}
