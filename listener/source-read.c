/* SPDX-License-Identifier: Apache-2.0 */

/* One object, whole: the entry, the rest of its ranged attributes, its links, and whether it is new enough.
 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/source-ldap-private.h"

/* An object that changes under three reads in a row is one to come back to later. */
#define TRIES 3

typedef struct Part {
        SourceLdap *source;
        Arena *arena;
        EntryNames names;
        LdapEntry entry;
        bool seen;
        Diag *diag;
} Part;

/* Values of one attribute that came in parts. */
typedef struct Whole {
        const char *attribute;
        Value *values;
        size_t n, size;
} Whole;

const char *filter_escape(Arena *a, const char *value)
{
        char *text = arena_alloc(a, 3 * strlen(value) + 1), *out = text;

        for (; *value; value++) {
                if (strchr("*()\\", *value))
                        out += sprintf(out, "\\%02x", (unsigned char)*value);
                else
                        *out++ = *value;
        }
        *out = '\0';
        return text;
}

/* -- one search ------------------------------------------------------------------------------------------ */

static int take(void *context, LDAPMessage *message)
{
        Part *p = context;
        int r;

        r = entry_read(p->source->conn->ld, message, p->names, true, p->arena, &p->entry, p->diag);
        if (r == ENTRY_E_TOO_LARGE)
                return SOURCE_E_TOO_LARGE;
        if (r)
                return CONN_E_PROTOCOL;
        if (arena_full(p->arena)) {
                diag_set(p->diag, "%s: reading it takes more memory than a run may have", p->entry.dn);
                return SOURCE_E_TOO_LARGE;
        }
        dialect_entry(source_dialect(p->source), p->arena, &p->entry);
        p->seen = true;
        return 0;
}

static int search_part(Part *p, const SourcePlace *place, const char *const *attributes, size_t n,
                       bool deleted)
{
        ControlSet controls;
        ConnSearch search = {
                .base = place->base,
                .scope = place->scope,
                .filter = place->filter,
                .attributes = attributes,
                .n_attributes = n,
                .controls = &controls,
        };
        int r;

        controls_init(&controls);
        if (source_dialect(p->source)->is_ad)
                controls_add_extended_dn(&controls);
        if (deleted && source_dialect(p->source)->is_ad)
                controls_add_show_deleted(&controls);
        p->seen = false;
        r = conn_search(p->source->conn, &search, p->source->config.ldap->request_timeout_us,
                        "read an object", take, p, NULL, p->diag);
        controls_deinit(&controls);
        if (r == 0 && !p->seen)
                r = CONN_E_NOT_FOUND;
        return r;
}

/* -- ranges ---------------------------------------------------------------------------------------------- */

static void append(Arena *a, Whole *w, Value values)
{
        size_t n = value_count(values);

        if (w->n + n > w->size) {
                size_t size = 2 * (w->n + n);
                Value *larger = arena_new_array(a, Value, size);

                if (w->n)
                        memcpy(larger, w->values, w->n * sizeof(*larger));
                w->values = larger;
                w->size = size;
        }
        for (size_t i = 0; i < n; i++)
                w->values[w->n++] = value_at(values, i);
}

static const EntryRange *range_of(const LdapEntry *e, const char *attribute)
{
        for (size_t i = 0; i < e->n_ranges; i++)
                if (str_is_nocase(e->ranges[i].attribute, attribute))
                        return &e->ranges[i];
        return NULL;
}

/*
 * Follow one attribute to its end. *ret_usn is uSNChanged as the last part saw it: another one than at the
 * beginning means that values may be missing or double.
 * Return: 0, CONN_E_*, SOURCE_E_TOO_LARGE.
 */
static int follow(Part *p, const SourcePlace *place, bool deleted, const EntryRange *begin, Whole *ret_whole,
                  uint64_t *ret_usn)
{
        Whole w = { .attribute = begin->attribute };
        uint32_t next = begin->next;
        int r;

        append(p->arena, &w, begin->values);
        while (next) {
                const char *attributes[] = { source_ask_range(p->arena, begin->attribute, next,
                                                              p->source->config.range),
                                             "uSNChanged" };
                const EntryRange *range;

                r = search_part(p, place, attributes, N_ELEMENTS(attributes), deleted);
                if (r)
                        return r;
                *ret_usn = p->entry.usn;
                range = range_of(&p->entry, begin->attribute);
                /* Nothing more, or something that does not lead on: it was cut short meanwhile. */
                if (!range || range->first != next || (range->next && range->next <= next))
                        break;
                append(p->arena, &w, range->values);
                next = range->next;
        }
        *ret_whole = w;
        return 0;
}

