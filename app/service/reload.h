/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reload: another configuration, or other rules, while the service works
 *
 *      SIGHUP                        the file is read and checked whole, and takes the snapshot's place
 *      another node activated rules  the same, with the rules that are in the state
 *      rules activated, work cut     the job that does the rest begins again
 *
 * What has a fault replaces nothing: the log says what, and what is in force stays. What cannot change in a
 * running process stays as it was at its start, and the log names the first such key
 * (config_needs_restart()). Runs that are at work end with what they began with.
 *
 * The main thread calls. Wiring.rules_lock is held until the swap, for an activation may come at the same
 * moment, from a job. That one holds it until its rules are stored, in a cluster without servers for a long
 * while: nothing here waits for it.
 */

#include "app/flow/wiring.h"

/* Return: 0: it is in force, or was refused, and the log says which; RELOAD_E_LATER: rules are being made
 * active, call again. */
#define RELOAD_E_LATER 1
int reload_config(Wiring *w);

/* `refused`: what was seen last could not be loaded, and that was said once; begins as false. */
void reload_follow_rules(Wiring *w, bool *refused);

/* A version of the rules that was activated without a service, or whose work was cut short. */
void reload_catch_up_rules(Wiring *w);
