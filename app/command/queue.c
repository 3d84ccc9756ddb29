/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/options.h"
#include "app/command/queue-store.h"
#include "app/control/control.h"
#include "app/control/queue-view.h"
#include "app/flow/acts.h"
#include "app/flow/brake-store.h"
#include "app/flow/state.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

typedef struct QueueCommand {
        const char *verb;
        const char *state;
        const char *which;
        const char *brake;
        int64_t limit;
        bool json;
} QueueCommand;

static json_t *ask_service(const Config *c, const QueueCommand *q, bool *ret_absent, int *ret_status)
{
        json_t *request = json_pack("{s:s, s:s?, s:s?, s:I, s:s?, s:b}", "do", q->brake ? "release" : q->verb,
                                    "state", q->state, "which", q->which, "max", (json_int_t)q->limit + 1,
                                    "brake", q->brake, "drop", str_is(q->verb, "drop"));

        return command_ask(c, request, ret_absent, ret_status);
}

static json_t *steer(Queue *queue, const QueueCommand *q, Wall now, int *ret_status)
{
        int n = queue_view_steer(queue, str_is(q->verb, "drop") ? QUEUE_VERB_DROP : QUEUE_VERB_RETRY,
                                 q->which, now);

        if (n >= 0)
                return json_integer(n);
        *ret_status = n == -EINVAL
                              ? command_fail(EXIT_USAGE,
                                             "\"%s\" is neither a distinguished name, nor an objectGUID, "
                                             "nor \"parked\"",
                                             q->which)
                              : command_fail(EXIT_OBJECT, "%s", queue_why(n));
        return NULL;
}

/* With the counters of the brakes: to look at them, or to release one. */
static json_t *ask_brakes(Queue *queue, const Config *c, const QueueCommand *q, Wall now)
{
        json_t *result = NULL;
        BrakeStore brakes;
        BrakeView view;
        Brake brake;

        if (brake_store_init(&brakes, queue, now) == 0) {
                if (q->brake && brake_parse(q->brake, &brake)) {
                        int n = brake_store_release(&brakes, brake, str_is(q->verb, "drop"), now);

                        result = n < 0 ? NULL : json_integer(n);
                } else {
                        brake_store_view(queue, &brakes.counters, &c->brakes, now, &view);
                        result = queue_view_stats(queue, &view, now);
                }
        }
        brake_store_deinit(&brakes, now);
        return result;
}

/* No service runs: the store itself. */
static json_t *ask_store(const Config *c, const QueueCommand *q, int *ret_status)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        Wall now = clock_wall(&clock_system);
        Diag diag = DIAG_INIT;
        json_t *result = NULL;
        int r;

        r = state_open(&queue, c, now, &diag);
        if (r) {
                *ret_status = command_fail_diag(state_exit_status(r), &diag);
                diag_deinit(&diag);
                return NULL;
        }
        if (str_is(q->verb, "stats") || q->brake)
                result = ask_brakes(queue, c, q, now);
        else if (str_is(q->verb, "list"))
                result = queue_view_list(queue, q->state, (size_t)q->limit + 1);
        else
                return steer(queue, q, now, ret_status);
        if (!result)
                *ret_status = command_fail(EXIT_OBJECT, "%s: the queue cannot be read", c->state.path);
        return result;
}

/* What was done without a service. To look is no act. */
static void record(const Config *c, const QueueCommand *q, bool ok)
{
        if (!str_is(q->verb, "stats") && !str_is(q->verb, "list"))
                command_act(NULL, c, q->verb, json_pack("{s:s?, s:s?}", "which", q->which, "brake", q->brake),
                            ok);
}

/* One more than wanted was asked for: it tells whether there are more. */
static void cut(const QueueCommand *q, json_t *list)
{
        if (json_array_size(list) <= (size_t)q->limit)
                return;
        json_array_remove(list, json_array_size(list) - 1);
        fprintf(stderr, "sosync: only the first %lld are shown; see --limit, and `sosync queue stats`\n",
                (long long)q->limit);
}

static void print(const QueueCommand *q, const json_t *result)
{
        Str out;

        if (q->json) {
                command_print_json(result);
                return;
        }
        str_init(&out, SIZE_MAX);
        if (str_is(q->verb, "stats"))
                queue_view_stats_text(result, &out);
        else if (str_is(q->verb, "list"))
                queue_view_list_text(result, command_columns(), &out);
        else
                str_printf(&out, "%lld %s\n", (long long)json_integer_value(result),
                           str_is(q->verb, "drop")      ? "dropped"
                           : str_is(q->verb, "release") ? "released"
                                                        : "due now");
        fputs(out.data, stdout);
        str_deinit(&out);
}

static int parse(const Command *c, int argc, char **argv, QueueCommand *q)
{
        const Option options[] = {
                { "state", .text = &q->state },
                { "limit", .number = &q->limit, .min = 1, .max = 99999 },
                { "brake", .text = &q->brake },
                { "json", .flag = &q->json },
                { NULL },
        };
        Brake brake;
        bool named = false;
        int status;

        if (!argc)
                return command_usage(c);
        *q = (QueueCommand){ .verb = argv[0], .limit = 1000 };
        argc--, argv++;
        status = options_read(c, options, &argc, &argv);
        if (status)
                return status;
        for (int i = 0; i < _QUEUE_STATE_N; i++)
                named |= str_is(q->state, queue_state_name((QueueState)i));
        if (q->state && !named)
                return command_fail(EXIT_USAGE,
                                    "--state: \"%s\" is not one of ready, leased, delayed, parked, dated",
                                    q->state);
        if (q->brake && !brake_parse(q->brake, &brake))
                return command_fail(EXIT_USAGE,
                                    "--brake: \"%s\" is not one of disable, members, values, create",
                                    q->brake);
        if (q->state && !str_is(q->verb, "list"))
                return command_fail(EXIT_USAGE, "--state is for `sosync queue list`");
        named = str_is(q->verb, "retry") || (str_is(q->verb, "drop") && !q->brake) ||
                str_is(q->verb, "backup") || str_is(q->verb, "restore") || (str_is(q->verb, "check") && argc);
        if (!q->brake != !(str_is(q->verb, "release") || (str_is(q->verb, "drop") && q->brake)))
                return command_usage(c);
        if (argc != named)
                return command_usage(c);
        q->which = named ? argv[0] : NULL;
        return EXIT_DONE;
}

int command_queue(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        QueueCommand q;
        json_t *result;
        bool absent;
        int status = parse(c, argc, argv, &q);

        if (status)
                return status;
        if (str_is(q.verb, "backup"))
                return command_queue_backup(config_path, q.which, q.json);
        config = command_config_load(config_path, &status);
        if (!config)
                return status;
        if (str_is(q.verb, "check"))
                return command_queue_check(config, q.which, q.json);
        if (str_is(q.verb, "restore"))
                return command_queue_restore(config, q.which, q.json);
        result = ask_service(config, &q, &absent, &status);
        if (!result && absent) {
                result = ask_store(config, &q, &status);
                record(config, &q, result != NULL);
        }
        if (!result)
                return status;
        if (str_is(q.verb, "list"))
                cut(&q, result);
        print(&q, result);
        json_decref(result);
        return EXIT_DONE;
}
