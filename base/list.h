/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * List: doubly linked, intrusive, circular with a head
 *
 *      head <--> first <--> ... <--> last <--> head         an empty list: the head is linked to itself
 *
 * An element embeds a List and is found again by list_entry(); it may embed several, and be in as many lists.
 * It belongs to whoever made it: a list owns nothing, and must not outlive its elements. An element that is
 * in no list is linked to itself, so list_remove() may be called twice; it has to be list_init()ed once.
 *
 * list_for_each() must not lose the element it is at; list_for_each_safe() may, and no other. Threads: the
 * lock is the caller's.
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

/* `l` is in no list. */
static inline void list_add_before(List *at, List *l)
{
        l->prev = at->prev;
        l->next = at;
        at->prev->next = l;
        at->prev = l;
}

/* Behind the last. */
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

/* NULL: it is empty. */
static inline List *list_first(List *head)
{
        return list_is_empty(head) ? NULL : head->next;
}
