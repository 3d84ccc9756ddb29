/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config walk: a table and a document, side by side; inside base/config only
 *
 * Every mapping is read in three goes: which keys are there (unknown ones, and those given twice), then the
 * choices, then all else, because a choice may decide which other keys have a meaning. A default takes the
 * same way as what was written.
 */

#include "base/config-doc.h"
#include "base/config.h"

void config_walk(ConfigReader *r, const ConfigField *fields, void *ret_struct);