/* -- links ----------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
        return guid_compare(a, b);
}

static SourceLinks make_links(Arena *a, const char *attribute, Value values)
{
        size_t n = value_count(values), n_ids = 0, n_known = 0;
        ObjectId *ids = arena_new_array(a, ObjectId, n);

        for (size_t i = 0; i < n; i++) {
                Value v = value_at(values, i);

                if (v.type == VALUE_REF && !guid_is_zero(&v.ref->id))
                        ids[n_known++] = v.ref->id;
        }
        if (n_known)
                qsort(ids, n_known, sizeof(*ids), compare_ids);
        for (size_t i = 0; i < n_known; i++)
                if (n_ids == 0 || !guid_is(&ids[n_ids - 1], &ids[i]))
                        ids[n_ids++] = ids[i];
        return (SourceLinks){ .attribute = attribute, .ids = ids, .n_ids = n_ids, .n_unknown = n - n_known };
}

/* -- the whole ------------------------------------------------------------------------------------------- */

static void finish(SourceRead *read, const SourceLdap *s, const LdapEntry *e, const Whole *wholes,
                   size_t n_wholes)
{
        const SourceQuery *q = read->query;
        SourceLinks *links = arena_new_array(read->arena, SourceLinks, q->n_links);
        const NamedStamp *stamps = NULL;
        size_t n_stamps = 0;
        ObjectBuilder b;

        object_build(&b, read->arena);
        for (size_t i = 0; i < e->object->n_attributes; i++) {
                const Attribute *attribute = &e->object->attributes[i];

                if (q->n_stamped && str_is(attribute->name, REPL_META))
                        n_stamps = repl_meta_parse(attribute->value, &s->repl, read->arena, &stamps);
                else if (!names_have(q->links, q->n_links, attribute->name) ||
                         names_have(q->attributes, q->n_attributes, attribute->name))
                        object_add(&b, attribute->name, attribute->value);
        }
        for (size_t i = 0; i < n_wholes; i++)
                if (names_have(q->attributes, q->n_attributes, wholes[i].attribute))
                        object_add(&b, wholes[i].attribute, value_list(wholes[i].values, wholes[i].n));
        for (size_t i = 0; i < q->n_links; i++) {
                Value values = object_get(e->object, q->links[i]);

                for (size_t k = 0; k < n_wholes; k++)
                        if (str_is_nocase(wholes[k].attribute, q->links[i]))
                                values = value_list(wholes[k].values, wholes[k].n);
                links[i] = make_links(read->arena, q->links[i], values);
        }
        read->entry = (SourceEntry){
                .object = object_finish(&b, &e->id, NULL, e->dn),
                .version = { .server = s->conn->server_id, .number = e->usn },
                .parent = e->parent,
                .changed = e->changed,
                .deleted = e->deleted,
                .links = links,
                .n_links = q->n_links,
                .stamps = stamps,
                .n_stamps = n_stamps,
        };
}

/* The numbers of what stamps are asked for, once. Return: 0, CONN_E_*. */
static int know_stamped(SourceLdap *s, const SourceQuery *q, Diag *diag)
{
        const char **names;
        size_t n = 0, known = 0;
        int r;

        for (size_t i = 0; i < q->n_stamped; i++)
                known += names_have(s->stamped, s->n_stamped, q->stamped[i]);
        if (known == q->n_stamped || !source_dialect(s)->is_ad)
                return 0;
        names = arena_new_array(s->arena, const char *, s->n_stamped + q->n_stamped);
        for (size_t i = 0; i < s->n_stamped; i++)
                names[n++] = s->stamped[i];
        for (size_t i = 0; i < q->n_stamped; i++)
                if (!names_have(names, n, q->stamped[i]))
                        names[n++] = arena_strdup(s->arena, q->stamped[i]);
        r = repl_names_read(s->conn, names, n, s->arena, &s->repl, diag);
        if (r)
                return r;
        s->stamped = names;
        s->n_stamped = n;
        return 0;
}

