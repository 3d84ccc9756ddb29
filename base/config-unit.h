/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config units: numbers, durations, sizes and percentages as a person writes them
 *
 *      0.8    500ms 2s 5m 1h 30d    64MiB 2GiB 100kB    10%
 *
 * Decimal, at most 15 digits, no exponent, no sign but a minus before a plain number, nothing in front or
 * behind, no locale. Reading is exact, and what is formatted here is read back as the same value. A unit is
 * required for everything but 0: "linger: 5" has been minutes to one and seconds to another.
 */

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ConfigUnitResult {
        CONFIG_UNIT_OK,
        CONFIG_UNIT_SYNTAX,  /* not such a text */
        CONFIG_UNIT_MISSING, /* a number without its unit */
        CONFIG_UNIT_RANGE,   /* too large, or with digits that would be lost */
} ConfigUnitResult;

/* ret_x is written only with OK. */
ConfigUnitResult config_parse_number(const char *s, double *ret_v);
ConfigUnitResult config_parse_percent(const char *s, double *ret_v);    /* 0..1 */
ConfigUnitResult config_parse_duration(const char *s, int64_t *ret_us); /* never negative */
ConfigUnitResult config_parse_size(const char *s, int64_t *ret_bytes);  /* never negative */

void config_format_number(double v, Str *out);
void config_format_percent(double v, Str *out);
void config_format_duration(int64_t us, Str *out);
void config_format_size(int64_t bytes, Str *out);
