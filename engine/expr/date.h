/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Dates as text: read as .NET reads them in the culture en-US, written by .NET's format strings. All UTC. */

#include "base/arena.h"

/* False: not a date. The result is a FILETIME. */
bool date_parse(const char *s, int64_t *ret_filetime);

/* NULL: not a format, or a date that .NET does not have. */
const char *date_format(Arena *a, int64_t filetime, const char *format);

/* Whether the format shows more than the day. */
bool date_format_has_time(const char *format);
