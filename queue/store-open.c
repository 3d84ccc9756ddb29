/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/store.h"

#include "base/error.h"
#include "base/folder.h"
#include "base/str.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* More tables than record.h has: a folder of a newer program can be opened far enough to say so. */
#define TABLES_MAX 64

/* A file of which more than half is free pages is copied at the start, if there is something to gain. */
#define COMPACT_MIN ((uint64_t)64 << 20)

static char *join(const char *path, const char *name)
{
        char *s = NULL;

        if (asprintf(&s, "%s/%s", path, name) < 0)
                error_oom(strlen(path) + strlen(name) + 2);
        return s;
}

/*
 * The folder belongs to one process. The lock is the kernel's, so it goes with the process however that ends;
 * the pid in the file is for people.
 */
static int take_folder(Store *s, Diag *diag)
{
        _cleanup_(cleanup_free) char *path = join(s->path, "lock");
        char pid[32];
        int r;

        s->owner_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->owner_fd < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", path, strerror(-r));
                return error_origin(r);
        }
        /* One that somebody else may not give away was there before. */
        folder_give_file(s->path, "lock");
        if (flock(s->owner_fd, LOCK_EX | LOCK_NB) < 0) {
                ssize_t n;

                r = -errno;
                if (r != -EWOULDBLOCK) {
                        diag_set(diag, "%s: %s", path, strerror(-r));
                        return error_origin(r);
                }
                n = pread(s->owner_fd, pid, sizeof(pid) - 1, 0);
                pid[n > 0 ? n : 0] = '\0';
                pid[strcspn(pid, "\n")] = '\0';
                diag_set(diag, "%s: the state folder is in use by process %s", s->path,
                         pid[0] ? pid : "(pid not known)");
                return QUEUE_E_GONE;
        }
        r = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
        if (ftruncate(s->owner_fd, 0) < 0 || pwrite(s->owner_fd, pid, (size_t)r, 0) < 0) {
                /* On a full disk the pid is missing, and nothing else. */
                if (errno != ENOSPC && errno != EDQUOT) {
                        r = -errno;
                        diag_set(diag, "%s: %s", path, strerror(-r));
                        return error_origin(r);
                }
        }
        return 0;
}

static int open_env_as(Store *s, const char *file, size_t map, unsigned flags, Diag *diag)
{
        MDB_stat stat;
        int rc;

        rc = mdb_env_create(&s->env);
        if (rc == 0)
                rc = mdb_env_set_maxdbs(s->env, TABLES_MAX);
        if (rc == 0)
                rc = mdb_env_set_maxreaders(s->env, STORE_READERS_MAX);
        if (rc == 0)
                rc = mdb_env_set_mapsize(s->env, map);
        /* NOTLS: a snapshot is an object of ours and not of the thread, and can be kept at rest. */
        if (rc == 0)
                rc = mdb_env_open(s->env, s->path, MDB_NOTLS | flags, 0600);
        if (rc == 0)
                rc = mdb_env_stat(s->env, &stat);
        switch (rc) {
        case 0:
                s->page_size = stat.ms_psize;
                return 0;
        case MDB_INVALID:
                diag_set(diag, "%s: not a file of sosync, or its first pages are damaged", file);
                break;
        case MDB_VERSION_MISMATCH:
                diag_set(diag, "%s: written by another version of LMDB; this is %s", file,
                         mdb_version(NULL, NULL, NULL));
                break;
        case ENOMEM:
                diag_set(diag,
                         "%s: no %zu GiB of address space: is there a limit on it (LimitAS=, ulimit -v)?",
                         file, map >> 30);
                break;
        default:
                diag_set(diag, "%s: %s", file, mdb_strerror(rc));
                break;
        }
        return error_origin(store_error(rc));
}

static int open_env(Store *s, const char *file, size_t map, Diag *diag)
{
        return open_env_as(s, file, map, 0, diag);
}

