/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/ldap-entry.h"
#include "listener/ldap-schema.h"

/* AD has fewer than 2,000 attributes in all its schema; an entry with more is an attack. */
#define ATTRIBUTES_MAX 10000

/* -- names ----------------------------------------------------------------------------------------------- */

static bool is_name(const char *name, size_t n)
{
        static const char others[] = "-._;=*";

        for (size_t i = 0; i < n; i++)
                if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                      (name[i] >= '0' && name[i] <= '9') || (name[i] && strchr(others, name[i]))))
                        return false;
        return n > 0 && n < 256;
}

static const char *spelled(const char *name, size_t n_base, const SchemaAttribute *known, EntryNames asked,
                           Arena *a)
{
        /* Of an entry that was asked for by a hundred names, every attribute is looked for among all. */
        for (size_t i = 0; i < asked.n; i++)
                if ((asked.names[i][0] | 0x20) == (name[0] | 0x20) &&
                    strncasecmp(asked.names[i], name, n_base) == 0) {
                        if (asked.names[i][n_base] == '\0')
                                return asked.names[i];
                        if (asked.names[i][n_base] == ';')
                                return arena_strndup(a, asked.names[i], n_base);
                }
        return known ? known->name : arena_strndup(a, name, n_base);
}

void spellings_init(Spellings *s)
{
        *s = (Spellings){ .arena = arena_new(0) };
        s->rows = arena_new_array(s->arena, Spelling, SPELLINGS_MAX);
}

void spellings_deinit(Spellings *s)
{
        s->arena = arena_free(s->arena);
}

static bool is_spelling(const Spelling *s, const struct berval *name)
{
        return s->n == name->bv_len && memcmp(s->name, name->bv_val, s->n) == 0;
}

static const Spelling *spelling_find(Spellings *s, const struct berval *name)
{
        for (size_t i = 0; i < s->n; i++) {
                size_t at = s->next < s->n ? s->next : 0;

                s->next = at + 1;
                if (is_spelling(&s->rows[at], name))
                        return &s->rows[at];
        }
        return NULL;
}

/* Of an attribute whose name is one. */
static Spelling spelling_of(const struct berval *name, EntryNames asked, Arena *a)
{
        size_t n_base = entry_name_length(name->bv_val, name->bv_len);
        Spellings *s = asked.spellings;
        const Spelling *there = s ? spelling_find(s, name) : NULL;
        bool is_kept = s && s->n < SPELLINGS_MAX;
        Spelling new = { .n = name->bv_len };

        if (there)
                return *there;
        if (is_kept)
                a = s->arena;
        new.name = is_kept ? arena_strndup(a, name->bv_val, name->bv_len) : name->bv_val;
        new.known = schema_find(name->bv_val, n_base);
        new.spelling = spelled(name->bv_val, n_base, new.known, asked, a);
        if (is_kept)
                s->rows[s->n++] = new;
        return new;
}

/* -- entries --------------------------------------------------------------------------------------------- */

typedef struct Reader {
        LDAP *ld;
        Arena *arena;
        EntryNames names;
        bool ranges;
        size_t n_bytes;
        EntryRange *list;
        size_t n_list, size_list;
        ObjectBuilder builder;
        LdapEntry entry;
        Diag *diag;
} Reader;

static Value read_values(Reader *r, const SchemaAttribute *known, const struct berval *values, size_t n)
{
        Value *list;

        if (n == 0)
                return VALUE_NULL;
        if (n == 1 && !(known && known->multi_valued))
                return entry_value(known, values[0].bv_val, values[0].bv_len, r->arena);
        list = arena_new_array(r->arena, Value, n);
        for (size_t i = 0; i < n; i++)
                list[i] = entry_value(known, values[i].bv_val, values[i].bv_len, r->arena);
        return value_list(list, n);
}

