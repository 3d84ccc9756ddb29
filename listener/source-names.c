/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names to ids. Members and managers are names outside of AD, and a name may be another object's tomorrow:
 * what is kept are ids. They are asked for in one search for NAMES_AT_ONCE names; servers look up entryDN
 * without an index of their own (OpenLDAP's back-mdb; 389 Directory Server has one from the start).
 */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/model/dn.h"
#include "listener/source-ldap-private.h"

/* Below every server's size limit; the filter stays within what they decode. */
#define NAMES_AT_ONCE 100

typedef struct Named {
        const char *normalised;
        Ref *ref;
} Named;

typedef struct Names {
        SourceLdap *source;
        Arena *arena;
        Named *list;
        size_t n, size;
        Diag *diag;
} Names;

static int compare(const void *a, const void *b)
{
        return strcmp(((const Named *)a)->normalised, ((const Named *)b)->normalised);
}

/* -- what is asked for ----------------------------------------------------------------------------------- */

static Value note(Names *n, Value v)
{
        const Dn *dn;
        Ref *ref;

        if (v.type != VALUE_REF || !v.ref->text || !guid_is_zero(&v.ref->id) ||
            dn_parse(n->arena, v.ref->text, &dn, NULL))
                return v;
        if (n->n == n->size) {
                size_t size = n->size ? 2 * n->size : 16;
                Named *larger = arena_new_array(n->arena, Named, size);

                if (n->n)
                        memcpy(larger, n->list, n->n * sizeof(*larger));
                n->list = larger;
                n->size = size;
        }
        ref = arena_memdup(n->arena, v.ref, sizeof(*ref));
        n->list[n->n++] = (Named){ .normalised = dn->normalised, .ref = ref };
        return value_ref(ref);
}

/* The same value, with references of our own that can still be filled in. */
static Value note_all(Names *n, Value v)
{
        Value *list;

        if (v.type == VALUE_REF)
                return note(n, v);
        if (v.type != VALUE_LIST || value_at(v, 0).type != VALUE_REF)
                return v;
        list = arena_new_array(n->arena, Value, v.n);
        for (size_t i = 0; i < v.n; i++)
                list[i] = note(n, value_at(v, i));
        return value_list(list, v.n);
}

/* -- what is answered ------------------------------------------------------------------------------------ */

static int found(void *context, LDAPMessage *message)
{
        Names *n = context;
        EntryNames none = { 0 };
        LdapEntry e = { 0 };
        const Dn *dn;
        Named key, *first;

        if (entry_read(n->source->conn->ld, message, none, false, n->arena, &e, n->diag))
                return CONN_E_PROTOCOL;
        dialect_entry(source_dialect(n->source), n->arena, &e);
        if (dn_parse(n->arena, e.dn, &dn, NULL))
                return 0;
        key.normalised = dn->normalised;
        first = bsearch(&key, n->list, n->n, sizeof(key), compare);
        while (first && first > n->list && compare(first - 1, &key) == 0)
                first--;
        for (; first && first < n->list + n->n && compare(first, &key) == 0; first++)
                first->ref->id = e.id;
        return 0;
}

static int ask(Names *n, size_t from, size_t to, Diag *diag)
{
        const char *attributes[] = { source_dialect(n->source)->id };
        _cleanup_(str_deinit) Str filter = { 0 };
        ConnSearch search = {
                .base = n->source->config.ldap->base,
                .scope = LDAP_SCOPE_SUBTREE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };

        str_init(&filter, 8 << 20);
        str_add(&filter, "(|");
        for (size_t i = from; i < to; i++)
                str_printf(&filter, "(entryDN=%s)", filter_escape(n->arena, n->list[i].ref->text));
        str_add(&filter, ")");
        search.filter = filter.data;
        return conn_search(n->source->conn, &search, n->source->config.ldap->request_timeout_us,
                           "read the ids of names", found, n, NULL, diag);
}

/**
 * source_names_resolve() - the ids behind the names that an entry refers to
 *
 * Return: 0, CONN_E_*, SOURCE_E_TOO_LARGE.
 */
int source_names_resolve(SourceLdap *s, Arena *a, LdapEntry *e, Diag *diag)
{
        Names n = { .source = s, .arena = a, .diag = diag };
        ObjectBuilder b;
        int r = 0;

        object_build(&b, a);
        for (size_t i = 0; i < e->object->n_attributes; i++)
                object_add(&b, e->object->attributes[i].name, note_all(&n, e->object->attributes[i].value));
        if (n.n)
                qsort(n.list, n.n, sizeof(*n.list), compare);
        for (size_t i = 0; i < n.n && r == 0; i += NAMES_AT_ONCE)
                r = ask(&n, i, i + NAMES_AT_ONCE < n.n ? i + NAMES_AT_ONCE : n.n, diag);
        if (arena_full(a)) {
                diag_set(diag, "%s: reading it takes more memory than a run may have", e->dn);
                return SOURCE_E_TOO_LARGE;
        }
        if (r == 0)
                e->object = object_finish(&b, &e->id, NULL, e->dn);
        return r;
}
