/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two halves of the index's files to each other: index.c maps and reads, index-write.c writes
 *
 *      DAY.idx    IndexHead, then rows of 128 bytes, in the order in which runs were recorded
 *      DAY.txt    their texts, where rows say
 *
 * One process writes, any number read, without a lock: a row is believed when its check fits. Rows behind
 * n_clean, which the writer had not let go of in peace, are checked when it opens the day again. The files
 * are derived from the day's records (report/README.md): what does not fit is made anew.
 *
 * Return, where it is an int: 0, REPORT_E_CORRUPT, -errno.
 */

#include "report/index.h"

typedef struct IndexHead IndexHead;

struct IndexHead {
        char magic[8];
        uint32_t one;      /* 1 in the byte order of the machine that wrote it */
        uint32_t row_size; /* raised when rows grow: an older index is made again */
        uint64_t n_clean;  /* rows that were durable when the writer let go of the day */
        uint8_t reserved[104];
};

static_assert(sizeof(IndexHead) == sizeof(IndexRow), "rows stay aligned");

bool index_head_fits(const IndexHead *head);
uint64_t index_row_check(const IndexRow *row);

int index_open_files(DayIndex *x, int folder, int flags); /* -ENOENT is not an error yet */
int index_look(DayIndex *x);
int index_map(DayIndex *x, size_t n_rows, uint64_t n_text);
int index_open_to_write(DayIndex *x, int folder);
void index_forget_order(DayIndex *x);
