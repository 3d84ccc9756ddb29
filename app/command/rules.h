/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command rules, inside: `sosync rules WHAT`, one function each
 *
 *      rules.c          list, check, show; which set is meant
 *      rules-explain*   explain
 *      rules-import.c   import
 *      rules-life.c     diff, activate, history, rollback
 *
 * A function gets the arguments behind `rules`, its verb first, and returns the exit status; what is wrong
 * has been said by then. The set and the configuration live as long as the command's arena.
 */

#include "app/command/command.h"
#include "engine/rules/rules.h"

#include <jansson.h>

typedef struct RulesCommand RulesCommand;

struct RulesCommand {
        const Command *command;
        const char *config_path;
        Arena *arena;
        bool json;
        const char *folder;   /* --rules; NULL: those that are active */
        const char *set_name; /* what `rules` are, for people */
        bool has_state;       /* there is one, and this user may ask it */
        Config *config;       /* NULL: not needed so far */
        const RuleSet *rules;
};

/* The set of --rules, else the active one; where nothing was active yet, that of the configuration, and
 * without one the shipped set. Return: exit status; what is wrong has been said. */
int rules_open(RulesCommand *c);
int rules_open_config(RulesCommand *c); /* the configuration, and is there a state? */

int rules_import(RulesCommand *c, int argc, char **argv);
int rules_explain(RulesCommand *c, int argc, char **argv);
/* diff, activate, history, rollback. Return: exit status; negative: it is none of these. */
int rules_life(RulesCommand *c, int argc, char **argv);

/* A text from outside, cut to so many columns. */
const char *rules_cut(Arena *a, const char *text, size_t columns);
void rules_print_json(json_t *j); /* and free it */
