/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/bundle.h"
#include "app/command/options.h"
#include "app/flow/reporter.h"
#include "base/str.h"
#include "report/store.h"
#include "report/summary.h"
#include "report/text.h"

#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

typedef struct ListOptions {
        ReportFilter filter;
        size_t limit;
        bool json;
} ListOptions;

static bool parse_result(const char *s, int *ret_result)
{
        for (int i = RESULT_SUCCESS; i <= RESULT_WARNING; i++)
                if (str_is(result_name((Result)i), s)) {
                        *ret_result = i;
                        return true;
                }
        return false;
}

static int parse_list(const Command *c, int argc, char **argv, ListOptions *o)
{
        const char *status_name = NULL;
        int64_t limit = 50;
        const Option options[] = {
                { "status", .text = &status_name },  { "since", .since = &o->filter.since },
                { "ou", .dn = &o->filter.ou },       { "code", .text = &o->filter.error_code },
                { "text", .text = &o->filter.text }, { "limit", .number = &limit, .min = 1, .max = 1000000 },
                { "json", .flag = &o->json },        { NULL },
        };
        int status;

        *o = (ListOptions){ .filter = { .result = -1, .disposition = -1 } };
        status = options_read_all(c, options, argc - 1, argv + 1);
        if (status)
                return status;
        if (status_name && !parse_result(status_name, &o->filter.result))
                return command_fail(EXIT_USAGE,
                                    "--status: \"%s\" is not one of success, failure, skipped, warning",
                                    status_name);
        o->limit = (size_t)limit;
        return EXIT_DONE;
}

static void print_json_row(const ReportRow *row)
{
        char finished[WALL_TEXT_MAX], guid[GUID_TEXT_MAX];
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "id", row->run_id,
                              "activityDateTime", wall_format(row->finished, finished), "status",
                              result_name(row->result), "outcome", disposition_name(row->disposition),
                              "provisioningAction", action_name(row->action), "lane", lane_name(row->lane),
                              "objectGuid", guid_format(&row->object, guid), "dn", row->dn ? row->dn : "",
                              "errorCode", row->error_code);

        json_object_set_new(o, "latencyMs",
                            row->latency_ms >= 0 ? json_integer((json_int_t)row->latency_ms) : json_null());
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
}

/* A terminal of less columns does without the action; the outcome says nearly as much. */
#define WIDE 110

static void print_text_row(Arena *a, const ReportRow *row, size_t columns)
{
        char when[32], latency[32] = "-";
        time_t t = (time_t)(row->finished.ms / 1000);
        struct tm local;
        const char *dn = str_safe(a, row->dn ? row->dn : "", row->dn ? strlen(row->dn) : 0);
        const char *code = row->error_code ? row->error_code : "";
        size_t taken = (columns < WIDE ? 50 : 59) + (*code ? strlen(code) + 2 : 0);
        bool is_below = columns < taken + 20;
        size_t room = !is_below ? columns - taken : columns > 70 ? columns - 50 : 20;

        localtime_r(&t, &local);
        strftime(when, sizeof(when), "%m-%d %H:%M:%S", &local);
        if (row->latency_ms >= 0)
                duration_format(row->latency_ms * 1000, latency, sizeof(latency));
        printf("%s  %.8s  %-12s", when, row->run_id, disposition_name(row->disposition));
        if (columns >= WIDE)
                printf(" %-8s", action_name(row->action));
        /* What does not fit beside the object stands below it. */
        printf(" %9s  %s", latency, dn_shorten(a, dn, room));
        if (*code)
                printf(is_below ? "\n%50s%s" : "%2s%s", "", code);
        putchar('\n');
}

/* A report may have one that was known once; what nobody knows is a slip of the keyboard. */
static bool is_known_code(const char *code)
{
        const CatalogueRow *rows;
        size_t n;

        rows = catalogue_all(&n);
        for (size_t i = 0; i < n; i++)
                if (str_is_nocase(rows[i].code, code))
                        return true;
        return false;
}

static int list(const Command *c, const Config *config, ReportStore *store, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ListOptions o;
        ReportRow *rows;
        size_t n;
        int r = parse_list(c, argc, argv, &o);

        (void)config;
        if (r)
                return r;
        r = report_store_list(store, &o.filter, 0, o.limit, a, &rows, &n);
        if (r)
                return command_fail(EXIT_OBJECT, "the reports cannot be read: %s",
                                    strerror(r < 0 ? -r : EIO));
        if (!n && o.filter.error_code && !is_known_code(o.filter.error_code))
                return command_fail(EXIT_USAGE,
                                    "--code: no report has \"%s\", and sosync(1) lists no such code",
                                    str_safe(a, o.filter.error_code, strlen(o.filter.error_code)));
        if (!o.json && n)
                printf("%-14s  %-8s  %-12s%s %9s  %s\n", "time", "run", "outcome",
                       command_columns() < WIDE ? "" : " action  ", "latency", "object");
        for (size_t i = 0; i < n; i++)
                if (o.json)
                        print_json_row(&rows[i]);
                else
                        print_text_row(a, &rows[i], command_columns());
        return EXIT_DONE;
}

