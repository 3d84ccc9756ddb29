/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler-command.h"

#include "base/error.h"
#include "engine/scheduler/program.h"

#include <inttypes.h>
#include <string.h>

/* A status is a remote PowerShell: seconds of a processor there. */
#define POLL_US ((int64_t)15 * 1000000)

typedef struct CommandScheduler {
        Scheduler scheduler; /* first */
        const SchedulerConfig *config;
        const Clock *clock;
} CommandScheduler;

static int call(CommandScheduler *s, const ConfigList *program, const char *const *more, size_t n_more,
                Arena *a, ProgramResult *ret_result, Diag *diag)
{
        const char **words = arena_new_array(a, const char *, program->n_items + n_more + 1);
        int r;

        memcpy(words, program->items, program->n_items * sizeof(*words));
        if (n_more)
                memcpy(words + program->n_items, more, n_more * sizeof(*words));
        r = program_run(words, s->config->timeout_us, SCHEDULER_JSON_MAX, s->clock, a, ret_result, diag);
        return r > 0 ? SCHEDULER_E_UNREACHABLE : r;
}

static int command_status(Scheduler *scheduler, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        CommandScheduler *s = (CommandScheduler *)scheduler;
        ProgramResult result;
        int r = call(s, &s->config->status, NULL, 0, a, &result, diag);

        return r ? r : scheduler_parse(result.data, result.n, a, ret_state, diag);
}

static int command_pause(Scheduler *scheduler, int64_t for_us, const char *holder, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        CommandScheduler *s = (CommandScheduler *)scheduler;
        const char *more[] = { "--for", arena_printf(a, "%" PRId64, for_us / 1000000), "--holder", holder };
        ProgramResult result;

        return call(s, &s->config->pause, more, holder ? 4 : 0, a, &result, diag);
}

static int command_resume(Scheduler *scheduler, const char *holder, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        CommandScheduler *s = (CommandScheduler *)scheduler;
        const char *more[] = { "--holder", holder };
        ProgramResult result;

        return call(s, &s->config->resume, more, holder ? 2 : 0, a, &result, diag);
}

static Scheduler *command_free(Scheduler *s)
{
        free(s);
        return NULL;
}

static const SchedulerOps command_ops = {
        .name = "command",
        .status = command_status,
        .pause = command_pause,
        .resume = command_resume,
        .free = command_free,
};

int scheduler_command_new(Scheduler **ret_scheduler, const SchedulerConfig *config, const Clock *clock)
{
        CommandScheduler *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->scheduler = (Scheduler){ .ops = &command_ops, .poll_us = POLL_US };
        s->config = config;
        s->clock = clock;
        *ret_scheduler = &s->scheduler;
        return 0;
}
