/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RulesActive: which rule set works
 *
 *      folder or shipped set --sosync rules activate--> rules-store --adopt--> Config.run.rules --> workers
 *
 * A Config is loaded with the rules that it names. Before anybody works with it, rules_adopt() puts those in
 * their place that are active; the two differ from the moment a rule file is changed until somebody activates
 * the change. Activation swaps them under a running service: runs that have begun end with the rules they
 * began with.
 */

#include "app/flow/wiring.h"
#include "engine/rules/rules.h"

/*
 * `c` is not in use yet. Its own rules become the first version if the state has none. Sets w->rules_broken
 * when the active version cannot be loaded by this program: then `c` keeps its own, and no change may be
 * worked on. Where the configuration's cannot be loaded, the active ones work, and the log says so.
 * Return: 0, RULE_E_INVALID (neither can: findings in the diag), -errno.
 */
int rules_adopt(Wiring *w, Config *c, Diag *diag);

/*
 * Make a set active: store it, and swap it in. `ret_restart` (may be NULL): what takes effect only after a
 * restart, or NULL. Return: 0, RULE_E_INVALID (findings in the diag; nothing has changed), -errno.
 */
int rules_activate(Wiring *w, const RulesFile *texts, size_t n_texts, const char *origin, const char *by,
                   const char *how, const char **ret_restart, Diag *diag);

/*
 * In a cluster another node may have made a set active, or a command beside the nodes: then it works here too
 * from now on. Asked every second by the main loop, so it waits for nobody: while rules_lock is held it looks
 * at nothing and returns 0. `ret_restart` as of rules_activate().
 * Return: 0, RULES_FOLLOW_E_NEW (another set works now), RULE_E_INVALID (this program cannot load it: the old
 * one goes on, findings in the diag), -errno.
 */
#define RULES_FOLLOW_E_NEW 1
int rules_follow(Wiring *w, const char **ret_restart, Diag *diag);

/* The set in the folder, or (NULL) the one that the configuration names, and what to call it. */
int rules_wanted(Wiring *w, Arena *a, const char *folder, const RulesFile **ret_texts, size_t *ret_n,
                 const char **ret_origin, Diag *diag);
