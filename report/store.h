/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store: the reports, found again
 *
 * An index beside the daily files: one line of facts per report, in memory-mapped, append-only day files of
 * fixed size rows plus their DNs, so that listing 100,000 reports reads no report. Retention removes whole
 * days.
 *
 * `report list` and the console read a store that another process (the service) writes; a reader never needs
 * a lock, and sees a report at the latest after its next store_refresh().
 */

#include "report/record.h"

typedef struct ReportFilter ReportFilter;
typedef struct ReportRow ReportRow;
typedef struct ReportStore ReportStore;

struct ReportRow {
        char run_id[GUID_TEXT_MAX];
        ObjectId object;
        Wall finished;
        int64_t latency_ms; /* seen to accepted; -1: nothing was sent */
        Result result;
        Disposition disposition;
        Action action;
        Lane lane;
        const char *type; /* "user"; texts live in the arena given */
        const char *dn;
        const char *display_name;
        const char *error_code; /* NULL: none */
        RecordPlace place;
};

/* All that are set must hold. */
struct ReportFilter {
        const char *text; /* in DN or display name, without case */
        const char *ou;   /* DN at or below */
        const char *error_code;
        int result;        /* Result, or -1 */
        int disposition;   /* Disposition, or -1 */
        Wall since, until; /* 0: open */
        const ObjectId *object;
};

/* `writer`: the service. Return: 0, -errno. */
int report_store_new(ReportStore **ret_store, const char *folder, bool writer, Diag *diag);
ReportStore *report_store_free(ReportStore *s);

/* Append outcomes (packed as in the queue's rows) and make them durable together.
 * Return: 0, REPORT_E_FULL, -errno. */
int report_store_add(ReportStore *s, const void *const *data, const size_t *n, size_t n_rows);

int report_store_refresh(ReportStore *s);

/* Newest first; `skip` rows that match are passed over. */
int report_store_list(ReportStore *s, const ReportFilter *filter, size_t skip, size_t max, Arena *a,
                      ReportRow **ret_rows, size_t *ret_n);

/* The run id of each object's newest report, or NULL; n of them, in the arena. One pass for all. */
void report_store_newest_runs(ReportStore *s, const ObjectId *objects, size_t n, Arena *a,
                              const char **ret_runs);

/* By run id, or by an unambiguous beginning of it (at least 4 characters). Return: 0, REPORT_E_NONE,
 * REPORT_E_CORRUPT, -errno. */
int report_store_read(ReportStore *s, const char *run_id, Arena *a, Outcome *ret_outcome, Diag *diag);

/* Is it among the last that were written? Cheap, however many there are. */
bool report_store_has_recent(ReportStore *s, const char *run_id);

/*
 * When the disk is short, paperwork goes first. `thin`: what follows is stored without its steps where
 * nothing was to be done (no change, out of scope), a line in the list and little more.
 */
void report_store_set_thin(ReportStore *s, bool thin);
bool report_store_is_thin(ReportStore *s);

/*
 * Free at least so many bytes, if there are so many: the records of what went well, oldest first, then whole
 * days, oldest first; today stays. Their lines stay in the list (until the index is made anew), and whoever
 * asks for such a report is told why it is gone. *ret_freed may be less. Return: 0, -errno.
 */
int report_store_free_room(ReportStore *s, int64_t bytes, int64_t *ret_freed);

/* What all take on disk. */
int64_t report_store_bytes(ReportStore *s);

/* The end of the newest day there is; 0: no report is stored. */
Wall report_store_newest(ReportStore *s);

/* Remove days beyond `keep_days`, and oldest days while all take more than max_bytes (0: no limit). */
int report_store_retain(ReportStore *s, Wall now, int keep_days, int64_t max_bytes);

DEFINE_CLEANUP(ReportStore, report_store_free)
