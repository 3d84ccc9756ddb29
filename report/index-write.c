/* SPDX-License-Identifier: Apache-2.0 */

#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"
#include "report/frame.h"
#include "report/index-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_MAGIC "sosyncIX"

/* What a list shows of a name, and what a search can find: more is in the record. */
#define NAME_MAX_SHOWN 1024
#define DN_MAX_SHOWN   ((size_t)16 << 10)
#define BATCH_TEXT_MAX ((size_t)1 << 30)

bool index_head_fits(const IndexHead *head)
{
        return memcmp(head->magic, INDEX_MAGIC, sizeof(head->magic)) == 0 && head->one == 1 &&
               head->row_size == sizeof(IndexRow);
}

static int write_at(int fd, uint64_t offset, const void *data, size_t n)
{
        while (n > 0) {
                ssize_t len = pwrite(fd, data, n, (off_t)offset);

                if (len < 0 && errno == EINTR)
                        continue;
                if (len < 0)
                        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? REPORT_E_FULL
                                                                                    : error_origin(-errno);
                data = (const char *)data + len;
                offset += (uint64_t)len;
                n -= (size_t)len;
        }
        return 0;
}

static int write_head(int fd, uint64_t n_clean)
{
        IndexHead head = { .one = 1, .row_size = sizeof(IndexRow), .n_clean = n_clean };

        memcpy(head.magic, INDEX_MAGIC, sizeof(head.magic));
        return write_at(fd, 0, &head, sizeof(head));
}

static uint64_t log_size(int folder, int32_t day)
{
        char name[DAY_NAME_MAX];
        struct stat st;

        return fstatat(folder, day_name(day, ".log", name), &st, 0) < 0 ? 0 : (uint64_t)st.st_size;
}

/*
 * Rows from the first on whose texts and sums fit, and whose records are there; sums of rows before the last
 * clean end are taken on trust.
 */
static size_t count_whole(const DayIndex *x, uint64_t log_end)
{
        const IndexHead *head = x->rows_map;
        size_t n = head->n_clean < x->n_rows ? (size_t)head->n_clean : 0;
        uint64_t next = n ? x->rows[n - 1].next : 0;

        for (; n < x->n_rows; n++) {
                const IndexRow *row = &x->rows[n];

                if (!day_index_row_is_whole(row) || row->offset < next || row->next <= row->offset ||
                    (row->n_text[INDEX_DN] && !*day_index_text(x, row, INDEX_DN)))
                        break;
                next = row->next;
        }
        while (n > 0 && x->rows[n - 1].next > log_end)
                n--;
        return n;
}

static uint64_t text_behind(const DayIndex *x)
{
        const IndexRow *last = x->n_rows ? &x->rows[x->n_rows - 1] : NULL;
        uint64_t end = last ? last->text : 0;

        for (size_t i = 0; last && i < _INDEX_TEXT_N; i++)
                end += (uint64_t)last->n_text[i] + 1;
        return end;
}

/* New files in place of those that do not fit. A reader that has the old ones mapped keeps them. */
static int replace_files(DayIndex *x, int folder, const IndexRow *rows, size_t n_rows)
{
        char name[DAY_NAME_MAX], temporary[DAY_NAME_MAX];
        _cleanup_(cleanup_close) int fd = -1;
        int r;

        fd = openat(folder, day_name(x->day, ".new", temporary), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0640);
        if (fd < 0)
                return errno == ENOSPC || errno == EDQUOT ? REPORT_E_FULL : error_origin(-errno);
        r = write_head(fd, 0);
        if (r == 0 && n_rows)
                r = write_at(fd, sizeof(IndexHead), rows, n_rows * sizeof(*rows));
        if (r == 0 && renameat(folder, temporary, folder, day_name(x->day, ".idx", name)) < 0)
                r = error_origin(-errno);
        if (r) {
                unlinkat(folder, temporary, 0);
                return r;
        }
        if (x->rows_fd >= 0)
                close(x->rows_fd);
        x->rows_fd = TAKE_FD(fd);
        return 0;
}

/* Without rows, no text is needed; a reader of the old rows keeps the old ones. */
static int replace_texts(DayIndex *x, int folder)
{
        char name[DAY_NAME_MAX];
        int fd;

        day_name(x->day, ".txt", name);
        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
                return error_origin(-errno);
        fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0)
                return errno == ENOSPC || errno == EDQUOT ? REPORT_E_FULL : error_origin(-errno);
        if (x->text_fd >= 0)
                close(x->text_fd);
        x->text_fd = fd;
        return 0;
}

/* Map what is now in rows_fd. The map of the files before is given back by the caller's free. */
static int start_over(DayIndex *x, int folder, size_t n_keep)
{
        _cleanup_(cleanup_free) IndexRow *rows = n_keep ? malloc(n_keep * sizeof(*rows)) : NULL;
        DayIndex fresh = { .day = x->day, .rows_fd = -1, .text_fd = -1 };
        DayIndex *old;
        int r;

        if (n_keep) {
                if (!rows)
                        error_oom(n_keep * sizeof(*rows));
                memcpy(rows, x->rows, n_keep * sizeof(*rows));
        }
        r = replace_files(x, folder, rows, n_keep);
        if (r == 0 && !n_keep)
                r = replace_texts(x, folder);
        if (r)
                return r;
        old = malloc(sizeof(*old));
        if (!old)
                error_oom(sizeof(*old));
        fresh.rows_fd = TAKE_FD(x->rows_fd);
        fresh.text_fd = TAKE_FD(x->text_fd);
        *old = *x;
        *x = fresh;
        day_index_free(old);
        return index_look(x);
}

