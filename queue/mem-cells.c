/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/mem.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void *alloc(size_t size)
{
        void *p = calloc(1, size ? size : 1);

        if (!p)
                error_oom(size);
        return p;
}

size_t cell_key(SpaceTable table, const void *key, size_t n_key, uint8_t buf[1 + SPACE_KEY_MAX])
{
        buf[0] = (uint8_t)table;
        memcpy(buf + 1, key, n_key);
        return n_key + 1;
}

Cell *cell_find(const KeyMap *m, const void *key, size_t n_key)
{
        KeyNode *node = keymap_find(m, key, n_key);

        return node ? keymap_entry(node, Cell, node) : NULL;
}

void cell_remove(KeyMap *m, Cell *cell)
{
        keymap_remove(m, &cell->node);
        free(cell->key);
        free(cell->data);
        free(cell);
}

void cell_set(KeyMap *m, const void *key, size_t n_key, const void *data, size_t n, uint64_t serial)
{
        Cell *cell = cell_find(m, key, n_key);

        if (!cell) {
                cell = alloc(sizeof(*cell));
                cell->key = alloc(n_key);
                memcpy(cell->key, key, n_key);
                cell->n_key = n_key;
                keymap_add(m, &cell->node, cell->key, n_key);
        }
        free(cell->data);
        cell->data = alloc(n);
        if (n)
                memcpy(cell->data, data, n);
        cell->n = n;
        cell->serial = serial;
}

void cells_deinit(KeyMap *m)
{
        for (KeyNode *i = keymap_next(m, NULL); i; i = keymap_next(m, NULL))
                cell_remove(m, keymap_entry(i, Cell, node));
        keymap_deinit(m);
}

MemLinks *links_find(const QueueMem *q, LinkTable table, const void *key, size_t n_key)
{
        uint8_t buf[1 + SPACE_KEY_MAX];
        KeyNode *node;

        buf[0] = (uint8_t)table;
        memcpy(buf + 1, key, n_key);
        node = keymap_find(&q->links, buf, n_key + 1);
        return node ? keymap_entry(node, MemLinks, node) : NULL;
}

size_t links_position(const MemLinks *l, const ObjectId *id, bool *ret_found)
{
        size_t low = 0, high = l->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (guid_compare(&l->ids[middle], id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < l->n && guid_is(&l->ids[low], id);
        return low;
}

/* Without this each object that appears would have to look through all links. */
static void count(QueueMem *q, LinkTable table, const void *key, size_t n_key, int64_t by)
{
        uint8_t buf[1 + OBJECT_KEY_SIZE];
        Cell *cell;

        q->n_links[table] += (size_t)by;
        if ((table != LINK_WAIT && table != LINK_READY) || n_key < OBJECT_KEY_SIZE || by == 0)
                return;
        buf[0] = (uint8_t)table;
        memcpy(buf + 1, key, OBJECT_KEY_SIZE);
        cell = cell_find(&q->counts, buf, sizeof(buf));
        if (!cell) {
                cell_set(&q->counts, buf, sizeof(buf), NULL, 0, 0);
                cell = cell_find(&q->counts, buf, sizeof(buf));
        }
        cell->serial += (uint64_t)by;
        if (cell->serial == 0)
                cell_remove(&q->counts, cell);
}

size_t links_of_object(const QueueMem *q, LinkTable table, const uint8_t key[OBJECT_KEY_SIZE])
{
        uint8_t buf[1 + OBJECT_KEY_SIZE];
        const Cell *cell;

        buf[0] = (uint8_t)table;
        memcpy(buf + 1, key, OBJECT_KEY_SIZE);
        cell = cell_find(&q->counts, buf, sizeof(buf));
        return cell ? cell->serial : 0;
}

static void remove_links(QueueMem *q, MemLinks *l)
{
        keymap_remove(&q->links, &l->node);
        free(l->ids);
        free(l);
}

static void add_id(MemLinks *l, size_t at, const ObjectId *id)
{
        if (l->n == l->size) {
                size_t size = l->size ? l->size * 2 : 4;
                ObjectId *ids = realloc(l->ids, size * sizeof(*ids));

                if (!ids)
                        error_oom(size * sizeof(*ids));
                l->ids = ids;
                l->size = size;
        }
        memmove(l->ids + at + 1, l->ids + at, (l->n - at) * sizeof(*id));
        l->ids[at] = *id;
        l->n++;
}

void links_write(QueueMem *q, LinkTable table, LinkVerb verb, const void *key, size_t n_key,
                 const ObjectId *id)
{
        MemLinks *l = links_find(q, table, key, n_key);
        bool found;
        size_t at;

        if (verb == LINK_ADD && !l) {
                l = alloc(sizeof(*l));
                l->key[0] = (uint8_t)table;
                memcpy(l->key + 1, key, n_key);
                l->n_key = n_key + 1;
                keymap_add(&q->links, &l->node, l->key, l->n_key);
        }
        if (!l)
                return;
        if (verb == LINK_CLEAR) {
                count(q, table, key, n_key, -(int64_t)l->n);
                remove_links(q, l);
                return;
        }
        at = links_position(l, id, &found);
        if (verb == LINK_ADD && !found) {
                add_id(l, at, id);
                count(q, table, key, n_key, 1);
        } else if (verb == LINK_REMOVE && found) {
                memmove(l->ids + at, l->ids + at + 1, (l->n - at - 1) * sizeof(*id));
                l->n--;
                count(q, table, key, n_key, -1);
                if (l->n == 0)
                        remove_links(q, l);
        }
}

void links_deinit(QueueMem *q)
{
        for (KeyNode *i = keymap_next(&q->links, NULL); i; i = keymap_next(&q->links, NULL))
                remove_links(q, keymap_entry(i, MemLinks, node));
        keymap_deinit(&q->links);
        cells_deinit(&q->counts);
}
