/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scheduler/scheduler-config.h"

static const char *const drivers[] = { "internal", "command", NULL };
static const char *const during_cycle[] = { "urgent", "none", "all", NULL };
static const char *const unreachable[] = { "wait", "proceed", NULL };
static const char *const min_gaps[] = { "cycle", "time", NULL };

#define COMMAND_ONLY .tag = "driver", .only_if = 1u << SCHEDULER_COMMAND

const ConfigField scheduler_fields[] = {
        { .name = "driver",
          .type = CONFIG_CHOICE,
          .offset = offsetof(SchedulerConfig, driver),
          .choices = drivers,
          .fallback = "internal",
          .help = "whose flag: sosync's own, or Entra Connect's through programs" },
        { .name = "status",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(SchedulerConfig, status),
          .help = "program and arguments that print Get-ADSyncScheduler as JSON",
          COMMAND_ONLY },
        { .name = "pause",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(SchedulerConfig, pause),
          .help = "program and arguments that set SyncCycleEnabled to false; called with --for SECONDS "
                  "--holder NAME",
          COMMAND_ONLY },
        { .name = "resume",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(SchedulerConfig, resume),
          .help = "program and arguments that give it back; called with --holder NAME",
          COMMAND_ONLY },
        { .name = "timeout",
          .type = CONFIG_DURATION,
          .offset = offsetof(SchedulerConfig, timeout_us),
          .fallback = "30s",
          .min = 1,
          .max = 600,
          .help = "how long such a program may take before it is ended" },
        { .name = "holder",
          .type = CONFIG_TEXT,
          .offset = offsetof(SchedulerConfig, holder),
          .help = "name of this service among those that pause the flag; none: sosync@ and the host's name" },
        { .name = "max_hold",
          .type = CONFIG_DURATION,
          .offset = offsetof(SchedulerConfig, max_hold_us),
          .fallback = "5m",
          .min = 10,
          .max = 3600,
          .help = "longest time the regular cycle is held back" },
        { .name = "linger",
          .type = CONFIG_DURATION,
          .offset = offsetof(SchedulerConfig, linger_us),
          .min = 0.1,
          .max = 3600,
          .help = "how long the flag stays paused after the last change; none: 2s for internal, 2m for "
                  "command" },
        { .name = "min_gap",
          .type = CONFIG_CHOICE,
          .offset = offsetof(SchedulerConfig, min_gap),
          .choices = min_gaps,
          .fallback = "cycle",
          .help = "after max_hold the flag stays given back: until a cycle that was due has run, or for "
                  "min_release" },
        { .name = "min_release",
          .type = CONFIG_DURATION,
          .offset = offsetof(SchedulerConfig, min_release_us),
          .fallback = "2m",
          .min = 1,
          .max = 86400,
          .help = "after max_hold the flag stays given back at least so long" },
        { .name = "during_cycle",
          .type = CONFIG_CHOICE,
          .offset = offsetof(SchedulerConfig, during_cycle),
          .choices = during_cycle,
          .fallback = "urgent",
          .help = "which changes go ahead while a regular cycle runs" },
        { .name = "unreachable",
          .type = CONFIG_CHOICE,
          .offset = offsetof(SchedulerConfig, unreachable),
          .choices = unreachable,
          .fallback = "wait",
          .help = "what normal changes do when the flag cannot be read or paused; urgent ones never wait for "
                  "it" },
        { 0 },
};

int64_t scheduler_linger(const SchedulerConfig *c)
{
        if (c->linger_us)
                return c->linger_us;
        return (c->driver == SCHEDULER_COMMAND ? 120 : 2) * (int64_t)1000000;
}

static int need_program(const ConfigList *program, const char *key, const ConfigDoc *doc, Diag *diag)
{
        const char *const *words = program->items;

        if (program->n_refused)
                return CONFIG_E_INVALID; /* said by the reader */
        if (program->n_items == 0) {
                diag_add_at(diag, config_mark(doc, "scheduler"),
                            "scheduler: driver command needs \"%s\": a program and its arguments", key);
                return CONFIG_E_INVALID;
        }
        if (words[0][0] != '/') {
                diag_add_at(diag, program->marks[0],
                            "scheduler.%s: \"%s\" is not the whole path of a program", key, words[0]);
                return CONFIG_E_INVALID;
        }
        return 0;
}

int scheduler_check(const SchedulerConfig *c, bool connect, const ConfigDoc *doc, Diag *diag)
{
        int bad = 0;

        if (c->driver == SCHEDULER_COMMAND) {
                bad |= need_program(&c->status, "status", doc, diag);
                bad |= need_program(&c->pause, "pause", doc, diag);
                bad |= need_program(&c->resume, "resume", doc, diag);
        } else if (connect) {
                diag_add_at(diag, config_mark(doc, "scheduler.driver"),
                            "scheduler.driver: internal cannot know the flag of Entra Connect, which "
                            "target.estate names; it must be command");
                bad = CONFIG_E_INVALID;
        }
        if (connect && c->during_cycle == DURING_CYCLE_NONE) {
                diag_add_at(diag, config_mark(doc, "scheduler.during_cycle"),
                            "scheduler.during_cycle: beside Entra Connect urgent changes never wait for a "
                            "cycle; expected urgent or all");
                bad = CONFIG_E_INVALID;
        }
        return bad ? CONFIG_E_INVALID : 0;
}
