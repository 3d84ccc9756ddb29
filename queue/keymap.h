/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * KeyMap: a hash table in memory, keyed by bytes, intrusive
 *
 * An element embeds a KeyNode; its key is memory of the element and must not move or change while it is in
 * the map. Owner and lock are the caller's. Used for leases, for writes that are under way, for claims, and
 * for the backend in memory.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct KeyMap KeyMap;
typedef struct KeyNode KeyNode;

struct KeyNode {
        KeyNode *next;
        uint64_t hash;
        const void *key;
        size_t n;
};

struct KeyMap {
        KeyNode **buckets;
        size_t n_buckets;
        size_t n;
};

void keymap_init(KeyMap *m);
void keymap_deinit(KeyMap *m); /* the elements are not touched */
KeyNode *keymap_find(const KeyMap *m, const void *key, size_t n);
void keymap_add(KeyMap *m, KeyNode *node, const void *key, size_t n); /* must not be there yet */
void keymap_remove(KeyMap *m, KeyNode *node);

/* Every element once, in no order; the map must not change meanwhile. Start with NULL. */
KeyNode *keymap_next(const KeyMap *m, KeyNode *node);

#define keymap_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