/* True if all pages from `first` to the last one are free: then nobody misses them. */
static int pages_are_free(Store *s, uint64_t first, uint64_t last, bool *ret_free)
{
        MDB_txn *txn = NULL;
        MDB_cursor *cursor;
        MDB_val key, val;
        uint64_t n = 0;
        int r, rc;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = mdb_cursor_open(txn, 0, &cursor);
        if (rc == 0) {
                while ((rc = mdb_cursor_get(cursor, &key, &val, MDB_NEXT)) == 0) {
                        size_t count = val.mv_size / sizeof(size_t), page;

                        /* The first number is the count of those that follow. */
                        for (size_t i = 1; i < count; i++) {
                                memcpy(&page, (const uint8_t *)val.mv_data + i * sizeof(page), sizeof(page));
                                n += page >= first && page <= last;
                        }
                }
                mdb_cursor_close(cursor);
        }
        store_read_end(s, txn);
        if (rc != MDB_NOTFOUND)
                return error_origin(store_error(rc));
        *ret_free = n == last - first + 1;
        return 0;
}

/*
 * A file that was cut short would end the process with SIGBUS at some later read. LMDB itself leaves the file
 * shorter than its last page when that page was taken and freed within one transaction, so the missing pages
 * must be free ones. Zeros are laid under them first, so that the look itself cannot fault.
 */
static int check_length(Store *s, const char *file, Diag *diag)
{
        MDB_envinfo info;
        struct stat st;
        uint64_t need;
        bool is_free = false;
        int fd, r;

        mdb_env_info(s->env, &info);
        need = (info.me_last_pgno + 1) * (uint64_t)s->page_size;
        if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &st) < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", file, strerror(-r));
                return error_origin(r);
        }
        if ((uint64_t)st.st_size >= need)
                return 0;
        if (ftruncate(fd, (off_t)need) < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", file, strerror(-r));
                return error_origin(r);
        }
        r = pages_are_free(s, (uint64_t)st.st_size / s->page_size, info.me_last_pgno, &is_free);
        if (r == 0 && is_free)
                return 0;
        /* As it was, so that whoever looks at the file sees what we saw. */
        if (ftruncate(fd, st.st_size) < 0)
                diag_add(diag, "%s: %s", file, strerror(errno));
        diag_set(diag,
                 "%s: the file ends at %lld bytes and should have %llu: it was cut short. Restore it from a "
                 "backup, or remove it: everything in it can be read again from both directories",
                 file, (long long)st.st_size, (unsigned long long)need);
        return error_origin(-EBADMSG);
}

/* A store that a newer program has written is left alone. */
static int check_format(Store *s, const char *file, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *program = NULL;
        MDB_txn *txn = NULL;
        MDB_val val;
        MDB_dbi dbi;
        int r, rc;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = mdb_dbi_open(txn, "meta", 0, &dbi);
        if (rc == 0)
                rc = store_get(txn, dbi, "format", strlen("format"), &val);
        if (rc == 0)
                r = format_unpack(a, val.mv_data, val.mv_size, &program);
        store_read_end(s, txn);
        if (rc == MDB_NOTFOUND)
                return 0; /* a new folder */
        if (rc == 0 && r == 0)
                return 0;
        if (rc == 0 && r == PACK_E_NEWER) {
                diag_set(diag, "%s: written by a newer program, sosync %s; this is %s", file,
                         program ? str_safe(a, program, strlen(program)) : "(version not known)",
                         SOSYNC_VERSION);
                return QUEUE_E_STALE;
        }
        diag_set(diag, "%s: damaged: its format cannot be read%s%s", file, rc ? ": " : "",
                 rc ? mdb_strerror(rc) : "");
        return error_origin(-EBADMSG);
}

/*
 * LMDB's file never becomes smaller. After a large backlog most of it is free pages, and a copy without them
 * is made before anybody works. What goes wrong here costs disk space only, so the old file stays in use.
 */
