/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"
#include "engine/expr/date.h"
#include "engine/model/civil.h"

#include <string.h>

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };
static const char *const weekdays[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday" };

/* Formats that have a name: .NET's letters and VBA's words, in the culture en-US. */
static const struct {
        const char *name, *format;
} named[] = {
        { "d", "M/d/yyyy" },
        { "D", "dddd, MMMM d, yyyy" },
        { "f", "dddd, MMMM d, yyyy h:mm tt" },
        { "F", "dddd, MMMM d, yyyy h:mm:ss tt" },
        { "g", "M/d/yyyy h:mm tt" },
        { "G", "M/d/yyyy h:mm:ss tt" },
        { "m", "MMMM d" },
        { "M", "MMMM d" },
        { "o", "yyyy-MM-dd'T'HH:mm:ss.fffffffK" },
        { "O", "yyyy-MM-dd'T'HH:mm:ss.fffffffK" },
        { "r", "ddd, dd MMM yyyy HH:mm:ss 'GMT'" },
        { "R", "ddd, dd MMM yyyy HH:mm:ss 'GMT'" },
        { "s", "yyyy-MM-dd'T'HH:mm:ss" },
        { "t", "h:mm tt" },
        { "T", "h:mm:ss tt" },
        { "u", "yyyy-MM-dd HH:mm:ss'Z'" },
        { "U", "dddd, MMMM d, yyyy h:mm:ss tt" },
        { "y", "MMMM yyyy" },
        { "Y", "MMMM yyyy" },
        { "General Date", "M/d/yyyy h:mm:ss tt" },
        { "Long Date", "dddd, MMMM d, yyyy" },
        { "Medium Date", "dd-MMM-yy" },
        { "Short Date", "M/d/yyyy" },
        { "Long Time", "h:mm:ss tt" },
        { "Medium Time", "hh:mm tt" },
        { "Short Time", "HH:mm" },
};

static const char *custom_format(const char *format)
{
        for (size_t i = 0; i < N_ELEMENTS(named); i++)
                if (strcmp(named[i].name, format) == 0)
                        return named[i].format;
        return format[0] && !format[1] ? NULL : format; /* any other single letter is an error in .NET */
}

/* 100 ns as up to seven digits; with F, zeros at the end and a point in front of nothing are left out. */
static void add_fraction(Str *out, int64_t ticks, size_t n, bool optional)
{
        char digits[8];

        snprintf(digits, sizeof(digits), "%07d", (int)ticks);
        while (optional && n > 0 && digits[n - 1] == '0')
                n--;
        if (n > 0)
                str_add_n(out, digits, n);
        else if (out->n > 0 && out->data[out->n - 1] == '.')
                out->data[--out->n] = '\0';
}

static void add_year(Str *out, int64_t year, size_t n)
{
        if (n <= 2)
                str_printf(out, "%0*d", (int)n, (int)(year % 100));
        else
                str_printf(out, "%0*d", (int)n, (int)year);
}

/* A run of n equal letters. Return: false if the letter means nothing and stands for itself. */
static bool add_field(Str *out, const Civil *c, char letter, size_t n)
{
        int width = n >= 2 ? 2 : 1;

        switch (letter) {
        case 'y':
                add_year(out, c->year, n);
                return true;
        case 'M':
                if (n > 2)
                        str_printf(out, "%.*s", n == 3 ? 3 : 20, months[c->month - 1]);
                else
                        str_printf(out, "%0*d", width, c->month);
                return true;
        case 'd':
                if (n > 2)
                        str_printf(out, "%.*s", n == 3 ? 3 : 20, weekdays[c->weekday]);
                else
                        str_printf(out, "%0*d", width, c->day);
                return true;
        case 'H':
                str_printf(out, "%0*d", width, c->hour);
                return true;
        case 'h':
                str_printf(out, "%0*d", width, c->hour % 12 ? c->hour % 12 : 12);
                return true;
        case 'm':
                str_printf(out, "%0*d", width, c->minute);
                return true;
        case 's':
                str_printf(out, "%0*d", width, c->second);
                return true;
        case 'f':
        case 'F':
                add_fraction(out, c->ticks, n, letter == 'F');
                return true;
        case 't':
                str_printf(out, "%.*s", width, c->hour < 12 ? "AM" : "PM");
                return true;
        case 'g':
                str_add(out, "A.D.");
                return true;
        case 'K':
                for (size_t i = 0; i < n; i++)
                        str_add_char(out, 'Z');
                return true;
        case 'z':
                str_add(out, n == 1 ? "+0" : n == 2 ? "+00" : "+00:00");
                return true;
        default:
                return false;
        }
}

/* A quoted literal or an escaped character; *ret_s moves behind it. */
static bool add_literal(Str *out, const char **ret_s)
{
        const char *s = *ret_s, *end;

        if (*s == '\\') {
                if (!s[1])
                        return false;
                str_add_char(out, s[1]);
                *ret_s = s + 2;
                return true;
        }
        end = strchr(s + 1, *s);
        if (!end)
                return false;
        str_add_n(out, s + 1, (size_t)(end - s - 1));
        *ret_s = end + 1;
        return true;
}

static bool add_custom(Str *out, const Civil *c, const char *s)
{
        while (*s) {
                size_t n = 1;

                if (*s == '\\' || *s == '\'' || *s == '"') {
                        if (!add_literal(out, &s))
                                return false;
                        continue;
                }
                if (*s == '%') { /* in front of a single letter that would be a named format alone */
                        if (!s[1] || s[1] == '%')
                                return false;
                        s++;
                        continue;
                }
                while (s[n] == *s)
                        n++;
                if ((*s == 'f' || *s == 'F') && n > 7)
                        return false;
                if (n > 20 || !add_field(out, c, *s, n))
                        str_add_n(out, s, n);
                s += n;
        }
        return true;
}

/**
 * date_format() - a date as text
 *
 * Return: the text in the arena; NULL if the format is none, or the year not one of 1..9999.
 */
const char *date_format(Arena *a, int64_t filetime, const char *format)
{
        const char *text = NULL;
        Civil c;
        Str out;

        civil_from_filetime(filetime, &c);
        format = custom_format(format);
        if (!format || !*format || c.year < 1 || c.year > 9999)
                return NULL;
        str_init(&out, (size_t)64 << 10);
        if (add_custom(&out, &c, format) && !out.cut)
                text = arena_strndup(a, out.data, out.n);
        str_deinit(&out);
        return text;
}

bool date_format_has_time(const char *format)
{
        const char *custom = custom_format(format);

        return custom && strpbrk(custom, "HhmsfFt") != NULL;
}
