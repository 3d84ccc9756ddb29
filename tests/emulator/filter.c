/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "filter-node.h"
#include "mem.h"

Filter *filter_free(Filter *filter)
{
        if (!filter)
                return NULL;
        filter_free(filter->left);
        filter_free(filter->right);
        json_decref(filter->literals);
        free(filter->field);
        free(filter);
        return NULL;
}

void filter_freep(Filter **filter)
{
        *filter = filter_free(*filter);
}

/* Orders two values of one property; -2: they do not compare. */
static int value_compare(const Filter *f, const json_t *a, const json_t *b)
{
        int r;

        if (json_is_boolean(a) && json_is_boolean(b))
                return json_is_true(a) - json_is_true(b);
        if (json_is_integer(a) && json_is_integer(b))
                return (json_integer_value(a) > json_integer_value(b)) -
                       (json_integer_value(a) < json_integer_value(b));
        if (!json_is_string(a) || !json_is_string(b))
                return -2;
        if (f->exact)
                r = strcmp(json_string_value(a), json_string_value(b));
        else
                r = strcasecmp(json_string_value(a), json_string_value(b));
        return (r > 0) - (r < 0);
}

static bool text_begins(const json_t *v, const json_t *part)
{
        return json_is_string(v) &&
               !strncasecmp(json_string_value(v), json_string_value(part), json_string_length(part));
}

static bool text_ends(const json_t *v, const json_t *part)
{
        size_t n = json_string_length(v), n_part = json_string_length(part);

        return json_is_string(v) && n >= n_part &&
               !strcasecmp(json_string_value(v) + n - n_part, json_string_value(part));
}

static bool value_equal(const Filter *f, const json_t *v, const json_t *literal)
{
        if (json_is_null(literal))
                return !v || json_is_null(v);
        return v && value_compare(f, v, literal) == 0;
}

static bool value_match(const Filter *f, const json_t *v)
{
        const json_t *literal = json_array_get(f->literals, 0);
        int r;

        switch (f->kind) {
        case FILTER_EQ:
                return value_equal(f, v, literal);
        case FILTER_NE:
                return !value_equal(f, v, literal);
        case FILTER_GE:
                r = v ? value_compare(f, v, literal) : -2;
                return r == 0 || r == 1;
        case FILTER_LE:
                r = v ? value_compare(f, v, literal) : -2;
                return r == 0 || r == -1;
        case FILTER_IN:
                for (size_t i = 0; i < json_array_size(f->literals); ++i) {
                        if (value_equal(f, v, json_array_get(f->literals, i)))
                                return true;
                }
                return false;
        case FILTER_STARTS:
                return v && text_begins(v, literal);
        case FILTER_ENDS:
                return v && text_ends(v, literal);
        default:
                return false;
        }
}

bool filter_match(const Filter *f, const Object *object)
{
        const json_t *v;

        switch (f->kind) {
        case FILTER_AND:
                return filter_match(f->left, object) && filter_match(f->right, object);
        case FILTER_OR:
                return filter_match(f->left, object) || filter_match(f->right, object);
        case FILTER_NOT:
                return !filter_match(f->left, object);
        default:
                break;
        }
        v = object->values[f->property];
        if (f->kind == FILTER_COUNT)
                return (json_array_size(v) == 0) == f->zero;
        if (f->any) {
                for (size_t i = 0; i < json_array_size(v); ++i) {
                        if (value_match(f, json_array_get(v, i)))
                                return true;
                }
                return false;
        }
        if (f->field)
                v = json_object_get(v, f->field);
        return value_match(f, v);
}

/* Is every match found by indexes? */
static bool is_indexed(const Filter *f)
{
        if (f->kind == FILTER_AND)
                return is_indexed(f->left) || is_indexed(f->right);
        if (f->kind == FILTER_OR)
                return is_indexed(f->left) && is_indexed(f->right);
        if ((f->kind != FILTER_EQ && f->kind != FILTER_IN) || f->field ||
            !store_is_indexed(f->schema, f->property))
                return false;
        for (size_t i = 0; i < json_array_size(f->literals); ++i) {
                if (!json_is_string(json_array_get(f->literals, i)))
                        return false;
        }
        return true;
}

bool filter_candidates(const Filter *f, const Store *store, Links *candidates)
{
        if (!is_indexed(f))
                return false;
        if (f->kind == FILTER_AND)
                return filter_candidates(f->left, store, candidates) ||
                       filter_candidates(f->right, store, candidates);
        if (f->kind == FILTER_OR)
                return filter_candidates(f->left, store, candidates) &&
                       filter_candidates(f->right, store, candidates);
        for (size_t i = 0; i < json_array_size(f->literals); ++i) {
                Object *object = store_find_by(store, f->schema, f->property,
                                               json_string_value(json_array_get(f->literals, i)));

                if (object)
                        links_add(candidates, object);
        }
        return true;
}
