/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Program: run a command on this machine, within limits
 *
 * No shell: the first word is the program's whole path, the others are its arguments as they are. It gets an
 * empty standard input, a process group of its own, and a time limit, after which the whole group is ended
 * (SIGTERM, SIGKILL a moment later). What it writes is read up to a limit; a grandchild that keeps the
 * pipe open (ssh with ControlPersist does) is not waited for.
 *
 * Any thread; blocks until the program has ended or the time is over.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"

typedef struct ProgramResult ProgramResult;

enum {
        PROGRAM_E_BASE_ = 1920, /* within ERROR_BASE_SCHEDULER */

        PROGRAM_E_START,  /* it cannot be started */
        PROGRAM_E_FAILED, /* exit status other than 0, or a signal; ret_result has what it wrote */
        PROGRAM_E_TIME,   /* it did not end in time, and was ended */
        PROGRAM_E_LONG,   /* it wrote more than the limit, and was ended */
};

struct ProgramResult {
        const char *data; /* standard output, terminated */
        size_t n;
        int status; /* exit status; -1: it died of a signal or was ended */
};

/*
 * `words` ends with NULL. The diag has one line: the program, and how it ended with the last line it wrote to
 * standard error. Return: 0, PROGRAM_E_*, -errno.
 */
int program_run(const char *const *words, int64_t timeout_us, size_t max, const Clock *clock, Arena *a,
                ProgramResult *ret_result, Diag *diag);
