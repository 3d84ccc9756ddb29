/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Look: one object, read to be looked at
 *
 * For commands that change nothing. The object comes from the directory over a connection of its own, or from
 * a file. Neither queue nor state is opened, so it works beside a running service, and without one.
 */

#include "app/config/config.h"
#include "app/rules/object-json.h"
#include "engine/source/source.h"

typedef struct Look Look;

struct Look {
        Arena *arena;
        const Object *object;   /* typed; attributes as the rules see them */
        const Object *imported; /* NULL: as the object */
        const char *connector;  /* name of the source; NULL: from a file */
        const ExprParameter *parameters;
        size_t n_parameters;
};

/* Return: the exit status: EXIT_DONE, or the diag says what went wrong. Everything lives in the arena. */
int look_file(Look *ret, Arena *a, const char *path, const char *type, Diag *diag);
/* `rules` NULL: groups that rules name are not asked. */
int look_directory(Look *ret, Arena *a, const Config *config, const RuleSet *rules, const char *dn,
                   const char *const *attributes, size_t n_attributes, bool links, Diag *diag);
