/* SPDX-License-Identifier: Apache-2.0 */

#include "report/store.h"

#include "base/error.h"
#include "base/str.h"
#include "report/frame.h"
#include "report/record-day.h"
#include "report/store-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* Days whose index files stay open: today, and the one that a run around midnight ends in. */
#define DAYS_AWAKE 2

void report_store_lock(ReportStore *s)
{
        pthread_mutex_lock(&s->lock);
}

void report_store_unlock(ReportStore *s)
{
        pthread_mutex_unlock(&s->lock);
}

static size_t day_slot(const ReportStore *s, int32_t day)
{
        size_t i = s->n_days;

        while (i > 0 && s->days[i - 1]->day >= day)
                i--;
        return i;
}

static DayIndex *day_find(const ReportStore *s, int32_t day)
{
        size_t i = day_slot(s, day);

        return i < s->n_days && s->days[i]->day == day ? s->days[i] : NULL;
}

static int day_open(ReportStore *s, int32_t day, DayIndex **ret_index)
{
        DayIndex *x = day_find(s, day);
        size_t at;
        int r;

        if (!x) {
                r = day_index_new(&x, record_log_folder(s->log), day, s->writer);
                if (r)
                        return r;
                if (s->n_days == s->size_days) {
                        s->size_days = s->size_days ? s->size_days * 2 : 64;
                        s->days = reallocarray(s->days, s->size_days, sizeof(*s->days));
                        if (!s->days)
                                error_oom(s->size_days * sizeof(*s->days));
                }
                at = day_slot(s, day);
                memmove(&s->days[at + 1], &s->days[at], (s->n_days - at) * sizeof(*s->days));
                s->days[at] = x;
                s->n_days++;
        }
        *ret_index = x;
        return 0;
}

void report_store_drop_day(ReportStore *s, size_t at)
{
        day_index_free(s->days[at]);
        s->n_days--;
        memmove(&s->days[at], &s->days[at + 1], (s->n_days - at) * sizeof(*s->days));
}

/* One service writes; a second one would mix its bytes into the first one's. */
static int take_lock(ReportStore *s, const char *folder, Diag *diag)
{
        s->lock_fd = openat(record_log_folder(s->log), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        if (s->lock_fd >= 0 && errno == EWOULDBLOCK) {
                diag_set(diag, "%s: another process writes reports here", folder);
                return -EBUSY;
        }
        diag_set(diag, "%s/lock: %s", folder, strerror(errno));
        return error_origin(-errno);
}

/* The time by which a report is filed: a run that never came to its end has at least begun. */
static Wall outcome_when(const Outcome *o)
{
        return o->finished.ms  ? o->finished
               : o->started.ms ? o->started
               : o->queued.ms  ? o->queued
                               : o->change.seen;
}

typedef struct Recovery {
        IndexBatch batch;
        Arena *arena;
} Recovery;

static int recover_record(void *context, RecordPlace place, uint64_t next, const void *data, size_t n)
{
        Recovery *recovery = context;
        Outcome *o;

        arena_reset(recovery->arena);
        o = arena_new_of(recovery->arena, Outcome);
        if (outcome_unpack(recovery->arena, data, n, o) == 0)
                index_batch_add(&recovery->batch, recovery->arena, o, place, next);
        return 0;
}

/* Index what the log has and the index has not: the last moments before a crash, or all of it. */
static int recover_day(ReportStore *s, int32_t day)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Recovery recovery = { .arena = a };
        int folder = record_log_folder(s->log);
        DayIndex *x;
        int r;

        r = day_open(s, day, &x);
        if (r)
                return r;
        index_batch_init(&recovery.batch, x);
        r = record_log_recover(s->log, day, day_index_log_end(x), recover_record, &recovery);
        if (r == 0 && recovery.batch.n_rows) {
                r = day_index_prepare(x, folder, &recovery.batch);
                if (r == 0)
                        r = day_index_append(x, &recovery.batch);
        }
        index_batch_deinit(&recovery.batch);
        return r ? r : day_index_rest(x);
}

