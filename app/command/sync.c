/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/sync.h"
#include "app/command/command.h"
#include "app/command/job.h"
#include "app/command/progress.h"
#include "app/control/control.h"
#include "app/control/person.h"
#include "app/flow/reporter.h"
#include "base/error.h"
#include "base/str.h"
#include "report/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct SyncCommand {
        bool staging;
        bool no_html;
        const char *trace; /* what would be sent is written to this file; NULL: it is not */
        FILE *paper;
        const char *ou; /* NULL: only what is named */
        const char **dns;
        size_t n_dns, size_dns;
        Arena *arena;
        const Config *config;
        Wiring *wiring; /* NULL: a service runs, it is asked */
        Worker worker;
} SyncCommand;

static void add_dn(SyncCommand *s, const char *dn)
{
        if (s->n_dns == s->size_dns) {
                size_t size = s->size_dns ? s->size_dns * 2 : 16;
                const char **dns = arena_new_array(s->arena, const char *, size);

                if (s->n_dns)
                        memcpy(dns, s->dns, s->n_dns * sizeof(*dns));
                s->dns = dns;
                s->size_dns = size;
        }
        s->dns[s->n_dns++] = arena_strdup(s->arena, dn);
}

/* Lines of a file; empty ones and those that begin with # are passed over. */
static int read_list(SyncCommand *s, const char *path)
{
        _cleanup_(cleanup_fclose) FILE *f =
                str_is(path, "-") ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "r");
        char *line = NULL;
        size_t size = 0, before = s->n_dns;
        ssize_t n;
        bool bad;

        if (!f)
                return command_fail(EXIT_USAGE, "%s: %s", path, strerror(errno));
        while ((n = getline(&line, &size, f)) > 0) {
                while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' '))
                        line[--n] = 0;
                if (n > 0 && line[0] != '#')
                        add_dn(s, line);
        }
        bad = ferror(f);
        free(line);
        if (bad)
                return command_fail(EXIT_USAGE, "%s: %s", path, strerror(errno));
        if (s->n_dns == before)
                return command_fail(EXIT_USAGE, "%s: no distinguished name in it", path);
        return EXIT_DONE;
}

static bool is_dn(SyncCommand *s, const char *text)
{
        Diag diag = DIAG_INIT;
        const Dn *dn;
        int r = dn_parse(s->arena, text, &dn, &diag);

        /* Blanks are one too: both name the root of every server. */
        if (r == 0 && dn->n_rdns == 0)
                return command_fail(0, "an empty text is not a distinguished name") != 0;
        if (r)
                command_fail(EXIT_USAGE, "\"%s\" is not a distinguished name: %s",
                             str_safe(s->arena, text, strlen(text)), diag_text(&diag));
        diag_deinit(&diag);
        return r == 0;
}

/* Every DN is checked before the first is worked on: a typo in the last line does nothing half. */
static int check_dns(SyncCommand *s)
{
        int status = EXIT_DONE;

        for (size_t i = 0; i < s->n_dns; i++)
                if (!is_dn(s, s->dns[i]))
                        status = EXIT_USAGE;
        return s->ou && !is_dn(s, s->ou) ? EXIT_USAGE : status;
}

static int parse(const Command *c, SyncCommand *s, int argc, char **argv)
{
        static const struct option options[] = {
                { "staging-mode", no_argument, NULL, 's' }, { "no-html-report", no_argument, NULL, 'n' },
                { "file", required_argument, NULL, 'f' },   { "ou", required_argument, NULL, 'o' },
                { "trace", required_argument, NULL, 't' },  { NULL, 0, NULL, 0 },
        };
        int k;

        command_getopt(&argc, &argv);
        while ((k = getopt_long(argc, argv, "", options, NULL)) != -1)
                switch (k) {
                case 's':
                        s->staging = true;
                        break;
                case 'n':
                        s->no_html = true;
                        break;
                case 'f':
                        if (read_list(s, optarg))
                                return EXIT_USAGE;
                        break;
                case 'o':
                        if (s->ou)
                                return command_usage(c);
                        s->ou = optarg;
                        break;
                case 't':
                        s->trace = optarg;
                        s->staging = true;
                        break;
                default:
                        return command_usage(c);
                }
        for (int i = optind; i < argc; i++)
                add_dn(s, argv[i]);
        if (s->n_dns == 0 && !s->ou)
                return command_usage(c);
        return check_dns(s);
}

