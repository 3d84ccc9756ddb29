/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"
#include "engine/expr/date.h"
#include "engine/model/civil.h"

#include <string.h>
#include <strings.h>

/*
 * What is accepted (examples of the reference, ISO 8601, .NET's usual forms in en-US, LDAP's generalized
 * time):
 *
 *      2013-01-10   2013/1/10   12/25/2007   12-25-07   10-Jan-2013   January 10, 2013   Thu, 10 Jan 2013
 *      20130110   20130110160000.0Z
 *      ... [T] 16:00[:00[.123]]   4 PM   4:00 PM   ... [Z | UTC | GMT | -8 | +01:00 | +0100]
 *
 * A text without a date (a time of today) is refused: what an attribute becomes must not hang on the day.
 */

static const char *const months[] = { "january", "february", "march",     "april",   "may",      "june",
                                      "july",    "august",   "september", "october", "november", "december" };
static const char *const weekdays[] = { "sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday" };

static void skip_blanks(const char **s)
{
        *s += strspn(*s, " \t");
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* A number of min to max digits, all that are there. */
static bool parse_digits(const char **s, size_t min, size_t max, int64_t *ret)
{
        size_t n = 0;
        int64_t number = 0;

        while (is_digit((*s)[n])) {
                if (n == max)
                        return false;
                number = number * 10 + ((*s)[n++] - '0');
        }
        if (n < min)
                return false;
        *s += n;
        *ret = number;
        return true;
}

/* A whole name or its first three letters. */
static bool parse_word(const char **s, const char *const *words, size_t n_words, int *ret)
{
        size_t n = 0;

        while (is_letter((*s)[n]))
                n++;
        for (size_t i = 0; i < n_words; i++) {
                if ((n == 3 || n == strlen(words[i])) && strncasecmp(*s, words[i], n) == 0) {
                        *s += n;
                        *ret = (int)i;
                        return true;
                }
        }
        return false;
}

static bool parse_month(const char **s, int *ret)
{
        if (!parse_word(s, months, N_ELEMENTS(months), ret))
                return false;
        ++*ret;
        return true;
}

/* Two digits mean 1950 to 2049, as .NET has it. */
static bool parse_year(const char **s, int64_t *ret)
{
        const char *start = *s;

        if (!parse_digits(s, 1, 4, ret) || *s - start == 3 || *s - start == 1)
                return false;
        if (*s - start == 2)
                *ret += *ret < 50 ? 2000 : 1900;
        return true;
}

/* "20130110" and "20130110160000": LDAP's generalized time; the fraction and the zone come later. */
static bool parse_compact(const char **s, Civil *c)
{
        size_t n = strspn(*s, "0123456789");
        int fields[6] = { 0 };

        if (n != 8 && n != 12 && n != 14)
                return false;
        for (size_t i = 0; i < n; i++) {
                size_t field = i < 4 ? 0 : (i - 2) / 2;

                fields[field] = fields[field] * 10 + ((*s)[i] - '0');
        }
        *s += n;
        c->year = fields[0];
        c->month = fields[1];
        c->day = fields[2];
        c->hour = fields[3];
        c->minute = fields[4];
        c->second = fields[5];
        return true;
}

/* "January 10, 2013" */
static bool parse_month_first(const char **s, Civil *c)
{
        int64_t day;

        if (!parse_month(s, &c->month))
                return false;
        skip_blanks(s);
        if (!parse_digits(s, 1, 2, &day))
                return false;
        c->day = (int)day;
        if (**s == ',')
                ++*s;
        else if (**s != ' ')
                return false;
        skip_blanks(s);
        return parse_year(s, &c->year);
}

/* "2013-01-10", "12/25/2007", "10-Jan-2013", "10 January 2013" */
static bool parse_numeric(const char **s, Civil *c)
{
        const char *start = *s;
        int64_t first, second;
        char separator;

        if (!parse_digits(s, 1, 4, &first))
                return false;
        separator = **s;
        if (!separator || !strchr("-/. ", separator))
                return false;
        if (*s - start == 4) {
                int64_t day;

                ++*s;
                if (separator == ' ' || !parse_digits(s, 1, 2, &second) || *(*s)++ != separator ||
                    !parse_digits(s, 1, 2, &day))
                        return false;
                c->year = first;
                c->month = (int)second;
                c->day = (int)day;
                return true;
        }
        if (*s - start > 2)
                return false;
        ++*s;
        skip_blanks(s);
        if (is_letter(**s)) {
                c->day = (int)first;
                if (!parse_month(s, &c->month) || !**s || !strchr("-/. ,", **s))
                        return false;
        } else {
                if (separator == ' ' || !parse_digits(s, 1, 2, &second) || **s != separator)
                        return false;
                c->month = (int)first;
                c->day = (int)second;
        }
        ++*s;
        skip_blanks(s);
        return parse_year(s, &c->year);
}

static bool parse_fraction(const char **s, int64_t *ret_ticks)
{
        int64_t unit = FILETIME_SECOND;

        ++*s; /* the point */
        if (!is_digit(**s))
                return false;
        for (*ret_ticks = 0; is_digit(**s); ++*s) {
                unit /= 10;
                *ret_ticks += unit * (**s - '0');
        }
        return true;
}

/* "16:00", "16:00:00.123", "4 PM", "4:00PM" */
static bool parse_time(const char **s, Civil *c)
{
        int64_t hour, minute = 0, second = 0;
        bool colon, pm;

        if (!parse_digits(s, 1, 2, &hour))
                return false;
        colon = **s == ':';
        if (colon) {
                ++*s;
                if (!parse_digits(s, 2, 2, &minute))
                        return false;
                if (**s == ':') {
                        ++*s;
                        if (!parse_digits(s, 2, 2, &second))
                                return false;
                        if (**s == '.' && !parse_fraction(s, &c->ticks))
                                return false;
                }
        }
        {
                const char *mark = *s;

                skip_blanks(&mark);
                pm = (*mark | 0x20) == 'p';
                if ((pm || (*mark | 0x20) == 'a') && (mark[1] | 0x20) == 'm' && !is_letter(mark[2])) {
                        if (hour < 1 || hour > 12)
                                return false;
                        hour = hour % 12 + (pm ? 12 : 0);
                        *s = mark + 2;
                } else if (!colon) {
                        return false;
                }
        }
        c->hour = (int)hour;
        c->minute = (int)minute;
        c->second = (int)second;
        return true;
}

/* Minutes east of Greenwich: "Z", "GMT", "-8", "+01:00", "+0530" */
static bool parse_zone(const char **s, int64_t *ret_minutes)
{
        int64_t hours, minutes = 0;
        const char *start;
        int sign;

        *ret_minutes = 0;
        if ((**s | 0x20) == 'z' && !is_letter((*s)[1])) {
                ++*s;
                return true;
        }
        if (strncasecmp(*s, "GMT", 3) == 0 || strncasecmp(*s, "UTC", 3) == 0) {
                *s += 3;
                return true;
        }
        if (**s != '+' && **s != '-')
                return false;
        sign = **s == '-' ? -1 : 1;
        start = ++*s;
        if (!parse_digits(s, 1, 4, &hours))
                return false;
        if (*s - start > 2) {
                minutes = hours % 100;
                hours /= 100;
        } else if (**s == ':') {
                ++*s;
                if (!parse_digits(s, 2, 2, &minutes))
                        return false;
        }
        if (hours > 14 || minutes > 59)
                return false;
        *ret_minutes = sign * (hours * 60 + minutes);
        return true;
}

static bool parse_date(const char **s, Civil *c)
{
        const char *start = *s;
        int weekday;

        if (parse_word(s, weekdays, N_ELEMENTS(weekdays), &weekday)) {
                if (**s == ',')
                        ++*s;
                skip_blanks(s);
                start = *s;
        }
        if (is_letter(**s))
                return parse_month_first(s, c);
        if (parse_compact(s, c))
                return true;
        *s = start;
        return parse_numeric(s, c);
}

/**
 * date_parse() - date of a text
 *
 * Return: true; false if it is not a date that exists.
 */
bool date_parse(const char *s, int64_t *ret_filetime)
{
        Civil c = { 0 };
        int64_t zone = 0, t;
        bool compact;

        skip_blanks(&s);
        compact = strspn(s, "0123456789") > 8;
        if (!parse_date(&s, &c))
                return false;
        if (compact && *s == '.' && !parse_fraction(&s, &c.ticks))
                return false;

        if (*s == ',')
                s++;
        if (!compact && (*s == 'T' || *s == 't') && is_digit(s[1])) {
                s++;
                if (!parse_time(&s, &c))
                        return false;
        } else {
                skip_blanks(&s);
                if (!compact && is_digit(*s) && !parse_time(&s, &c))
                        return false;
        }
        skip_blanks(&s);
        if (*s && !parse_zone(&s, &zone))
                return false;
        skip_blanks(&s);
        if (*s || !civil_to_filetime(&c, &t))
                return false;

        t -= zone * 60 * FILETIME_SECOND;
        civil_from_filetime(t, &c);
        if (c.year < 1 || c.year > 9999)
                return false;
        *ret_filetime = t;
        return true;
}