/* Fewer characters are many runs' beginning. */
#define RUN_MIN 4

static int read_run(ReportStore *store, const char *run, Arena *a, Outcome *o)
{
        Diag diag = DIAG_INIT;
        int r;

        if (strlen(run) < RUN_MIN)
                return command_fail(EXIT_USAGE,
                                    "\"%s\" is not a run's id or at least %d characters of its beginning",
                                    run, RUN_MIN);
        r = report_store_read(store, run, a, o, &diag);
        if (r == REPORT_E_NONE)
                command_fail(EXIT_OBJECT, "there is no report \"%s\" (or more than one begins so)", run);
        else if (r)
                command_fail(EXIT_OBJECT, "report %s: %s", run, diag_text(&diag));
        diag_deinit(&diag);
        return r ? EXIT_OBJECT : EXIT_DONE;
}

static int show(const Command *c, const Config *config, ReportStore *store, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        bool json = argc == 3 && (str_is(argv[1], "--json") || str_is(argv[2], "--json"));
        const char *run = argv[json && str_is(argv[1], "--json") ? 2 : 1];
        Outcome o;
        Str out;
        int status;

        (void)config;
        if (argc != 2 && !json)
                return command_usage(c);
        status = read_run(store, run, a, &o);
        if (status)
                return status;
        if (json) {
                char *text = summary_text(&o, false);

                puts(text);
                free(text);
                return EXIT_DONE;
        }
        str_init(&out, SIZE_MAX);
        text_report(&o, command_columns(), command_colour(), &out);
        fputs(out.data, stdout);
        str_deinit(&out);
        return EXIT_DONE;
}

/* Write the page of a run. Return: the exit status. */
static int write_page(const Config *config, ReportStore *store, const char *run, Arena *a,
                      const char **ret_path)
{
        HtmlPrevious previous;
        Outcome o;
        int r = read_run(store, run, a, &o);

        if (r)
                return r;
        r = reporter_write_html(config, &o,
                                reporter_find_previous(config, store, &o, a, &previous) ? &previous : NULL, a,
                                ret_path);
        if (r)
                return command_fail(EXIT_OBJECT, "the HTML report cannot be written below %s: %s",
                                    config->reports.path, strerror(-r));
        return EXIT_DONE;
}

static int html(const Command *c, const Config *config, ReportStore *store, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *path;
        int status;

        if (argc != 2)
                return command_usage(c);
        status = write_page(config, store, argv[1], a, &path);
        if (status == EXIT_DONE)
                puts(path);
        return status;
}

/* What the desktop opens pages with; BROWSER names another. */
static int open_page(const Command *c, const Config *config, ReportStore *store, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *browser = getenv("BROWSER"), *path;
        char *args[3] = { NULL };
        int status, child;
        pid_t pid;

        if (argc != 2)
                return command_usage(c);
        status = write_page(config, store, argv[1], a, &path);
        if (status)
                return status;
        args[0] = arena_strdup(a, browser && *browser ? browser : "xdg-open");
        args[1] = arena_strdup(a, path);
        if (posix_spawnp(&pid, args[0], NULL, NULL, args, environ) || waitpid(pid, &child, 0) != pid ||
            !WIFEXITED(child) || WEXITSTATUS(child)) {
                puts(path);
                return command_fail(EXIT_OBJECT, "%s cannot open it; the report is the file above", args[0]);
        }
        return EXIT_DONE;
}

static int export(const Command *c, const Config *config, ReportStore *store, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        HtmlPrevious previous;
        const char *path;
        int status = EXIT_DONE;
        Outcome o;

        if (argc != 2 && argc != 3)
                return command_usage(c);
        status = read_run(store, argv[1], a, &o);
        if (status)
                return status;
        path = argc == 3 ? argv[2] : arena_printf(a, "sosync-report-%.8s.zip", o.run_id);
        if (bundle_write(path, config, &o,
                         reporter_find_previous(config, store, &o, a, &previous) ? &previous : NULL, &diag))
                status = command_fail_diag(EXIT_OBJECT, &diag);
        else
                puts(path);
        diag_deinit(&diag);
        return status;
}

static const struct {
        const char *name;
        int (*run)(const Command *c, const Config *config, ReportStore *store, int argc, char **argv);
} verbs[] = {
        { "list", list }, { "show", show }, { "html", html }, { "open", open_page }, { "export", export },
};

int command_report(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        _cleanup_(report_store_freep) ReportStore *store = NULL;
        Diag diag = DIAG_INIT;
        int r, status = EXIT_DONE;

        if (argc < 1)
                return command_usage(c);
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                if (!str_is(verbs[i].name, argv[0]))
                        continue;
                config = command_config_load(config_path, &status);
                if (!config)
                        return status;
                r = report_store_new(&store, config->reports.path, false, &diag);
                if (r) {
                        status = command_fail_diag(command_status(r), &diag);
                        diag_deinit(&diag);
                        return status;
                }
                return verbs[i].run(c, config, store, argc, argv);
        }
        return command_usage(c);
}
