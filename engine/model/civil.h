/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Civil: a FILETIME taken apart into calendar and clock, UTC, and put together again
 *
 * The proleptic Gregorian calendar, without time zones and leap seconds: what .NET and the directory mean by
 * a date. By hand because gmtime_r() takes a process-wide lock, and every worker formats dates.
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct Civil Civil;

struct Civil {
        int64_t year;
        int month;     /* 1..12 */
        int day;       /* 1..31 */
        int weekday;   /* 0: Sunday; filled, not read */
        int hour;      /* 0..23 */
        int minute;    /* 0..59 */
        int second;    /* 0..59 */
        int64_t ticks; /* 100 ns within the second */
};

#define FILETIME_SECOND ((int64_t)10000000)
#define FILETIME_DAY    (86400 * FILETIME_SECOND)

void civil_from_filetime(int64_t filetime, Civil *ret_civil);

/* False: no such date, or a year outside 1..9999. */
bool civil_to_filetime(const Civil *c, int64_t *ret_filetime);

int civil_month_days(int64_t year, int month);
