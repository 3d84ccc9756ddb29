/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names: each attribute and parameter of an expression once
 *
 * A hash table, because a text of a megabyte may hold a hundred thousand different names.
 */

#include "engine/expr/node.h"

typedef struct Names Names;

struct Names {
        Arena *arena;
        const Name **slots;
        size_t n_slots;
        const Name **all; /* in the order of their first occurrence */
        size_t n_all, size_all;
};

const Name *names_add(Names *names, NodeKind kind, const char *text, size_t n);
