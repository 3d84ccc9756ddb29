/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LdapEntry: a search result entry as an Object
 *
 * Values are typed by ldap-schema.c. What a server sends is hostile until it is looked at here: lengths are
 * bounded (VALUE_MAX, ENTRY_MAX), text is valid UTF-8 without NUL or it becomes bytes, numbers and times that
 * are none stay text, a DN keeps its GUID if the extended-DN control brought it.
 *
 * Names get the caller's spelling where the caller asked for them, else the schema's, else the server's:
 * expressions compare names exactly, servers do not. An option stays on the name: with DirSync's incremental
 * values "member;range=1-1" are values that were added and "member;range=0-0" values that were removed; an
 * added value of a single-valued attribute is just its value.
 *
 * Everything lives in the arena.
 */

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/object.h"
#include "listener/ldap-schema.h"

typedef struct EntryNames EntryNames;
typedef struct Spelling Spelling;
typedef struct Spellings Spellings;
typedef struct EntryRange EntryRange;
typedef struct LdapEntry LdapEntry;

enum {
        ENTRY_E_BASE_ = 2370, /* within ERROR_BASE_LDAP */

        ENTRY_E_TOO_LARGE, /* a value or the whole is beyond VALUE_MAX, ENTRY_MAX */
        ENTRY_E_INVALID,   /* not an entry that a directory could send */
};

/*
 * What the names of attributes are, of whoever reads many entries of one kind: an entry mostly brings the
 * same attributes as the one before, in the same order, so each is looked for behind the last one found.
 */
#define SPELLINGS_MAX 256

struct Spelling {
        const char *name; /* as the server writes it, with options */
        size_t n;
        const char *spelling; /* as the caller, or the schema, does; without options */
        const SchemaAttribute *known;
};

struct Spellings {
        Arena *arena; /* of its own */
        Spelling *rows;
        size_t n, next;
};

/* How the caller spells the names it asked for; they outlive the spellings. */
struct EntryNames {
        const char *const *names;
        size_t n;
        Spellings *spellings; /* may be NULL */
};

void spellings_init(Spellings *s);
void spellings_deinit(Spellings *s);

/* An attribute that came as "member;range=0-1499" (MS-ADTS 3.1.1.3.1.3.3): `next` is where to go on. */
struct EntryRange {
        const char *attribute;
        uint32_t first;
        uint32_t next; /* 0: this was the last part ("range=1500-*") */
        Value values;
};

struct LdapEntry {
        const char *dn; /* without the extended parts */
        ObjectId id;    /* objectGUID, or from the extended DN; zero: it did not come */
        ObjectId parent;
        uint64_t usn; /* uSNChanged; 0: it did not come */
        Wall changed; /* whenChanged */
        bool deleted;
        size_t n_told; /* attributes that came, emptied ones too, but for those that come with every entry */
        const Object *object; /* type is NULL: that is the scope's affair */
        const EntryRange *ranges;
        size_t n_ranges;
};

/*
 * `ranges`: true takes "x;range=a-b" apart into ranges (a read), false leaves it in the object (DirSync).
 * Return: 0, ENTRY_E_TOO_LARGE, ENTRY_E_INVALID.
 */
int entry_read(LDAP *ld, LDAPMessage *message, EntryNames names, bool ranges, Arena *a, LdapEntry *ret_entry,
               Diag *diag);

/* Of an entry that is too large: name and GUID, and an object without attributes. That it has changed is
 * known all the same. */
void entry_read_brief(LDAP *ld, LDAPMessage *message, Arena *a, LdapEntry *ret_entry);

/* One value by the rules above. `known`: the attribute, if the schema has it; else NULL. */
Value entry_value(const SchemaAttribute *known, const char *data, size_t n, Arena *a);

/* "<GUID=...>;<SID=...>;CN=..." as a reference; a plain DN gives one without id. */
Ref entry_ref(const char *data, size_t n, Arena *a);

/* "20261122085419.0Z" (RFC 4517 3.3.13 as AD writes it) and "261122085419Z" as FILETIME. */
bool entry_time(const char *data, size_t n, int64_t *ret_filetime);

/* "member;range=0-1499". Return: false if the name has no range. */
bool entry_range(const char *name, size_t n, size_t *ret_n_name, uint32_t *ret_first, uint32_t *ret_next);

/* Length of the name without its options; and is this UTF-8 without NUL? */
size_t entry_name_length(const char *name, size_t n);
bool entry_is_text(const char *data, size_t n);

/* First value of an attribute as text (NULL: none, or no text), or as GUID. For the root DSE and its like. */
const char *entry_text(LDAP *ld, LDAPMessage *message, const char *name, Arena *a);
bool entry_guid(LDAP *ld, LDAPMessage *message, const char *name, ObjectId *ret_id);
