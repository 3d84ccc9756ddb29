/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/names.h"

#include <string.h>

#define SLOTS_FIRST 16

static size_t slot_of(const Names *names, NodeKind kind, const char *text, size_t n)
{
        size_t mask = names->n_slots - 1;
        size_t i = hash128(text, n, kind).low & mask;

        for (;; i = (i + 1) & mask) {
                const Name *name = names->slots[i];

                if (!name ||
                    (name->kind == kind && strncmp(name->text, text, n) == 0 && name->text[n] == '\0'))
                        return i;
        }
}

static void grow(Names *names)
{
        names->n_slots = names->n_slots ? 2 * names->n_slots : SLOTS_FIRST;
        names->slots = arena_new_array(names->arena, const Name *, names->n_slots);
        for (size_t i = 0; i < names->n_all; i++) {
                const Name *name = names->all[i];

                names->slots[slot_of(names, name->kind, name->text, strlen(name->text))] = name;
        }
}

static void append(Names *names, const Name *name)
{
        if (names->n_all == names->size_all) {
                size_t size = names->size_all ? 2 * names->size_all : SLOTS_FIRST;
                const Name **all = arena_new_array(names->arena, const Name *, size);

                if (names->n_all)
                        memcpy(all, names->all, names->n_all * sizeof(*all));
                names->all = all;
                names->size_all = size;
        }
        names->all[names->n_all++] = name;
}

/**
 * names_add() - the one Name of this kind and text
 */
const Name *names_add(Names *names, NodeKind kind, const char *text, size_t n)
{
        Name *name;
        size_t i;

        if (2 * names->n_all >= names->n_slots)
                grow(names);
        i = slot_of(names, kind, text, n);
        if (names->slots[i])
                return names->slots[i];

        name = arena_new_of(names->arena, Name);
        name->kind = kind;
        name->text = arena_strndup(names->arena, text, n);
        names->slots[i] = name;
        append(names, name);
        return name;
}
