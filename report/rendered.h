/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rendered: the HTML files beside the records
 *
 *      reports/html/ADSyncSingleObjectSyncResult-20261122T083115Z-1f0c2d3e.htm     report/html.h
 *      reports/html/compare-20261122T083115Z.htm                                   app/job/compare.c
 *
 * All of them can be made again from what is stored beside them, so where room is short they go before any
 * record. They go by whole days, by the time in their names, the oldest first; what has another name is
 * somebody else's, and stays.
 *
 * `reports`: the folder that holds `html`. A folder that is not there is empty. Any thread.
 */

#include "base/clock.h"

/* Remove the days beyond `keep_days`, then the oldest days while all take more than max_bytes (negative: no
 * limit). Return: 0, -errno. */
int rendered_retain(const char *reports, Wall now, int keep_days, int64_t max_bytes);

/* Free so many bytes, if there are so many: the oldest days first, and today's too. *ret_freed may be more.
 * Return: 0, -errno. */
int rendered_free_room(const char *reports, int64_t bytes, int64_t *ret_freed);
