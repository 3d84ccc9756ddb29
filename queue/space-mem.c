/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/mem.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static QueueMem *owner(Space *s)
{
        return ((SpaceMem *)s)->q;
}

static int get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        QueueMem *q = owner(s);
        uint8_t buf[1 + SPACE_KEY_MAX];
        const Cell *cell;

        *ret_row = (SpaceRow){ 0 };
        pthread_mutex_lock(&q->lock);
        cell = cell_find(&q->cells, buf, cell_key(table, key, n_key, buf));
        if (cell)
                *ret_row = (SpaceRow){ .data = arena_memdup(a, cell->data, cell->n),
                                       .n = cell->n,
                                       .serial = cell->serial };
        pthread_mutex_unlock(&q->lock);
        return 0;
}

static int links(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after, size_t max,
                 Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        QueueMem *q = owner(s);
        const MemLinks *l;
        size_t at = 0, n = 0;
        bool found = false;

        pthread_mutex_lock(&q->lock);
        l = links_find(q, table, key, n_key);
        if (l && after)
                at = links_position(l, after, &found);
        if (l) {
                at += found;
                n = l->n - at < max ? l->n - at : max;
                *ret_ids = arena_memdup(a, l->ids + at, n * sizeof(*l->ids));
        }
        *ret_n = n;
        pthread_mutex_unlock(&q->lock);
        return 0;
}

static int has_link(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *id,
                    bool *ret_has)
{
        QueueMem *q = owner(s);
        const MemLinks *l;

        pthread_mutex_lock(&q->lock);
        *ret_has = false;
        l = links_find(q, table, key, n_key);
        if (l)
                links_position(l, id, ret_has);
        pthread_mutex_unlock(&q->lock);
        return 0;
}

static int by_key(const void *a, const void *b)
{
        const Cell *x = a, *y = b;
        int c = memcmp(x->key, y->key, x->n_key < y->n_key ? x->n_key : y->n_key);

        return c ? c : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

/* Copies of all rows of a table behind a key, sorted: the lock is not held while the caller looks at them. */
static size_t copy_cells(QueueMem *q, SpaceTable table, const void *after, size_t n_after, Arena *a,
                         Cell **ret_cells)
{
        uint8_t buf[1 + SPACE_KEY_MAX];
        Cell from = { .key = buf, .n_key = after ? cell_key(table, after, n_after, buf) : 0 };
        Cell *cells;
        size_t n = 0;

        pthread_mutex_lock(&q->lock);
        cells = arena_new_array(a, Cell, q->cells.n);
        for (KeyNode *i = keymap_next(&q->cells, NULL); i; i = keymap_next(&q->cells, i)) {
                const Cell *cell = keymap_entry(i, Cell, node);

                if (cell->key[0] != table || (after && by_key(cell, &from) <= 0))
                        continue;
                cells[n] = *cell;
                cells[n].key = arena_memdup(a, cell->key, cell->n_key);
                cells[n].data = arena_memdup(a, cell->data, cell->n);
                n++;
        }
        pthread_mutex_unlock(&q->lock);
        if (n > 1)
                qsort(cells, n, sizeof(*cells), by_key);
        *ret_cells = cells;
        return n;
}

static int walk(Space *s, SpaceTable table, const void *after, size_t n_after,
                int (*fn)(void *context, const void *key, size_t n_key, const SpaceRow *row), void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Cell *cells;
        size_t n = copy_cells(owner(s), table, after, n_after, a, &cells);

        for (size_t i = 0; i < n; i++) {
                SpaceRow row = { .data = cells[i].data, .n = cells[i].n, .serial = cells[i].serial };
                int r = fn(context, cells[i].key + 1, cells[i].n_key - 1, &row);

                if (r)
                        return r < 0 ? error_trace(r) : 0;
        }
        return 0;
}

static int claim(Space *s, const ObjectId *metaverse)
{
        return claims_take(&owner(s)->claims, metaverse) ? 0 : SPACE_E_BUSY;
}

static void release(Space *s, const ObjectId *metaverse)
{
        claims_release(&owner(s)->claims, metaverse);
}

const SpaceOps space_mem_ops = {
        .name = "mem",
        .get = get,
        .links = links,
        .has_link = has_link,
        .walk = walk,
        .claim = claim,
        .release = release,
};
