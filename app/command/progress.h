/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Progress: one line on a terminal that says how far long work has come
 *
 *      comparing [=========>                    ] 12,000 of 41,230
 *      listing   34,000
 *
 * On standard error, and only if that is a terminal; drawn at most ten times a second, and wiped at the end,
 * so that results and messages stand alone. Belongs to one thread.
 */

#include "base/clock.h"

typedef struct Progress Progress;

struct Progress {
        bool on;
        Mono shown; /* last drawn; 0: never */
};

void progress_init(Progress *p);
void progress_show(Progress *p, const char *phase, uint64_t done, uint64_t total); /* total 0: not known */
void progress_end(Progress *p);

/* "41,230": for people. At most 27 bytes. Returns buf. */
#define PROGRESS_NUMBER_MAX 28
const char *progress_number(uint64_t n, char buf[PROGRESS_NUMBER_MAX]);