int index_open_to_write(DayIndex *x, int folder)
{
        int r = index_open_files(x, folder, O_RDWR | O_CREAT);
        size_t n;

        if (r)
                return r == -ENOSPC || r == -EDQUOT ? REPORT_E_FULL : error_origin(r);
        r = index_look(x);
        if (r == REPORT_E_CORRUPT)
                r = start_over(x, folder, 0);
        if (r)
                return r;
        n = count_whole(x, log_size(folder, x->day));
        if (n < x->n_rows) {
                r = start_over(x, folder, n);
                if (r)
                        return r;
        }
        x->n_text = text_behind(x);
        return 0;
}

int day_index_rest(DayIndex *x)
{
        int r = 0;

        index_forget_order(x);
        if (x->rows_fd < 0)
                return 0;
        if (fdatasync(x->text_fd) < 0 || fdatasync(x->rows_fd) < 0)
                r = error_origin(-errno);
        /* Not synced again: if it does not reach the disk, the rows are looked at once more, no worse. */
        if (r == 0)
                r = write_head(x->rows_fd, x->n_rows);
        close(x->rows_fd);
        close(x->text_fd);
        x->rows_fd = x->text_fd = -1;
        return r;
}

void index_batch_init(IndexBatch *b, const DayIndex *x)
{
        *b = (IndexBatch){ .at = x->n_text };
        str_init(&b->text, BATCH_TEXT_MAX);
}

void index_batch_deinit(IndexBatch *b)
{
        free(b->rows);
        str_deinit(&b->text);
        *b = (IndexBatch){ 0 };
}

static void add_text(IndexBatch *b, IndexRow *row, IndexText which, const char *s, size_t max)
{
        size_t n = s ? strlen(s) : 0;

        if (n > max)
                for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
                        n--;
        if (n)
                str_add_n(&b->text, s, n);
        str_add_char(&b->text, '\0');
        row->n_text[which] = (uint16_t)n;
}

static const char *normal_dn(Arena *a, const char *text)
{
        const Dn *dn;

        if (!text)
                return "";
        /* What is no DN can still be searched for. */
        return str_fold(a, dn_parse(a, text, &dn, NULL) == 0 ? dn->normalised : text);
}

void index_batch_add(IndexBatch *b, Arena *a, const Outcome *o, RecordPlace place, uint64_t next)
{
        const char *dn = o->source.dn ? o->source.dn : o->change.dn;
        const char *name = o->source.display_name;
        IndexRow *row;

        if (b->n_rows == b->size_rows) {
                b->size_rows = b->size_rows ? b->size_rows * 2 : 64;
                b->rows = reallocarray(b->rows, b->size_rows, sizeof(*b->rows));
                if (!b->rows)
                        error_oom(b->size_rows * sizeof(*b->rows));
        }
        row = &b->rows[b->n_rows++];
        *row = (IndexRow){
                .object = o->change.id,
                .finished_ms = o->finished.ms,
                .latency_ms = o->accepted.ms && o->change.seen.ms ? o->accepted.ms - o->change.seen.ms : -1,
                .offset = place.offset,
                .next = next,
                .text = b->at + b->text.n,
                .result = (uint8_t)o->result,
                .disposition = (uint8_t)o->disposition,
                .action = (uint8_t)o->action,
                .lane = o->change.lane,
        };
        snprintf(row->run_id, sizeof(row->run_id), "%s", o->run_id);
        add_text(b, row, INDEX_FOLDED, name ? str_fold(a, name) : "", NAME_MAX_SHOWN);
        add_text(b, row, INDEX_NORMAL, normal_dn(a, dn), DN_MAX_SHOWN);
        add_text(b, row, INDEX_TYPE, o->source.type ? o->source.type : o->target.type, 255);
        add_text(b, row, INDEX_CODE, o->error.code, 255);
        add_text(b, row, INDEX_DN, dn, DN_MAX_SHOWN);
        add_text(b, row, INDEX_NAME, name, NAME_MAX_SHOWN);
        row->check = index_row_check(row);
}

int day_index_prepare(DayIndex *x, int folder, const IndexBatch *b)
{
        off_t at = (off_t)(sizeof(IndexHead) + x->n_rows * sizeof(IndexRow));
        int r;

        if (x->rows_fd < 0) {
                r = index_open_files(x, folder, O_RDWR);
                if (r)
                        return error_origin(r);
        }
        r = write_at(x->text_fd, x->n_text, b->text.data, b->text.n);
        if (r)
                return r;
        /* Room now, so that the rows do not fail once the records are durable. Not every file system can. */
        if (fallocate(x->rows_fd, FALLOC_FL_KEEP_SIZE, at, (off_t)(b->n_rows * sizeof(IndexRow))) < 0 &&
            (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
                return REPORT_E_FULL;
        return 0;
}

int day_index_append(DayIndex *x, const IndexBatch *b)
{
        int r = write_at(x->rows_fd, sizeof(IndexHead) + x->n_rows * sizeof(IndexRow), b->rows,
                         b->n_rows * sizeof(*b->rows));

        if (r)
                return r;
        return index_map(x, x->n_rows + b->n_rows, b->at + b->text.n);
}

int day_index_remove(int folder, int32_t day)
{
        char name[DAY_NAME_MAX];

        /* The rows first: a reader that finds them expects the texts. */
        if (unlinkat(folder, day_name(day, ".idx", name), 0) < 0 && errno != ENOENT)
                return error_origin(-errno);
        if (unlinkat(folder, day_name(day, ".txt", name), 0) < 0 && errno != ENOENT)
                return error_origin(-errno);
        return 0;
}
