/* SPDX-License-Identifier: Apache-2.0 */

/* What a reload cannot change: one table, by which it is compared and by which it is kept. */

#include "app/config/config.h"

#include "app/config/fields.h"
#include "base/str.h"

#include <string.h>

typedef struct Waiting {
        const char *key; /* what is said */
        size_t offset, size;
        const ConfigField *fields; /* NULL: it is a number */
} Waiting;

#define WAITS(key, member, table)                                                       \
        {                                                                               \
                key, offsetof(Config, member), sizeof(((Config *)NULL)->member), table, \
        }

/* The sources are beside it: they are found by name, and their scopes do not wait. */
static const Waiting waiting[] = {
        WAITS("target", target, graph_fields),     WAITS("scheduler", scheduler, scheduler_fields),
        WAITS("state", state, state_fields),       WAITS("control", control, control_fields),
        WAITS("reports", reports, reports_fields), WAITS("console", console, console_fields),
        WAITS("audit", audit, audit_fields),       WAITS("workers", workers, NULL),
        WAITS("log.format", log.format, NULL),
};

static bool is_same(const Waiting *w, const Config *a, const Config *b)
{
        const char *x = (const char *)a + w->offset, *y = (const char *)b + w->offset;

        return w->fields ? config_is_same(w->fields, x, y) : memcmp(x, y, w->size) == 0;
}

/* A feed asks for the attributes that the rules read, and is started with their list. */
static bool reads_the_same(const RunConfig *a, const RunConfig *b)
{
        if (a->n_attributes != b->n_attributes)
                return false;
        for (size_t i = 0; i < a->n_attributes; i++)
                if (!str_is(a->attributes[i], b->attributes[i]))
                        return false;
        return true;
}

const char *config_needs_restart(const Config *now, const Config *next)
{
        if (now->n_sources != next->n_sources)
                return "sources";
        for (size_t i = 0; i < now->n_sources; i++) {
                const SourceConfig *s = config_source(next, now->sources[i].ldap.name);

                if (!s || !config_is_same(ldap_config_fields, &now->sources[i].ldap, &s->ldap))
                        return now->source ? "source" : "sources";
        }
        for (size_t i = 0; i < N_ELEMENTS(waiting); i++)
                if (!is_same(&waiting[i], now, next))
                        return waiting[i].key;
        if (!reads_the_same(&now->run, &next->run))
                return "rules: another set of attributes is read, which the feed asks for";
        return NULL;
}

/* A scope is one of a base: with another base it waits too. */
static void hold_sources(Config *next, const Config *first)
{
        SourceConfig *list = arena_new_array(next->arena, SourceConfig, first->n_sources + 1);

        for (size_t i = 0; i < first->n_sources; i++) {
                const SourceConfig *s = config_source(next, first->sources[i].ldap.name);

                list[i] = first->sources[i];
                if (s && str_is_nocase(s->ldap.base, list[i].ldap.base)) {
                        list[i].scope = s->scope;
                        list[i].compiled = s->compiled;
                }
        }
        next->sources = list;
        next->n_sources = first->n_sources;
        next->source = first->source;
        next->listed = first->listed;
}

void config_hold_back(Config *next, Config *first)
{
        hold_sources(next, first);
        for (size_t i = 0; i < N_ELEMENTS(waiting); i++)
                memcpy((char *)next + waiting[i].offset, (const char *)first + waiting[i].offset,
                       waiting[i].size);
        next->first = config_ref(first);
        config_compile_run(next);
}
