/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config/sources.h"

#include "app/config/fields.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <string.h>

static const char *const *texts(const ConfigList *list)
{
        return list->items;
}

/* Scope: every DN below the base, every type one that sosync knows. `at`: what is before "scope" in a path.
 */
static void check_scope(Config *c, const SourceConfig *s, const char *at, Diag *diag)
{
        static const char *const known[] = { "user", "inetOrgPerson", "group", "contact" };
        const struct {
                const char *key;
                const ConfigList *list;
        } lists[] = { { "include", &s->scope.include }, { "exclude", &s->scope.exclude } };
        const Dn *base;

        if (!s->ldap.base || dn_parse(c->arena, s->ldap.base, &base, NULL))
                return; /* found by the reader already */
        for (size_t l = 0; l < N_ELEMENTS(lists); l++)
                for (size_t i = 0; i < lists[l].list->n_items; i++) {
                        const char *text = texts(lists[l].list)[i];
                        const Dn *dn;

                        if (dn_parse(c->arena, text, &dn, NULL) || dn_is_below(dn, base))
                                continue;
                        /* [OU=Pilot,DC=corp] is a list of two to YAML. */
                        diag_add_at(diag, lists[l].list->marks[i],
                                    "%sscope.%s: %s is not below %ssource.base (%s)%s", at, lists[l].key,
                                    text, at, s->ldap.base,
                                    dn->n_rdns == 1 ? "; a name with commas belongs in quotation marks" : "");
                }
        for (size_t i = 0; i < s->scope.object_types.n_items; i++) {
                const char *type = texts(&s->scope.object_types)[i];
                bool found = false;

                for (size_t k = 0; k < N_ELEMENTS(known); k++)
                        found |= str_is(known[k], type);
                if (!found)
                        diag_add_at(diag, s->scope.object_types.marks[i],
                                    "%sscope.object_types: \"%s\" is not one of user, inetOrgPerson, group, "
                                    "contact",
                                    at, type);
        }
}

/* Either `source` with `scope`, or `sources`, whose items have both. From here on there is only the list. */
static void list_sources(Config *c, const ConfigDoc *doc, Diag *diag)
{
        ScopeConfig empty = { .group_filter = NULL };

        c->n_sources = c->source ? 1 : c->listed.n_items;
        c->sources = arena_new_array(c->arena, SourceConfig, c->n_sources + 1);
        if (c->source && c->listed.n_items)
                diag_add_at(diag, config_mark(doc, "sources"),
                            "sources: there is \"source\" too; give one of them");
        if (c->source) {
                c->sources[0] = (SourceConfig){ .ldap = *c->source, .scope = c->scope };
                return;
        }
        if (c->n_sources)
                memcpy(c->sources, c->listed.items, c->n_sources * sizeof(*c->sources));
        if (c->n_sources == 0 && !c->listed.n_refused)
                diag_add_at(diag, config_mark(doc, "source"),
                            "the key \"source\" is missing: Active Directory: where changes come from (or "
                            "\"sources\", if there are several)");
        if (c->n_sources > CONFIG_SOURCES_MAX)
                diag_add_at(diag, config_mark(doc, "sources"), "sources: expected at most %d, found %zu",
                            CONFIG_SOURCES_MAX, c->n_sources);
        config_read_text("default", "", 0, scope_fields, NULL, c->arena, &empty, NULL, NULL);
        if (c->n_sources && !config_is_same(scope_fields, &c->scope, &empty))
                diag_add_at(diag, config_mark(doc, "scope"),
                            "scope: with \"sources\" each of them has a scope of its own");
}

/* Two sources that cannot be told apart, by their name or by the DN of an object. */
static void check_twins(Config *c, const SourceConfig *s, const char *at, const ConfigDoc *doc, Diag *diag)
{
        for (const SourceConfig *before = c->sources; before < s; before++) {
                const Dn *a, *b;

                if (s->ldap.name && before->ldap.name && str_is_nocase(s->ldap.name, before->ldap.name))
                        diag_add_at(diag, config_mark(doc, arena_printf(c->arena, "%ssource.name", at)),
                                    "%ssource.name: another source has the name \"%s\" already", at,
                                    s->ldap.name);
                if (s->ldap.base && before->ldap.base && dn_parse(c->arena, s->ldap.base, &a, NULL) == 0 &&
                    dn_parse(c->arena, before->ldap.base, &b, NULL) == 0 && dn_is(a, b))
                        diag_add_at(diag, config_mark(doc, arena_printf(c->arena, "%ssource.base", at)),
                                    "%ssource.base: another source has the same base; objects of the two "
                                    "could not be told apart by their names",
                                    at);
        }
}

void sources_check(Config *c, const ConfigDoc *doc, Diag *reach, Diag *diag)
{
        list_sources(c, doc, diag);
        for (size_t i = 0; i < c->n_sources; i++) {
                const SourceConfig *s = &c->sources[i];
                const char *at =
                        c->source ? "" : arena_printf(c->arena, "sources.%zu.", config_number(&c->listed, i));

                check_scope(c, s, at, diag);
                check_twins(c, s, at, doc, diag);
                ldap_config_check(&s->ldap, doc, arena_printf(c->arena, "%ssource", at), reach);
                if (c->target.estate == ESTATE_CLOUD_SYNC && s->ldap.base &&
                    !on_demand_has_job(&c->target.cloud_sync, s->ldap.base))
                        diag_add_at(diag, config_mark(doc, "target.cloud_sync.jobs"),
                                    "target.cloud_sync.jobs: none of them is for %s, the base of %ssource",
                                    s->ldap.base, at);
        }
}

void sources_compile(Config *c, Diag *diag)
{
        for (size_t i = 0; i < c->n_sources; i++) {
                SourceConfig *s = &c->sources[i];

                scope_new(c->arena, s->ldap.base, s->scope.include.items, s->scope.include.n_items,
                          s->scope.exclude.items, s->scope.exclude.n_items, s->scope.object_types.items,
                          s->scope.object_types.n_items, &s->compiled, diag);
        }
}

/* -- found again --------------------------------------------------------------------------------------- */

const SourceConfig *config_source(const Config *c, const char *name)
{
        for (size_t i = 0; i < c->n_sources; i++)
                if (str_is_nocase(c->sources[i].ldap.name, name))
                        return &c->sources[i];
        return NULL;
}

const SourceConfig *config_source_of(const Config *c, const Dn *dn)
{
        const SourceConfig *best = NULL;

        for (size_t i = 0; i < c->n_sources; i++) {
                const SourceConfig *s = &c->sources[i];

                if (scope_has_base(s->compiled, dn) &&
                    (!best || scope_base(s->compiled)->n_rdns > scope_base(best->compiled)->n_rdns))
                        best = s;
        }
        return best;
}

const char *config_source_names(const Config *c, Arena *a)
{
        const char *names = "";

        for (size_t i = 0; i < c->n_sources; i++)
                names = arena_printf(a, "%s%s%s", names, i ? ", " : "", c->sources[i].ldap.name);
        return names;
}
