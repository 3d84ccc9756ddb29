/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/space.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct ComparePair {
        ObjectKey object;
        ObjectId cloud;
} ComparePair;

static int by_object(const void *a, const void *b)
{
        const ObjectKey *x = &((const ComparePair *)a)->object, *y = &((const ComparePair *)b)->object;

        return x->source != y->source ? x->source - y->source : guid_compare(&x->id, &y->id);
}

void compare_space_add(CompareSpace *s, const ObjectKey *object, const ObjectId *cloud)
{
        if (s->n_pairs == s->size_pairs) {
                s->size_pairs = s->size_pairs ? 2 * s->size_pairs : 4096;
                s->pairs = realloc(s->pairs, s->size_pairs * sizeof(*s->pairs));
                if (!s->pairs)
                        error_oom(s->size_pairs * sizeof(*s->pairs));
        }
        s->pairs[s->n_pairs++] = (ComparePair){ .object = *object, .cloud = *cloud };
        s->sorted = false;
}

bool compare_space_find(CompareSpace *s, const ObjectKey *object, ObjectId *ret_cloud)
{
        const ComparePair *pair;

        if (!s->n_pairs)
                return false;
        if (!s->sorted)
                qsort(s->pairs, s->n_pairs, sizeof(*s->pairs), by_object);
        s->sorted = true;
        pair = bsearch(&(ComparePair){ .object = *object }, s->pairs, s->n_pairs, sizeof(*s->pairs),
                       by_object);
        if (pair)
                *ret_cloud = pair->cloud;
        return pair != NULL;
}

static int over_get(Space *space, SpaceTable table, const void *key, size_t n_key, Arena *a,
                    SpaceRow *ret_row)
{
        CompareSpace *s = (CompareSpace *)space;

        if (table == SPACE_CLOUD || table == SPACE_INTENT) {
                *ret_row = (SpaceRow){ 0 };
                return 0;
        }
        return s->real->ops->get(s->real, table, key, n_key, a, ret_row);
}

static int over_links(Space *space, LinkTable table, const void *key, size_t n_key, const ObjectId *after,
                      size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        CompareSpace *s = (CompareSpace *)space;

        return s->real->ops->links(s->real, table, key, n_key, after, max, a, ret_ids, ret_n);
}

static int over_has_link(Space *space, LinkTable table, const void *key, size_t n_key, const ObjectId *id,
                         bool *ret_has)
{
        CompareSpace *s = (CompareSpace *)space;

        return s->real->ops->has_link(s->real, table, key, n_key, id, ret_has);
}

static int over_walk(Space *space, SpaceTable table, const void *after, size_t n_after,
                     int (*fn)(void *context, const void *key, size_t n_key, const SpaceRow *row),
                     void *context)
{
        CompareSpace *s = (CompareSpace *)space;

        return s->real->ops->walk(s->real, table, after, n_after, fn, context);
}

static int over_claim(Space *space, const ObjectId *metaverse)
{
        (void)space, (void)metaverse;
        return 0;
}

static void over_release(Space *space, const ObjectId *metaverse)
{
        (void)space, (void)metaverse;
}

static const SpaceOps over_ops = {
        .name = "compare",
        .get = over_get,
        .links = over_links,
        .has_link = over_has_link,
        .walk = over_walk,
        .claim = over_claim,
        .release = over_release,
};

void compare_space_init(CompareSpace *s, Space *real)
{
        *s = (CompareSpace){ .space = { .ops = &over_ops }, .real = real };
}

void compare_space_deinit(CompareSpace *s)
{
        free(s->pairs);
        *s = (CompareSpace){ 0 };
}
