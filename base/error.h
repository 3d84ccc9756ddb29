/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors: how a function says that something went wrong
 *
 *      0      success
 *      < 0    -errno: unforeseen. Passed up unchanged with error_trace(); whoever cannot go on logs it.
 *      > 0    a named condition of *this* function, listed in its "Return:" paragraph. The caller handles it
 *             on the spot and never passes it on. A front-door function (queue_put) and its backends are one
 *             group and share one set.
 *
 * The ranges of the modules are disjoint, so that a condition that leaks is recognised in a trace. Foreign
 * codes (LDAP, LMDB, CURLcode, HTTP status) are translated once, at the border, and appear nowhere else.
 * Out of memory aborts; bad data never does.
 *
 * What an operator must read goes into a Diag (base/diag.h), never into the number.
 */

#include <stddef.h>

enum {
        ERROR_BASE_CONFIG = 1000,
        ERROR_BASE_PACK = 1100,
        ERROR_BASE_DN = 1200,
        ERROR_BASE_EXPR = 1300,
        ERROR_BASE_RULE = 1400,
        ERROR_BASE_SCOPE = 1500,
        ERROR_BASE_SOURCE = 1600,
        ERROR_BASE_SPACE = 1700,
        ERROR_BASE_TARGET = 1800,
        ERROR_BASE_SCHEDULER = 1900,
        ERROR_BASE_STEP = 2000,
        ERROR_BASE_QUEUE = 2100,
        ERROR_BASE_FEED = 2200,
        ERROR_BASE_LDAP = 2300,
        ERROR_BASE_REPORT = 2400,
        ERROR_BASE_APP = 2500,
};

/* Raise r here: writes one trace line to the log (debug level) and returns r. r < 0. */
#define error_origin(r) error_note((r), "raised", __FILE__, __LINE__, __func__)

/* Pass r on, unchanged; only for r <= 0. A condition (> 0) is folded first. */
#define error_trace(r) error_note((r), "passed", __FILE__, __LINE__, __func__)

/* Turn a condition that nobody handles into -ENOTRECOVERABLE, with a trace line; 0 and negatives pass. */
#define error_fold(r) error_note_fold((r), __FILE__, __LINE__, __func__)

int error_note(int r, const char *what, const char *file, int line, const char *function);
int error_note_fold(int r, const char *file, int line, const char *function);

/* Out of memory: one line on standard error and abort. */
_Noreturn void error_oom(size_t size);