static bool fixed(const Value *v, ObjectId *ret_id)
{
        if (v->type != VALUE_BYTES || v->n != sizeof(*ret_id))
                return false;
        memcpy(ret_id, v->bytes, sizeof(*ret_id));
        return true;
}

/* DirSync brings these with every entry, whatever has changed. */
static bool comes_always(const char *name)
{
        static const char *const always[] = { "instanceType", "objectGUID", "uSNChanged", "whenChanged" };

        for (size_t i = 0; i < N_ELEMENTS(always); i++)
                if (str_is_nocase(name, always[i]))
                        return true;
        return false;
}

/* What every caller wants to know of an entry. */
static void note(Reader *r, const char *name, Value v)
{
        LdapEntry *e = &r->entry;

        if (str_is(name, "objectGUID"))
                fixed(&v, &e->id);
        else if (str_is(name, "parentGUID"))
                fixed(&v, &e->parent);
        else if (str_is(name, "uSNChanged") && v.type == VALUE_INT && v.i > 0)
                e->usn = (uint64_t)v.i;
        else if (str_is(name, "whenChanged") && v.type == VALUE_TIME)
                e->changed.ms = filetime_to_unix_ms(v.i);
        else if (str_is(name, "isDeleted") && v.type == VALUE_BOOL)
                e->deleted = v.b;
}

static void add_range(Reader *r, const char *name, uint32_t first, uint32_t next, Value values)
{
        if (r->n_list == r->size_list) {
                size_t size = r->size_list ? 2 * r->size_list : 4;
                EntryRange *list = arena_new_array(r->arena, EntryRange, size);

                if (r->n_list)
                        memcpy(list, r->list, r->n_list * sizeof(*list));
                r->list = list;
                r->size_list = size;
        }
        r->list[r->n_list++] =
                (EntryRange){ .attribute = name, .first = first, .next = next, .values = values };
}

/*
 * DirSync's incremental values mark those of every linked attribute; of one that can have only one value
 * (manager), the added one is simply its value.
 */
static bool is_new_single(const SchemaAttribute *known, const char *name, size_t n_base, size_t n)
{
        static const char added[] = ";range=1-1";

        return known && !known->multi_valued && n - n_base == strlen(added) &&
               strncasecmp(name + n_base, added, strlen(added)) == 0;
}

static int read_attribute(Reader *r, const struct berval *name, const struct berval *values)
{
        size_t n = 0, n_base, n_name = 0;
        uint32_t first = 0, next = 0;
        const char *spelling;
        Spelling is;
        Value v;

        if (!is_name(name->bv_val, name->bv_len)) {
                diag_set(r->diag, "an attribute whose name is none");
                return ENTRY_E_INVALID;
        }
        n_base = entry_name_length(name->bv_val, name->bv_len);
        for (; values && values[n].bv_val; n++) {
                r->n_bytes += values[n].bv_len + sizeof(Value);
                if (values[n].bv_len > VALUE_MAX || r->n_bytes > ENTRY_MAX) {
                        diag_set(r->diag, "attribute %.*s: %s", (int)n_base, name->bv_val,
                                 values[n].bv_len > VALUE_MAX ? "a value is longer than 10 MiB"
                                                              : "the entry is longer than 64 MiB");
                        return ENTRY_E_TOO_LARGE;
                }
        }
        is = spelling_of(name, r->names, r->arena);
        spelling = is.spelling;
        v = read_values(r, is.known, values, n);
        if (r->ranges && entry_range(name->bv_val, name->bv_len, &n_name, &first, &next)) {
                add_range(r, spelling, first, next, v);
                r->entry.n_told++;
                return 0;
        }
        if (n_base < name->bv_len && !is_new_single(is.known, name->bv_val, n_base, name->bv_len))
                spelling = arena_printf(r->arena, "%.*s%.*s", (int)n_base, spelling,
                                        (int)(name->bv_len - n_base), name->bv_val + n_base);
        note(r, spelling, v);
        /* One without values has lost them: the object has no room for that, and it is news all the same. */
        r->entry.n_told += !comes_always(spelling);
        object_add(&r->builder, spelling, v);
        return 0;
}

