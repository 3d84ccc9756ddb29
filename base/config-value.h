/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Config values: what a scalar type accepts, and the words for it; inside base/config only
 *
 * Reader, printer and help share this, so that a message, the man page and the check say the same.
 */

#include "base/config-doc.h"
#include "base/config.h"
#include "base/str.h"

/* Bytes of the C field. MAP and MAP_OPTIONAL have none of their own here: 0. */
size_t config_type_size(ConfigType type);

/* "a duration from 1s to 1h", "gssapi, simple or external": what is expected, without an article too many. */
void config_expected(const ConfigField *f, ConfigType type, Str *out);

/* The names of the choices whose bits are set: "gssapi, simple or external". */
void config_choices(const char *const *choices, uint32_t only, Str *out);

/* Read a scalar into the C field; findings name the place. Return: false if there was one. */
bool config_set_scalar(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                       const ConfigNode *node, void *out);

/* true: a value that this field could have been given in a file (0 may be outside of min..max) */
bool config_in_range(const ConfigField *f, ConfigType type, const void *field);

/* The row of a table, or NULL. */
const ConfigField *config_find_field(const ConfigField *fields, const char *name);

/* The known key that a wrong one was probably meant to be, or NULL. */
const char *config_suggest(const ConfigField *fields, const char *word);