static int compact(Store *s, const char *file, size_t map, Diag *diag)
{
        _cleanup_(cleanup_free) char *copy = join(s->path, "data.mdb.compact");
        _cleanup_(cleanup_free) char *readers = join(s->path, "lock.mdb");
        _cleanup_(cleanup_close) int fd = -1, dir = -1;
        uint64_t used, size = store_file_bytes(s);
        int r;

        unlink(copy); /* of a start that did not come to its end */
        if (size < COMPACT_MIN)
                return 0;
        r = store_used(s, &used);
        if (r)
                return error_trace(r);
        if (used > size / 2)
                return 0;
        fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || dir < 0 || mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT) || fsync(fd) < 0) {
                unlink(copy);
                return 0;
        }
        store_close_env(s);
        /* The table of readers belongs to the file that was. Somebody who looks at that (`sosync queue
         * check`) keeps it alive, and with it the number of the last transaction, by which LMDB chooses
         * between the two first pages: in a copy one of them is that of an empty store. Who looks keeps both
         * files. */
        if (unlink(readers) < 0 || rename(copy, file) < 0)
                unlink(copy);
        else
                fsync(dir);
        return open_env(s, file, map, diag);
}

static void begin(Store *s, const char *path)
{
        *s = (Store){ .owner_fd = -1 };
        pthread_mutex_init(&s->lock, NULL);
        s->path = strdup(path);
        if (!s->path)
                error_oom(strlen(path));
}

/* What is there is not what somebody wanted to be there. */
static int refuse_unfinished(const char *path, Diag *diag)
{
        _cleanup_(cleanup_free) char *unfinished = join(path, STORE_UNFINISHED);
        struct stat st;

        if (lstat(unfinished, &st) < 0)
                return 0;
        diag_set(diag,
                 "%s: a copy of another state into this folder was begun and did not come to its end. Give "
                 "the "
                 "same \"sosync state copy\" again",
                 path);
        return QUEUE_E_STALE;
}

/**
 * store_open() - take the folder and open its environment
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, -errno.
 */
int store_open(Store *s, const char *path, size_t map, Diag *diag)
{
        _cleanup_(cleanup_free) char *file = join(path, "data.mdb");
        int r;

        begin(s, path);
        r = folder_make(path, 0700);
        if (r) {
                diag_set(diag, "%s: %s", path,
                         r == -ENOENT ? "the folder above it does not exist" : strerror(-r));
                return error_origin(r);
        }
        r = take_folder(s, diag);
        if (r == 0)
                r = refuse_unfinished(path, diag);
        if (r)
                return r;
        r = open_env(s, file, map, diag);
        if (r)
                return error_trace(r);
        r = check_length(s, file, diag);
        if (r)
                return error_trace(r);
        r = check_format(s, file, diag);
        if (r)
                return r;
        return error_trace(compact(s, file, map, diag));
}

int store_open_to_look(Store *s, const char *path, Diag *diag)
{
        _cleanup_(cleanup_free) char *file = join(path, "data.mdb");
        struct stat st;
        int r;

        begin(s, path);
        if (stat(file, &st) < 0) {
                r = -errno;
                diag_set(diag, "%s: %s", file, strerror(-r));
                return r;
        }
        /* LMDB would make its table of readers as ours, and whoever owns the store must be able to use it.
         * Not afterwards: to close any descriptor of that file ends the locks that LMDB has on it. Where
         * nothing can be made there is nothing to lock out either. */
        if (geteuid() == 0)
                folder_make_file(path, "lock.mdb");
        return open_env_as(s, file, STORE_MAP, MDB_RDONLY, diag);
}

int store_lock_folder(Store *s, const char *path, Diag *diag)
{
        begin(s, path);
        return take_folder(s, diag);
}

void store_close_env(Store *s)
{
        while (s->n_readers > 0)
                mdb_txn_abort(s->readers[--s->n_readers]);
        if (s->env)
                mdb_env_close(s->env);
        s->env = NULL;
}

void store_close(Store *s)
{
        store_close_env(s);
        cleanup_close(&s->owner_fd);
        s->owner_fd = -1;
        free(s->path);
        s->path = NULL;
        pthread_mutex_destroy(&s->lock);
}