/* -- one object ---------------------------------------------------------------------------------------- */

static int ask_service(SyncCommand *s, const char *dn, Arena *a, Outcome *ret_outcome)
{
        json_t *request = json_pack("{s:s, s:s, s:b}", "do", "sync", "dn", dn, "staging", s->staging);
        const char *outcome;
        uint8_t *data;
        size_t n;
        int r, status;
        json_t *answer = command_answer(s->config, request, &r);

        if (r)
                return command_without_service(s->config, r);
        outcome = json_string_value(json_object_get(answer, "outcome"));
        if (!outcome) {
                const char *error = json_string_value(json_object_get(answer, "error"));

                status = (int)json_integer_value(json_object_get(answer, "exit"));
                command_fail(status, "%s: %s", dn, error ? error : "the service gave no answer");
                json_decref(answer);
                return status ? status : EXIT_OBJECT;
        }
        r = !str_unbase64(a, outcome, &data, &n) || outcome_unpack(a, data, n, ret_outcome);
        json_decref(answer);
        return r ? command_fail(EXIT_OBJECT, "%s: the service's answer cannot be read", dn) : EXIT_DONE;
}

static int by_hand(SyncCommand *s, const char *dn, Arena *a, Outcome *ret_outcome)
{
        Diag diag = DIAG_INIT;
        int r = sync_by_hand(s->wiring, &s->worker,
                             &(SyncRequest){ .dn = dn, .staging = s->staging, .by = person_name() }, a,
                             ret_outcome, &diag);

        if (r == SYNC_E_FULL)
                r = command_fail(EXIT_OBJECT, "%s: %s", dn, QUEUE_FULL_TEXT);
        else if (r)
                r = command_fail(r == SYNC_E_WAITS ? EXIT_UNREACHABLE : EXIT_OBJECT, "%s: %s", dn,
                                 diag_any(&diag) ? diag_text(&diag) : queue_why(r));
        command_act(&s->wiring->acts, NULL, "sync", json_pack("{s:s, s:b}", "dn", dn, "staging", s->staging),
                    r == 0);
        diag_deinit(&diag);
        return r;
}

/* -- the file of --trace ------------------------------------------------------------------------------- */

static int open_paper(SyncCommand *s)
{
        char when[WALL_TEXT_MAX];
        int fd;

        if (!s->trace)
                return EXIT_DONE;
        /* It has what is written about a person: for who asked for it. */
        fd = open(s->trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        s->paper = fd < 0 ? NULL : fdopen(fd, "w");
        if (!s->paper)
                return command_fail(EXIT_USAGE, "%s: %s", s->trace, strerror(errno));
        fprintf(s->paper,
                "# What sosync would send to Microsoft Graph; nothing was sent. Tokens and passwords are "
                "left out.\n"
                "# %s, tenant %s\n",
                wall_format(clock_wall(&clock_system), when), s->config->target.tenant_id);
        return EXIT_DONE;
}

static int close_paper(SyncCommand *s, int status)
{
        bool bad;

        if (!s->paper)
                return status;
        bad = ferror(s->paper);
        if (fclose(s->paper) || bad)
                return command_fail(EXIT_OBJECT, "%s: %s", s->trace, strerror(errno));
        return status;
}

/* One line of what becomes of it, then its requests. */
static void write_paper(SyncCommand *s, const char *dn, const Outcome *o, Arena *a)
{
        const StepRecord *export = &o->steps[STEP_export];
        const char *requests = NULL, *why = o->error.additional_details ?: o->error.reason;

        for (size_t i = 0; i < export->n_details; i++)
                if (str_is(export->details[i].key, STEP_REQUESTS))
                        requests = export->details[i].text;
        fprintf(s->paper, "\n### %s: %s%s%s%s%s\n", str_safe(a, dn, strlen(dn)),
                requests ? action_name(o->action) : "nothing to send", o->error.code ? ", " : "",
                o->error.code ? o->error.code : "", o->error.code && why ? ": " : "",
                o->error.code && why ? str_safe(a, why, strlen(why)) : "");
        if (requests)
                fputs(requests, s->paper);
}

static int sync_one(SyncCommand *s, const char *dn)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *path = NULL;
        Outcome o;
        char *text;
        int r = s->wiring ? by_hand(s, dn, a, &o) : ask_service(s, dn, a, &o);

        if (r)
                return r;
        if (s->paper)
                write_paper(s, dn, &o, a);
        text = summary_text(&o, s->n_dns > 1 || s->ou);
        puts(text);
        fflush(stdout);
        free(text);
        if (!s->no_html) {
                r = reporter_write_html(s->config, &o, NULL, a, &path);
                if (r)
                        command_fail(0, "the HTML report cannot be written below %s: %s",
                                     s->config->reports.path, strerror(-r));
                else
                        fprintf(stderr, "%s\n", path);
        }
        return (int)catalogue_exit_status(&o);
}

