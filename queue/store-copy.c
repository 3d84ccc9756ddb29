/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/store.h"

#include "base/error.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* LMDB writes its copy to a file descriptor only, so it writes into a pipe, in a thread of its own. */
typedef struct Writer {
        MDB_env *env;
        int fd; /* the end of the pipe that LMDB writes to */
        int rc;
} Writer;

static void *write_copy(void *context)
{
        Writer *w = context;

        w->rc = mdb_env_copyfd2(w->env, w->fd, MDB_CP_COMPACT);
        close(w->fd);
        return NULL;
}

/* As much as fits, or what is left. Return: bytes, -errno. */
static ssize_t read_piece(int from, uint8_t *piece, size_t max)
{
        size_t n = 0;

        while (n < max) {
                ssize_t got = read(from, piece + n, max - n);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                n += (size_t)got;
        }
        return (ssize_t)n;
}

static int pump(int from, size_t max, StoreSinkFn sink, void *context)
{
        _cleanup_(cleanup_free) uint8_t *piece = malloc(max);

        if (!piece)
                error_oom(max);
        for (;;) {
                ssize_t n = read_piece(from, piece, max);
                int r;

                if (n <= 0)
                        return (int)n;
                r = sink(context, piece, (size_t)n);
                if (r)
                        return r;
        }
}

/**
 * store_copy_out() - what is durable now, compact, piece by piece
 *
 * Return: 0, what the sink gave, -errno.
 */
int store_copy_out(Store *s, size_t piece, StoreSinkFn sink, void *context)
{
        Writer writer = { .env = s->env };
        pthread_t thread;
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC))
                return error_origin(-errno);
        writer.fd = ends[1];
        r = thread_start(&thread, write_copy, &writer, "copy");
        if (r) {
                close(ends[0]);
                close(ends[1]);
                return r;
        }
        r = pump(ends[0], piece, sink, context);
        close(ends[0]); /* a closed pipe ends LMDB's copy */
        pthread_join(thread, NULL);
        return r == 0 && writer.rc ? store_error(writer.rc) : r;
}
