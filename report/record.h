/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Record: outcomes on disk, one append-only file a day
 *
 *      reports/2026-11-22.log      frames: magic, length, checksum, packed outcome (engine/model/outcome.h)
 *
 * The worker never writes a report. It leaves its outcome as a row of the acknowledging transaction; the
 * reporter thread appends it here, adds a line to the index (report/store.h) and only then removes the row,
 * so a crash at any point repeats a report at most, and never loses one. A torn last frame is cut at open.
 */

#include "base/arena.h"
#include "base/diag.h"
#include "engine/model/outcome.h"

typedef struct RecordLog RecordLog;

/* Where a record lies: the day as days since 1970-01-01 UTC, and the byte in that day's file. */
typedef struct RecordPlace {
        int32_t day;
        uint64_t offset;
} RecordPlace;

enum {
        REPORT_E_BASE_ = 2400, /* ERROR_BASE_REPORT */

        REPORT_E_NONE,    /* no such report */
        REPORT_E_CORRUPT, /* checksum or shape does not fit; the diag names file and offset */
        REPORT_E_FULL,    /* no room on disk: nothing was written */
};

/* The folder is made with 0750 if it is not there. Files are 0640. Return: 0, -errno. */
int record_log_new(RecordLog **ret_log, const char *folder, Diag *diag);

/* Append one packed outcome. Durable after record_log_sync(). Return: 0, REPORT_E_FULL, -errno. */
int record_log_append(RecordLog *l, Wall at, const void *data, size_t n, RecordPlace *ret_place);
int record_log_sync(RecordLog *l);

/* Return: 0, REPORT_E_NONE, REPORT_E_CORRUPT, -errno. */
int record_log_read(RecordLog *l, RecordPlace place, Arena *a, Outcome *ret_outcome, Diag *diag);

/* Every record of the days from..to in order; fn returns > 0 to stop. Corrupt frames are stepped over. */
int record_log_walk(RecordLog *l, int32_t from, int32_t to,
                    int (*fn)(void *context, RecordPlace place, const Outcome *o), void *context);

RecordLog *record_log_free(RecordLog *l);

DEFINE_CLEANUP(RecordLog, record_log_free)
