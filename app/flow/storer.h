/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Storer: one put on its way to the disk while the feed reads on
 *
 *      feed's thread    read 1 | judge 1 | read 2 ... | judge 2 | wait | read 3 ...
 *      storer's thread                   [ put 1 ............. ]       [ put 2 ...
 *
 * For the middle of a catch-up: while a commit waits for the disk, the server would have to wait for us. What
 * is handed in here is not stored when storer_put() returns; storer_wait() says what has become of it, and is
 * called before anything else is put: puts stay in order, and a position is never ahead of what it covers.
 *
 * At most one put is on its way. One that the queue had no room for is kept and tried again by the next
 * storer_wait(). The thread is there from the first put to storer_end().
 *
 * Belongs to the feed's thread.
 */

#include "queue/queue.h"

#include <pthread.h>

typedef struct Storer Storer;

struct Storer {
        Queue *queue;
        pthread_t thread;
        bool started;

        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t moved;
        Arena *arena; /* owned: of the put on its way; NULL: there is none */
        Intake intake;
        bool working; /* the thread has it, or is to take it */
        bool stop;
        int result; /* of the last try */
};

void storer_init(Storer *s, Queue *queue);
void storer_deinit(Storer *s);

/* No put may be on its way. All that `in` points to lies in `a`, which is the storer's from now on. */
void storer_put(Storer *s, Arena *a, const Intake *in);

/*
 * Until the put on its way is durable; without one, at once.
 * Return: 0, QUEUE_E_FULL (it is kept), QUEUE_E_GONE (it is forgotten), -errno (it is forgotten).
 */
int storer_wait(Storer *s);

/* The catch-up is over: no thread until the next put. What is on its way is waited for; what there was no
 * room for is forgotten. */
void storer_end(Storer *s);
