/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "index.h"
#include "mem.h"

static unsigned char fold_byte(unsigned char c)
{
        return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* FNV-1a with a final mix: the low bits choose the slot. */
static uint64_t index_hash(const Index *index, const char *key)
{
        uint64_t h = 0xcbf29ce484222325u;

        for (const unsigned char *p = (const unsigned char *)key; *p; ++p)
                h = (h ^ (index->fold ? fold_byte(*p) : *p)) * 0x100000001b3u;
        return h ^ (h >> 29);
}

static bool index_same(const Index *index, const char *a, const char *b)
{
        return index->fold ? !strcasecmp(a, b) : !strcmp(a, b);
}

/* The slot that holds key, or the free slot where it belongs. */
static size_t index_slot(const Index *index, const char *key, uint64_t hash)
{
        size_t i = hash & (index->size - 1);

        while (index->slots[i].key &&
               (index->slots[i].hash != hash || !index_same(index, index->slots[i].key, key)))
                i = (i + 1) & (index->size - 1);
        return i;
}

static void index_grow(Index *index)
{
        Index wider = { .size = index->size ? index->size * 2 : 64, .fold = index->fold, .n = index->n };

        wider.slots = mem_zero(wider.size, sizeof(IndexSlot));
        for (size_t i = 0; i < index->size; ++i) {
                IndexSlot *s = &index->slots[i];

                if (s->key)
                        wider.slots[index_slot(&wider, s->key, s->hash)] = *s;
        }
        free(index->slots);
        *index = wider;
}

void index_deinit(Index *index)
{
        for (size_t i = 0; i < index->size; ++i)
                free(index->slots[i].key);
        free(index->slots);
        *index = (Index){ .fold = index->fold };
}

/**
 * index_add() - enter an object under a key
 *
 * Return: 0, or INDEX_E_EXISTS when the key is taken (also by the same object); nothing has changed then.
 */
int index_add(Index *index, const char *key, Object *object)
{
        uint64_t hash = index_hash(index, key);
        size_t i;

        if ((index->n + 1) * 4 > index->size * 3)
                index_grow(index);
        i = index_slot(index, key, hash);
        if (index->slots[i].key)
                return INDEX_E_EXISTS;
        index->slots[i] = (IndexSlot){ .hash = hash, .key = mem_text(key), .object = object };
        ++index->n;
        return 0;
}

Object *index_find(const Index *index, const char *key)
{
        if (!index->n)
                return NULL;
        return index->slots[index_slot(index, key, index_hash(index, key))].object;
}

/* Nothing happens when the key belongs to another object or to none. */
void index_remove(Index *index, const char *key, const Object *object)
{
        size_t mask = index->size - 1, hole, i;

        if (!index->n)
                return;
        hole = index_slot(index, key, index_hash(index, key));
        if (!index->slots[hole].key || index->slots[hole].object != object)
                return;
        free(index->slots[hole].key);
        --index->n;
        for (i = (hole + 1) & mask; index->slots[i].key; i = (i + 1) & mask) {
                size_t home = index->slots[i].hash & mask;

                if (((i - home) & mask) < ((i - hole) & mask))
                        continue;
                index->slots[hole] = index->slots[i];
                hole = i;
        }
        index->slots[hole] = (IndexSlot){ 0 };
}
