/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/scope/scope.h"

#include "base/str.h"

#include <string.h>

/* An OU that the configuration names. */
typedef struct Entry {
        const Dn *dn;
        bool include;
} Entry;

struct Scope {
        const Dn *base;
        const Entry *entries; /* deepest first, so that the first that holds an object decides */
        size_t n_entries;
        bool has_includes;
        const char **types;
        size_t n_types;
};

static int parse_dns(Arena *a, const char *what, bool include, const char *const *texts, size_t n,
                     Entry *ret_entries, Diag *diag)
{
        int result = 0;

        for (size_t i = 0; i < n; i++) {
                Diag why = DIAG_INIT;

                /* The text must outlive the caller's: it is what reports name. */
                if (dn_parse(a, arena_strdup(a, texts[i]), &ret_entries[i].dn, &why)) {
                        diag_add(diag, "%s: \"%s\" is not a distinguished name: %s", what, texts[i],
                                 diag_text(&why));
                        result = DN_E_MALFORMED;
                }
                ret_entries[i].include = include;
                diag_deinit(&why);
        }
        return result;
}

/* Deepest first; of two entries for one OU, exclude first: what someone has shut stays shut. */
static int entry_compare(const void *a, const void *b)
{
        const Entry *x = a, *y = b;

        if (x->dn->n_rdns != y->dn->n_rdns)
                return x->dn->n_rdns > y->dn->n_rdns ? -1 : 1;
        return (int)x->include - (int)y->include;
}

/**
 * scope_new() - make the scope of a source
 * @a:          arena of the configuration
 * @base:       DN everything must be at or below
 * @include:    OUs in scope; none: the whole base
 * @n_include:  their number
 * @exclude:    OUs not in scope
 * @n_exclude:  their number
 * @types:      object types in scope; none: every type
 * @n_types:    their number
 * @ret_scope:  the scope
 * @diag:       a finding for each DN that cannot be parsed
 *
 * Return: 0, or DN_E_MALFORMED.
 */
int scope_new(Arena *a, const char *base, const char *const *include, size_t n_include,
              const char *const *exclude, size_t n_exclude, const char *const *types, size_t n_types,
              const Scope **ret_scope, Diag *diag)
{
        Entry *entries = arena_new_array(a, Entry, n_include + n_exclude + 1);
        Scope *s = arena_new_of(a, Scope);
        Entry root;
        int r = 0;

        if (parse_dns(a, "base", true, &base, 1, &root, diag))
                r = DN_E_MALFORMED;
        if (parse_dns(a, "include", true, include, n_include, entries, diag))
                r = DN_E_MALFORMED;
        if (parse_dns(a, "exclude", false, exclude, n_exclude, entries + n_include, diag))
                r = DN_E_MALFORMED;
        if (r)
                return r;

        qsort(entries, n_include + n_exclude, sizeof(*entries), entry_compare);
        s->base = root.dn;
        s->entries = entries;
        s->n_entries = n_include + n_exclude;
        s->has_includes = n_include > 0;
        s->types = arena_new_array(a, const char *, n_types + 1);
        s->n_types = n_types;
        for (size_t i = 0; i < n_types; i++)
                s->types[i] = arena_strdup(a, types[i]);
        *ret_scope = s;
        return 0;
}

const Dn *scope_base(const Scope *s)
{
        return s->base;
}

bool scope_has_base(const Scope *s, const Dn *dn)
{
        return dn_is_below(dn, s->base);
}

/**
 * scope_judge() - is an object in scope by its name
 * @s:          scope
 * @dn:         name of the object
 *
 * Return: the answer, and the configured name that gave it.
 */
ScopeAnswer scope_judge(const Scope *s, const Dn *dn)
{
        if (!scope_has_base(s, dn))
                return (ScopeAnswer){ .in = false, .rule = s->base->text };
        for (size_t i = 0; i < s->n_entries; i++)
                if (dn_is_below(dn, s->entries[i].dn))
                        return (ScopeAnswer){
                                .in = s->entries[i].include,
                                .rule = s->entries[i].dn->text,
                                .excluded = !s->entries[i].include,
                        };
        return (ScopeAnswer){ .in = !s->has_includes, .rule = s->base->text, .excluded = s->has_includes };
}

/*
 * Most specific first: AD's classes inherit, and an entry has all of its class's ancestors among its values.
 * A managed service account is a computer, a computer is a user, by inheritance only; none of them is what a
 * rule for users means.
 */
static const char *const known_types[] = {
        "msDS-GroupManagedServiceAccount",
        "msDS-DelegatedManagedServiceAccount",
        "msDS-ManagedServiceAccount",
        "computer",
        "inetOrgPerson",
        "user",
        "contact",
        "msExchDynamicDistributionList",
        "group",
        "foreignSecurityPrincipal",
        "msDS-Device",
        "publicFolder",
        "printQueue",
        "domainDNS",
        "builtinDomain",
        "lostAndFound",
        "organizationalUnit",
        "container",
        /* RFC 4519, RFC 4524: what people lie below elsewhere; 389 Directory Server's own. */
        "organization",
        "locality",
        "country",
        "domain",
        "dcObject",
        "nsContainer",
};

/**
 * scope_type_of() - the type an entry is known by
 * @object_class: values of objectClass, one or many
 *
 * Return: a type, or "" for a class that nobody here has anything to say about.
 */
const char *scope_type_of(Value object_class)
{
        size_t n = value_count(object_class);

        for (size_t i = 0; i < N_ELEMENTS(known_types); i++)
                for (size_t k = 0; k < n; k++) {
                        Value v = value_at(object_class, k);

                        if (v.type == VALUE_STRING && str_is_nocase(v.s, known_types[i]))
                                return known_types[i];
                }
        return "";
}

bool scope_has_type(const Scope *s, const char *type)
{
        for (size_t i = 0; i < s->n_types; i++)
                if (str_is_nocase(s->types[i], type))
                        return true;
        return s->n_types == 0 && *type;
}
