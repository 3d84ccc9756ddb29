/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler-mem.h"

#include "base/error.h"

#include <string.h>

#define HOLDERS_MAX 4
#define STEP_MS     1000

typedef struct Holder {
        char name[128];
        Wall until;
} Holder;

struct ConnectMem {
        const Clock *clock;
        Wall at; /* how far it has lived */
        int64_t interval_us, duration_us;
        bool enabled, suspended;
        bool previous; /* what the last lease restores */
        Holder holders[HOLDERS_MAX];
        size_t n_holders;
        Wall running_until; /* 0: no cycle */
        Wall next, last;
        unsigned n_cycles;
        int64_t late_ms; /* the longest that a cycle was due before it began */
        unsigned n_calls[4];
        ConnectMemFault fault;
        void (*before)(void *context, ConnectMemCall call);
        void *context;
        void (*ended)(void *context);
        void *ended_context;
};

typedef struct MemScheduler {
        Scheduler scheduler; /* first */
        ConnectMem *server;
} MemScheduler;

static void run(ConnectMem *c, int64_t duration_us)
{
        c->running_until = wall_add(c->at, (duration_us ? duration_us : c->duration_us) / 1000);
        c->next = wall_add(c->at, c->interval_us / 1000);
}

static void drop_holder(ConnectMem *c, size_t i)
{
        c->holders[i] = c->holders[--c->n_holders];
        if (c->n_holders == 0 && c->previous)
                c->enabled = true;
}

/* What has happened there since it was last looked at. */
static void live(ConnectMem *c)
{
        Wall now = clock_wall(c->clock);

        for (; c->at.ms <= now.ms; c->at = wall_add(c->at, STEP_MS)) {
                if (c->running_until.ms && c->running_until.ms <= c->at.ms) {
                        c->last = c->running_until;
                        c->running_until.ms = 0;
                        c->n_cycles++;
                        if (c->ended)
                                c->ended(c->ended_context);
                }
                for (size_t i = c->n_holders; i-- > 0;)
                        if (c->holders[i].until.ms <= c->at.ms)
                                drop_holder(c, i);
                if (c->enabled && !c->suspended && !c->running_until.ms && c->next.ms <= c->at.ms) {
                        if (c->late_ms < c->at.ms - c->next.ms)
                                c->late_ms = c->at.ms - c->next.ms;
                        run(c, 0);
                }
        }
        c->at = wall_add(now, 0);
}

/* True: the call ends here, with *ret_end. */
static bool falters(ConnectMem *c, ConnectMemCall call, bool after, int *ret_end, Diag *diag)
{
        ConnectMemFault *f = &c->fault;

        if (!after) {
                c->n_calls[call]++;
                if (c->before)
                        c->before(c->context, call);
                live(c);
        }
        if (!(f->end || f->lie) || f->after != after || (f->on != CONNECT_MEM_ANY && f->on != call))
                return false;
        *ret_end = f->end;
        if (f->end)
                diag_set(diag, "%s", f->text ? f->text : "as the test says");
        if (f->n && --f->n == 0)
                *f = (ConnectMemFault){ 0 };
        return true;
}

static int mem_status(Scheduler *scheduler, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        ConnectMem *c = ((MemScheduler *)scheduler)->server;
        const char **names = arena_new_array(a, const char *, HOLDERS_MAX);
        int end;

        if (falters(c, CONNECT_MEM_STATUS, false, &end, diag))
                return end;
        for (size_t i = 0; i < c->n_holders; i++)
                names[i] = arena_strdup(a, c->holders[i].name);
        *ret_state = (SchedulerState){
                .allowed_interval_us = c->interval_us,
                .effective_interval_us = c->interval_us,
                .next_policy_type = "Delta",
                .next_start = c->next,
                .sync_cycle_enabled = c->enabled,
                .scheduler_suspended = c->suspended,
                .sync_cycle_in_progress = c->running_until.ms != 0,
                .holders = names,
                .n_holders = c->n_holders,
        };
        return 0;
}

static size_t find(const ConnectMem *c, const char *holder)
{
        size_t i = 0;

        while (i < c->n_holders && strcmp(c->holders[i].name, holder) != 0)
                i++;
        return i;
}

