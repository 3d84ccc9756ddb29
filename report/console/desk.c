/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/desk.h"

#include "base/error.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct Row {
        DeskWork *first, **end;
} Row;

struct Desk {
        pthread_t threads[DESK_THREADS];
        size_t n_threads;
        struct event *finished;

        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t news;
        Row waiting, ready;
        size_t n_waiting, n_slow;
        bool stopping;
};

static void row_init(Row *r)
{
        r->first = NULL;
        r->end = &r->first;
}

static void row_push(Row *r, DeskWork *w)
{
        w->next = NULL;
        *r->end = w;
        r->end = &w->next;
}

static void row_remove(Row *r, DeskWork **at)
{
        DeskWork *w = *at;

        *at = w->next;
        if (!*at)
                r->end = at;
}

/* The first that may be begun. */
static DeskWork *take(Desk *d)
{
        for (DeskWork **at = &d->waiting.first; *at; at = &(*at)->next) {
                DeskWork *w = *at;

                if (w->slow && d->n_slow >= DESK_SLOW)
                        continue;
                row_remove(&d->waiting, at);
                d->n_waiting--;
                d->n_slow += w->slow;
                return w;
        }
        return NULL;
}

static void *desk_thread(void *context)
{
        Desk *d = context;

        pthread_mutex_lock(&d->lock);
        for (;;) {
                DeskWork *w = take(d);

                if (!w) {
                        if (d->stopping && !d->waiting.first)
                                break;
                        pthread_cond_wait(&d->news, &d->lock);
                        continue;
                }
                pthread_mutex_unlock(&d->lock);
                w->run(w);
                pthread_mutex_lock(&d->lock);
                d->n_slow -= w->slow;
                row_push(&d->ready, w);
                event_active(d->finished, 0, 0);
                pthread_cond_broadcast(&d->news); /* a slow one may be begun */
        }
        pthread_mutex_unlock(&d->lock);
        return NULL;
}

static void on_finished(evutil_socket_t fd, short what, void *context)
{
        Desk *d = context;
        DeskWork *w;

        pthread_mutex_lock(&d->lock);
        w = d->ready.first;
        row_init(&d->ready);
        pthread_mutex_unlock(&d->lock);
        while (w) {
                DeskWork *next = w->next;

                w->done(w);
                w = next;
        }
}

int desk_new(Desk **ret_desk, struct event_base *base)
{
        Desk *d = calloc(1, sizeof(*d));

        if (!d)
                error_oom(sizeof(*d));
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->news, NULL);
        row_init(&d->waiting);
        row_init(&d->ready);
        d->finished = event_new(base, -1, 0, on_finished, d);
        if (!d->finished)
                error_oom(1);
        for (; d->n_threads < DESK_THREADS; d->n_threads++) {
                int r = thread_start(&d->threads[d->n_threads], desk_thread, d, "desk %zu", d->n_threads + 1);

                if (r) {
                        desk_free(d);
                        return r;
                }
        }
        *ret_desk = d;
        return 0;
}

Desk *desk_free(Desk *d)
{
        if (!d)
                return NULL;
        pthread_mutex_lock(&d->lock);
        d->stopping = true;
        pthread_cond_broadcast(&d->news);
        pthread_mutex_unlock(&d->lock);
        for (size_t i = 0; i < d->n_threads; i++)
                pthread_join(d->threads[i], NULL);
        on_finished(-1, 0, d);
        event_free(d->finished);
        pthread_cond_destroy(&d->news);
        pthread_mutex_destroy(&d->lock);
        free(d);
        return NULL;
}

bool desk_put(Desk *d, DeskWork *w)
{
        bool room;

        pthread_mutex_lock(&d->lock);
        room = d->n_waiting < DESK_MAX && !d->stopping;
        if (room) {
                row_push(&d->waiting, w);
                d->n_waiting++;
                pthread_cond_signal(&d->news);
        }
        pthread_mutex_unlock(&d->lock);
        return room;
}
