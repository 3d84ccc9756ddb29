/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Program: run another program, with a time limit
 *
 * No shell: argv[0] is the path of a file, or a name that is looked for in PATH. The program gets `input` on
 * its standard input and a process group of its own; when its time is up the whole group is killed, so a
 * script cannot leave a child behind that hangs. What it prints is kept up to a limit, and the rest is read
 * and dropped, so that it never blocks on us.
 *
 * Blocks up to the time limit. Any thread; the caller must not wait for all children (waitpid(-1)).
 */

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Program Program;
typedef struct ProgramEnd ProgramEnd;

struct Program {
        const char *const *argv; /* NULL-terminated, at least one */
        const void *input;
        size_t n_input;
        int64_t timeout_us; /* > 0 */
        size_t output_max;  /* bytes kept of each of output and errors */
};

struct ProgramEnd {
        bool late;          /* killed: its time was up */
        int status;         /* its exit status; -1: it died of a signal */
        int number;         /* of that signal */
        const char *output; /* standard output, terminated; in the arena */
        size_t n_output;
        const char *errors; /* standard error */
};

/*
 * Return: 0 (it ran; *ret_end says how it ended), -errno (it could not be started; the diag says why).
 */
int program_run(const Program *p, Arena *a, ProgramEnd *ret_end, Diag *diag);

/* How it ended, for people: "exit status 3: no such host", "killed after 30 s". NULL: well. */
const char *program_failure(const Program *p, const ProgramEnd *end, Arena *a);