/* An index whose log is gone: retention was interrupted. */
static int remove_orphans(ReportStore *s)
{
        int folder = record_log_folder(s->log);
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir)
                return error_origin(-errno);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                char name[DAY_NAME_MAX];
                int32_t day;

                if ((day_parse(e->d_name, ".idx", &day) || day_parse(e->d_name, ".txt", &day)) &&
                    faccessat(folder, day_name(day, ".log", name), F_OK, 0) < 0 && errno == ENOENT)
                        day_index_remove(folder, day);
        }
        closedir(dir);
        return 0;
}

static int open_to_write(ReportStore *s, const char *folder, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int32_t *days;
        size_t n_days;
        int r = take_lock(s, folder, diag);

        if (r)
                return r;
        r = remove_orphans(s);
        if (r == 0)
                r = record_log_days(s->log, a, &days, &n_days);
        for (size_t i = 0; r == 0 && i < n_days; i++)
                r = recover_day(s, days[i]);
        if (r) {
                diag_set(diag, "%s: the reports cannot be opened: %s", folder,
                         r == REPORT_E_FULL ? "no room on disk" : strerror(-r));
                return r == REPORT_E_FULL ? -ENOSPC : r;
        }
        return 0;
}

/**
 * report_store_new() - open the reports
 * @writer: the service: mends what a crash left, and keeps other writers out (-EBUSY)
 *
 * Return: 0, -errno.
 */
int report_store_new(ReportStore **ret_store, const char *folder, bool writer, Diag *diag)
{
        _cleanup_(report_store_freep) ReportStore *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                error_oom(sizeof(*s));
        pthread_mutex_init(&s->lock, NULL);
        s->lock_fd = -1;
        s->writer = writer;
        r = record_log_new(&s->log, folder, diag);
        if (r)
                return r;
        r = writer ? open_to_write(s, folder, diag) : report_store_refresh(s);
        if (r) {
                if (!writer)
                        diag_set(diag, "%s: the reports cannot be read: %s", folder, strerror(-r));
                return r;
        }
        *ret_store = TAKE(s);
        return 0;
}

ReportStore *report_store_free(ReportStore *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_days; i++) {
                day_index_rest(s->days[i]);
                day_index_free(s->days[i]);
        }
        free(s->days);
        record_log_free(s->log);
        if (s->lock_fd >= 0)
                close(s->lock_fd);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
}

static bool is_repeated(DayIndex *x, const IndexBatch *b, const Outcome *o)
{
        for (size_t i = 0; i < b->n_rows; i++)
                if (str_is(b->rows[i].run_id, o->run_id))
                        return true;
        return day_index_has_run(x, o->run_id, o->finished.ms);
}

/* An outcome of which a line is enough, packed anew. NULL: it is stored as it is. */
static const void *thin_record(ReportStore *s, Outcome *o, PackWriter *writer, size_t *ret_n)
{
        if (!s->thin ||
            (o->disposition != DISPOSITION_NO_CHANGE && o->disposition != DISPOSITION_OUT_OF_SCOPE))
                return NULL;
        o->n_steps = o->n_modified = o->n_request_ids = 0;
        pack_init(writer);
        outcome_pack(writer, o);
        return pack_data(writer, ret_n);
}

static int append_record(ReportStore *s, Outcome *o, const void *data, size_t n, RecordPlace *ret_place,
                         size_t *ret_n)
{
        PackWriter writer;
        const void *thin = thin_record(s, o, &writer, &n);
        int r = record_log_append(s->log, outcome_when(o), thin ? thin : data, n, ret_place);

        if (thin)
                pack_deinit(&writer);
        *ret_n = n;
        return r;
}

