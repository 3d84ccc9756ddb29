/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Import cmdlets, inside: the rule that a script puts together, and the arguments of its statements
 */

#include "engine/rules/import-model.h"
#include "engine/rules/import-shell.h"

typedef struct Condition Condition;
typedef struct Script Script;

struct Condition {
        const char *variable;
        bool join;
        ScopeClause scope;
        JoinClause clause;
};

struct Script {
        Importing *im;
        ShellReader reader;
        const ShellStatement *now;
        const char *file;
        ImportRule *rule; /* that is being put together; NULL: none */
        const char *variable;
        ImportList flows, scope, join; /* Flow, ScopeGroup, JoinGroup of the rule */
        ImportList conditions;         /* Condition */
};

/* All of them return 0 or IMPORT_E_INVALID, with the finding in the diag. */
int cmdlet_fail(Script *s, const char *text);
int cmdlet_fail_argument(Script *s, const ShellArgument *a, const char *text);
int cmdlet_check_arguments(Script *s,
                           const char *const *known); /* others mean something that we do not know */
int cmdlet_check_rule(Script *s); /* -SynchronizationRule is the one that is being put together */
int cmdlet_take_one(Script *s, const char *name, const char **ret); /* one text; NULL if it is not there */
int cmdlet_take_needed(Script *s, const char *name, const char **ret);
int cmdlet_take_switch(Script *s, const char *name, bool *ret);
int cmdlet_take_choice(Script *s, const char *name, const char *const *names, int fallback, int *ret);

bool cmdlet_is_variable(const ShellValue *v, const char *name);

int cmdlet_new_rule(Script *s);
int cmdlet_add_flow(Script *s);
int cmdlet_new_object(Script *s);
int cmdlet_add_group(Script *s, bool join);
