/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "report/audit-chain.h"
#include "report/audit-file.h"
#include "report/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MAX ((size_t)64 << 20)

struct Audit {
        char *path;
        int folder; /* descriptor */
        pthread_mutex_t lock;
        /* All below: lock. */
        char chain[AUDIT_CHAIN_HEX + 1]; /* of the last line, on disk or pending */
        Str pending;                     /* whole lines, of one day */
        int32_t day;                     /* the file they go to: none is written after one of a later day */
};

/* What a crash has left of a line. Return: 0, -errno. */
static int cut(Audit *a, const char *name, uint64_t end)
{
        _cleanup_(cleanup_close) int fd = openat(a->folder, name, O_WRONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) || ((uint64_t)st.st_size > end && ftruncate(fd, (off_t)end)))
                return error_origin(-errno);
        return 0;
}

/* The chain of the last whole line of a file; what follows it is cut off. Return: 0 (`*ret_found`), -errno.
 */
static int last_chain(Audit *a, int32_t day, bool *ret_found)
{
        char name[DAY_NAME_MAX];
        _cleanup_(audit_file_close) AuditFile f = { .fd = -1 };
        const char *line, *body;
        size_t n, n_body;
        uint64_t end;
        int r = audit_file_open(&f, a->path, day_name(day, AUDIT_SUFFIX, name));

        *ret_found = false;
        if (r == 0)
                r = audit_file_last(&f, &line, &n, &end);
        if (r < 0)
                return error_trace(r);
        /* A damaged last line: the next one does not follow from it, and that is to be seen. */
        if (r == 0)
                *ret_found = audit_line_parse(line, n, a->chain, &body, &n_body);
        return cut(a, name, end);
}

