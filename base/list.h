/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * List: doubly linked, intrusive, circular with a head
 *
 * An element embeds a List and is found again by list_entry(). An element that is in no list is linked to
 * itself, so list_remove() may be called twice.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct List List;

struct List {
        List *next;
        List *prev;
};

#define LIST_INIT(name) ((List){ .next = &(name), .prev = &(name) })

#define list_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define list_for_each(i, head) for (List *i = (head)->next; i != (head); i = i->next)

#define list_for_each_safe(i, head) \
        for (List *i = (head)->next, *i##_next_ = i->next; i != (head); i = i##_next_, i##_next_ = i->next)

static inline void list_init(List *l)
{
        l->next = l;
        l->prev = l;
}

static inline bool list_is_empty(const List *head)
{
        return head->next == head;
}

static inline void list_add_before(List *at, List *l)
{
        l->prev = at->prev;
        l->next = at;
        at->prev->next = l;
        at->prev = l;
}

static inline void list_push(List *head, List *l)
{
        list_add_before(head, l);
}

static inline void list_remove(List *l)
{
        l->prev->next = l->next;
        l->next->prev = l->prev;
        list_init(l);
}

static inline List *list_first(List *head)
{
        return list_is_empty(head) ? NULL : head->next;
}
