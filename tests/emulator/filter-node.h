/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The tree that filter-parse.c builds and filter.c walks */

#include <jansson.h>

#include "filter.h"

typedef enum FilterKind FilterKind;

enum FilterKind {
        FILTER_AND,
        FILTER_OR,
        FILTER_NOT,
        FILTER_EQ,
        FILTER_NE,
        FILTER_GE,
        FILTER_LE,
        FILTER_IN,
        FILTER_STARTS,
        FILTER_ENDS,
        FILTER_COUNT,
};

struct Filter {
        FilterKind kind;
        const Schema *schema;
        int property;
        char *field;      /* inside a complex property; NULL: the property itself */
        bool any;         /* some value of the collection */
        bool exact;       /* compare with regard to case */
        bool zero;        /* FILTER_COUNT: eq 0, else ne 0 */
        json_t *literals; /* array */
        Filter *left;
        Filter *right;
};
