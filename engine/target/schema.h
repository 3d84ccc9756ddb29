/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Schema: the table between the Entra connector space and Graph
 *
 * One row per attribute and object type: its name in the connector space (as Entra Connect's outbound rules
 * end at it), its Graph property, its type, its limit, and whether an application may write it through Graph.
 * Pure data; the source of a fact stands beside its row.
 */

#include "engine/model/value.h"

#include "base/diag.h"

typedef struct TargetAttribute TargetAttribute;
typedef struct TargetExtension TargetExtension;
typedef struct TargetSchema TargetSchema;

typedef enum TargetAttributeKind {
        TARGET_TEXT,
        TARGET_BOOL,
        TARGET_FIRST_OF,  /* Graph has a collection that takes one value: businessPhones */
        TARGET_TEXTS,     /* a collection of texts */
        TARGET_TIME,      /* "2026-11-22T08:31:15Z" */
        TARGET_INTEGER,   /* a number */
        TARGET_EXTENSION, /* below onPremisesExtensionAttributes */
        TARGET_REFERENCE, /* one: manager */
        TARGET_LINKS,     /* many: members */
} TargetAttributeKind;

struct TargetAttribute {
        const char *type;     /* "user" "group" */
        const char *name;     /* Entra connector space */
        const char *property; /* Graph; NULL: it has none */
        TargetAttributeKind kind;
        uint32_t max_chars; /* 0: no published limit */
        bool writable;      /* by an application, on an object that the cloud masters */
        bool create_only;   /* immutable after create: uniqueName */
        bool create_required;
        const char *service; /* where else the property lives: it is written in requests of its own, and read
                                only with one user (user-update, user-list). NULL: in the directory */
        const char *note;    /* why it is not writable, for the report; NULL if it is */
};

/*
 * A directory extension: a property that an application has registered in the tenant, extension_ID_NAME, ID
 * being its appId without hyphens (extensionProperty). It has the same name in the connector space.
 */
struct TargetExtension {
        const char *attribute; /* of Active Directory, from which it takes its value */
        const char *property;
        int of;   /* 0: users, 1: groups */
        int kind; /* index into target_extension_kinds */
};

extern const char *const target_extension_kinds[]; /* "text" "texts" "bool" "integer" "time" */

/* NULL if it has the form of a directory extension's name; else what is wrong. */
const char *target_extension_check(const char *property);

/* The rows of the tables and of these extensions, which live as long as the arena. */
const TargetSchema *target_schema_new(Arena *a, const TargetExtension *extensions, size_t n);

/* `s` NULL: only what every tenant has. Rows are sorted by name. */
const TargetAttribute *target_attribute(const TargetSchema *s, const char *type,
                                        const char *name); /* NULL: unknown
                                                              name */
const TargetAttribute *target_attribute_of_property(const TargetSchema *s, const char *type,
                                                    const char *property);
const TargetAttribute *target_attributes(const TargetSchema *s, const char *type, size_t *ret_n);

/* The value as Graph would hold it: trimmed, cut to nothing when empty; equal values compare equal. Used by
 * the diff, so that nothing is sent that would change nothing. Attributes compare without case where Graph
 * does. */
bool target_value_is(const TargetAttribute *at, Value ours, Value theirs);

/* A number, or a text that is one. */
bool target_integer(Value v, int64_t *ret);

/* A time (also FILETIME as a number), or a text that says one, as Graph writes it: in whole seconds. buf: at
 * least 32 bytes. */
bool target_time_text(Value v, char *buf);

/* NULL if the value may be sent; else why not, for the report. *ret_code (may be NULL) is then the code of
 * the catalogue: "ExceededAllowedLength" or "DataValidationFailed". */
const char *target_value_check(const TargetAttribute *at, Value v, Arena *a, const char **ret_code);