static int mem_pause(Scheduler *scheduler, int64_t for_us, const char *holder, Diag *diag)
{
        ConnectMem *c = ((MemScheduler *)scheduler)->server;
        int end = 0;

        if (falters(c, CONNECT_MEM_PAUSE, false, &end, diag))
                return end;
        if (!holder) {
                c->previous = c->enabled = false;
        } else {
                size_t i = find(c, holder);

                if (i == HOLDERS_MAX)
                        return SCHEDULER_E_UNREACHABLE;
                if (c->n_holders == 0)
                        c->previous = c->enabled;
                snprintf(c->holders[i].name, sizeof(c->holders[i].name), "%s", holder);
                c->holders[i].until = wall_add(clock_wall(c->clock), for_us / 1000);
                c->n_holders += i == c->n_holders;
                c->enabled = false;
        }
        falters(c, CONNECT_MEM_PAUSE, true, &end, diag);
        return end;
}

static int mem_resume(Scheduler *scheduler, const char *holder, Diag *diag)
{
        ConnectMem *c = ((MemScheduler *)scheduler)->server;
        int end = 0;

        if (falters(c, CONNECT_MEM_RESUME, false, &end, diag))
                return end;
        if (!holder) {
                c->n_holders = 0;
                c->enabled = true;
        } else if (find(c, holder) < c->n_holders) {
                drop_holder(c, find(c, holder));
        }
        falters(c, CONNECT_MEM_RESUME, true, &end, diag);
        return end;
}

static Scheduler *mem_free(Scheduler *s)
{
        free(s);
        return NULL;
}

static const SchedulerOps mem_ops = {
        .name = "mem",
        .status = mem_status,
        .pause = mem_pause,
        .resume = mem_resume,
        .free = mem_free,
};

Scheduler *connect_mem_open(ConnectMem *c)
{
        MemScheduler *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->scheduler = (Scheduler){ .ops = &mem_ops, .poll_us = (int64_t)15 * 1000000 };
        s->server = c;
        return &s->scheduler;
}

ConnectMem *connect_mem_new(const Clock *clock, int64_t interval_us, int64_t duration_us)
{
        ConnectMem *c = calloc(1, sizeof(*c));

        if (!c)
                error_oom(sizeof(*c));
        c->clock = clock;
        c->at = clock_wall(clock);
        c->interval_us = interval_us;
        c->duration_us = duration_us;
        c->enabled = true;
        c->next = wall_add(c->at, interval_us / 1000);
        return c;
}

ConnectMem *connect_mem_free(ConnectMem *c)
{
        free(c);
        return NULL;
}

void connect_mem_watch(ConnectMem *c, void (*before)(void *context, ConnectMemCall call), void *context)
{
        c->before = before;
        c->context = context;
}

void connect_mem_on_cycle(ConnectMem *c, void (*ended)(void *context), void *context)
{
        c->ended = ended;
        c->ended_context = context;
}

void connect_mem_fail(ConnectMem *c, const ConnectMemFault *fault)
{
        c->fault = *fault;
}

void connect_mem_set(ConnectMem *c, bool enabled)
{
        live(c);
        c->enabled = enabled;
        live(c);
}

void connect_mem_suspend(ConnectMem *c, bool suspended)
{
        live(c);
        c->suspended = suspended;
}

void connect_mem_start(ConnectMem *c, int64_t duration_us)
{
        live(c);
        run(c, duration_us);
}

bool connect_mem_enabled(ConnectMem *c)
{
        live(c);
        return c->enabled;
}

bool connect_mem_running(ConnectMem *c)
{
        live(c);
        return c->running_until.ms != 0;
}

unsigned connect_mem_cycles(ConnectMem *c)
{
        live(c);
        return c->n_cycles;
}

int64_t connect_mem_late(ConnectMem *c)
{
        live(c);
        return c->late_ms * 1000;
}

Wall connect_mem_last(ConnectMem *c)
{
        live(c);
        return c->last;
}

unsigned connect_mem_calls(ConnectMem *c, ConnectMemCall call)
{
        return c->n_calls[call];
}
