/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-date.h"
#include "base/str.h"
#include "engine/expr/date.h"
#include "engine/expr/functions.h"
#include "engine/model/civil.h"

#include <string.h>

BUILTINS_DATE(BUILTIN_DECLARE)

/* .NET's last date, 9999-12-31. A FILETIME has no date before 1601 either: .NET refuses negative ones. */
#define FILETIME_LAST ((int64_t)2650467743999999999)

/* A number or a date that moves with the clock goes on moving. */
static Value moved(Value value, ValueType type)
{
        value.type = (uint8_t)type;
        return value;
}

int builtin_now(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_time(filetime_from_unix_ms(v->env->now.ms));
        ret->n = MOTION_UP;
        return 0;
}

int builtin_cdate(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t t;

        *ret = args[0];
        if (args[0].type == VALUE_NONE || args[0].type == VALUE_TIME)
                return 0;
        if (args[0].type != VALUE_STRING || !date_parse(args[0].s, &t))
                return eval_fail(v, "CDate of %s that is not a date", value_type_name(args[0]));
        *ret = value_time(t);
        return 0;
}

int builtin_isdate(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        bool all = value_count(args[0]) > 0;
        int64_t t;

        for (size_t i = 0; i < value_count(args[0]); i++) {
                Value item = value_at(args[0], i);

                all = all &&
                      (item.type == VALUE_TIME || (item.type == VALUE_STRING && date_parse(item.s, &t)));
        }
        *ret = value_bool(all);
        return eval_charge_values(v, args[0]);
}

int builtin_datefromnum(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        if (args[0].i < 0 || args[0].i > FILETIME_LAST)
                return eval_fail(v, "DateFromNum of a number that is not a date");
        *ret = moved(args[0], VALUE_TIME);
        return 0;
}

int builtin_numfromdate(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        if (args[0].i < 0)
                return eval_fail(v, "NumFromDate of a date before 1601");
        *ret = moved(args[0], VALUE_INT);
        return 0;
}

/* Months later, on the same day; on the last of the month if it has no such day. */
static bool add_months(int64_t t, int64_t months, int64_t *ret)
{
        int64_t month;
        Civil c;

        civil_from_filetime(t, &c);
        if (__builtin_add_overflow(c.year * 12 + c.month - 1, months, &month) || month < 12 ||
            month >= 120000)
                return false;
        c.year = month / 12;
        c.month = (int)(month % 12) + 1;
        if (c.day > civil_month_days(c.year, c.month))
                c.day = civil_month_days(c.year, c.month);
        return civil_to_filetime(&c, ret);
}

static bool add_time(int64_t t, int64_t n, int64_t unit, int64_t *ret)
{
        Civil c;

        if (__builtin_mul_overflow(n, unit, &n) || __builtin_add_overflow(t, n, ret))
                return false;
        civil_from_filetime(*ret, &c);
        return c.year >= 1 && c.year <= 9999;
}

int builtin_dateadd(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        static const struct {
                const char *name;
                int64_t months; /* or */
                int64_t unit;
        } intervals[] = {
                { .name = "yyyy", .months = 12 },
                { .name = "q", .months = 3 },
                { .name = "m", .months = 1 },
                { .name = "y", .unit = FILETIME_DAY }, /* the "day of the year" is a day when it is added */
                { .name = "d", .unit = FILETIME_DAY },
                { .name = "w", .unit = FILETIME_DAY },
                { .name = "ww", .unit = 7 * FILETIME_DAY },
                { .name = "h", .unit = 3600 * FILETIME_SECOND },
                { .name = "n", .unit = 60 * FILETIME_SECOND },
                { .name = "s", .unit = FILETIME_SECOND },
        };
        int64_t n = args[1].i;

        for (size_t i = 0; i < N_ELEMENTS(intervals); i++) {
                if (!str_is_nocase(args[0].s, intervals[i].name))
                        continue;
                *ret = args[2];
                if (intervals[i].months) {
                        if (__builtin_mul_overflow(n, intervals[i].months, &n) ||
                            !add_months(args[2].i, n, &ret->i))
                                return eval_fail(v, "DateAdd gives a date out of range");
                        /* The length of a month depends on where one is. */
                        ret->n = args[2].n ? MOTION_OTHER : MOTION_NONE;
                } else if (!add_time(args[2].i, n, intervals[i].unit, &ret->i)) {
                        return eval_fail(v, "DateAdd gives a date out of range");
                }
                return 0;
        }
        return eval_fail(v, "DateAdd knows the intervals yyyy, q, m, y, d, w, ww, h, n and s");
}

int builtin_formatdatetime(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *text;
        int r;

        r = eval_charge(v, 16 * (size_t)args[1].n);
        if (r)
                return r;
        text = date_format(v->arena, args[0].i, args[1].s);
        if (!text)
                return eval_fail(v, "FormatDateTime with a format that is none, or a date out of range");
        if (args[0].n) {
                /* The text of a moving date is another one tomorrow, or in an hour if it shows the time: not
                 * more often, or a format with seconds would keep the object busy for ever. */
                int64_t unit = date_format_has_time(args[1].s) ? 3600 * FILETIME_SECOND : FILETIME_DAY;

                eval_due(v, unit - (args[0].i % unit + unit) % unit);
        }
        *ret = value_string(text);
        return 0;
}
