/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LdapSchema: what the values of an AD attribute are
 *
 * Taken from the published schema of AD (MS-ADA1..3, MS-ADSC) and of Exchange's extension of it. What is not
 * in the table is text if it is UTF-8, else bytes, and a list if it has more than one value.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct SchemaAttribute SchemaAttribute;

typedef enum Syntax {
        SYNTAX_TEXT,
        SYNTAX_INT,   /* Integer, LargeInteger; FILETIMEs too: expressions take them as numbers */
        SYNTAX_BOOL,  /* TRUE, FALSE */
        SYNTAX_TIME,  /* GeneralizedTime, UTCTime */
        SYNTAX_BYTES, /* octet string, GUID, SID, certificate */
        SYNTAX_REF,   /* DN of an object */
} Syntax;

struct SchemaAttribute {
        const char *name; /* in the directory's spelling */
        Syntax syntax;
        bool multi_valued;
};

/* By name, without regard to case, options (";range=...") not included. NULL: not known. */
const SchemaAttribute *schema_find(const char *name, size_t n);

/* For the test that the table is sorted. */
extern const SchemaAttribute schema_table[];
extern const size_t schema_table_n;
