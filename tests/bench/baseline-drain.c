/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The unavoidable work of a backlog: baseline of `drain`
 *
 *      baseline-drain FOLDER THREADS [http] < peers, then a line a change: DN, id of the user, body to PATCH
 *
 * Each thread has its own connections and takes the next line: LDAP base read, GET, PATCH, one row in a
 * commit that all who wait share. With "http" only GET and PATCH are made: the ceiling of emulator and
 * transport. Prints seconds, and how many commits there were.
 */

#include "baseline.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256

typedef struct Drain Drain;

struct Drain {
        Peers peers;
        Store store;
        char **lines;
        size_t n_lines;
        _Atomic size_t next;
        pthread_barrier_t start;
        bool http_only;
};

static void *work(void *context)
{
        Drain *d = context;
        Line line;

        line_open(&line, &d->peers, !d->http_only);
        pthread_barrier_wait(&d->start);
        for (size_t i = d->next++; i < d->n_lines; i = d->next++) {
                char *rest = d->lines[i], *dn = strsep(&rest, "\t"), *id = strsep(&rest, "\t");

                if (!rest)
                        give_up(d->lines[i], "is not DN, id and body");
                if (!d->http_only)
                        line_read(&line, dn);
                line_get(&line, id);
                line_patch(&line, id, rest);
                if (!d->http_only)
                        store_commit(&d->store);
        }
        line_close(&line);
        return NULL;
}

int main(int argc, char **argv)
{
        static Drain d;
        size_t n_threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, size = 0;
        pthread_t threads[THREADS_MAX];
        char *text;
        int64_t from;

        if (argc < 3 || n_threads < 1 || n_threads > THREADS_MAX)
                give_up("usage", "baseline-drain FOLDER THREADS [http]");
        d.http_only = argc > 3;
        curl_global_init(CURL_GLOBAL_DEFAULT);
        peers_read(&d.peers);
        while ((text = read_line())) {
                if (d.n_lines == size) {
                        size = size ? size * 2 : 1024;
                        d.lines = reallocarray(d.lines, size, sizeof(*d.lines));
                        if (!d.lines)
                                abort();
                }
                d.lines[d.n_lines++] = text;
        }
        store_open(&d.store, argv[1]);
        pthread_barrier_init(&d.start, NULL, (unsigned)n_threads + 1);
        for (size_t i = 0; i < n_threads; i++)
                pthread_create(&threads[i], NULL, work, &d);
        pthread_barrier_wait(&d.start);
        from = now_ns();
        for (size_t i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        printf("%.6f %llu\n", (double)(now_ns() - from) / 1e9, (unsigned long long)d.store.n_commits);
        store_close(&d.store);
        for (size_t i = 0; i < d.n_lines; i++)
                free(d.lines[i]);
        free(d.lines);
        return 0;
}
