/* SPDX-License-Identifier: Apache-2.0 */

/* The room that reports take: days that are over, and what goes first when the disk is short. */

#include "base/error.h"
#include "report/frame.h"
#include "report/record-day.h"
#include "report/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DAY_MS ((int64_t)86400 * 1000)

static int64_t day_bytes(const ReportStore *s, int32_t day)
{
        static const char *const suffixes[] = { ".log", ".idx", ".txt" };
        int64_t sum = 0;

        for (size_t i = 0; i < N_ELEMENTS(suffixes); i++) {
                char name[DAY_NAME_MAX];
                struct stat st;

                if (fstatat(record_log_folder(s->log), day_name(day, suffixes[i], name), &st, 0) == 0)
                        sum += (int64_t)st.st_blocks * 512;
        }
        return sum;
}

static int64_t all_bytes(const ReportStore *s)
{
        int64_t sum = 0;

        for (size_t i = 0; i < s->n_days; i++)
                sum += day_bytes(s, s->days[i]->day);
        return sum;
}

static int remove_oldest(ReportStore *s)
{
        int32_t day = s->days[0]->day;
        int r;

        report_store_drop_day(s, 0);
        r = day_index_remove(record_log_folder(s->log), day);
        return r ? r : record_log_remove(s->log, day);
}

/* So many rows are looked at before it is asked how much they have given, and not more than half of those
 * that are left: the newest go only if nothing else is enough. */
#define FREE_ROWS 512

static size_t next_rows(const DayIndex *x)
{
        size_t half = (x->n_rows - x->n_freed + 1) / 2;

        return half < FREE_ROWS ? half : FREE_ROWS;
}

/*
 * Give back what the next rows of a day take that went well. A hole reads as zeros and takes no room; offsets
 * stay, so neither index nor readers need to know. Return: 0, -EOPNOTSUPP: not on this file system, -errno.
 */
static int free_rows(DayIndex *x, int fd)
{
        size_t to = x->n_freed + next_rows(x);
        uint64_t from = 0, until = 0;

        for (; x->n_freed <= to; x->n_freed++) {
                const IndexRow *row = &x->rows[x->n_freed];
                bool goes = x->n_freed < to && row->result != RESULT_FAILURE && day_index_row_is_whole(row);

                if (goes && until == row->offset) {
                        until = row->next;
                        continue;
                }
                if (until > from && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                                              (off_t)(until - from)))
                        return errno == EOPNOTSUPP ? -EOPNOTSUPP : error_origin(-errno);
                from = until = 0;
                if (goes) {
                        from = row->offset;
                        until = row->next;
                }
                if (x->n_freed == to)
                        break;
        }
        return 0;
}

static int64_t blocks_of(int fd)
{
        struct stat st;

        return fstat(fd, &st) ? 0 : (int64_t)st.st_blocks * 512;
}

static int free_day(ReportStore *s, DayIndex *x, int64_t bytes, int64_t *freed)
{
        char name[DAY_NAME_MAX];
        _cleanup_(cleanup_close) int fd =
                openat(record_log_folder(s->log), day_name(x->day, ".log", name), O_RDWR | O_CLOEXEC);
        int64_t before, after;
        int r = 0;

        if (fd < 0)
                return errno == ENOENT ? 0 : error_origin(-errno);
        before = after = blocks_of(fd);
        while (r == 0 && *freed + before - after < bytes && x->n_freed < x->n_rows) {
                r = free_rows(x, fd);
                after = blocks_of(fd);
        }
        *freed += before - after;
        return r;
}

/**
 * report_store_free_room() - successes first, then the oldest days
 *
 * Return: 0, -errno.
 */
int report_store_free_room(ReportStore *s, int64_t bytes, int64_t *ret_freed)
{
        int r = 0;

        *ret_freed = 0;
        if (!s->writer)
                return error_origin(-EPERM);
        report_store_lock(s);
        for (size_t i = 0; r == 0 && i < s->n_days && *ret_freed < bytes; i++)
                r = free_day(s, s->days[i], bytes, ret_freed);
        if (r == -EOPNOTSUPP)
                r = 0;
        while (r == 0 && *ret_freed < bytes && s->n_days > 1) {
                *ret_freed += day_bytes(s, s->days[0]->day);
                r = remove_oldest(s);
        }
        report_store_unlock(s);
        return r;
}

int64_t report_store_bytes(ReportStore *s)
{
        int64_t sum;

        report_store_lock(s);
        sum = all_bytes(s);
        report_store_unlock(s);
        return sum;
}

Wall report_store_newest(ReportStore *s)
{
        Wall newest = { 0 };

        report_store_lock(s);
        if (s->n_days)
                newest.ms = ((int64_t)s->days[s->n_days - 1]->day + 1) * DAY_MS;
        report_store_unlock(s);
        return newest;
}

/**
 * report_store_retain() - remove whole days, the oldest first
 * @keep_days:  days before today that stay
 * @max_bytes:  most that all may take; the newest day stays whatever it takes. 0: no limit
 *
 * Return: 0, -errno.
 */
int report_store_retain(ReportStore *s, Wall now, int keep_days, int64_t max_bytes)
{
        int64_t sum;
        int r = 0;

        if (!s->writer)
                return error_origin(-EPERM);
        report_store_lock(s);
        while (r == 0 && s->n_days && s->days[0]->day < day_of(now) - keep_days)
                r = remove_oldest(s);
        sum = all_bytes(s);
        while (r == 0 && max_bytes > 0 && sum > max_bytes && s->n_days > 1) {
                sum -= day_bytes(s, s->days[0]->day);
                r = remove_oldest(s);
        }
        report_store_unlock(s);
        return r;
}
