/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/keymap.h"

#include "base/error.h"
#include "engine/model/object.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64

static KeyNode **buckets_new(size_t n)
{
        KeyNode **buckets = calloc(n, sizeof(KeyNode *));

        if (!buckets)
                error_oom(n * sizeof(KeyNode *));
        return buckets;
}

/* GUIDs and hashes are the keys, but names too: a hash that nobody can aim at costs 30 ns. */
static uint64_t hash_of(const void *key, size_t n)
{
        return hash128(key, n, 0).low;
}

void keymap_init(KeyMap *m)
{
        *m = (KeyMap){ .buckets = buckets_new(BUCKETS_FIRST), .n_buckets = BUCKETS_FIRST };
}

void keymap_deinit(KeyMap *m)
{
        free(m->buckets);
        *m = (KeyMap){ 0 };
}

KeyNode *keymap_find(const KeyMap *m, const void *key, size_t n)
{
        uint64_t hash;

        if (m->n == 0)
                return NULL;
        hash = hash_of(key, n);
        for (KeyNode *i = m->buckets[hash % m->n_buckets]; i; i = i->next) {
                if (i->hash == hash && i->n == n && memcmp(i->key, key, n) == 0)
                        return i;
        }
        return NULL;
}

static void grow(KeyMap *m)
{
        size_t n = m->n_buckets * 2;
        KeyNode **buckets = buckets_new(n);

        for (size_t i = 0; i < m->n_buckets; i++) {
                for (KeyNode *node = m->buckets[i], *next; node; node = next) {
                        next = node->next;
                        node->next = buckets[node->hash % n];
                        buckets[node->hash % n] = node;
                }
        }
        free(m->buckets);
        m->buckets = buckets;
        m->n_buckets = n;
}

void keymap_add(KeyMap *m, KeyNode *node, const void *key, size_t n)
{
        size_t at;

        if (m->n >= m->n_buckets)
                grow(m);
        node->hash = hash_of(key, n);
        node->key = key;
        node->n = n;
        at = node->hash % m->n_buckets;
        node->next = m->buckets[at];
        m->buckets[at] = node;
        m->n++;
}

void keymap_remove(KeyMap *m, KeyNode *node)
{
        KeyNode **i = &m->buckets[node->hash % m->n_buckets];

        while (*i != node)
                i = &(*i)->next;
        *i = node->next;
        node->next = NULL;
        m->n--;
}

KeyNode *keymap_next(const KeyMap *m, KeyNode *node)
{
        size_t at = 0;

        if (node) {
                if (node->next)
                        return node->next;
                at = node->hash % m->n_buckets + 1;
        }
        for (; at < m->n_buckets; at++) {
                if (m->buckets[at])
                        return m->buckets[at];
        }
        return NULL;
}
