/* SPDX-License-Identifier: Apache-2.0 */

/* `sosync state copy`: everything durable, from one machine to a cluster and back */

#include "app/flow/state.h"
#include "app/command/options.h"
#include "app/command/progress.h"
#include "app/flow/owner.h"
#include "base/str.h"
#include "queue/state-copy.h"

#include <string.h>

static const char lmdb[] = "lmdb:", jetstream[] = "jetstream:";

typedef struct CopyCommand {
        const char *from, *to;
        bool replace;
        bool json;
        bool to_cluster;
        const char *folder;  /* of the lmdb: that is one of them */
        const char *servers; /* of the jetstream: that is the other */
} CopyCommand;

static const char *behind(const char *text, const char *prefix)
{
        size_t n = strlen(prefix);

        return text && strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* One of each kind. Return: 0, or the exit status; said why. */
static int understand(CopyCommand *c)
{
        const char *from = behind(c->from, lmdb), *to = behind(c->to, jetstream);

        c->to_cluster = from && to;
        if (!c->to_cluster) {
                to = behind(c->from, jetstream);
                from = behind(c->to, lmdb);
        }
        if (!from || !to)
                return command_fail(
                        EXIT_USAGE,
                        "--from %s --to %s: one is lmdb:FOLDER and the other jetstream:URL[,URL...]; without "
                        "a folder or URLs those of the configuration",
                        c->from, c->to);
        c->folder = from;
        c->servers = to;
        return 0;
}

/* URLs of the command take the place of those of the configuration. Return: 0, or the exit status. */
static int set_servers(const CopyCommand *c, const Config *config, Arena *a, BusOptions *bus)
{
        size_t n = 0, max = strlen(c->servers) + 1;
        const char **urls = arena_new_array(a, const char *, max);
        bool verified = bus->ca || bus->certificate, tls;

        for (const char *at = c->servers; *at;) {
                size_t length = strcspn(at, ",");
                const char *url = arena_strndup(a, at, length);

                if (!jetstream_url_check(url, &tls))
                        return command_fail(EXIT_USAGE,
                                            "\"%s\" is no URL of a NATS server: nats://HOST:PORT or "
                                            "tls://HOST:PORT",
                                            str_safe(a, url, length));
                verified = verified || tls;
                urls[n++] = url;
                at += length;
                at += *at == ',';
        }
        if (n) {
                bus->urls = urls;
                bus->n_urls = n;
        }
        if (!bus->n_urls)
                return command_fail(EXIT_USAGE, "jetstream: without a URL means state.jetstream.urls, and "
                                                "the configuration has none");
        if (n && config->state.jetstream.credentials_file && !verified)
                return command_fail(EXIT_USAGE,
                                    "state.jetstream.credentials_file wants a connection that is verified: "
                                    "tls:// in the URL");
        return 0;
}

typedef struct Shown {
        Progress progress;
        const char *phase;
} Shown;

static bool show(void *context, uint64_t done, uint64_t total)
{
        Shown *s = context;

        progress_show(&s->progress, s->phase, done, total);
        return false;
}

static void print(const CopyCommand *c, const char *folder, const char *log, uint64_t n_bytes)
{
        char number[PROGRESS_NUMBER_MAX];

        if (c->json) {
                json_t *result = json_pack("{s:s, s:s, s:s, s:I}", "from", c->from, "to", c->to, "name", log,
                                           "bytes", (json_int_t)n_bytes);

                command_print_json(result);
                json_decref(result);
        } else if (c->to_cluster) {
                printf("%s bytes: what was in %s is the state of the cluster \"%s\" now. Each node begins "
                       "with it: an empty state.path, and state.backend: jetstream.\n",
                       progress_number(n_bytes, number), folder, log);
        } else {
                printf("%s bytes: the state of the cluster \"%s\" is in %s now, for one machine: "
                       "state.backend: lmdb.\n",
                       progress_number(n_bytes, number), log, folder);
        }
}

static int copy(const CopyCommand *c, const Config *config)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        BusOptions bus = jetstream_config_bus(&config->state.jetstream, a);
        Shown shown = { .phase = c->to_cluster ? "sending" : "reading" };
        StateCopy how = {
                .folder = c->folder[0] ? c->folder : config->state.path,
                .bus = &bus,
                .log = config->state.jetstream.name,
                .replace = c->replace,
                .now = clock_wall(&clock_system),
                .progress = show,
                .context = &shown,
        };
        uint64_t n_bytes = 0;
        int r = set_servers(c, config, a, &bus);

        if (r)
                return r;
        if (owner_become(how.folder, &diag))
                return command_fail_diag(EXIT_OBJECT, &diag);
        progress_init(&shown.progress);
        r = c->to_cluster ? state_copy_to_cluster(&how, &n_bytes, &diag)
                          : state_copy_to_folder(&how, &n_bytes, &diag);
        progress_end(&shown.progress);
        command_act(NULL, config, "state-copy",
                    json_pack("{s:s, s:s, s:b}", "from", c->from, "to", c->to, "replace", c->replace),
                    r == 0);
        if (r)
                return command_fail_diag(state_exit_status(r), &diag);
        print(c, how.folder, how.log, n_bytes);
        return EXIT_DONE;
}

int command_state(const Command *c, const char *config_path, int argc, char **argv)
{
        _cleanup_(config_unrefp) Config *config = NULL;
        CopyCommand copying = { 0 };
        const Option options[] = {
                { "from", .text = &copying.from },
                { "to", .text = &copying.to },
                { "replace", .flag = &copying.replace },
                { "json", .flag = &copying.json },
                { NULL },
        };
        int status;

        if (argc < 1 || !str_is(argv[0], "copy"))
                return command_usage(c);
        argc--, argv++;
        status = options_read(c, options, &argc, &argv);
        if (status)
                return status;
        if (argc || !copying.from || !copying.to)
                return command_usage(c);
        status = understand(&copying);
        if (status)
                return status;
        config = command_config_load(config_path, &status);
        return config ? copy(&copying, config) : status;
}
