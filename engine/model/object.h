/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Object: a directory object as the engine sees it
 *
 *      object_build() --> object_add() ... --> object_finish() --> const Object --> object_pack() --> record
 *
 * Attributes are sorted by name (strcmp), each name once. Names keep the directory's spelling; look-up is
 * exact, as in the expression language, where names are case-sensitive. An attribute without a value is not
 * there at all.
 *
 * An Object is const once it is finished, so any thread may read it. The array of attributes is the arena's;
 * names, values, type and DN are borrowed from whoever built it, and outlive it: the arena of the run that
 * read it, or literals. What object_unpack() gives is the arena's whole.
 */

#include "engine/model/value.h"

typedef struct Attribute Attribute;
typedef struct Object Object;
typedef struct ObjectBuilder ObjectBuilder;

struct Attribute {
        const char *name;
        Value value; /* never NONE */
};

struct Object {
        ObjectId id;
        const char
                *type;  /* most specific class that sosync knows: user, inetOrgPerson, group, contact, ... */
        const char *dn; /* NULL for metaverse and cloud objects */
        const Attribute *attributes;
        size_t n_attributes;
};

/* Filled by the functions below; after object_finish() it is empty, and another object may be built. */
struct ObjectBuilder {
        Arena *arena;
        Attribute *attributes;
        size_t n_attributes, size;
};

void object_build(ObjectBuilder *b, Arena *a);
void object_add(ObjectBuilder *b, const char *name, Value v); /* NONE: nothing; a name twice: the last wins */
const Object *object_finish(ObjectBuilder *b, const ObjectId *id, const char *type, const char *dn);

Value object_get(const Object *o, const char *name);             /* NONE if it has none */
const Attribute *object_find(const Object *o, const char *name); /* NULL: it has none */
const char *object_text(const Object *o, const char *name);      /* STRING's text, else NULL */
bool object_is(const Object *a, const Object *b); /* all of it the same: id, type, DN, values */

/* [id, type, dn, [name, value, ...]]. Bytes that are not such a record are the reader's error, which
 * unpack_end() returns; the object is then one without attributes, never NULL. */
void object_pack(PackWriter *w, const Object *o);
const Object *object_unpack(PackReader *r, Arena *a);

/* 128-bit hash of type, and all names and values in order: the projection's fingerprint. */
typedef struct Hash128 {
        uint64_t low, high;
} Hash128;

Hash128 hash128(const void *data, size_t n, uint64_t seed);
Hash128 object_hash(const Object *o);