static int read_attributes(Reader *r, LDAPMessage *message, BerElement *ber)
{
        for (size_t i = 0; i < ATTRIBUTES_MAX; i++) {
                struct berval name = { 0 };
                BerVarray values = NULL;
                int code;

                if (ldap_get_attribute_ber(r->ld, message, ber, &name, &values) != LDAP_SUCCESS) {
                        diag_set(r->diag, "an entry that cannot be decoded");
                        return ENTRY_E_INVALID;
                }
                if (!name.bv_val)
                        return 0;
                code = read_attribute(r, &name, values);
                ber_memfree(values);
                if (code)
                        return code;
        }
        diag_set(r->diag, "an entry with more than %d attributes", ATTRIBUTES_MAX);
        return ENTRY_E_TOO_LARGE;
}

/**
 * entry_read() - a search result entry as an Object
 *
 * Return: 0, ENTRY_E_TOO_LARGE, ENTRY_E_INVALID.
 */
int entry_read(LDAP *ld, LDAPMessage *message, EntryNames names, bool ranges, Arena *a, LdapEntry *ret_entry,
               Diag *diag)
{
        Reader reader = { .ld = ld, .arena = a, .names = names, .ranges = ranges, .diag = diag };
        BerElement *ber = NULL;
        struct berval dn = { 0 };
        Ref self;
        int r;

        if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS) {
                diag_set(diag, "an entry that cannot be decoded");
                return ENTRY_E_INVALID;
        }
        self = entry_ref(dn.bv_val, dn.bv_len, a);
        if (!self.text) {
                diag_set(diag, "an entry whose name is not UTF-8");
                ber_free(ber, 0);
                return ENTRY_E_INVALID;
        }
        reader.entry.dn = self.text;
        reader.entry.id = self.id;
        object_build(&reader.builder, a);
        r = read_attributes(&reader, message, ber);
        ber_free(ber, 0);
        if (r) {
                diag_prefix(diag, "%s: ", self.text);
                return r;
        }
        reader.entry.object = object_finish(&reader.builder, &reader.entry.id, NULL, self.text);
        reader.entry.ranges = reader.list;
        reader.entry.n_ranges = reader.n_list;
        *ret_entry = reader.entry;
        return 0;
}

void entry_read_brief(LDAP *ld, LDAPMessage *message, Arena *a, LdapEntry *ret_entry)
{
        char *dn = ldap_get_dn(ld, message);
        Ref self = entry_ref(dn ? dn : "", dn ? strlen(dn) : 0, a);
        LdapEntry e = { .dn = self.text ? self.text : "", .id = self.id, .n_told = 1 };
        ObjectBuilder b;

        ldap_memfree(dn);
        entry_guid(ld, message, "objectGUID", &e.id);
        object_build(&b, a);
        e.object = object_finish(&b, &e.id, NULL, e.dn);
        *ret_entry = e;
}

const char *entry_text(LDAP *ld, LDAPMessage *message, const char *name, Arena *a)
{
        struct berval **values = ldap_get_values_len(ld, message, name);
        const char *text = NULL;

        if (values && values[0] && entry_is_text(values[0]->bv_val, values[0]->bv_len))
                text = arena_strndup(a, values[0]->bv_val, values[0]->bv_len);
        ldap_value_free_len(values);
        return text;
}

bool entry_guid(LDAP *ld, LDAPMessage *message, const char *name, ObjectId *ret_id)
{
        struct berval **values = ldap_get_values_len(ld, message, name);
        bool good = values && values[0] && values[0]->bv_len == sizeof(*ret_id);

        if (good)
                memcpy(ret_id, values[0]->bv_val, sizeof(*ret_id));
        ldap_value_free_len(values);
        return good;
}
