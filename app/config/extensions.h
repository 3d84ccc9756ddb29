/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Extensions: what target.extensions of the configuration makes of rules
 *
 * A directory extension takes the value of one attribute, as Entra Connect's rules "User DirectoryExtension"
 * do. The rules are text like those of a file, and are versioned, compared and activated with the others.
 */

#include "app/config/config.h"

/* rules_read() with them. Return: as rules_read(). */
int config_read_rules(const Config *c, const char *folder, Arena *a, const RulesFile **ret_files,
                      size_t *ret_n, Diag *diag);
