/* SPDX-License-Identifier: Apache-2.0 */

#include "report/record.h"

#include "base/error.h"
#include "base/folder.h"
#include "base/pack.h"
#include "base/str.h"
#include "report/frame.h"
#include "report/record-day.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Days open for writing at a time: runs that end around midnight, and a backlog of yesterday. */
#define DAYS_OPEN 4

typedef struct DayFile DayFile;

struct DayFile {
        int fd; /* -1: free */
        int32_t day;
        uint64_t end;
        bool dirty;
        uint64_t used; /* the file used longest ago gives way */
};

struct RecordLog {
        char *path;
        int folder;
        bool folder_dirty; /* a file was made whose name is not durable yet */
        uint64_t clock;
        DayFile files[DAYS_OPEN];
};

static int open_folder(const char *path, int *ret_fd)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT) {
                int r = folder_make(path, 0750);

                if (r)
                        return error_origin(r);
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        if (fd < 0)
                return error_origin(-errno);
        *ret_fd = fd;
        return 0;
}

/**
 * record_log_new() - open the folder of the daily files
 *
 * Return: 0, -errno.
 */
int record_log_new(RecordLog **ret_log, const char *folder, Diag *diag)
{
        _cleanup_(record_log_freep) RecordLog *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                error_oom(sizeof(*l));
        l->folder = -1;
        for (size_t i = 0; i < DAYS_OPEN; i++)
                l->files[i].fd = -1;
        l->path = strdup(folder);
        if (!l->path)
                error_oom(strlen(folder));
        r = open_folder(folder, &l->folder);
        if (r) {
                diag_set(diag, "%s: the folder of the reports cannot be opened: %s", folder, strerror(-r));
                return error_trace(r);
        }
        *ret_log = TAKE(l);
        return 0;
}

static int file_sync(DayFile *f)
{
        if (f->fd < 0 || !f->dirty)
                return 0;
        if (fdatasync(f->fd) < 0)
                return error_origin(-errno);
        f->dirty = false;
        return 0;
}

RecordLog *record_log_free(RecordLog *l)
{
        if (!l)
                return NULL;
        for (size_t i = 0; i < DAYS_OPEN; i++)
                if (l->files[i].fd >= 0)
                        close(l->files[i].fd);
        if (l->folder >= 0)
                close(l->folder);
        free(l->path);
        free(l);
        return NULL;
}

int record_log_folder(const RecordLog *l)
{
        return l->folder;
}

static DayFile *file_find(RecordLog *l, int32_t day)
{
        for (size_t i = 0; i < DAYS_OPEN; i++)
                if (l->files[i].fd >= 0 && l->files[i].day == day) {
                        l->files[i].used = ++l->clock;
                        return &l->files[i];
                }
        return NULL;
}

/* A free place; the day used longest ago is made durable and closed for it. */
static int file_make_room(RecordLog *l, DayFile **ret_file)
{
        DayFile *f = &l->files[0];
        int r;

        for (size_t i = 0; i < DAYS_OPEN; i++) {
                if (l->files[i].fd < 0) {
                        *ret_file = &l->files[i];
                        return 0;
                }
                if (l->files[i].used < f->used)
                        f = &l->files[i];
        }
        r = file_sync(f);
        if (r)
                return r;
        close(f->fd);
        *f = (DayFile){ .fd = -1 };
        *ret_file = f;
        return 0;
}

/* Every whole frame from `from` on; *ret_end is behind the last one. */
static int scan(FrameReader *f, uint64_t from, RecordFn fn, void *context, uint64_t *ret_end)
{
        uint64_t at = from, end = from;

        for (;;) {
                size_t n;
                int r = frame_read(f, at, &n);

                if (r == REPORT_E_CORRUPT)
                        r = frame_find(f, at, &at);
                else if (r == 0) {
                        RecordPlace place = { .day = f->day, .offset = at };

                        at = end = at + frame_size(n);
                        if (fn)
                                r = fn(context, place, end, f->data, n);
                }
                if (r == REPORT_E_NONE)
                        break;
                if (r)
                        return r;
        }
        *ret_end = end;
        return 0;
}

