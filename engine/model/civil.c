/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/civil.h"
#include "engine/model/value.h"

/* 1601-01-01 to 1970-01-01. */
#define FILETIME_UNIX_EPOCH ((int64_t)116444736000000000)

static int64_t div_floor(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

/* Days since 1970-01-01. The year is made to begin in March, so that the leap day is its last. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
        int64_t y = month <= 2 ? year - 1 : year;
        int64_t era = div_floor(y, 400);
        int64_t of_era = y - era * 400;
        int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t days, Civil *c)
{
        int64_t z = days + 719468;
        int64_t era = div_floor(z, 146097);
        int64_t of_era = z - era * 146097;
        int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
        int64_t month = (5 * of_year + 2) / 153;

        c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
        c->month = (int)(month < 10 ? month + 3 : month - 9);
        c->year = year + era * 400 + (c->month <= 2);
        c->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

/**
 * civil_from_filetime() - take a time apart
 *
 * Any FILETIME has a date; years beyond 9999 come out as they are.
 */
void civil_from_filetime(int64_t filetime, Civil *ret_civil)
{
        int64_t day = div_floor(filetime, FILETIME_DAY);
        int64_t rest = (filetime % FILETIME_DAY + FILETIME_DAY) % FILETIME_DAY;
        int64_t seconds = rest / FILETIME_SECOND;

        civil_from_days(day + days_from_civil(1601, 1, 1), ret_civil);
        ret_civil->hour = (int)(seconds / 3600);
        ret_civil->minute = (int)(seconds / 60 % 60);
        ret_civil->second = (int)(seconds % 60);
        ret_civil->ticks = rest % FILETIME_SECOND;
}

/**
 * civil_month_days() - length of a month
 *
 * Return: 28 to 31; 0 if there is no such month.
 */
int civil_month_days(int64_t year, int month)
{
        static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        if (month < 1 || month > 12)
                return 0;
        if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
                return 29;
        return days[month - 1];
}

/**
 * civil_to_filetime() - put a time together
 *
 * Return: true; false if there is no such date or time of day, or the year is not one of 1..9999 (the range
 * of .NET's DateTime).
 */
bool civil_to_filetime(const Civil *c, int64_t *ret_filetime)
{
        int64_t days;

        if (c->year < 1 || c->year > 9999 || c->day < 1 || c->day > civil_month_days(c->year, c->month))
                return false;
        if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 59)
                return false;
        if (c->ticks < 0 || c->ticks >= FILETIME_SECOND)
                return false;

        days = days_from_civil(c->year, c->month, c->day) - days_from_civil(1601, 1, 1);
        *ret_filetime = days * FILETIME_DAY +
                        ((int64_t)c->hour * 3600 + c->minute * 60 + c->second) * FILETIME_SECOND + c->ticks;
        return true;
}

/**
 * filetime_from_unix_ms() - milliseconds since 1970 as FILETIME
 *
 * Return: the time; the nearest that exists if it is out of range.
 */
int64_t filetime_from_unix_ms(int64_t ms)
{
        int64_t t;

        if (__builtin_mul_overflow(ms, (int64_t)10000, &t) ||
            __builtin_add_overflow(t, FILETIME_UNIX_EPOCH, &t))
                return ms < 0 ? INT64_MIN : INT64_MAX;
        return t;
}

/**
 * filetime_to_unix_ms() - FILETIME as milliseconds since 1970, rounded down
 */
int64_t filetime_to_unix_ms(int64_t filetime)
{
        int64_t t;

        if (__builtin_sub_overflow(filetime, FILETIME_UNIX_EPOCH, &t))
                t = INT64_MIN;
        return div_floor(t, 10000);
}
