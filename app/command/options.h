/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options: the command line of one command, as a table
 *
 *      const Option options[] = {
 *              { "ou", .dn = &ou },
 *              { "sample", .number = &sample, .min = 1, .max = 100000 },
 *              { "json", .flag = &json },
 *              { NULL },
 *      };
 *
 * Where a row puts its value says what it takes: a flag nothing, the others one argument. What is wrong with
 * an argument is said in one line. Arguments that are no options may stand between them; "--" ends the
 * options.
 */

#include "app/command/command.h"

typedef struct Option Option;

struct Option {
        const char *name; /* without the two dashes; NULL ends the table */
        bool *flag;
        const char **text;
        const char **dn;
        int64_t *number, min, max;
        Wall *since; /* command_since() */
};

/*
 * Read argv[0] to argv[argc - 1], all of them behind the command's name (and verb). What is left are the
 * others, in their order. Return: the exit status; not EXIT_DONE: said why.
 */
int options_read(const Command *c, const Option *options, int *argc, char ***argv);

/* ... and there may be no others. */
int options_read_all(const Command *c, const Option *options, int argc, char **argv);
