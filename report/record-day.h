/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the store needs of a RecordLog beyond record.h: days, recovery, and taking back
 *
 * Private to report/. Writing belongs to one thread; reading opens its own descriptors and may be done by
 * any.
 */

#include "report/record.h"

typedef int (*RecordFn)(void *context, RecordPlace place, uint64_t next, const void *data, size_t n);

int record_log_folder(const RecordLog *l); /* descriptor; the log's */

/* Days that have a file, sorted. Return: 0, -errno. */
int record_log_days(RecordLog *l, Arena *a, int32_t **ret_days, size_t *ret_n);

/*
 * Ready a day for appending: see the frames from `from` on (the end of one that is known to be whole), and
 * cut a torn tail. Damage in the middle is stepped over, and stays. fn NULL: nobody wants to know. Return: 0,
 * -errno, or what fn returned if that is not 0.
 */
int record_log_recover(RecordLog *l, int32_t day, uint64_t from, RecordFn fn, void *context);

/* Where the next record of the day will lie; the day is opened if it was not. Return: 0, -errno. */
int record_log_end(RecordLog *l, int32_t day, uint64_t *ret_end);

/* Take back what was appended behind `end`. Return: 0, -errno. */
int record_log_cut(RecordLog *l, int32_t day, uint64_t end);

int record_log_remove(RecordLog *l, int32_t day);
