/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/options.h"
#include "app/control/control.h"
#include "app/control/person.h"
#include "engine/model/dn.h"

#include "app/service/service.h"
#include "base/str.h"
#include "base/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FAIL_MAX ((size_t)64 << 10)

/* One line: what was typed, or a server has said, may have line ends and escapes. */
int command_fail(int status, const char *format, ...)
{
        _cleanup_(str_deinit) Str raw = { 0 }, safe = { 0 };
        va_list ap;

        str_init(&raw, FAIL_MAX);
        str_init(&safe, SIZE_MAX);
        va_start(ap, format);
        str_vprintf(&raw, format, ap);
        va_end(ap);
        str_add_safe(&safe, raw.data, raw.n);
        fprintf(stderr, "sosync: %s\n", safe.data);
        return status;
}

int command_fail_diag(int status, const Diag *diag)
{
        if (!diag_any(diag))
                return command_fail(status, "%s", diag_text(diag));
        for (size_t i = 0; i < diag->n_items; i++)
                fprintf(stderr, "sosync: %s\n", diag->items[i].text);
        if (diag->n_dropped)
                fprintf(stderr, "sosync: and %zu more\n", diag->n_dropped);
        return status;
}

int command_status(int r)
{
        return r == -EACCES || r == -EPERM ? EXIT_USAGE : EXIT_OBJECT;
}

int command_looked(int status, Diag *diag)
{
        if (status)
                command_fail_diag(status, diag);
        diag_deinit(diag);
        return status;
}

/* "Usage: sosync queue stats|list|...", in lines of 80 columns. Returns the column in which it ends. */
static size_t usage_line(FILE *to, const char *global, const Command *c)
{
        const int left = (int)strlen("Usage: sosync ");
        size_t at = (size_t)fprintf(to, "Usage: sosync %s%s%s", global, c->name, *c->arguments ? " " : "");

        for (const char *s = c->arguments; *s;) {
                size_t n = strcspn(s, "|");

                n += s[n] == '|';
                if (at + n > 80 && at > (size_t)left) {
                        fprintf(to, "\n%*s", left, "");
                        at = (size_t)left;
                }
                fprintf(to, "%.*s", (int)n, s);
                at += n;
                s += n;
        }
        return at;
}

void command_help(const Command *c, FILE *to)
{
        usage_line(to, "[-c FILE] ", c);
        fprintf(to, "\n\n%s\n", c->help);
        if (c->options)
                fprintf(to, "\n%s", c->options);
        fprintf(to, "\nExample: %s\n", c->example);
}

int command_usage(const Command *c)
{
        size_t at = usage_line(stderr, "", c) + strlen(c->name) + strlen("; `sosync  --help` says more");

        fprintf(stderr, "%s`sosync %s --help` says more\n", at > 80 ? "\n" : "; ", c->name);
        return EXIT_USAGE;
}

/* Verbs stand in the arguments as "list|retry WHICH|drop WHICH"; of a command without any each word is good.
 */
bool command_knows_verb(const Command *c, const char *word)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Suggest s;

        if (!islower((unsigned char)c->arguments[0]))
                return true;
        suggest_init(&s, word);
        for (const char *at = c->arguments; *at;) {
                const char *verb = arena_strndup(a, at, strcspn(at, "| "));

                if (str_is(verb, word))
                        return true;
                suggest_offer(&s, verb);
                at += strcspn(at, "|");
                at += *at == '|';
        }
        if (word[0] == '-')
                command_fail(EXIT_USAGE, "%s: what to do comes first, then \"%s\"", c->name, word);
        else if (s.found)
                command_fail(EXIT_USAGE, "%s: unknown \"%s\"; did you mean \"%s\"?", c->name, word, s.found);
        else
                command_fail(EXIT_USAGE, "%s: unknown \"%s\"", c->name, word);
        command_usage(c);
        return false;
}

static Config *load(const char *path, int (*how)(Config **c, const char *path, Diag *diag), int *ret_status)
{
        Diag diag = DIAG_INIT;
        Config *c = NULL;

        if (how(&c, path, &diag)) {
                *ret_status = command_fail_diag(EXIT_USAGE, &diag);
                diag_deinit(&diag);
                return NULL;
        }
        diag_deinit(&diag);
        return c;
}

Config *command_config_load(const char *path, int *ret_status)
{
        return load(path, config_load_partly, ret_status);
}

Config *command_config_load_rules(const char *path, int *ret_status)
{
        return load(path, config_load, ret_status);
}

int command_unanswered(const Config *c, int r)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        return command_fail(command_status(r), "%s", control_why(a, c, r));
}

json_t *command_answer(const Config *c, json_t *request, int *ret_r)
{
        _cleanup_(cleanup_free) char *text = json_dumps(request, JSON_COMPACT), *line = NULL;

        json_decref(request);
        *ret_r = control_ask(c, text, &line);
        return *ret_r ? NULL : json_loads(line, 0, NULL);
}

