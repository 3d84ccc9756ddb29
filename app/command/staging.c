/* SPDX-License-Identifier: Apache-2.0 */

/* `sosync promote` and `sosync demote`: out of staging, and back */

#include "app/flow/staging.h"
#include "app/command/options.h"
#include "app/control/control.h"
#include "app/control/person.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct StagingCommand {
        const char *verb;
        bool yes;
        bool take_over;
        const Config *config;
        Wiring *wiring; /* NULL: a service runs, it is asked */
} StagingCommand;

static json_t *ask_service(const StagingCommand *s, bool check)
{
        json_t *request =
                json_pack("{s:s, s:b, s:b}", "do", s->verb, "check", check, "takeOver", s->take_over);
        int r;
        json_t *answer = command_answer(s->config, request, &r);

        return r ? json_pack("{s:b, s:s}", "ok", 0, "error", "the service has stopped") : answer;
}

static json_t *ask(const StagingCommand *s, bool check)
{
        const StagingRequest request = {
                .check = check,
                .take_over = s->take_over,
                .name = person_name(),
        };
        json_t *answer;

        if (!s->wiring)
                return ask_service(s, check);
        answer = str_is(s->verb, "demote") ? staging_demote(s->wiring, &request)
                                           : staging_promote(s->wiring, &request);
        if (!check)
                command_act(&s->wiring->acts, NULL, s->verb, json_pack("{s:b}", "takeOver", s->take_over),
                            json_is_true(json_object_get(answer, "ok")));
        return answer;
}

/* On standard error: it is what the question is about, not a result. */
static void show_comparison(const json_t *last)
{
        const char *at = json_string_value(json_object_get(last, "at"));
        const char *fits = json_string_value(json_object_get(last, "anchorFits"));

        if (!at) {
                fprintf(stderr, "There is no comparison yet: `sosync compare` shows what would change.\n");
                return;
        }
        fprintf(stderr,
                "Compared at %s: %.2f%% equal, %lld different, %lld only in Active Directory, %lld only in "
                "Microsoft Entra ID.\n",
                at, json_number_value(json_object_get(last, "percent")),
                (long long)json_integer_value(json_object_get(last, "different")),
                (long long)json_integer_value(json_object_get(last, "onlyHere")),
                (long long)json_integer_value(json_object_get(last, "onlyThere")));
        if (fits)
                fprintf(stderr, "AnchorMismatch: the anchors in Microsoft Entra ID were made of %s.\n", fits);
}

/* "y" on a terminal. Nobody is asked twice, and silence is no. */
static bool is_agreed(void)
{
        char line[16] = "";

        fputs("Begin to export to Microsoft Entra ID? [y/N] ", stderr);
        fflush(stderr);
        return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int promote(const StagingCommand *s)
{
        int status = EXIT_DONE;
        json_t *result = command_result(ask(s, true), &status);
        bool staging;

        if (!result)
                return status;
        staging = json_is_true(json_object_get(result, "staging"));
        if (staging)
                show_comparison(json_object_get(result, "comparison"));
        json_decref(result);
        if (staging && !s->yes) {
                if (!isatty(STDIN_FILENO))
                        return command_fail(EXIT_USAGE, "nobody can be asked here; say --yes");
                if (!is_agreed())
                        return command_fail(EXIT_OBJECT, "staging goes on");
        }
        result = command_result(ask(s, false), &status);
        if (!result)
                return status;
        if (!json_is_true(json_object_get(result, "staging")))
                puts("Staging is over already; this installation exports.");
        else
                printf("Staging has ended. %lld object%s that it held back %s due now.\n"
                       "Who has not changed since the service first ran is as before; `sosync reconcile "
                       "--all` "
                       "takes\neverybody in scope.\n",
                       (long long)json_integer_value(json_object_get(result, "queued")),
                       json_integer_value(json_object_get(result, "queued")) == 1 ? "" : "s",
                       json_integer_value(json_object_get(result, "queued")) == 1 ? "is" : "are");
        json_decref(result);
        return EXIT_DONE;
}

static int demote(const StagingCommand *s)
{
        int status = EXIT_DONE;
        json_t *result = command_result(ask(s, false), &status);

        if (!result)
                return status;
        puts(json_is_true(json_object_get(result, "staging"))
                     ? "Staging is on already; nothing is exported."
                     : "Staging is on. Nothing is exported until `sosync promote`.");
        json_decref(result);
        return EXIT_DONE;
}

static int decide(const StagingCommand *s)
{
        return str_is(s->verb, "demote") ? demote(s) : promote(s);
}

/* No service runs: open the state, and decide here. */
static int decide_alone(StagingCommand *s, const char *config_path)
{
        Wiring wiring;
        Diag diag = DIAG_INIT;
        int r = wiring_open(&wiring, config_path, &diag), status;

        if (r) {
                status = command_fail_diag(r == WIRING_E_CONFIG ? EXIT_USAGE : EXIT_OBJECT, &diag);
        } else {
                s->wiring = &wiring;
                status = decide(s);
        }
        wiring_close(&wiring);
        diag_deinit(&diag);
        return status;
}

static int parse(const Command *c, StagingCommand *s, int argc, char **argv)
{
        const Option options[] = { { "yes", .flag = &s->yes },
                                   { "take-over", .flag = &s->take_over },
                                   { NULL } };
        int status = options_read(c, options, &argc, &argv);

        if (status)
                return status;
        return argc || (str_is(s->verb, "demote") && (s->yes || s->take_over)) ? command_usage(c) : EXIT_DONE;
}

int command_staging(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        StagingCommand s = { .verb = c->name };
        int status = parse(c, &s, argc, argv);

        if (status)
                return status;
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        s.config = config;
        if (command_service_runs(config, &status))
                return decide(&s);
        return status ? status : decide_alone(&s, config_path);
}
