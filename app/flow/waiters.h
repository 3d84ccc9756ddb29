/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiters: who asked for a run by hand gets its outcome
 *
 * A waiter registers for an object before it puts its change; the worker that ends a run of that object hands
 * over a packed copy of the outcome. A run that was already under way when the waiter came does not count:
 * only one that was leased after the put: by its start, or, as another node's clock may be late, because its
 * change was first put after the waiter came. Any thread.
 */

#include "base/list.h"
#include "engine/model/outcome.h"
#include "engine/space/space.h"

#include <pthread.h>

typedef struct Waiter Waiter;
typedef struct Waiters Waiters;

struct Waiters {
        pthread_mutex_t lock; /* protects the list and every waiter in it */
        pthread_cond_t done;
        List list;
        bool closing;
};

struct Waiter {
        List link;
        ObjectKey key;
        Wall since;    /* a run that started before this does not count */
        uint8_t *data; /* packed outcome; NULL: not yet */
        size_t n;
};

void waiters_init(Waiters *w);
void waiters_deinit(Waiters *w);

void waiters_add(Waiters *w, Waiter *waiter, const ObjectKey *key, Wall since);

/* Wait, and stay in the list. Return: true: there is nothing more to wait for, the outcome has come or the
 * program stops. */
bool waiters_look(Waiters *w, Waiter *waiter, int64_t timeout_us);

/* Wait for the outcome; the waiter is out of the list afterwards, its data (malloc) belongs to the caller.
 * Return: true, or false after `timeout_us` or when the program stops. */
bool waiters_wait(Waiters *w, Waiter *waiter, int64_t timeout_us);

/* A run has ended. */
void waiters_deliver(Waiters *w, const ObjectKey *key, const Outcome *o);

/* Everybody goes home. */
void waiters_close(Waiters *w);
