/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/job.h"
#include "app/command/options.h"
#include "base/str.h"

#include <string.h>

typedef struct SchedulerCommand {
        bool set;
        const char *enabled;
        bool json;
} SchedulerCommand;

/* Behind "name : ". */
#define TEXT_LEFT 38

static void add_value(Str *out, const json_t *v)
{
        if (json_is_boolean(v))
                str_add(out, json_is_true(v) ? "True" : "False");
        else if (json_is_string(v))
                str_add(out, json_string_value(v));
        for (size_t i = 0; i < json_array_size(v); i++)
                str_printf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(v, i)));
}

/* As Format-List has it: a line each, names in a column; what is not there stays empty. */
static void print_text(const json_t *result)
{
        _cleanup_(str_deinit) Str out = { 0 }, value = { 0 };
        const char *key;
        json_t *v;

        str_init(&out, 1 << 20);
        str_init(&value, 1 << 16);
        json_object_foreach((json_t *)(uintptr_t)result, key, v)
        {
                if (json_is_null(v) && str_starts(key, "Sosync"))
                        continue;
                str_reset(&value);
                add_value(&value, v);
                str_printf(&out, "%-35s :%s", key, value.n ? " " : "");
                if (value.n)
                        str_add_wrapped(&out, value.data, TEXT_LEFT, TEXT_LEFT, command_room());
                str_add(&out, "\n");
        }
        fputs(out.data, stdout);
}

static int parse(const Command *c, int argc, char **argv, SchedulerCommand *s)
{
        const Option options[] = {
                { "sync-cycle-enabled", .text = &s->enabled },
                { "json", .flag = &s->json },
                { NULL },
        };
        int status;

        *s = (SchedulerCommand){ .set = argc && str_is(argv[0], "set") };
        if (!argc || (!s->set && !str_is(argv[0], "show")))
                return command_usage(c);
        argc--, argv++;
        status = options_read(c, options, &argc, &argv);
        if (status)
                return status;
        if (argc || s->set != (s->enabled != NULL))
                return command_usage(c);
        if (s->set && !str_is(s->enabled, "true") && !str_is(s->enabled, "false"))
                return command_fail(EXIT_USAGE, "--sync-cycle-enabled: \"%s\" is neither true nor false",
                                    s->enabled);
        return EXIT_DONE;
}

int command_scheduler(const Command *c, const char *config_path, int argc, char **argv)
{
        SchedulerCommand s;
        json_t *result = NULL, *arguments;
        int status = parse(c, argc, argv, &s);

        if (status)
                return status;
        arguments = s.set ? json_pack("{s:b}", "SyncCycleEnabled", str_is(s.enabled, "true")) : json_object();
        status = command_job(config_path, "scheduler", arguments, &result);
        if (result && s.json) {
                command_print_json(result);
        } else if (result) {
                print_text(result);
        }
        json_decref(result);
        return status;
}
