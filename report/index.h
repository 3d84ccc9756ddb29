/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index: the facts of a day's reports, so that a list reads no report
 *
 *      2026-11-22.idx      head, then one row of 128 bytes per report, in the order of the log
 *      2026-11-22.txt      their texts
 *
 * Both are derived: whatever is missing or does not fit is made again from the log when the service opens the
 * store. So they are not synced with every batch, and their numbers have the machine's byte order.
 *
 * A reader in another process maps the same files. It takes the number of rows from the size of the file, and
 * a row is written in one piece behind its texts; bytes that a reader may have seen are never cut off (it
 * would get SIGBUS), only overwritten, and a rebuilt file replaces the old one by rename.
 *
 * Private to report/. A DayIndex belongs to its store's lock.
 */

#include "report/store.h"

typedef struct DayIndex DayIndex;
typedef struct IndexBatch IndexBatch;
typedef struct IndexRow IndexRow;
typedef struct IndexTexts IndexTexts;

/* In the order in which they lie, each terminated. The first two are what a search reads. */
typedef enum IndexText {
        INDEX_FOLDED, /* display name, case-folded */
        INDEX_NORMAL, /* DN in its normal form, case-folded */
        INDEX_TYPE,
        INDEX_CODE,
        INDEX_DN,
        INDEX_NAME,
        _INDEX_TEXT_N,
} IndexText;

struct IndexRow {
        char run_id[40];
        ObjectId object;
        int64_t finished_ms;
        int64_t latency_ms;
        uint64_t offset; /* of the record */
        uint64_t next;   /* behind the record */
        uint64_t text;   /* of the texts */
        uint16_t n_text[_INDEX_TEXT_N];
        uint8_t result, disposition, action, lane;
        uint64_t reserved;
        uint64_t check; /* hash of all before; a row of a power cut is zeros or worse */
};

static_assert(sizeof(IndexRow) == 128, "a row never lies across two pages");

struct DayIndex {
        int32_t day;
        bool broken; /* cannot be read: listed as empty */
        int rows_fd, text_fd;
        uint64_t inode; /* of the rows: another one means that it was rebuilt */

        const IndexRow *rows; /* in the map */
        size_t n_rows;
        uint64_t n_text; /* bytes that rows refer to */
        void *rows_map, *text_map;
        size_t rows_mapped, text_mapped;

        uint32_t *order; /* by time of finishing; made when somebody lists */
        size_t n_order, size_order;

        size_t n_freed; /* rows of the log's beginning that report_store_free_room() has seen */

        int64_t newest_ms; /* of the first n_seen rows: all but the last ones */
        size_t n_seen;

        uint32_t *runs; /* hash table of row + 1, by run id; made for what is older than newest_ms */
        size_t n_runs, size_runs;
        bool runs_asked; /* since day_index_spare() */
};

/* Rows and texts gathered before they are written together. */
struct IndexBatch {
        IndexRow *rows;
        size_t n_rows, size_rows;
        Str text;
        uint64_t at; /* where the texts will lie */
};

/*
 * Open a day. A writer makes the files if there are none, and makes them again if they do not fit; a reader
 * takes what is there. Return: 0, REPORT_E_NONE: a reader found none, REPORT_E_FULL, -errno.
 */
int day_index_new(DayIndex **ret_index, int folder, int32_t day, bool writer);
DayIndex *day_index_free(DayIndex *x);

/* A reader looks whether there is more. Return: 0, REPORT_E_NONE: the day is gone, -errno. */
int day_index_refresh(DayIndex *x, int folder);

/*
 * A writer's descriptors are not needed any more, nor is the order until somebody lists again; what was
 * written is made durable. Return: 0, -errno.
 */
int day_index_rest(DayIndex *x);

/* Where the log goes on behind the last row. */
uint64_t day_index_log_end(const DayIndex *x);

/* The text of a row; "" if the row does not fit its file. Until the index is refreshed or written. */
const char *day_index_text(const DayIndex *x, const IndexRow *row, IndexText which);
bool day_index_row_is_whole(const IndexRow *row);

/* Row numbers by time of finishing, oldest first. */
const uint32_t *day_index_order(DayIndex *x);

/*
 * Is the run that finished then among the rows? What is newer than all but the last rows is looked for among
 * these alone, and that is what comes day by day. Older ones come after a start with an older state,
 * thousands of them: for these there is a table of all rows, 16 to 32 bytes each. day_index_spare(), called
 * after each batch, lets it go when a batch has not asked for it.
 */
bool day_index_has_run(DayIndex *x, const char *run_id, int64_t finished_ms);
void day_index_spare(DayIndex *x);

void index_batch_init(IndexBatch *b, const DayIndex *x);
void index_batch_deinit(IndexBatch *b);
void index_batch_add(IndexBatch *b, Arena *a, const Outcome *o, RecordPlace place, uint64_t next);

/*
 * Write in two halves, with the log's sync in between: texts and the promise of room for the rows, then the
 * rows. Return: 0; REPORT_E_FULL: no row was added; -errno.
 */
int day_index_prepare(DayIndex *x, int folder, const IndexBatch *b);
int day_index_append(DayIndex *x, const IndexBatch *b);

int day_index_remove(int folder, int32_t day);

DEFINE_CLEANUP(DayIndex, day_index_free)
