/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Query: the options of a read, and how objects are written into answers
 *
 *      $filter  $select  $top  $count  $expand  $skiptoken
 *
 * $skip, $orderby and $search are refused: the directory refuses $skip, and nothing here needs the others.
 * A page holds 100 objects unless $top says otherwise (at most 999); @odata.nextLink carries everything on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "filter.h"
#include "text.h"

typedef struct Answer Answer;
typedef struct Query Query;
typedef struct Selection Selection;

#define QUERY_PAGE     100
#define QUERY_PAGE_MAX 999

#define SELECTION_MAX 96

_Static_assert((int)N_USER <= SELECTION_MAX && (int)N_GROUP <= SELECTION_MAX,
               "a Selection has room for every property");

struct Selection {
        bool given; /* else the defaults */
        bool property[SELECTION_MAX];
};

struct Query {
        const Schema *schema; /* NULL: objects of several types; $filter is refused then */
        Selection select_user;
        Selection select_group;
        Filter *filter;
        size_t top;
        bool top_given;
        bool count;
        bool advanced;   /* ConsistencyLevel: eventual and $count=true */
        uint64_t after;  /* from $skiptoken */
        bool references; /* write links, not objects */
        bool expand_manager;
        bool expand_members;
        Selection expand_user;
        Selection expand_group;
};

/* False: the refusal is in answer. */
/* "Certain properties cannot be returned within a user collection" (user-list): those of other services. */
bool query_refuse_apart(const Query *query, Answer *answer);
bool query_parse(Query *query, const Call *call, const Schema *schema, Answer *answer);
void query_deinit(Query *query);

/* {...} of one object; `type` adds @odata.type, as lists of mixed types have it */
void query_write(Text *t, const Query *query, const Object *object, const char *context, bool type);

/* The whole answer for one object, and for a list. `kind` limits a list to one type; NULL: all. */
void query_answer_one(const Query *query, const Call *call, const Object *object, Answer *answer);
void query_answer_list(const Query *query, const Call *call, const Store *store, const Links *links,
                       const Schema *kind, const char *context, Answer *answer);
void query_answer_count(const Query *query, const Links *links, const Schema *kind, Answer *answer);

/* Names of a $select, as parse does. False: the refusal is in answer. */
bool query_parse_select(Query *query, const char *list, Answer *answer);

/* "http://host" as the client sees this server */
void query_base(Text *t, const Call *call);
