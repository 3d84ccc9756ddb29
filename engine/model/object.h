/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Object: a directory object as the engine sees it
 *
 * Attributes are sorted by name (strcmp). Names keep the directory's spelling; look-up is exact, as in the
 * expression language, where names are case-sensitive. An Object is built with an ObjectBuilder and const
 * from then on; it lives in the arena of the run that read it.
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

struct ObjectBuilder {
        Arena *arena;
        Attribute *attributes;
        size_t n_attributes, size;
};

void object_build(ObjectBuilder *b, Arena *a);
void object_add(ObjectBuilder *b, const char *name, Value v); /* NONE: nothing; a name twice: the last wins */
const Object *object_finish(ObjectBuilder *b, const ObjectId *id, const char *type, const char *dn);

Value object_get(const Object *o, const char *name); /* NONE if it has none */
const Attribute *object_find(const Object *o, const char *name);
const char *object_text(const Object *o, const char *name); /* STRING's text, else NULL */

void object_pack(PackWriter *w, const Object *o);
const Object *object_unpack(PackReader *r, Arena *a);

/* 128-bit hash of type, and all names and values in order: the projection's fingerprint. */
typedef struct Hash128 {
        uint64_t low, high;
} Hash128;

Hash128 hash128(const void *data, size_t n, uint64_t seed);
Hash128 object_hash(const Object *o);