static int open_folder(Audit *a)
{
        if (mkdir(a->path, 0750) && errno != EEXIST)
                return error_origin(-errno);
        a->folder = open(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return a->folder < 0 ? error_origin(-errno) : 0;
}

static int find_end(Audit *a)
{
        _cleanup_(cleanup_free) int32_t *days = NULL;
        bool found = false;
        size_t n = 0;
        int r = audit_days(a->path, &days, &n);

        a->day = r == 0 && n ? days[n - 1] : INT32_MIN;
        while (r == 0 && !found && n > 0)
                r = last_chain(a, days[--n], &found);
        return error_trace(r);
}

int audit_new(Audit **ret_audit, const char *folder, Diag *diag)
{
        _cleanup_(audit_freep) Audit *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                error_oom(sizeof(*a));
        pthread_mutex_init(&a->lock, NULL);
        str_init(&a->pending, PENDING_MAX);
        a->folder = -1;
        a->path = strdup(folder);
        if (!a->path)
                error_oom(strlen(folder));
        memset(a->chain, '0', AUDIT_CHAIN_HEX);
        r = open_folder(a);
        if (r == 0)
                r = find_end(a);
        if (r) {
                diag_set(diag, "%s: the audit log cannot be opened: %s", folder, strerror(-r));
                return error_trace(r);
        }
        *ret_audit = TAKE(a);
        return 0;
}

/* One after the other, in a new file. Return: 0, -errno. */
static int join(Audit *a, const char *path, AuditFile *head, AuditFile *tail)
{
        _cleanup_(cleanup_close) int fd =
                openat(a->folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        bool done = false;
        int r = fd < 0 ? error_origin(-errno) : 0;

        /* A crash between the two names: it has been done. */
        if (r == 0 && head->fd >= 0)
                r = audit_file_ends_with(head, tail, &done);
        if (r == 0 && head->fd >= 0)
                r = audit_file_copy(head, fd);
        if (r == 0 && !done)
                r = audit_file_copy(tail, fd);
        return r ? r : fdatasync(fd) ? error_origin(-errno) : 0;
}

/* The lines of the day `from` go behind those of `day`, in a file that takes its name when it is whole.
 * Return: 0, -errno. */
static int put_behind(Audit *a, int32_t day, int32_t from)
{
        char name[DAY_NAME_MAX], other[DAY_NAME_MAX];
        _cleanup_(audit_file_close) AuditFile head = { .fd = -1 }, tail = { .fd = -1 };
        int r = audit_file_open(&head, a->path, day_name(day, AUDIT_SUFFIX, name));

        if (r == 0 || r == -ENOENT)
                r = audit_file_open(&tail, a->path, day_name(from, AUDIT_SUFFIX, other));
        if (r == 0)
                r = join(a, "moving", &head, &tail);
        if (r == 0 && renameat(a->folder, "moving", a->folder, name))
                r = -errno;
        if (r) {
                unlinkat(a->folder, "moving", 0);
                return error_trace(r);
        }
        fsync(a->folder);
        if (unlinkat(a->folder, other, 0))
                return error_origin(-errno);
        return 0;
}

/* The clock was far ahead, and is back. The lock is held, nothing is pending. */
static void come_back(Audit *a, int32_t today)
{
        _cleanup_(cleanup_free) int32_t *days = NULL;
        size_t n = 0;

        if (audit_days(a->path, &days, &n) || n == 0 || days[0] > today)
                return;
        for (size_t i = 0; i < n; i++)
                if (days[i] > today && put_behind(a, today, days[i]))
                        return; /* the next line tries again */
        a->day = today;
}

/* Return: 0, AUDIT_E_FULL, -errno. The lock is held. */
static int flush(Audit *a)
{
        char name[DAY_NAME_MAX];
        _cleanup_(cleanup_close) int fd = -1;
        struct stat st;
        int r;

        if (a->pending.n == 0)
                return 0;
        fd = openat(a->folder, day_name(a->day, AUDIT_SUFFIX, name),
                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0 || fstat(fd, &st))
                return errno == ENOSPC ? AUDIT_E_FULL : error_origin(-errno);
        r = str_write(fd, a->pending.data, a->pending.n);
        if (r || fdatasync(fd)) {
                /* All or nothing: the same lines come again. */
                int e = r ? ENOSPC : errno;

                if (ftruncate(fd, st.st_size))
                        return error_origin(-errno);
                return e == ENOSPC || e == EDQUOT || e == EFBIG ? AUDIT_E_FULL : error_origin(-e);
        }
        if (st.st_size == 0)
                fsync(a->folder);
        str_reset(&a->pending);
        return 0;
}

int audit_flush(Audit *a)
{
        int r;

        pthread_mutex_lock(&a->lock);
        r = flush(a);
        pthread_mutex_unlock(&a->lock);
        return r;
}

/**
 * audit_add() - one more entry, in memory until it is flushed
 */
void audit_add(Audit *a, Wall now, Wall at, const json_t *entry)
{
        const int32_t today = day_of(now), day = day_of(at) < today ? day_of(at) : today;
        _cleanup_(cleanup_free) char *body = NULL;
        json_t *line = json_object();
        char when[WALL_TEXT_MAX];

        json_object_set_new(line, "time", json_string(wall_format(at, when)));
        json_object_update_missing(line, (json_t *)(uintptr_t)entry);
        body = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
        json_decref(line);
        if (!body)
                error_oom(1);
        pthread_mutex_lock(&a->lock);
        /* The first line of a day begins a file, and who comes late goes into that too: a run that ended
         * before midnight or waited for days, a clock that was set back. A disk that is full keeps the day's
         * in yesterday's. That the clock is back is seen by the clock, never by what comes late. */
        if (day > a->day && flush(a) == 0)
                a->day = day;
        else if (today < a->day - 1 && flush(a) == 0)
                come_back(a, today);
        audit_chain(a->chain, body + 1, strlen(body) - 1, a->chain);
        str_printf(&a->pending, AUDIT_HEAD "%s\",%s\n", a->chain, body + 1);
        pthread_mutex_unlock(&a->lock);
}

const char *audit_last(Audit *a, char buf[AUDIT_CHAIN_HEX + 1])
{
        pthread_mutex_lock(&a->lock);
        memcpy(buf, a->chain, sizeof(a->chain));
        pthread_mutex_unlock(&a->lock);
        return buf;
}

void audit_retain(Audit *a, Wall now, int64_t keep_days)
{
        _cleanup_(cleanup_free) int32_t *days = NULL;
        size_t n = 0;

        if (audit_days(a->path, &days, &n))
                return;
        for (size_t i = 0; i + 1 < n && days[i] < day_of(now) - keep_days; i++) {
                char name[DAY_NAME_MAX];

                unlinkat(a->folder, day_name(days[i], AUDIT_SUFFIX, name), 0);
        }
}

Audit *audit_free(Audit *a)
{
        if (!a)
                return NULL;
        if (a->folder >= 0) {
                audit_flush(a);
                close(a->folder);
        }
        pthread_mutex_destroy(&a->lock);
        str_deinit(&a->pending);
        free(a->path);
        free(a);
        return NULL;
}
