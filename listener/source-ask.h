/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SourceAsk: the attributes to ask a server for, to make what a query wants
 *
 * A query names some ninety, each once however many rules read it, and of other kinds of server other names
 * are asked for: found by comparing each with each, which costs more than reading the answer. But it is the
 * same list for each object until the rules change. So what was found is kept, as places in the query's own
 * lists: a name that is given out is the query's, and lives as long.
 *
 * One thread.
 */

#include "engine/source/source.h"
#include "listener/ldap-dialect.h"

typedef struct SourceAsk SourceAsk;

/* A name to ask for: the n-th of the query, attributes first, then links. */
typedef struct AskPlace {
        const char *other; /* or one that the query does not name */
        size_t n;
} AskPlace;

struct SourceAsk {
        Arena *arena;
        const Dialect *dialect;
        bool stamped;
        const char **given; /* the query's names: attributes, then links */
        size_t n_attributes, n_links;
        AskPlace *places;
        size_t n_places;
};

/* All zero is empty. */
void source_ask_deinit(SourceAsk *s);

/*
 * Names are the query's or literals, but for ranges (`range` values at once; 0: whole), which live until
 * another list is asked for. Return: the list, in the arena.
 */
const char *const *source_ask(SourceAsk *s, const SourceQuery *q, const Dialect *d, uint32_t range, Arena *a,
                              size_t *ret_n);

bool names_have(const char *const *names, size_t n, const char *name);

/* "member;range=1500-*" */
const char *source_ask_range(Arena *a, const char *attribute, uint32_t first, uint32_t range);
