/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Filter: $filter on users and groups, as far as Graph's directory understands it
 *
 *      or     := and ('or' and)*
 *      and    := unary ('and' unary)*
 *      unary  := 'not' unary | '(' or ')' | term
 *      term   := path ('eq' | 'ne' | 'ge' | 'le') literal
 *              | path 'in' '(' literal (',' literal)* ')'
 *              | ('startswith' | 'endswith') '(' path ',' literal ')'
 *              | path '/any(' name ':' term on that name ')'
 *              | path '/$count' ('eq' | 'ne') '0'
 *
 * Each property allows only the operators its row in the schema names; ne, not, endswith and $count are
 * advanced queries and need `ConsistencyLevel: eventual` with `$count=true`. Everything else is refused with
 * Graph's message.
 *
 * Texts compare without regard to ASCII case, except the immutable id.
 */

#include <stdbool.h>
#include <stddef.h>

#include "store.h"

typedef struct Answer Answer;
typedef struct Filter Filter;

/* Deeper nesting is refused; Graph has a limit of its own that is not published. */
#define FILTER_DEPTH 32

/* False: the refusal is in answer. */
bool filter_parse(Filter **ret, const Schema *schema, const char *text, bool advanced, Answer *answer);
Filter *filter_free(Filter *filter);
void filter_freep(Filter **filter);

bool filter_match(const Filter *filter, const Object *object);

/*
 * Objects that an index finds; every match is among them. False: no index serves this filter, all objects
 * have to be looked at. Candidates still have to pass filter_match().
 */
bool filter_candidates(const Filter *filter, const Store *store, Links *candidates);
