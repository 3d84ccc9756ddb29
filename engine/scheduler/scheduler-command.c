/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler-command.h"

#include "base/error.h"
#include "base/program.h"

#include <inttypes.h>
#include <string.h>

/* A status is a remote PowerShell: seconds of a processor there. */
#define POLL_US ((int64_t)15 * 1000000)

typedef struct CommandScheduler {
        Scheduler scheduler; /* first */
        const SchedulerConfig *config;
} CommandScheduler;

static int call(CommandScheduler *s, const ConfigList *program, const char *const *more, size_t n_more,
                Arena *a, ProgramEnd *ret_end, Diag *diag)
{
        const char **words = arena_new_array(a, const char *, program->n_items + n_more + 1);
        Program p = { .argv = words, .timeout_us = s->config->timeout_us, .output_max = SCHEDULER_JSON_MAX };
        const char *failure;

        memcpy(words, program->items, program->n_items * sizeof(*words));
        if (n_more)
                memcpy(words + program->n_items, more, n_more * sizeof(*words));
        if (program_run(&p, a, ret_end, diag))
                return SCHEDULER_E_UNREACHABLE;
        failure = program_failure(&p, ret_end, a);
        if (!failure)
                return 0;
        diag_set(diag, "%s: %s", words[0], failure);
        return SCHEDULER_E_UNREACHABLE;
}

static int command_status(Scheduler *scheduler, Arena *a, SchedulerState *ret_state, Diag *diag)
{
        CommandScheduler *s = (CommandScheduler *)scheduler;
        ProgramEnd end;
        int r = call(s, &s->config->status, NULL, 0, a, &end, diag);

        return r ? r : scheduler_parse(end.output, end.n_output, a, ret_state, diag);
}

static int command_pause(Scheduler *scheduler, int64_t for_us, const char *holder, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        CommandScheduler *s = (CommandScheduler *)scheduler;
        const char *more[] = { "--for", arena_printf(a, "%" PRId64, for_us / 1000000), "--holder", holder };
        ProgramEnd end;

        return call(s, &s->config->pause, more, holder ? 4 : 0, a, &end, diag);
}

static int command_resume(Scheduler *scheduler, const char *holder, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        CommandScheduler *s = (CommandScheduler *)scheduler;
        const char *more[] = { "--holder", holder };
        ProgramEnd end;

        return call(s, &s->config->resume, more, holder ? 2 : 0, a, &end, diag);
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

int scheduler_command_new(Scheduler **ret_scheduler, const SchedulerConfig *config)
{
        CommandScheduler *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->scheduler = (Scheduler){ .ops = &command_ops, .poll_us = POLL_US };
        s->config = config;
        *ret_scheduler = &s->scheduler;
        return 0;
}
