/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tally: the numbers of a result, a line each
 *
 *      41,230  as they were imported
 *          12  enqueued
 */

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct TallyLine TallyLine;

struct TallyLine {
        const char *key, *text;
        bool always; /* also if there are none */
};

/* A number and two spaces. */
#define TALLY_TEXT 14

/* What stands behind them, in as many lines of the terminal as it takes. */
void tally_add(Str *out, const char *text);
void tally_print(const json_t *numbers, const TallyLine *lines, size_t n);
