/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/source-ask.h"

#include "base/str.h"
#include "listener/repl-meta.h"

static const char *const always[] = {
        "objectClass", "objectGUID", "uSNChanged", "whenChanged", "parentGUID", "isDeleted",
};

void source_ask_deinit(SourceAsk *s)
{
        s->arena = arena_free(s->arena);
}

const char *source_ask_range(Arena *a, const char *attribute, uint32_t first, uint32_t range)
{
        if (range)
                return arena_printf(a, "%s;range=%u-%u", attribute, first, first + range - 1);
        return arena_printf(a, "%s;range=%u-*", attribute, first);
}

bool names_have(const char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (str_is_nocase(names[i], name))
                        return true;
        return false;
}

static bool is_list(const char *const *kept, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!str_is(kept[i], names[i]))
                        return false;
        return true;
}

static bool is_kept(const SourceAsk *s, const SourceQuery *q, const Dialect *d)
{
        return s->arena && s->dialect == d && s->stamped == (q->n_stamped > 0) &&
               s->n_attributes == q->n_attributes && s->n_links == q->n_links &&
               is_list(s->given, q->attributes, q->n_attributes) &&
               is_list(s->given + s->n_attributes, q->links, q->n_links);
}

/* The n-th of what was given, by its address; one that is not among them stands for itself. */
static AskPlace place_of(const SourceAsk *s, const char *name)
{
        for (size_t i = 0; i < s->n_attributes + s->n_links; i++)
                if (s->given[i] == name)
                        return (AskPlace){ .n = i };
        return (AskPlace){ .other = name };
}

static void find_out(SourceAsk *s, uint32_t range)
{
        const char *const *links = s->given + s->n_attributes;
        const char **names = arena_new_array(s->arena, const char *,
                                             N_ELEMENTS(always) + s->n_attributes + s->n_links + 1);
        const char *const *all;
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(always); i++)
                names[n++] = always[i];
        for (size_t i = 0; i < s->n_attributes; i++)
                if (!names_have(names, n, s->given[i]) && !names_have(links, s->n_links, s->given[i]))
                        names[n++] = s->given[i];
        if (s->stamped && s->dialect->is_ad)
                names[n++] = REPL_META;
        for (size_t i = 0; i < s->n_links; i++)
                names[n++] = range ? source_ask_range(s->arena, links[i], 0, range) : links[i];
        all = dialect_ask(s->dialect, s->arena, names, n, &s->n_places);
        s->places = arena_new_array(s->arena, AskPlace, s->n_places);
        for (size_t i = 0; i < s->n_places; i++)
                s->places[i] = place_of(s, all[i]);
}

static void keep(SourceAsk *s, const SourceQuery *q, const Dialect *d, uint32_t range)
{
        if (s->arena)
                arena_reset(s->arena);
        else
                s->arena = arena_new(0);
        s->dialect = d;
        s->stamped = q->n_stamped > 0;
        s->n_attributes = q->n_attributes;
        s->n_links = q->n_links;
        s->given = arena_new_array(s->arena, const char *, q->n_attributes + q->n_links);
        for (size_t i = 0; i < q->n_attributes; i++)
                s->given[i] = arena_strdup(s->arena, q->attributes[i]);
        for (size_t i = 0; i < q->n_links; i++)
                s->given[q->n_attributes + i] = arena_strdup(s->arena, q->links[i]);
        find_out(s, range);
}

/**
 * source_ask() - the attributes to ask for
 */
const char *const *source_ask(SourceAsk *s, const SourceQuery *q, const Dialect *d, uint32_t range, Arena *a,
                              size_t *ret_n)
{
        const char **names;

        if (!is_kept(s, q, d))
                keep(s, q, d, range);
        names = arena_new_array(a, const char *, s->n_places);
        for (size_t i = 0; i < s->n_places; i++) {
                const AskPlace *p = &s->places[i];

                names[i] = p->other                 ? p->other
                           : p->n < q->n_attributes ? q->attributes[p->n]
                                                    : q->links[p->n - q->n_attributes];
        }
        *ret_n = s->n_places;
        return names;
}
