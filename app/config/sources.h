/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sources: the directories of a configuration, made one list
 *
 *      source + scope          -->  sources[0]        a finding is at  source.base, scope.include ...
 *      sources: [ {..}, ... ]  -->  sources[i]                         sources.0.source.base ...
 *
 * Whoever comes after reads `Config.sources` and never asks how it was written. Two of them may not be
 * confused: neither by name (of the connector, for ever) nor by base (whose is an object, by its DN). What is
 * in a scope is below its base, and of a type that the rules know.
 *
 * For config.c, while it loads; all memory is the Config's arena. Who looks for a source in a configuration
 * that is in force uses config_source() and its sisters (config.h).
 */

#include "app/config/config.h"

/*
 * Make the list and check it. What only the one who connects must get right, files of secrets among it, is
 * found in `reach`, all else in `diag`.
 */
void sources_check(Config *c, const ConfigDoc *doc, Diag *reach, Diag *diag);

/* SourceConfig.compiled of each. Only where there were no findings: what is compiled here was checked. */
void sources_compile(Config *c, Diag *diag);