json_t *command_result(json_t *answer, int *ret_status)
{
        json_t *result = json_incref(json_object_get(answer, "result"));

        if (!result) {
                const char *error = json_string_value(json_object_get(answer, "error"));
                int status = (int)json_integer_value(json_object_get(answer, "exit"));

                *ret_status = command_fail(status ? status : EXIT_OBJECT, "%s",
                                           error ? error : "the service gave no answer");
        }
        json_decref(answer);
        return result;
}

json_t *command_ask(const Config *c, json_t *request, bool *ret_absent, int *ret_status)
{
        int r;
        json_t *answer = command_answer(c, request, &r);

        *ret_absent = control_is_absent(r);
        if (r == 0)
                return command_result(answer, ret_status);
        if (!*ret_absent)
                *ret_status = command_unanswered(c, r);
        return NULL;
}

int command_without_service(const Config *c, int r)
{
        if (control_is_absent(r))
                return command_fail(EXIT_UNREACHABLE, "no service runs here (%s); `sosync run` starts it",
                                    c->state.path);
        return command_unanswered(c, r) == EXIT_USAGE ? EXIT_USAGE : EXIT_UNREACHABLE;
}

bool command_service_runs(const Config *c, int *ret_status)
{
        int r;

        json_decref(command_answer(c, json_pack("{s:s}", "do", "status"), &r));
        *ret_status = r == 0 || control_is_absent(r) ? EXIT_DONE : command_unanswered(c, r);
        return r == 0;
}

void command_print_json(const json_t *j)
{
        json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
}

void command_getopt(int *argc, char ***argv)
{
        static char program[] = "sosync";

        *--*argv = program;
        ++*argc;
        optind = 1;
}

bool command_dn(const char *option, const char *text)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const Dn *dn;

        if (!text)
                return true;
        if (dn_parse(a, text, &dn, &diag) == 0) {
                if (dn->n_rdns)
                        return true;
                diag_set(&diag, "it is empty");
        }
        command_fail(EXIT_USAGE, "%s: \"%s\" is not a distinguished name: %s", option,
                     str_safe(a, text, strlen(text)), diag_text(&diag));
        return false;
}

bool command_since(const char *text, Wall *ret_since)
{
        static const struct {
                char unit;
                double ms;
        } units[] = { { 's', 1000 }, { 'm', 60e3 }, { 'h', 3600e3 }, { 'd', 86400e3 } };
        char *end, day[40];
        double n = strtod(text, &end);

        for (size_t i = 0; i < N_ELEMENTS(units); i++)
                if (end != text && end[0] == units[i].unit && !end[1] && n >= 0 && n < 1e6) {
                        *ret_since = wall_add(clock_wall(&clock_system), -(int64_t)(n * units[i].ms));
                        return true;
                }
        /* A day begins at midnight, UTC as all times here. */
        snprintf(day, sizeof(day), "%.20sT00:00:00Z", text);
        if (wall_parse(text, ret_since) || wall_parse(day, ret_since))
                return true;
        command_fail(EXIT_USAGE,
                     "--since: \"%s\" is neither a span (30m, 2h, 7d) nor a time in UTC (2026-11-22 or "
                     "2026-11-22T08:00:00Z)",
                     text);
        return false;
}

/**
 * command_act() - enter what a command did itself into the audit log
 * @request: taken over
 */
void command_act(Acts *a, const Config *c, const char *verb, json_t *request, bool ok)
{
        json_t *answer = json_pack("{s:b}", "ok", ok);
        Diag diag = DIAG_INIT;

        person_sign(request);
        if (a)
                acts_person(a, person_name(), verb, request, answer);
        else if (acts_alone(c, person_name(), verb, request, ok, &diag))
                command_fail(EXIT_DONE, "warning: the audit log could not be written%s%s",
                             diag_any(&diag) ? ": " : "", diag_any(&diag) ? diag_text(&diag) : "");
        diag_deinit(&diag);
        json_decref(answer);
        json_decref(request);
}

size_t command_columns(void)
{
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
                return size.ws_col;
        return 100;
}

size_t command_room(void)
{
        return isatty(STDOUT_FILENO) ? command_columns() : SIZE_MAX;
}

bool command_colour(void)
{
        const char *no = getenv("NO_COLOR");

        return isatty(STDOUT_FILENO) && (!no || !*no);
}

int command_run(const Command *c, const char *config_path, int argc, char **argv)
{
        const char *record = NULL;
        const Option options[] = { { "record", .text = &record }, { NULL } };
        int status = options_read_all(c, options, argc, argv);

        if (status)
                return status;
        return service_run(config_path, record);
}