int record_log_recover(RecordLog *l, int32_t day, uint64_t from, RecordFn fn, void *context)
{
        _cleanup_(cleanup_close) int fd = -1;
        _cleanup_(frame_reader_deinit) FrameReader reader = { .fd = -1 };
        char name[DAY_NAME_MAX];
        DayFile *f = file_find(l, day);
        uint64_t end;
        int r;

        assert(!f || !fn);
        if (f)
                return 0;
        r = file_make_room(l, &f);
        if (r)
                return r;
        day_name(day, ".log", name);
        fd = openat(l->folder, name, O_RDWR | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                fd = openat(l->folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
                l->folder_dirty = true;
        }
        if (fd < 0)
                return errno == ENOSPC || errno == EDQUOT ? REPORT_E_FULL : error_origin(-errno);
        r = frame_reader_init(&reader, fd, day);
        if (r == 0)
                r = scan(&reader, from <= reader.end ? from : 0, fn, context, &end);
        if (r)
                return r;
        if (end < reader.end && ftruncate(fd, (off_t)end) < 0)
                return error_origin(-errno);
        *f = (DayFile){
                .fd = TAKE_FD(fd),
                .day = day,
                .end = end,
                .dirty = end < reader.end,
                .used = ++l->clock,
        };
        return 0;
}

int record_log_end(RecordLog *l, int32_t day, uint64_t *ret_end)
{
        int r = record_log_recover(l, day, 0, NULL, NULL);

        if (r)
                return r;
        *ret_end = file_find(l, day)->end;
        return 0;
}

int record_log_cut(RecordLog *l, int32_t day, uint64_t end)
{
        DayFile *f = file_find(l, day);

        if (!f || f->end <= end)
                return 0;
        if (ftruncate(f->fd, (off_t)end) < 0)
                return error_origin(-errno);
        f->end = end;
        f->dirty = true;
        return 0;
}

/**
 * record_log_append() - write one packed outcome behind the last of its day
 * @at:         when the run finished: the day it belongs to
 * @ret_place:  where it lies; may be NULL
 *
 * Return: 0; REPORT_E_FULL: nothing was written; -EMSGSIZE: more than a record may have; -errno.
 */
int record_log_append(RecordLog *l, Wall at, const void *data, size_t n, RecordPlace *ret_place)
{
        uint8_t head[FRAME_HEAD], zeros[FRAME_ALIGN] = { 0 };
        int32_t day = day_of(at);
        struct iovec iov[3];
        DayFile *f;
        int r;

        if (n > PACK_RECORD_MAX)
                return error_origin(-EMSGSIZE);
        r = record_log_recover(l, day, 0, NULL, NULL);
        if (r)
                return r;
        f = file_find(l, day);
        frame_head(head, day, f->end, data, n);
        iov[0] = (struct iovec){ .iov_base = head, .iov_len = sizeof(head) };
        iov[1] = (struct iovec){ .iov_base = (void *)(uintptr_t)data, .iov_len = n };
        iov[2] = (struct iovec){ .iov_base = zeros, .iov_len = frame_size(n) - FRAME_HEAD - n };
        r = file_append(f->fd, f->end, iov, 3);
        if (r)
                return r;
        if (ret_place)
                *ret_place = (RecordPlace){ .day = day, .offset = f->end };
        f->end += frame_size(n);
        f->dirty = true;
        return 0;
}

/**
 * record_log_sync() - make durable what was appended
 *
 * Return: 0; REPORT_E_FULL: the file system had promised room that it has not; -errno.
 */
int record_log_sync(RecordLog *l)
{
        for (size_t i = 0; i < DAYS_OPEN; i++) {
                int r = file_sync(&l->files[i]);

                if (r)
                        return r == -ENOSPC || r == -EDQUOT ? REPORT_E_FULL : r;
        }
        if (l->folder_dirty && fsync(l->folder) < 0)
                return error_origin(-errno);
        l->folder_dirty = false;
        return 0;
}

static int open_day(RecordLog *l, int32_t day)
{
        char name[DAY_NAME_MAX];
        int fd = openat(l->folder, day_name(day, ".log", name), O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
                return fd;
        return errno == ENOENT ? -ENOENT : error_origin(-errno);
}

static bool is_hole(int fd, uint64_t offset)
{
        uint8_t head[FRAME_HEAD];

        if (pread(fd, head, sizeof(head), (off_t)offset) != (ssize_t)sizeof(head))
                return false;
        for (size_t i = 0; i < sizeof(head); i++)
                if (head[i])
                        return false;
        return true;
}

/**
 * record_log_read() - one outcome, from where it lies
 *
 * Return: 0, REPORT_E_NONE, REPORT_E_CORRUPT (the diag names file and offset), -errno.
 */
int record_log_read(RecordLog *l, RecordPlace place, Arena *a, Outcome *ret_outcome, Diag *diag)
{
        _cleanup_(cleanup_close) int fd = open_day(l, place.day);
        _cleanup_(frame_reader_deinit) FrameReader reader = { .fd = -1 };
        char name[DAY_NAME_MAX];
        size_t n;
        int r;

        if (fd == -ENOENT)
                return REPORT_E_NONE; /* retention was faster */
        if (fd < 0)
                return fd;
        r = frame_reader_init(&reader, fd, place.day);
        if (r == 0)
                r = frame_read(&reader, place.offset, &n);
        if (r < 0 || r == REPORT_E_NONE)
                return r;
        /* Not damaged, but given back when the disk was short. */
        if (r == REPORT_E_CORRUPT && is_hole(fd, place.offset))
                return REPORT_E_NONE;
        if (r == 0) {
                r = outcome_unpack(a, reader.data, n, ret_outcome);
                if (r == 0)
                        return 0;
        }
        diag_set(diag, "%s/%s: the record at offset %llu %s", l->path, day_name(place.day, ".log", name),
                 (unsigned long long)place.offset,
                 r == PACK_E_NEWER ? "was written by a newer version of sosync" : "is damaged");
        return REPORT_E_CORRUPT;
}

typedef struct Walk {
        int (*fn)(void *context, RecordPlace place, const Outcome *o);
        void *context;
        int stopped;
} Walk;

static int walk_frame(void *context, RecordPlace place, uint64_t next, const void *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Walk *w = context;
        Outcome *o = arena_new_of(a, Outcome);

        (void)next;
        if (outcome_unpack(a, data, n, o) == 0)
                w->stopped = w->fn(w->context, place, o);
        return w->stopped ? REPORT_E_NONE : 0;
}

/**
 * record_log_walk() - every outcome of the days from..to, in the order in which they were written
 * @fn: the outcome lives until it returns; > 0 to stop
 *
 * Return: 0, what @fn returned, -errno.
 */
int record_log_walk(RecordLog *l, int32_t from, int32_t to,
                    int (*fn)(void *context, RecordPlace place, const Outcome *o), void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Walk walk = { .fn = fn, .context = context };
        int32_t *days;
        size_t n_days;
        int r = record_log_days(l, a, &days, &n_days);

        for (size_t i = 0; r == 0 && i < n_days && !walk.stopped; i++) {
                _cleanup_(cleanup_close) int fd = -1;
                _cleanup_(frame_reader_deinit) FrameReader reader = { .fd = -1 };
                uint64_t end;

                if (days[i] < from || days[i] > to)
                        continue;
                fd = open_day(l, days[i]);
                if (fd == -ENOENT)
                        continue;
                if (fd < 0)
                        return fd;
                r = frame_reader_init(&reader, fd, days[i]);
                if (r == 0)
                        r = scan(&reader, 0, walk_frame, &walk, &end);
        }
        return r ? r : walk.stopped;
}

static int compare_days(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

int record_log_days(RecordLog *l, Arena *a, int32_t **ret_days, size_t *ret_n)
{
        /* A descriptor of its own: the position of a folder that is read is shared by all who hold it. */
        int fd = openat(l->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        int32_t *days = NULL;
        size_t n = 0, size = 0;

        if (!dir) {
                int r = -errno;

                if (fd >= 0)
                        close(fd);
                return error_origin(r);
        }
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                int32_t day;

                if (!day_parse(e->d_name, ".log", &day))
                        continue;
                if (n == size) {
                        int32_t *more = arena_new_array(a, int32_t, size ? size * 2 : 64);

                        if (n)
                                memcpy(more, days, n * sizeof(*days));
                        days = more;
                        size = size ? size * 2 : 64;
                }
                days[n++] = day;
        }
        closedir(dir);
        if (n)
                qsort(days, n, sizeof(*days), compare_days);
        *ret_days = days;
        *ret_n = n;
        return 0;
}

int record_log_remove(RecordLog *l, int32_t day)
{
        char name[DAY_NAME_MAX];
        DayFile *f = file_find(l, day);

        if (f) {
                close(f->fd);
                *f = (DayFile){ .fd = -1 };
        }
        if (unlinkat(l->folder, day_name(day, ".log", name), 0) < 0 && errno != ENOENT)
                return error_origin(-errno);
        return 0;
}
