/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Value: one value of an attribute, or of an expression
 *
 * 16 bytes, passed by value, immutable; the payload lives in an arena (or is a literal) and must outlive the
 * value. Absent (VALUE_NONE, NULL in the expression language) and empty ("") are different.
 *
 *      NONE    no value: attribute absent, NULL
 *      BOOL    .b
 *      INT     .i      signed 64 bit
 *      TIME    .i      100 ns since 1601-01-01 UTC (FILETIME): the directory's own unit, nothing is lost
 *      STRING  .s      UTF-8, n bytes, terminated; may hold no NUL
 *      BYTES   .bytes  n bytes: GUID, SID, certificate
 *      REF     .ref    names another object: its id if known, and its DN (or cloud id) as text
 *      LIST    .list   n values of the other types, in the order given; never nested, never of NONE
 *      TOKEN   .token  AuthoritativeNull or IgnoreThisFlow
 *
 * A multi-valued attribute with one value is a LIST of one: "is multi-valued" comes from the schema, not from
 * the count.
 */

#include "base/arena.h"
#include "base/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ObjectId ObjectId;
typedef struct Ref Ref;
typedef struct Value Value;

typedef enum ValueType {
        VALUE_NONE,
        VALUE_BOOL,
        VALUE_INT,
        VALUE_TIME,
        VALUE_STRING,
        VALUE_BYTES,
        VALUE_REF,
        VALUE_LIST,
        VALUE_TOKEN,
        _VALUE_TYPE_N,
} ValueType;

typedef enum ValueToken {
        VALUE_AUTHORITATIVE_NULL, /* the value is NULL, and no rule of lower precedence may supply another */
        VALUE_IGNORE_THIS_FLOW,   /* this flow contributes nothing and replaces nothing */
} ValueToken;

/* The directory's GUID as 16 bytes in its own order (AD: objectGUID as read). Never the DN. */
struct ObjectId {
        uint8_t bytes[16];
};

struct Ref {
        ObjectId id;      /* all zero: not known */
        const char *text; /* DN as read, for people; may be NULL if id is known */
};

struct Value {
        uint8_t type; /* ValueType */
        uint32_t n;   /* bytes of STRING and BYTES, values of LIST */
        union {
                bool b;
                int64_t i;
                const char *s;
                const uint8_t *bytes;
                const Ref *ref;
                const Value *list;
                ValueToken token;
        };
};

/* A directory value has at most 10 MB, an entry 64 MB: checked where they enter (listener). */
#define VALUE_MAX ((size_t)10 << 20)
#define ENTRY_MAX ((size_t)64 << 20)

#define VALUE_NULL ((Value){ .type = VALUE_NONE })

static inline Value value_bool(bool b)
{
        return (Value){ .type = VALUE_BOOL, .b = b };
}

static inline Value value_int(int64_t i)
{
        return (Value){ .type = VALUE_INT, .i = i };
}

static inline Value value_time(int64_t filetime)
{
        return (Value){ .type = VALUE_TIME, .i = filetime };
}

static inline Value value_token(ValueToken t)
{
        return (Value){ .type = VALUE_TOKEN, .token = t };
}

Value value_string(const char *s);             /* borrowed; NULL gives NONE */
Value value_string_n(const char *s, size_t n); /* borrowed, terminated at n */
Value value_bytes(const void *data, size_t n); /* borrowed */
Value value_ref(const Ref *ref);               /* borrowed */
Value value_list(const Value *list, size_t n); /* borrowed; n = 0 gives NONE */

Value value_copy(Arena *a, Value v);  /* deep */
bool value_is(Value a, Value b);      /* same type, same content; lists in order */
int value_compare(Value a, Value b);  /* total order: by type, then content; for sorting */
bool value_is_set(Value a, Value b);  /* the same values in any order: multi-valued attributes */
const char *value_type_name(Value v); /* "string", "integer", "boolean", "reference", ... */

static inline bool value_is_none(Value v)
{
        return v.type == VALUE_NONE;
}

/* One value or many, seen alike: count and i-th. */
size_t value_count(Value v);
Value value_at(Value v, size_t i);

/*
 * For people and reports: booleans True/False (as Graph's own samples), times ISO 8601, 16 bytes as GUID,
 * bytes that are a SID as S-1-..., other bytes base64, references their DN; a list "a, b, ... (5)".
 * At most `max` bytes, cut at a character with "...".
 */
const char *value_text(Arena *a, Value v, size_t max);

void value_pack(PackWriter *w, Value v);
Value value_unpack(PackReader *r, Arena *a);

/* FILETIME and the world's times. */
int64_t filetime_from_unix_ms(int64_t ms);
int64_t filetime_to_unix_ms(int64_t filetime);

#define GUID_TEXT_MAX 37

/* "01234567-89ab-cdef-0123-456789abcdef": AD's mixed-endian order (first three fields little-endian). */
const char *guid_format(const ObjectId *id, char *buf);
bool guid_parse(const char *s, ObjectId *ret_id); /* with or without braces */
void guid_random(ObjectId *ret_id);               /* version 4, from getrandom(2) */
bool guid_is_zero(const ObjectId *id);
bool guid_is(const ObjectId *a, const ObjectId *b);
int guid_compare(const ObjectId *a, const ObjectId *b);

/* "S-1-5-21-..." of a binary SID; NULL if the bytes are not one. */
const char *sid_format(Arena *a, const uint8_t *data, size_t n);
