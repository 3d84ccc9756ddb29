/* SPDX-License-Identifier: Apache-2.0 */

/* `sosync match`: soft matches that wait for a person */

#include "app/command/options.h"
#include "app/control/control.h"
#include "app/control/matches.h"
#include "app/control/person.h"
#include "app/flow/acts.h"
#include "app/flow/state.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

typedef struct MatchCommand {
        const char *which; /* NULL: list */
        bool json;
} MatchCommand;

static json_t *ask_service(const Config *c, const MatchCommand *m, bool *ret_absent, int *ret_status)
{
        json_t *request = json_pack("{s:s, s:s?}", "do", m->which ? "approve" : "matches", "which", m->which);

        return command_ask(c, request, ret_absent, ret_status);
}

/* No service runs: the store itself. */
static json_t *ask_store(const Config *c, const MatchCommand *m, int *ret_status)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        Wall now = clock_wall(&clock_system);
        Diag diag = DIAG_INIT;
        json_t *result;
        int n, r;

        r = state_open(&queue, c, now, &diag);
        if (r) {
                *ret_status = command_fail_diag(state_exit_status(r), &diag);
                diag_deinit(&diag);
                return NULL;
        }
        if (!m->which) {
                result = matches_list(queue);
                if (!result)
                        *ret_status =
                                command_fail(EXIT_OBJECT, "%s: the store cannot be read", c->state.path);
                return result;
        }
        n = matches_approve(queue, m->which, person_name(), now);
        command_act(NULL, c, "approve", json_pack("{s:s}", "which", m->which), n >= 0);
        if (n >= 0)
                return json_integer(n);
        *ret_status = n == -EINVAL ? command_fail(EXIT_USAGE, MATCHES_WHICH, m->which)
                                   : command_fail(EXIT_OBJECT, "%s", queue_why(n));
        return NULL;
}

static int print(const MatchCommand *m, const json_t *result)
{
        Str out;

        if (m->which) {
                if (json_integer_value(result) == 0)
                        return command_fail(EXIT_OBJECT, "no soft match waits for \"%s\"", m->which);
                puts("Approved: it is joined by its next run, which is due now.");
                return EXIT_DONE;
        }
        if (m->json) {
                command_print_json(result);
                return EXIT_DONE;
        }
        str_init(&out, SIZE_MAX);
        if (json_array_size(result) == 0)
                str_add(&out, "No soft match waits for anybody.\n");
        matches_list_text(result, &out);
        fputs(out.data, stdout);
        str_deinit(&out);
        return EXIT_DONE;
}

static int parse(const Command *c, int argc, char **argv, MatchCommand *m)
{
        const Option options[] = { { "json", .flag = &m->json }, { NULL } };
        bool approve = argc && str_is(argv[0], "approve");
        int status;

        *m = (MatchCommand){ 0 };
        if (!approve && !(argc && str_is(argv[0], "list")))
                return command_usage(c);
        argc--, argv++;
        status = options_read(c, options, &argc, &argv);
        if (status)
                return status;
        if (argc != approve || (m->json && approve))
                return command_usage(c);
        m->which = approve ? argv[0] : NULL;
        return EXIT_DONE;
}

int command_match(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        MatchCommand m;
        json_t *result;
        bool absent;
        int status = parse(c, argc, argv, &m);

        if (status)
                return status;
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        result = ask_service(config, &m, &absent, &status);
        if (!result && absent)
                result = ask_store(config, &m, &status);
        if (!result)
                return status;
        status = print(&m, result);
        json_decref(result);
        return status;
}
