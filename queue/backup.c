/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/backup.h"

#include "base/error.h"
#include "base/folder.h"
#include "base/str.h"
#include "queue/check.h"
#include "queue/queue-lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

static int copy_bytes(int from, int to, uint64_t *ret_bytes)
{
        _cleanup_(cleanup_free) uint8_t *chunk = malloc(CHUNK);
        uint64_t done = 0;
        int r = 0;

        if (!chunk)
                error_oom(CHUNK);
        while (r == 0) {
                ssize_t n = read(from, chunk, CHUNK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        r = n < 0 ? -errno : 0;
                        break;
                }
                r = str_write(to, chunk, (size_t)n);
                done += (uint64_t)n;
        }
        *ret_bytes = done;
        return r;
}

typedef struct Target {
        int file;
        uint64_t done, total;
        BackupProgressFn progress;
        void *context;
} Target;

static int write_piece(void *context, const uint8_t *data, size_t n)
{
        Target *t = context;
        int r = str_write(t->file, data, n);

        t->done += n;
        if (r == 0 && t->progress &&
            t->progress(t->context, t->done, t->total > t->done ? t->total : t->done))
                r = QUEUE_E_CLOSED;
        return r;
}

static int copy_into(QueueLmdb *q, int file, BackupProgressFn progress, void *context, uint64_t *ret_bytes)
{
        Target t = { .file = file, .progress = progress, .context = context };
        int r = store_used(&q->store, &t.total);

        if (r)
                return error_trace(r);
        r = store_copy_out(&q->store, CHUNK, write_piece, &t);
        *ret_bytes = t.done;
        if (r == 0 && fsync(file) < 0)
                r = -errno;
        return r;
}

static int refuse(int r, const char *path, Diag *diag)
{
        diag_set(diag, "%s: %s", path, strerror(-r));
        return r;
}

/**
 * queue_lmdb_backup() - a copy of what is durable now
 *
 * Return: 0, QUEUE_E_CLOSED, -EEXIST, -ENOSPC, -errno.
 */
int queue_lmdb_backup(Queue *queue, const char *folder, BackupProgressFn progress, void *context,
                      uint64_t *ret_bytes, Diag *diag)
{
        static const char name[] = "data.mdb", unfinished[] = "data.mdb.unfinished";
        _cleanup_(cleanup_close) int dir = -1, file = -1;
        struct stat st;
        int r;

        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return refuse(-errno, folder, diag);
        dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return refuse(-errno, folder, diag);
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                diag_set(diag, "%s/%s: is there already; a backup wants a folder of its own", folder, name);
                return -EEXIST;
        }
        file = openat(dir, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file < 0)
                return refuse(-errno, folder, diag);
        r = copy_into(queue_lmdb(queue), file, progress, context, ret_bytes);
        if (r == 0 && (renameat(dir, unfinished, dir, name) < 0 || fsync(dir) < 0))
                r = -errno;
        if (r == 0)
                return 0;
        unlinkat(dir, unfinished, 0);
        return r < 0 ? refuse(r, folder, diag) : r;
}

/* -- restore --------------------------------------------------------------------------------------------- */

static int copy_file(int dir, const char *copy, const char *name, uint64_t *ret_bytes, Diag *diag)
{
        _cleanup_(cleanup_free) char *from_path = NULL;
        _cleanup_(cleanup_close) int from = -1, to = -1;
        int r;

        if (asprintf(&from_path, "%s/data.mdb", copy) < 0)
                error_oom(strlen(copy));
        from = open(from_path, O_RDONLY | O_CLOEXEC);
        if (from < 0)
                return refuse(-errno, from_path, diag);
        to = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        /* Root restores what a service will open. */
        r = to < 0 ? -errno : folder_give(dir, to);
        if (r == 0)
                r = copy_bytes(from, to, ret_bytes);
        if (r == 0 && fsync(to) < 0)
                r = -errno;
        return r ? refuse(r, name, diag) : 0;
}

/* The old file gets a second name, and then the new one takes the first: there is always one of them. */
static int swap_in(int dir, const char *unfinished, Diag *diag)
{
        static const char name[] = "data.mdb", before[] = "data.mdb.before-restore";

        if (unlinkat(dir, before, 0) < 0 && errno != ENOENT)
                return refuse(-errno, before, diag);
        if (linkat(dir, name, dir, before, 0) < 0 && errno != ENOENT)
                return refuse(-errno, before, diag);
        if (renameat(dir, unfinished, dir, name) < 0)
                return refuse(-errno, name, diag);
        /* What was in work belongs to the store that was; LMDB makes its table of readers anew. */
        unlinkat(dir, "marks", 0);
        unlinkat(dir, "lock.mdb", 0);
        return fsync(dir) < 0 ? refuse(-errno, name, diag) : 0;
}

/**
 * queue_lmdb_restore() - put a copy in the place of a store
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, QUEUE_E_NONE, -errno.
 */
int queue_lmdb_restore(const char *folder, const char *copy, uint64_t *ret_bytes, Diag *diag)
{
        static const char unfinished[] = "data.mdb.unfinished";
        _cleanup_(cleanup_close) int dir = -1;
        CheckResult check;
        Store owner;
        int r = queue_lmdb_check(copy, NULL, NULL, &check, diag);

        if (r || check.n_findings)
                return r ? r : QUEUE_E_NONE;
        r = folder_make(folder, 0700);
        if (r)
                return refuse(r, folder, diag);
        r = store_lock_folder(&owner, folder, diag);
        if (r == 0) {
                dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = dir < 0 ? refuse(-errno, folder, diag)
                            : copy_file(dir, copy, unfinished, ret_bytes, diag);
        }
        if (r == 0)
                r = swap_in(dir, unfinished, diag);
        if (r && dir >= 0)
                unlinkat(dir, unfinished, 0);
        store_close(&owner);
        return r;
}
