/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/storer.h"

#include "base/error.h"
#include "base/thread.h"

static void *storer_thread(void *context)
{
        Storer *s = context;

        pthread_mutex_lock(&s->lock);
        while (!s->stop) {
                int r;

                if (!s->working) {
                        pthread_cond_wait(&s->moved, &s->lock);
                        continue;
                }
                pthread_mutex_unlock(&s->lock);
                r = queue_put(s->queue, &s->intake);
                pthread_mutex_lock(&s->lock);
                s->result = r;
                s->working = false;
                pthread_cond_broadcast(&s->moved);
        }
        pthread_mutex_unlock(&s->lock);
        return NULL;
}

void storer_init(Storer *s, Queue *queue)
{
        *s = (Storer){ .queue = queue };
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->moved, NULL);
}

void storer_deinit(Storer *s)
{
        storer_end(s);
        pthread_cond_destroy(&s->moved);
        pthread_mutex_destroy(&s->lock);
}

/* The lock is held. Without a thread, whoever waits does it himself. */
static void begin(Storer *s)
{
        s->working = s->started;
        if (s->working)
                pthread_cond_broadcast(&s->moved);
        else
                s->result = queue_put(s->queue, &s->intake);
}

void storer_put(Storer *s, Arena *a, const Intake *in)
{
        pthread_mutex_lock(&s->lock);
        s->stop = false;
        if (!s->started)
                s->started = thread_start(&s->thread, storer_thread, s, "storer") == 0;
        s->arena = a;
        s->intake = *in;
        begin(s);
        pthread_mutex_unlock(&s->lock);
}

/* The lock is held. */
static void wait_for_thread(Storer *s)
{
        while (s->working)
                pthread_cond_wait(&s->moved, &s->lock);
}

/**
 * storer_wait() - until the put on its way is durable
 *
 * Return: 0, QUEUE_E_FULL, QUEUE_E_GONE, -errno.
 */
int storer_wait(Storer *s)
{
        int r = 0;

        pthread_mutex_lock(&s->lock);
        wait_for_thread(s);
        if (s->arena) {
                /* There may be room by now. */
                if (s->result == QUEUE_E_FULL)
                        s->result = queue_put(s->queue, &s->intake);
                r = s->result;
                if (r != QUEUE_E_FULL)
                        s->arena = arena_free(s->arena);
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

void storer_end(Storer *s)
{
        if (s->started) {
                pthread_mutex_lock(&s->lock);
                wait_for_thread(s);
                s->stop = true;
                pthread_cond_broadcast(&s->moved);
                pthread_mutex_unlock(&s->lock);
                pthread_join(s->thread, NULL);
                s->started = false;
        }
        s->arena = arena_free(s->arena);
}
