/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare html: a comparison (`sosync compare`) as one file, in the dress of the reports
 *
 * `result` is what the job gives: numbers, "attributes" and "details" (app/compare/compare.h). Values come
 * from a directory and are hostile, as in html.h.
 */

#include "base/str.h"

#include <jansson.h>

void compare_html(const json_t *result, Str *out);
