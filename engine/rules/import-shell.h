/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Import shell: the little of PowerShell that the Synchronization Rules Editor writes
 *
 *      New-Object  `
 *      -TypeName 'Microsoft.IdentityManagement.PowerShell.ObjectModel.ScopeCondition' `
 *      -ArgumentList 'mail','','ISNOTNULL' `
 *      -OutVariable condition0
 *
 * A statement is a cmdlet with named arguments, on lines joined by backticks. An argument is a switch, or one
 * or several values with commas between them, in @( ) or not. A value is a text in quotes (with no $ or ` in
 * double ones), a word, a number, or a variable, $name or $name[0]. Comments are passed over; "| Out-Null"
 * too. Anything else is an error: nothing is guessed, and nothing is executed.
 */

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ShellArgument ShellArgument;
typedef struct ShellReader ShellReader;
typedef struct ShellStatement ShellStatement;
typedef struct ShellValue ShellValue;

#define SHELL_VALUES_MAX    10000 /* of one argument: the sources of an expression, the clauses of a group */
#define SHELL_ARGUMENTS_MAX 64

typedef enum ShellKind {
        SHELL_TEXT,
        SHELL_VARIABLE, /* text is its name; $true, $false and $null too */
} ShellKind;

struct ShellValue {
        ShellKind kind;
        const char *text;
        ShellValue *next;
};

struct ShellArgument {
        const char *name; /* without its hyphen */
        int line, column;
        ShellValue *values; /* NULL: a switch, or @() */
        size_t n_values;
};

struct ShellStatement {
        const char *command;
        int line, column;
        ShellArgument arguments[SHELL_ARGUMENTS_MAX];
        size_t n_arguments;
};

struct ShellReader {
        Arena *arena;
        const char *name; /* of the file */
        const char *s;
        const char *end;
        const char *line_start;
        int line;
        Diag *diag;
};

/* `text` is UTF-8, terminated, and outlives the reader. */
void shell_init(ShellReader *r, Arena *a, const char *name, const char *text, size_t n, Diag *diag);

/* Return: 0 (command NULL: the end), RULE_E_INVALID. */
int shell_next(ShellReader *r, ShellStatement *ret);

const ShellArgument *shell_find(const ShellStatement *s, const char *name); /* without regard to case */