/* Return: 0 with *ret_again if the object changed under the reader; CONN_E_*, SOURCE_E_*. */
static int read_once(SourceLdap *s, SourceRead *read, const SourcePlace *place, bool *ret_again, Diag *diag)
{
        const SourceQuery *q = read->query;
        size_t n_names = 0;
        const char *const *names =
                source_ask(&s->ask, q, source_dialect(s), s->config.range, read->arena, &n_names);
        Part p = { .source = s, .arena = read->arena, .names = { names, n_names }, .diag = diag };
        LdapEntry entry;
        Whole *wholes;
        int r;

        *ret_again = false;
        r = know_stamped(s, q, diag);
        if (r == 0)
                r = search_part(&p, place, names, n_names, q->id != NULL);
        if (r)
                return r;
        entry = p.entry;
        if (q->at_least.number && guid_is(&q->at_least.server, &s->conn->server_id) &&
            entry.usn < q->at_least.number) {
                diag_set(diag, "%s: the server has %s at version %llu, but the change was %llu",
                         s->conn->uri.text, entry.dn, (unsigned long long)entry.usn,
                         (unsigned long long)q->at_least.number);
                return SOURCE_E_STALE;
        }
        wholes = arena_new_array(read->arena, Whole, entry.n_ranges);
        for (size_t i = 0; i < entry.n_ranges; i++) {
                uint64_t usn = entry.usn;

                r = follow(&p, place, q->id != NULL, &entry.ranges[i], &wholes[i], &usn);
                if (r)
                        return r;
                *ret_again |= usn != entry.usn;
        }
        if (!*ret_again && !source_dialect(s)->is_ad)
                r = source_names_resolve(s, read->arena, &entry, diag);
        if (r)
                return r;
        if (!*ret_again)
                finish(read, s, &entry, wholes, entry.n_ranges);
        return 0;
}

static int ignore(void *context, LDAPMessage *message)
{
        bool *seen = context;

        *seen = true;
        return 0;
}

/*
 * A server that starts or stops may say that nothing is there while its database is not: 389 Directory Server
 * does. Absence is believed of one that shows its base, if it did so when we connected.
 */
static bool is_doubtful(const SourceLdap *s)
{
        const RootDse *dse = &s->conn->dse;

        return !source_dialect(s)->is_ad && (!guid_is_zero(&dse->database) || dse->n_context_csn);
}

/* Return: 0: it does, CONN_E_*. */
static int check_base_is_there(SourceLdap *s, Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        bool seen = false;
        ConnSearch search = {
                .base = s->config.ldap->base,
                .scope = LDAP_SCOPE_BASE,
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };
        int r;

        r = conn_search(s->conn, &search, s->config.ldap->request_timeout_us, "read the base", ignore, &seen,
                        NULL, diag);
        if ((r == 0 && !seen) || r == CONN_E_NOT_FOUND) {
                diag_set(diag, "%s: the server does not show its base either: it starts or stops",
                         s->conn->uri.text);
                s->conn->broken = true;
                return CONN_E_UNREACHABLE;
        }
        return r;
}

/**
 * source_ldap_read() - read one object
 *
 * Return: 0, SOURCE_E_NOT_FOUND, SOURCE_E_STALE, SOURCE_E_TOO_LARGE, CONN_E_*.
 */
int source_ldap_read(SourceLdap *s, void *context, Diag *diag)
{
        SourceRead *read = context;
        const SourceQuery *q = read->query;
        char guid[GUID_TEXT_MAX];
        SourcePlace place = source_place(s, read->arena, q->id, q->dn);
        bool again = true;
        int r = 0;

        for (int i = 0; i < TRIES && again && r == 0; i++)
                r = read_once(s, read, &place, &again, diag);
        if (r == CONN_E_NOT_FOUND && q->id && is_doubtful(s)) {
                r = check_base_is_there(s, diag);
                /* It may have come back between the two: only what is said after that counts. */
                if (r == 0)
                        r = read_once(s, read, &place, &again, diag);
        }
        if (r == CONN_E_NOT_FOUND) {
                diag_set(diag, "%s: no object %s, or it is not visible to this account", s->conn->uri.text,
                         q->id ? guid_format(q->id, guid) : q->dn);
                return SOURCE_E_NOT_FOUND;
        }
        if (r == 0 && again) {
                diag_set(diag, "%s: %s changes faster than it can be read", s->conn->uri.text,
                         q->id ? guid_format(q->id, guid) : q->dn);
                return SOURCE_E_STALE;
        }
        return r;
}
