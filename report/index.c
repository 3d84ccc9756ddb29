/* SPDX-License-Identifier: Apache-2.0 */

#include "report/index.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/model/object.h"
#include "report/frame.h"
#include "report/index-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Maps grow in steps of this: beyond the file's end a map costs nothing but addresses. */
#define MAP_STEP ((size_t)4 << 20)

/* The rows that has_run() looks at one by one: some pages of the reporter's, whose runs end in one order and
 * are recorded in another. */
#define RECENT ((size_t)1024)

uint64_t index_row_check(const IndexRow *row)
{
        return hash128(row, offsetof(IndexRow, check), 1).low;
}

bool day_index_row_is_whole(const IndexRow *row)
{
        return row->check == index_row_check(row) && memchr(row->run_id, '\0', sizeof(row->run_id));
}

/* Every number of a row that is used as a place is checked against the files, whoever wrote them. */
static uint64_t text_end(const IndexRow *row)
{
        uint64_t end = row->text;

        for (size_t i = 0; i < _INDEX_TEXT_N; i++)
                end += (uint64_t)row->n_text[i] + 1;
        return end;
}

const char *day_index_text(const DayIndex *x, const IndexRow *row, IndexText which)
{
        uint64_t at = row->text;
        const char *s;

        if (text_end(row) < row->text || text_end(row) > x->n_text)
                return "";
        for (size_t i = 0; i < which; i++)
                at += (uint64_t)row->n_text[i] + 1;
        s = (const char *)x->text_map + at;
        return s[row->n_text[which]] ? "" : s;
}

uint64_t day_index_log_end(const DayIndex *x)
{
        return x->n_rows ? x->rows[x->n_rows - 1].next : 0;
}

static void unmap(DayIndex *x)
{
        if (x->rows_map)
                munmap(x->rows_map, x->rows_mapped);
        if (x->text_map)
                munmap(x->text_map, x->text_mapped);
        x->rows_map = x->text_map = NULL;
        x->rows_mapped = x->text_mapped = 0;
        x->rows = NULL;
}

static void forget_runs(DayIndex *x)
{
        free(x->runs);
        x->runs = NULL;
        x->n_runs = x->size_runs = 0;
}

void index_forget_order(DayIndex *x)
{
        free(x->order);
        x->order = NULL;
        x->n_order = x->size_order = 0;
}

static void forget(DayIndex *x)
{
        index_forget_order(x);
        forget_runs(x);
        x->newest_ms = 0;
        x->n_seen = 0;
}

DayIndex *day_index_free(DayIndex *x)
{
        if (!x)
                return NULL;
        unmap(x);
        forget(x);
        if (x->rows_fd >= 0)
                close(x->rows_fd);
        if (x->text_fd >= 0)
                close(x->text_fd);
        free(x);
        return NULL;
}

static int map_file(int fd, uint64_t need, void **map, size_t *mapped)
{
        size_t size = (size_t)(need / MAP_STEP + 1) * MAP_STEP;
        void *p;

        if (*map && *mapped >= need)
                return 0;
        p = *map ? mremap(*map, *mapped, size, MREMAP_MAYMOVE)
                 : mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return error_origin(-errno);
        *map = p;
        *mapped = size;
        return 0;
}

int index_map(DayIndex *x, size_t n_rows, uint64_t n_text)
{
        int r = map_file(x->rows_fd, sizeof(IndexHead) + n_rows * sizeof(IndexRow), &x->rows_map,
                         &x->rows_mapped);

        if (r == 0)
                r = map_file(x->text_fd, n_text, &x->text_map, &x->text_mapped);
        if (r)
                return r;
        x->rows = (const IndexRow *)((const char *)x->rows_map + sizeof(IndexHead));
        x->n_rows = n_rows;
        x->n_text = n_text;
        return 0;
}

/* The rows that are there, by the size of the file. Return: 0, REPORT_E_CORRUPT: not such a file, -errno. */
int index_look(DayIndex *x)
{
        struct stat rows, text;
        int r;

        if (fstat(x->rows_fd, &rows) < 0 || fstat(x->text_fd, &text) < 0)
                return error_origin(-errno);
        x->inode = (uint64_t)rows.st_ino;
        if ((size_t)rows.st_size < sizeof(IndexHead))
                return REPORT_E_CORRUPT;
        r = index_map(x, ((size_t)rows.st_size - sizeof(IndexHead)) / sizeof(IndexRow),
                      (uint64_t)text.st_size);
        if (r)
                return r;
        return index_head_fits(x->rows_map) ? 0 : REPORT_E_CORRUPT;
}

int index_open_files(DayIndex *x, int folder, int flags)
{
        char name[DAY_NAME_MAX];

        x->rows_fd = openat(folder, day_name(x->day, ".idx", name), flags | O_CLOEXEC, 0640);
        if (x->rows_fd < 0)
                return -errno;
        x->text_fd = openat(folder, day_name(x->day, ".txt", name), flags | O_CLOEXEC, 0640);
        return x->text_fd < 0 ? -errno : 0;
}

static void close_files(DayIndex *x)
{
        if (x->rows_fd >= 0)
                close(x->rows_fd);
        if (x->text_fd >= 0)
                close(x->text_fd);
        x->rows_fd = x->text_fd = -1;
}

