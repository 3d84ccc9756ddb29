/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/waiters.h"

#include "base/error.h"
#include "base/wait.h"

#include <string.h>

void waiters_init(Waiters *w)
{

        pthread_mutex_init(&w->lock, NULL);
        wait_init(&w->done);
        list_init(&w->list);
        w->closing = false;
}

void waiters_deinit(Waiters *w)
{
        pthread_cond_destroy(&w->done);
        pthread_mutex_destroy(&w->lock);
}

void waiters_add(Waiters *w, Waiter *waiter, const ObjectKey *key, Wall since)
{
        *waiter = (Waiter){ .key = *key, .since = since };
        pthread_mutex_lock(&w->lock);
        list_push(&w->list, &waiter->link);
        pthread_mutex_unlock(&w->lock);
}

/* The lock is held. */
static bool wait_for(Waiters *w, Waiter *waiter, int64_t timeout_us)
{
        Mono until = wait_in(timeout_us);

        while (!waiter->data && !w->closing && wait_until(&w->done, &w->lock, until))
                ;
        return waiter->data || w->closing;
}

bool waiters_look(Waiters *w, Waiter *waiter, int64_t timeout_us)
{
        bool over;

        pthread_mutex_lock(&w->lock);
        over = wait_for(w, waiter, timeout_us);
        pthread_mutex_unlock(&w->lock);
        return over;
}

bool waiters_wait(Waiters *w, Waiter *waiter, int64_t timeout_us)
{
        pthread_mutex_lock(&w->lock);
        wait_for(w, waiter, timeout_us);
        list_remove(&waiter->link);
        pthread_mutex_unlock(&w->lock);
        return waiter->data != NULL;
}

static bool is_waited_for(const Waiter *waiter, const ObjectKey *key, const Outcome *o)
{
        return !waiter->data && waiter->key.source == key->source && guid_is(&waiter->key.id, &key->id) &&
               (o->started.ms >= waiter->since.ms || o->queued.ms >= waiter->since.ms);
}

void waiters_deliver(Waiters *w, const ObjectKey *key, const Outcome *o)
{
        pthread_mutex_lock(&w->lock);
        list_for_each (i, &w->list) {
                Waiter *waiter = list_entry(i, Waiter, link);
                PackWriter writer;
                const uint8_t *data;

                if (!is_waited_for(waiter, key, o))
                        continue;
                pack_init(&writer);
                outcome_pack(&writer, o);
                data = pack_data(&writer, &waiter->n);
                waiter->data = malloc(waiter->n);
                if (!waiter->data)
                        error_oom(waiter->n);
                memcpy(waiter->data, data, waiter->n);
                pack_deinit(&writer);
                pthread_cond_broadcast(&w->done);
        }
        pthread_mutex_unlock(&w->lock);
}

void waiters_close(Waiters *w)
{
        pthread_mutex_lock(&w->lock);
        w->closing = true;
        pthread_cond_broadcast(&w->done);
        pthread_mutex_unlock(&w->lock);
}
