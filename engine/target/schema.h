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

typedef struct TargetAttribute TargetAttribute;

typedef enum TargetAttributeKind {
        TARGET_TEXT,
        TARGET_BOOL,
        TARGET_FIRST_OF,  /* Graph has a collection that takes one value: businessPhones */
        TARGET_TEXTS,     /* a collection of texts */
        TARGET_TIME,      /* "2026-11-22T08:31:15Z" */
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

const TargetAttribute *target_attribute(const char *type, const char *name); /* NULL: unknown name */
const TargetAttribute *target_attribute_of_property(const char *type, const char *property);
const TargetAttribute *target_attributes(const char *type, size_t *ret_n);

/* The value as Graph would hold it: trimmed, cut to nothing when empty; equal values compare equal. Used by
 * the diff, so that nothing is sent that would change nothing. Attributes compare without case where Graph
 * does. */
bool target_value_is(const TargetAttribute *at, Value ours, Value theirs);

/* A time, or a text that says one, as Graph writes it: in whole seconds. buf: at least 32 bytes. */
bool target_time_text(Value v, char *buf);

/* NULL if the value may be sent; else why not, for the report (too long, wrong type). */
const char *target_value_check(const TargetAttribute *at, Value v, Arena *a);
