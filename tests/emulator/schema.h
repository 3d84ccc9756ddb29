/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Schema: what a user and a group may consist of
 *
 * The tables are schema-user.h and schema-group.h. schema_check() is the strict part: it compares the body of
 * a create or an update with the table and writes the refusal Graph would write. Rules that need the store
 * (uniqueness, verified domains) or that concern one type only are in users.c and groups.c.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema-group.h"
#include "schema-user.h"

typedef enum PropertyType PropertyType;
typedef struct Answer Answer;
typedef struct Field Field;
typedef struct Object Object;
typedef struct Property Property;
typedef struct Schema Schema;

enum PropertyType {
        TYPE_STRING,
        TYPE_BOOL,
        TYPE_INT,
        TYPE_TIME,
        TYPE_STRINGS,
        TYPE_COMPLEX,
        TYPE_COMPLEXES,
};

enum {
        P_READ_ONLY = 1 << 0,   /* only the service writes it */
        P_REQUIRED = 1 << 1,    /* must be there on create and can never be cleared */
        P_NOT_NULL = 1 << 2,    /* a collection: empty, but never null */
        P_CREATE_ONLY = 1 << 3, /* an update may repeat the value, not change it */
        P_ONCE = 1 << 4,        /* immutable once it has a value */
        P_APART = 1 << 5,       /* lives in another service: needs a PATCH of its own */
        P_CLOUD = 1 << 6,       /* stays writable when the object is mastered on premises */
        P_DEFAULT = 1 << 7,     /* returned without $select */
        P_SECRET = 1 << 8,      /* written, but always read as null */
        P_BY_DOMAIN = 1 << 9,   /* required unless the domain is federated: users.c looks */
};

enum {
        OP_EQ = 1 << 0,
        OP_NE = 1 << 1,
        OP_NOT = 1 << 2,
        OP_GE = 1 << 3,
        OP_LE = 1 << 4,
        OP_IN = 1 << 5,
        OP_STARTS = 1 << 6,
        OP_ENDS = 1 << 7,
        OP_NULL = 1 << 8,
        OP_ADVANCED = 1 << 9, /* every filter on it needs ConsistencyLevel: eventual and $count=true */

        OPS_FLAG = OP_EQ | OP_NE | OP_NOT | OP_IN,
        OPS_TIME = OPS_FLAG | OP_GE | OP_LE,
        OPS_TEXT = OPS_TIME | OP_STARTS | OP_NULL,
};

enum {
#define X(name, type, max, flags, ops, fields) USER_##name,
        USER_PROPERTIES(X)
#undef X
        N_USER,
};

enum {
#define X(name, type, max, flags, ops, fields) GROUP_##name,
        GROUP_PROPERTIES(X)
#undef X
        N_GROUP,
};

struct Field {
        const char *name; /* NULL ends the list */
        PropertyType type;
        size_t max;
};

struct Property {
        const char *name;
        PropertyType type;
        size_t max; /* characters; 0: not checked */
        unsigned int flags;
        unsigned int ops;
        const Field *fields; /* complex types: what they consist of; NULL: not checked */
};

struct Schema {
        const char *name;     /* "user", as in microsoft.graph.user */
        const char *resource; /* "User", as in messages */
        const char *set;      /* "users", as in paths and contexts */
        const Property *properties;
        size_t n;
};

extern const Schema schema_user;
extern const Schema schema_group;

int schema_find(const Schema *schema, const char *name); /* index, or -1 */

/* The Graph name of a type, "Edm.String" */
const char *schema_type_name(PropertyType type);

/*
 * True when body may be written to object (NULL: a new object). Otherwise the refusal is in answer. Members
 * named with an @ are annotations and are not looked at here.
 */
bool schema_check(const Schema *schema, const json_t *body, const Object *object, Answer *answer);

/* As above for planted objects: names and types are checked, permissions are not. */
bool schema_check_planted(const Schema *schema, const json_t *body, Answer *answer);

/* The characters in a UTF-8 text, as Graph counts them (UTF-16 units). */
size_t schema_length(const char *s);
bool schema_is_time(const char *s);