static int sync_all(SyncCommand *s)
{
        int status = EXIT_DONE;
        Progress progress;

        progress_init(&progress);
        for (size_t i = 0; i < s->n_dns; i++) {
                int r = sync_one(s, s->dns[i]);

                if (!status)
                        status = r;
                if (s->n_dns > 1 || s->ou)
                        progress_show(&progress, "synchronizing", i + 1, s->n_dns);
        }
        progress_end(&progress);
        return status;
}

/* No service runs: open the state, and do the work here. */
static int run_alone(SyncCommand *s, const char *config_path)
{
        Wiring wiring;
        Diag diag = DIAG_INIT;
        Source *sources[CONFIG_SOURCES_MAX];
        int r = wiring_open(&wiring, config_path, &diag), status;

        if (r == WIRING_E_BUSY) {
                /* Between our question and this a service has started. */
                wiring_close(&wiring);
                diag_deinit(&diag);
                return sync_all(s);
        }
        if (r == 0 && wiring.rules_broken)
                r = WIRING_E_CONFIG;
        if (r == 0)
                r = wiring_sources(&wiring, sources);
        if (r) {
                status = command_fail_diag(wiring_exit_status(r), &diag);
        } else {
                s->wiring = &wiring;
                worker_init(&s->worker, &wiring.shared, sources, LANES_ALL);
                status = sync_all(s);
                worker_deinit(&s->worker);
                /* An ack is not waited for. A put is, and all that stood in line before it is on disk then:
                 * the reports of these runs too. */
                queue_put(wiring.queue, &(Intake){ .now = clock_wall(&clock_system) });
                reporter_flush(wiring.queue, wiring.store, &wiring.acts, (ReporterTell){ 0 }, wiring.first,
                               &wiring.log);
        }
        wiring_close(&wiring);
        diag_deinit(&diag);
        return status;
}

/* What is below the OU joins what is named. Return: the exit status. */
static int list_below(SyncCommand *s, const char *config_path)
{
        json_t *result = NULL, *dns, *dn;
        int status = command_job(config_path, "below", json_pack("{s:s}", "ou", s->ou), &result);
        size_t i;

        dns = json_object_get(result, "dns");
        json_array_foreach(dns, i, dn) add_dn(s, json_string_value(dn));
        if (!status && !s->n_dns)
                fputs("Nothing that is in scope is below it.\n", stderr);
        json_decref(result);
        return status;
}

int command_sync(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *config = NULL;
        SyncCommand s = { .arena = a };
        int status = parse(c, &s, argc, argv);

        if (status)
                return status;
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        s.config = config;
        if (s.ou) {
                status = list_below(&s, config_path);
                if (status || !s.n_dns)
                        return status;
        }
        if (open_paper(&s))
                return EXIT_USAGE;
        if (command_service_runs(config, &status))
                status = sync_all(&s);
        else if (!status)
                status = run_alone(&s, config_path);
        return close_paper(&s, status);
}
