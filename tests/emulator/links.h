/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Links: an ordered set of objects, with pages
 *
 *      position   0     1     2     3
 *      object     a     -     c     d        '-' was removed
 *      number     1     2     3     7        ever growing: the page token
 *
 * Members of a group, the users of a tenant, the reports of a manager. Order is the order of adding. A page
 * is named by the number of the last object it showed, so a list may change between two pages and no object
 * that stays is shown twice or left out.
 *
 * Adding, removing and asking cost constant time. Small sets have no hash table.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Link Link;
typedef struct Links Links;
typedef struct Object Object;

struct Link {
        Object *object; /* NULL: removed */
        uint64_t number;
};

struct Links {
        Link *items;
        uint32_t n;    /* objects */
        uint32_t used; /* positions, objects and holes */
        uint32_t size;
        uint32_t n_buckets; /* a power of two, or 0 while the set is small */
        uint32_t *buckets;  /* position + 1 */
        uint64_t last;      /* number given last */
};

void links_deinit(Links *links);
bool links_add(Links *links, Object *object);          /* false: was there already */
bool links_remove(Links *links, const Object *object); /* false: was not there */
bool links_has(const Links *links, const Object *object);
Object *links_next(const Links *links, uint64_t *number); /* first after *number, which moves; or NULL */

#define links_for_each(object, links, cursor)                                          \
        for (uint64_t cursor = 0, cursor##_once = 1; cursor##_once; cursor##_once = 0) \
                for (Object *object = links_next((links), &cursor); object;            \
                     object = links_next((links), &cursor))