/* Append rows from *i on as long as they are of the first one's day. */
static int gather(ReportStore *s, const void *const *data, const size_t *n, size_t n_rows, size_t *i,
                  DayIndex **ret_index, IndexBatch *batch, uint64_t *ret_start)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        DayIndex *x = NULL;
        int r;

        for (; *i < n_rows; (*i)++) {
                RecordPlace place;
                size_t length;
                Outcome *o;

                arena_reset(a);
                o = arena_new_of(a, Outcome);
                /* A row that cannot be read today cannot be read tomorrow: it must not hold up the others. */
                if (outcome_unpack(a, data[*i], n[*i], o))
                        continue;
                if (!x) {
                        r = day_open(s, day_of(outcome_when(o)), &x);
                        if (r == 0)
                                r = record_log_end(s->log, x->day, ret_start);
                        if (r)
                                return r;
                        index_batch_init(batch, x);
                        *ret_index = x;
                }
                if (day_of(outcome_when(o)) != x->day)
                        break;
                if (is_repeated(x, batch, o))
                        continue;
                r = append_record(s, o, data[*i], n[*i], &place, &length);
                if (r)
                        return r;
                index_batch_add(batch, a, o, place, place.offset + frame_size(length));
        }
        return 0;
}

static int add_day(ReportStore *s, const void *const *data, const size_t *n, size_t n_rows, size_t *i)
{
        IndexBatch batch = { 0 };
        DayIndex *x = NULL;
        uint64_t start = 0;
        int r;

        r = gather(s, data, n, n_rows, i, &x, &batch, &start);
        if (r == 0 && batch.n_rows)
                r = day_index_prepare(x, record_log_folder(s->log), &batch);
        if (r == 0 && batch.n_rows)
                r = record_log_sync(s->log);
        if (r == 0 && batch.n_rows)
                r = day_index_append(x, &batch);
        /* All or nothing: whoever is told that it failed adds the same rows again. */
        if (r && x)
                record_log_cut(s->log, x->day, start);
        if (x)
                index_batch_deinit(&batch);
        return r;
}

/**
 * report_store_add() - append outcomes, and make them durable together
 *
 * A run that is there already is dropped: a crash between this and the removal of the rows repeats them.
 *
 * Return: 0; REPORT_E_FULL: no room; what was not added is as if it had never been tried, and the same call
 * may be made again; -errno.
 */
int report_store_add(ReportStore *s, const void *const *data, const size_t *n, size_t n_rows)
{
        int r = 0;

        if (!s->writer)
                return error_origin(-EPERM);
        report_store_lock(s);
        for (size_t i = 0; r == 0 && i < n_rows;)
                r = add_day(s, data, n, n_rows, &i);
        for (size_t i = 0; i < s->n_days; i++) {
                if (i + DAYS_AWAKE < s->n_days)
                        day_index_rest(s->days[i]);
                day_index_spare(s->days[i]);
        }
        report_store_unlock(s);
        return r;
}

static int refresh(ReportStore *s)
{
        int folder = record_log_folder(s->log), fd;
        DIR *dir;

        for (size_t i = s->n_days; i-- > 0;) {
                int r = day_index_refresh(s->days[i], folder);

                if (r < 0)
                        return r;
                if (r)
                        report_store_drop_day(s, i);
        }
        fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return error_origin(-errno);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                DayIndex *x;
                int32_t day;
                int r;

                if (!day_parse(e->d_name, ".idx", &day))
                        continue;
                r = day_open(s, day, &x);
                if (r < 0) {
                        closedir(dir);
                        return r;
                }
        }
        closedir(dir);
        return 0;
}

/**
 * report_store_refresh() - see what another process has written or removed
 *
 * The writer sees its own at once: for it, there is nothing to do.
 *
 * Return: 0, -errno.
 */
int report_store_refresh(ReportStore *s)
{
        int r;

        if (s->writer)
                return 0;
        report_store_lock(s);
        r = refresh(s);
        report_store_unlock(s);
        return r;
}

void report_store_set_thin(ReportStore *s, bool thin)
{
        report_store_lock(s);
        s->thin = thin;
        report_store_unlock(s);
}

bool report_store_is_thin(ReportStore *s)
{
        bool thin;

        report_store_lock(s);
        thin = s->thin;
        report_store_unlock(s);
        return thin;
}
