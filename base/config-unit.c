/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-unit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A double holds 15 decimal digits of any number, and ten to the 15th exactly: mantissa / 10^scale is then
 * the nearest double, as strtod() would give it, but without its locale, "inf", "0x1p3" and white space. */
#define DIGITS_MAX 15

typedef struct Decimal {
        int64_t mantissa;
        unsigned scale; /* digits behind the point */
} Decimal;

typedef struct Unit {
        const char *name;
        int64_t factor;
} Unit;

/* From large to small: what is formatted takes the first that divides. */
static const Unit durations[] = {
        { .name = "d", .factor = 86400000000 },
        { .name = "h", .factor = 3600000000 },
        { .name = "m", .factor = 60000000 },
        { .name = "s", .factor = 1000000 },
        { .name = "ms", .factor = 1000 },
        { .name = "us", .factor = 1 },
        { 0 },
};

static const Unit sizes[] = {
        { .name = "TiB", .factor = (int64_t)1 << 40 },
        { .name = "TB", .factor = 1000000000000 },
        { .name = "GiB", .factor = (int64_t)1 << 30 },
        { .name = "GB", .factor = 1000000000 },
        { .name = "MiB", .factor = (int64_t)1 << 20 },
        { .name = "MB", .factor = 1000000 },
        { .name = "KiB", .factor = (int64_t)1 << 10 },
        { .name = "kB", .factor = 1000 },
        { .name = "B", .factor = 1 },
        { 0 },
};

static int64_t power_of_ten(unsigned n)
{
        int64_t v = 1;

        while (n--)
                v *= 10;
        return v;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Digits, and optionally a point with digits behind it. *s is then behind them. */
static ConfigUnitResult parse_decimal(const char **s, Decimal *ret)
{
        Decimal d = { 0 };
        bool too_long = false, behind = false;
        const char *p = *s;

        if (!is_digit(*p))
                return CONFIG_UNIT_SYNTAX;
        for (;; p++) {
                if (*p == '.' && !behind && is_digit(p[1])) {
                        behind = true;
                        continue;
                }
                if (!is_digit(*p))
                        break;
                if (d.mantissa >= power_of_ten(DIGITS_MAX - 1) || d.scale >= DIGITS_MAX) {
                        too_long = true;
                        continue;
                }
                d.mantissa = d.mantissa * 10 + (*p - '0');
                d.scale += behind;
        }
        *s = p;
        *ret = d;
        return too_long ? CONFIG_UNIT_RANGE : CONFIG_UNIT_OK;
}

static double decimal_value(Decimal d)
{
        return (double)d.mantissa / (double)power_of_ten(d.scale);
}

ConfigUnitResult config_parse_number(const char *s, double *ret_v)
{
        bool minus = *s == '-';
        ConfigUnitResult r;
        Decimal d;

        s += minus;
        r = parse_decimal(&s, &d);
        if (*s)
                return CONFIG_UNIT_SYNTAX;
        if (r != CONFIG_UNIT_OK)
                return r;
        *ret_v = minus ? -decimal_value(d) : decimal_value(d);
        return CONFIG_UNIT_OK;
}

ConfigUnitResult config_parse_percent(const char *s, double *ret_v)
{
        ConfigUnitResult r;
        Decimal d;

        r = parse_decimal(&s, &d);
        if (r == CONFIG_UNIT_SYNTAX)
                return r;
        if (!*s && d.mantissa != 0)
                return CONFIG_UNIT_MISSING;
        if (*s && !str_is(s, "%"))
                return CONFIG_UNIT_SYNTAX;
        if (r != CONFIG_UNIT_OK)
                return r;
        if (decimal_value(d) > 100)
                return CONFIG_UNIT_RANGE;
        *ret_v = decimal_value(d) / 100;
        return CONFIG_UNIT_OK;
}

static ConfigUnitResult parse_unit(const char *s, const Unit *units, int64_t *ret_v)
{
        ConfigUnitResult r;
        __int128 v;
        Decimal d;

        r = parse_decimal(&s, &d);
        if (r == CONFIG_UNIT_SYNTAX)
                return r;
        if (!*s) {
                if (r == CONFIG_UNIT_OK && d.mantissa == 0) {
                        *ret_v = 0;
                        return CONFIG_UNIT_OK;
                }
                return CONFIG_UNIT_MISSING;
        }
        while (units->name && !str_is(units->name, s))
                units++;
        if (!units->name)
                return CONFIG_UNIT_SYNTAX;
        if (r != CONFIG_UNIT_OK)
                return r;
        v = (__int128)d.mantissa * units->factor;
        if (v % power_of_ten(d.scale))
                return CONFIG_UNIT_RANGE;
        v /= power_of_ten(d.scale);
        if (v > INT64_MAX)
                return CONFIG_UNIT_RANGE;
        *ret_v = (int64_t)v;
        return CONFIG_UNIT_OK;
}

ConfigUnitResult config_parse_duration(const char *s, int64_t *ret_us)
{
        return parse_unit(s, durations, ret_us);
}

ConfigUnitResult config_parse_size(const char *s, int64_t *ret_bytes)
{
        return parse_unit(s, sizes, ret_bytes);
}

/* The shortest decimal that is read back as v / divisor; what was read has one. A value that was computed
 * may have none: then the nearest. */
static void format_decimal(double v, double divisor, Str *out)
{
        unsigned scale;
        int64_t mantissa = 0;

        if (v < 0) {
                str_add_char(out, '-');
                v = -v;
        }
        for (scale = 0; scale <= DIGITS_MAX; scale++) {
                double shifted = round(v * divisor * (double)power_of_ten(scale));

                if (!(shifted < (double)power_of_ten(DIGITS_MAX)))
                        break;
                mantissa = (int64_t)shifted;
                if (decimal_value((Decimal){ .mantissa = mantissa, .scale = scale }) / divisor == v)
                        break;
        }
        if (scale > DIGITS_MAX)
                scale = DIGITS_MAX;
        if (mantissa == 0 && v >= 1) {
                str_printf(out, "%.0f", v * divisor); /* beyond what can be written in a configuration */
                return;
        }
        str_printf(out, "%" PRId64, mantissa / power_of_ten(scale));
        if (scale)
                str_printf(out, ".%0*" PRId64, (int)scale, mantissa % power_of_ten(scale));
}

void config_format_number(double v, Str *out)
{
        format_decimal(v, 1, out);
}

void config_format_percent(double v, Str *out)
{
        format_decimal(v, 100, out);
        str_add_char(out, '%');
}

static void format_unit(int64_t v, const Unit *units, Str *out)
{
        if (v == 0) {
                str_add_char(out, '0');
                return;
        }
        while (v % units->factor)
                units++; /* ends at the factor 1 */
        str_printf(out, "%" PRId64 "%s", v / units->factor, units->name);
}

void config_format_duration(int64_t us, Str *out)
{
        format_unit(us, durations, out);
}

void config_format_size(int64_t bytes, Str *out)
{
        format_unit(bytes, sizes, out);
}