static int open_to_read(DayIndex *x, int folder)
{
        int r = index_open_files(x, folder, O_RDONLY);

        if (r == 0)
                r = index_look(x);
        else if (r == -ENOENT)
                r = REPORT_E_NONE;
        close_files(x); /* the maps hold them */
        if (r == REPORT_E_CORRUPT) {
                /* Not ours to mend: the service does, the next time it starts. */
                unmap(x);
                x->n_rows = 0;
                x->broken = true;
                r = 0;
        }
        return r;
}

int day_index_new(DayIndex **ret_index, int folder, int32_t day, bool writer)
{
        _cleanup_(day_index_freep) DayIndex *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                error_oom(sizeof(*x));
        *x = (DayIndex){ .day = day, .rows_fd = -1, .text_fd = -1 };
        r = writer ? index_open_to_write(x, folder) : open_to_read(x, folder);
        if (r)
                return r > 0 ? r : error_trace(r);
        *ret_index = TAKE(x);
        return 0;
}

int day_index_refresh(DayIndex *x, int folder)
{
        char name[DAY_NAME_MAX];
        struct stat rows;

        if (fstatat(folder, day_name(x->day, ".idx", name), &rows, 0) < 0)
                return errno == ENOENT ? REPORT_E_NONE : error_origin(-errno);
        if (!x->broken && (uint64_t)rows.st_ino == x->inode &&
            (size_t)rows.st_size < sizeof(IndexHead) + (x->n_rows + 1) * sizeof(IndexRow))
                return 0;
        /* A rebuilt index is another file with other rows; one that has grown is mapped anew as well, since
         * its texts have grown too. */
        if ((uint64_t)rows.st_ino != x->inode)
                forget(x);
        unmap(x);
        x->broken = false;
        return open_to_read(x, folder);
}

static bool is_before(const DayIndex *x, uint32_t a, uint32_t b)
{
        int64_t ta = x->rows[a].finished_ms, tb = x->rows[b].finished_ms;

        return ta != tb ? ta < tb : a < b;
}

static int compare_order(const void *a, const void *b, void *context)
{
        uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

        return i == j ? 0 : is_before(context, i, j) ? -1 : 1;
}

/*
 * Workers finish in one order and are recorded in another, by milliseconds: nearly sorted, where insertion is
 * quickest. A backlog after a stop may be in any order: then a sort that does not mind.
 */
const uint32_t *day_index_order(DayIndex *x)
{
        size_t moves = x->n_rows * 16 + 4096;

        if (x->size_order < x->n_rows) {
                size_t size = x->n_rows + x->n_rows / 2 + 64;
                uint32_t *order = reallocarray(x->order, size, sizeof(*order));

                if (!order)
                        error_oom(size * sizeof(*order));
                x->order = order;
                x->size_order = size;
        }
        for (; x->n_order < x->n_rows && moves; x->n_order++) {
                size_t at = x->n_order;

                for (; at > 0 && moves && is_before(x, (uint32_t)x->n_order, x->order[at - 1]); at--, moves--)
                        x->order[at] = x->order[at - 1];
                x->order[at] = (uint32_t)x->n_order;
        }
        if (!moves) {
                for (size_t i = 0; i < x->n_rows; i++)
                        x->order[i] = (uint32_t)i;
                qsort_r(x->order, x->n_rows, sizeof(*x->order), compare_order, x);
                x->n_order = x->n_rows;
        }
        return x->order;
}

static size_t run_slot(const DayIndex *x, const char *run_id)
{
        size_t at = (size_t)hash128(run_id, strlen(run_id), 2).low & (x->size_runs - 1);

        while (x->runs[at] && !str_is(x->rows[x->runs[at] - 1].run_id, run_id))
                at = (at + 1) & (x->size_runs - 1);
        return at;
}

static bool table_has_run(DayIndex *x, const char *run_id)
{
        if (x->size_runs < 2 * (x->n_rows + 1)) {
                forget_runs(x);
                for (x->size_runs = 1024; x->size_runs < 4 * (x->n_rows + 1);)
                        x->size_runs *= 2;
                x->runs = calloc(x->size_runs, sizeof(*x->runs));
                if (!x->runs)
                        error_oom(x->size_runs * sizeof(*x->runs));
        }
        for (; x->n_runs < x->n_rows; x->n_runs++)
                x->runs[run_slot(x, x->rows[x->n_runs].run_id)] = (uint32_t)x->n_runs + 1;
        return x->runs[run_slot(x, run_id)] != 0;
}

bool day_index_has_run(DayIndex *x, const char *run_id, int64_t finished_ms)
{
        for (; x->n_seen + RECENT < x->n_rows; x->n_seen++)
                if (x->newest_ms < x->rows[x->n_seen].finished_ms)
                        x->newest_ms = x->rows[x->n_seen].finished_ms;
        for (size_t i = x->n_rows; i-- > x->n_seen;)
                if (str_is(x->rows[i].run_id, run_id))
                        return true;
        if (x->n_seen == 0 || finished_ms > x->newest_ms)
                return false;
        x->runs_asked = true;
        return table_has_run(x, run_id);
}

void day_index_spare(DayIndex *x)
{
        if (!x->runs_asked)
                forget_runs(x);
        x->runs_asked = false;
}
