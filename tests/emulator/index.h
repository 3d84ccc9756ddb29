/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index: text to object, in constant time
 *
 * Open addressing with linear probing; a removal shifts its followers back, so there are no tombstones. With
 * `fold` set, keys that differ only in the case of ASCII letters are the same key: Graph compares user
 * principal names, addresses and GUIDs that way, but not immutable ids (they are base64).
 *
 * The index owns copies of its keys and borrows the values.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Index Index;
typedef struct IndexSlot IndexSlot;
typedef struct Object Object;

enum {
        _INDEX_E_SUCCESS,

        INDEX_E_EXISTS, /* another object has this key */
};

struct IndexSlot {
        uint64_t hash;
        char *key; /* NULL: free */
        Object *object;
};

struct Index {
        IndexSlot *slots;
        size_t n;
        size_t size; /* a power of two, or 0 */
        bool fold;
};

void index_deinit(Index *index);
int index_add(Index *index, const char *key, Object *object);
Object *index_find(const Index *index, const char *key);
void index_remove(Index *index, const char *key, const Object *object);
