/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command: one function per command, one row in the table (table.c)
 *
 *      main.c: -c, --reason, --help --> Command.run --> service answers | does it itself --> exit status
 *
 * Results go to standard output, everything else to standard error. A command gets the arguments behind its
 * name and returns the exit status (sosync(1); engine/steps/catalogue.h has the values). What is wrong is
 * said where it is found, in one line, and only the status is passed on: nobody says it twice.
 *
 * A command is called on the main thread. What it borrows from its arguments lives to the end; a Config that
 * it loads is its own (config_unref).
 */

#include "app/flow/acts.h"
#include "engine/steps/catalogue.h"

#include <jansson.h>
#include <stdio.h>

typedef struct Command Command;

struct Command {
        const char *name;
        const char *arguments; /* for the usage line */
        int (*run)(const Command *c, const char *config_path, int argc, char **argv);
        const char *help;    /* one line */
        const char *options; /* lines of `sosync COMMAND --help`, as wide as a terminal; NULL: none */
        const char *example; /* its last line */
};

extern const Command command_table[]; /* in the order of the help; ends with a row without a name */

int command_audit(const Command *c, const char *config_path, int argc, char **argv);
int command_doctor(const Command *c, const char *config_path, int argc, char **argv);
int command_init(const Command *c, const char *config_path, int argc, char **argv);
int command_run(const Command *c, const char *config_path, int argc, char **argv);
int command_scheduler(const Command *c, const char *config_path, int argc, char **argv);
int command_sync(const Command *c, const char *config_path, int argc, char **argv);
int command_config(const Command *c, const char *config_path, int argc, char **argv);
int command_report(const Command *c, const char *config_path, int argc, char **argv);
int command_rules(const Command *c, const char *config_path, int argc, char **argv);
int command_reconcile(const Command *c, const char *config_path, int argc, char **argv);
int command_eval(const Command *c, const char *config_path, int argc, char **argv);
int command_compare(const Command *c, const char *config_path, int argc, char **argv);
int command_staging(const Command *c, const char *config_path, int argc, char **argv);
int command_watch(const Command *c, const char *config_path, int argc, char **argv);
int command_top(const Command *c, const char *config_path, int argc, char **argv);
int command_cluster(const Command *c, const char *config_path, int argc, char **argv);
int command_match(const Command *c, const char *config_path, int argc, char **argv);
int command_revert(const Command *c, const char *config_path, int argc, char **argv);
int command_state(const Command *c, const char *config_path, int argc, char **argv);
int command_queue(const Command *c, const char *config_path, int argc, char **argv);

/* "sosync: text" on standard error, and the status. */
int command_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
int command_fail_diag(int status, const Diag *diag); /* every item */
int command_status(int r);                           /* of -errno: what this user may not do is 2, else 1 */
int command_usage(const Command *c);                 /* wrong arguments: how it is meant, status 2 */
/* Of a command with verbs (its arguments begin with them): is this one? If not, said so. */
bool command_knows_verb(const Command *c, const char *word);
/* What app/rules/look.h gave, told to the person; the diag is over then. */
int command_looked(int status, Diag *diag);
void command_help(const Command *c, FILE *to);

/*
 * The running service (app/control/control.h). Requests and answers are taken over.
 * command_ask() gives the "result" of a short request. NULL with `*ret_absent`: none runs; NULL otherwise:
 * said why, and the exit status. It is made of: command_answer(), the whole answer, or NULL with
 * control_ask's result; command_result(), the result in it, or NULL: said why not; command_unanswered(),
 * which says why there is no answer, and returns the exit status.
 */
json_t *command_ask(const Config *c, json_t *request, bool *ret_absent, int *ret_status);
json_t *command_answer(const Config *c, json_t *request, int *ret_r);
json_t *command_result(json_t *answer, int *ret_status);
int command_unanswered(const Config *c, int r);

/* A command that nobody but the service can answer: said why it did not. Returns the exit status. */
int command_without_service(const Config *c, int r);

/* Does one run? False with a status: there is one that cannot be asked; said why. */
bool command_service_runs(const Config *c, int *ret_status);

/* What --json gives: indented, and a line's end. */
void command_print_json(const json_t *j);

/* Arguments as getopt wants them: before the first, which it begins behind, stands the program, as whom it
 * speaks. */
void command_getopt(int *argc, char ***argv);

/* NULL, or a distinguished name; else it is said that `option` has none. */
bool command_dn(const char *option, const char *text);

/* "30m", "2h", "7d" ago, or a time. False: it is said why. */
bool command_since(const char *text, Wall *ret_since);

/*
 * What a command did itself, when no service runs: into the audit log, by this user, with the reason that was
 * given. `a` NULL: the command owns the state folder and has no wiring. `request` is taken over.
 */
void command_act(Acts *a, const Config *c, const char *verb, json_t *request, bool ok);

/* A configuration that is needed in part only: folders of state and reports (config_load_partly). NULL: said
 * why. */
Config *command_config_load(const char *path, int *ret_status);
Config *command_config_load_rules(const char *path, int *ret_status); /* the rules matter too */

/*
 * At the end, whatever was printed: is it out? What could not be written is said, and is no success: whoever
 * keeps it in a file has half of it. A reader that went away is no error.
 */
int command_output_end(int status);

/* Columns of the terminal behind standard output; 100 if it is none. */
size_t command_columns(void);
/* What a line of a list may take: these columns, or SIZE_MAX: into a file or a pipe goes all of it. */
size_t command_room(void);
bool command_colour(void); /* a terminal, and NO_COLOR is not set */
