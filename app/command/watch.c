/* SPDX-License-Identifier: Apache-2.0 */

/* sosync watch: changes and what becomes of them, a line each, as they end */

#include "app/command/options.h"
#include "app/control/control.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <time.h>

typedef struct Watch {
        const char *ou;
        bool json, colour;
        size_t columns;
        json_int_t last; /* -1: from now on */
} Watch;

static int parse(const Command *c, int argc, char **argv, Watch *w)
{
        const Option options[] = { { "ou", .dn = &w->ou }, { "json", .flag = &w->json }, { NULL } };
        *w = (Watch){ .last = -1, .colour = command_colour(), .columns = command_columns() };
        return options_read_all(c, options, argc, argv);
}

static const char *text(const json_t *line, const char *key)
{
        const char *s = json_string_value(json_object_get(line, key));

        return s ? s : "";
}

static const char *tone_of(const json_t *line)
{
        const char *status = text(line, "status");

        return str_is(status, "failure")   ? "\033[31m"
               : str_is(status, "warning") ? "\033[33m"
               : str_is(status, "skipped") ? "\033[2m"
                                           : "\033[32m";
}

/* time, kind, lane, outcome, latency, object, code */
static void print_text(const Watch *w, const json_t *line)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *ms = json_object_get(line, "latencyMs");
        const char *dn = text(line, "dn"), *code = text(line, "errorCode");
        char clock[16] = "", latency[32] = "-";
        size_t room, taken = 52 + (*code ? strlen(code) + 2 : 0);
        Wall at = { 0 };
        struct tm local;
        time_t t;

        wall_parse(text(line, "activityDateTime"), &at);
        t = (time_t)(at.ms / 1000);
        if (localtime_r(&t, &local))
                strftime(clock, sizeof(clock), "%H:%M:%S", &local);
        if (json_is_integer(ms))
                duration_format(json_integer_value(ms) * 1000, latency, sizeof(latency));
        room = w->columns > taken + 24 ? w->columns - taken : 24;
        printf("%s  %-7s  %-9s  %s%-12s%s  %9s  %s%s%s\n", clock, text(line, "kind"), text(line, "lane"),
               w->colour ? tone_of(line) : "", text(line, "outcome"), w->colour ? "\033[0m" : "", latency,
               dn_shorten(a, str_safe(a, dn, strlen(dn)), room), *code ? "  " : "",
               str_safe(a, code, strlen(code)));
}

static bool print(Watch *w, const json_t *answer)
{
        const json_t *lines = json_object_get(answer, "lines");
        json_int_t missed = json_integer_value(json_object_get(answer, "missed"));
        json_t *line;
        size_t i;

        w->last = json_integer_value(json_object_get(answer, "last"));
        if (missed)
                fprintf(stderr, "sosync: %lld more passed by; `sosync report list` has them\n",
                        (long long)missed);
        json_array_foreach(lines, i, line)
        {
                if (w->json) {
                        json_dumpf(line, stdout, JSON_COMPACT);
                        putchar('\n');
                } else {
                        print_text(w, line);
                }
        }
        return fflush(stdout) == 0 && !ferror(stdout);
}

static char *request_of(const Watch *w)
{
        json_t *o = json_pack("{s:s, s:I}", "do", "watch", "after", w->last);
        char *request;

        if (w->ou)
                json_object_set_new(o, "ou", json_string(w->ou));
        request = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        return request;
}

int command_watch(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        bool more = true, spoke = false;
        Watch w;
        int status = parse(c, argc, argv, &w);

        if (status)
                return status;
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        while (more) {
                _cleanup_(cleanup_free) char *request = request_of(&w);
                _cleanup_(cleanup_free) char *line = NULL;
                int r = control_ask(config, request, &line);
                json_t *answer = r ? NULL : json_loads(line, 0, NULL);

                if (!answer && spoke)
                        return command_fail(EXIT_UNREACHABLE, "the service has stopped (%s)",
                                            config->state.path);
                if (!answer)
                        return command_without_service(config, r);
                if (json_is_true(json_object_get(answer, "ok")))
                        more = print(&w, answer);
                else
                        more = false, json_decref(command_result(json_incref(answer), &status));
                spoke = true;
                json_decref(answer);
        }
        return status;
}
