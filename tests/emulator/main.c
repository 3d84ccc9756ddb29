/* SPDX-License-Identifier: Apache-2.0 */

/* graph-emulator: reads its options, listens, runs until SIGTERM or SIGINT */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "mem.h"
#include "options.h"
#include "server.h"

static int complain(const char *what, const char *name, int error)
{
        fprintf(stderr, "graph-emulator: %s %s: %s\n", what, name, strerror(error));
        return EXIT_FAILURE;
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
        event_base_loopbreak(context);
}

/* Written beside and renamed, so that a reader sees either nothing or the whole number. */
static int write_port(const char *path, uint16_t port)
{
        _cleanup_(mem_freep) char *beside = NULL;
        FILE *file;

        if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0)
                abort();
        file = fopen(beside, "we");
        if (!file)
                return -errno;
        fprintf(file, "%u\n", (unsigned int)port);
        if (fclose(file) || rename(beside, path))
                return -errno;
        return 0;
}

static int run(const Options *options, struct event_base *base, Emulator *emulator)
{
        struct event *term = evsignal_new(base, SIGTERM, on_signal, base),
                     *stop = evsignal_new(base, SIGINT, on_signal, base);
        _cleanup_(server_freep) Server *server = NULL;
        uint16_t port;
        int r;

        evsignal_add(term, NULL);
        evsignal_add(stop, NULL);
        r = server_new(&server, base, emulator, options->listen, options->port, &port);
        if (r < 0) {
                r = complain("cannot listen on", options->listen, -r);
        } else {
                r = options->port_file ? write_port(options->port_file, port) : 0;
                if (r < 0)
                        r = complain("cannot write", options->port_file, -r);
        }
        if (!r) {
                printf("graph-emulator: listening on %s:%u\n", options->listen, (unsigned int)port);
                fflush(stdout);
                event_base_dispatch(base);
        }
        event_free(term);
        event_free(stop);
        return r;
}

static int start(Options *options)
{
        struct event_base *base = mem_need(event_base_new());
        FILE *file = NULL;
        Emulator emulator;
        int r;

        if (options->journal_file) {
                file = fopen(options->journal_file, "we");
                if (!file) {
                        event_base_free(base);
                        return complain("cannot write", options->journal_file, errno);
                }
                setvbuf(file, NULL, _IOLBF, 0);
        }
        if (!options->seed)
                options->seed = server_clock_us() ^ ((int64_t)getpid() << 40);
        emulator_init(&emulator, options, server_clock_us());
        journal_init(&emulator.journal, (size_t)options->journal_size, (size_t)options->journal_bytes, file);
        r = run(options, base, &emulator);
        emulator_deinit(&emulator);
        event_base_free(base);
        return r;
}

int main(int argc, char **argv)
{
        Options options;
        int r = 0;

        /* a client that goes away is no reason to stop */
        signal(SIGPIPE, SIG_IGN);
        /* the hash of JSON objects starts from the same seed in each run, so that runs can be repeated */
        json_object_seed(1);
        if (options_parse(&options, argc, argv))
                r = 2;
        else if (options.help)
                options_help();
        else
                r = start(&options);
        options_deinit(&options);
        return r;
}
