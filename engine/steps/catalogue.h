/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Catalogue: every error code that a report may carry
 *
 * One row each: whose failure it is, Graph's category, what it means and what a person should do. Reports,
 * the command line's exit status and the man page come from it. The names are Entra Connect's and Graph's
 * where those have one.
 */

#include "engine/model/outcome.h"

typedef struct CatalogueRow CatalogueRow;

/* Exit status of `sosync sync`; sosync(1) has the table. */
typedef enum ExitStatus {
        EXIT_DONE = 0,
        EXIT_OBJECT = 1,
        EXIT_USAGE = 2,
        EXIT_THROTTLED = 3,
        EXIT_OUT_OF_SCOPE = 4,
        EXIT_UNREACHABLE = 5,
} ExitStatus;

struct CatalogueRow {
        const char *code;
        ErrorCategory category;
        ExitStatus exit_status;
        const char *reason;
        const char *action;
};

const CatalogueRow *catalogue_find(const char *code); /* never NULL: an unknown code has a row of its own */
const CatalogueRow *catalogue_all(size_t *ret_n);

/* 0 for what ended well, else by the error's row. */
ExitStatus catalogue_exit_status(const Outcome *o);
