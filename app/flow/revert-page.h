/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert page: objects that are held or let go, put into the queue in one transaction
 *
 *      begin --> rows into `batch`, revert_page_add() --> put --> rows into `batch` ...
 *
 * A page is whole or not at all: an object whose hold is stored is in the queue. Between two pages the disk
 * may be full, or the process die; the pages before stand, and the same command goes on behind them. One
 * thread.
 */

#include "queue/queue.h"

typedef struct RevertPage RevertPage;

#define REVERT_PAGE 200

struct RevertPage {
        Arena *arena; /* the caller's; reset with each page */
        SpaceBatch batch;
        Change changes[REVERT_PAGE];
        size_t n;
};

void revert_page_begin(RevertPage *p);

/* The object is worked on, in the reconcile lane; texts are copied. `by` may be NULL. At most REVERT_PAGE. */
void revert_page_add(RevertPage *p, const ObjectKey *key, const char *dn, const char *by, Wall now);

/* The page, and a new one is begun. Return: 0, REVERT_E_FULL, -errno. */
int revert_page_put(RevertPage *p, Queue *q, Wall now);
