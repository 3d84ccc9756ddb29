/* SPDX-License-Identifier: Apache-2.0 */
#include "links.h"
#include "mem.h"

/* Below this many positions a walk through the array beats a hash table, in time and in memory. */
#define LINKS_SMALL 12

void links_deinit(Links *links)
{
        free(links->items);
        free(links->buckets);
        *links = (Links){ 0 };
}

static uint32_t links_hash(const Object *object)
{
        uint64_t h = (uint64_t)(uintptr_t)object;

        return (uint32_t)((h >> 4) * 0x9e3779b97f4a7c15u >> 32);
}

static void links_enter(Links *links, uint32_t position)
{
        uint32_t mask = links->n_buckets - 1;
        uint32_t i = links_hash(links->items[position].object) & mask;

        while (links->buckets[i])
                i = (i + 1) & mask;
        links->buckets[i] = position + 1;
}

/* Closes the holes and builds the hash table anew, with room to grow. */
static void links_rebuild(Links *links)
{
        uint32_t used = 0;

        for (uint32_t i = 0; i < links->used; ++i) {
                if (links->items[i].object)
                        links->items[used++] = links->items[i];
        }
        links->used = used;
        free(links->buckets);
        links->buckets = NULL;
        links->n_buckets = 0;
        if (used < LINKS_SMALL)
                return;
        for (links->n_buckets = 64; links->n_buckets < used * 4; links->n_buckets *= 2)
                ;
        links->buckets = mem_zero(links->n_buckets, sizeof(uint32_t));
        for (uint32_t i = 0; i < used; ++i)
                links_enter(links, i);
}

/* A hole keeps its bucket (the chain must not break) until the next rebuild. Return: position + 1, or 0. */
static uint32_t links_find(const Links *links, const Object *object)
{
        uint32_t mask = links->n_buckets - 1;

        if (!links->n_buckets) {
                for (uint32_t i = 0; i < links->used; ++i) {
                        if (links->items[i].object == object)
                                return i + 1;
                }
                return 0;
        }
        for (uint32_t i = links_hash(object) & mask; links->buckets[i]; i = (i + 1) & mask) {
                if (links->items[links->buckets[i] - 1].object == object)
                        return links->buckets[i];
        }
        return 0;
}

bool links_has(const Links *links, const Object *object)
{
        return links_find(links, object) != 0;
}

bool links_add(Links *links, Object *object)
{
        if (links_find(links, object))
                return false;
        if (links->used == links->size) {
                links->size = links->size ? links->size * 2 : 4;
                links->items = mem_grow(links->items, links->size, sizeof(Link));
        }
        links->items[links->used++] = (Link){ .object = object, .number = ++links->last };
        ++links->n;
        if (links->used >= LINKS_SMALL && links->used * 2 > links->n_buckets)
                links_rebuild(links);
        else if (links->n_buckets)
                links_enter(links, links->used - 1);
        return true;
}

bool links_remove(Links *links, const Object *object)
{
        uint32_t found = links_find(links, object);

        if (!found)
                return false;
        links->items[found - 1].object = NULL;
        --links->n;
        if (links->used > 2 * links->n + LINKS_SMALL)
                links_rebuild(links);
        return true;
}

/**
 * links_next() - the next object in order
 * @number: 0 to begin; afterwards the number of the object returned
 */
Object *links_next(const Links *links, uint64_t *number)
{
        uint32_t low = 0, high = links->used;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (links->items[middle].number <= *number)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low < links->used && !links->items[low].object)
                ++low;
        if (low == links->used)
                return NULL;
        *number = links->items[low].number;
        return links->items[low].object;
}
