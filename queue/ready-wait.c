/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/ready.h"

#include "base/error.h"
#include "base/wait.h"
#include "queue/front.h"

/*
 * Who waits is woken one by one, as things become due: thirty workers that wake for one change and find it
 * gone cost more than the change. Who went to sleep last is woken first: its memory and its connection to the
 * directory are warm, and those of workers that are not needed rest, until they are given back.
 *
 * Two rules keep that from losing a wake-up:
 *
 *   - who is woken looks again before it sleeps again;
 *   - who comes to sleep although something is due that it may not take (a worker without a token waits with
 * no lanes at all) wakes another who may.
 */
typedef struct Waiter {
        List link;
        LaneSet lanes;
        bool is_woken;
        pthread_cond_t cond;
} Waiter;

void waiters_wake(Ready *r, LaneSet lanes, size_t n)
{
        for (List *i = r->waiters.next; n > 0 && i != &r->waiters; i = i->next) {
                Waiter *w = list_entry(i, Waiter, link);

                if (w->is_woken || !(w->lanes & lanes))
                        continue;
                w->is_woken = true;
                pthread_cond_signal(&w->cond);
                n--;
        }
}

static void wake_everybody(Ready *r)
{
        list_for_each (i, &r->waiters) {
                Waiter *w = list_entry(i, Waiter, link);

                w->is_woken = true;
                pthread_cond_signal(&w->cond);
        }
}

void ready_wake_all(Ready *r, bool closing)
{
        pthread_mutex_lock(&r->lock);
        r->closed = r->closed || closing;
        r->n_wake_all++;
        wake_everybody(r);
        pthread_mutex_unlock(&r->lock);
}

/* The store cannot be read now. */
#define UNREAD_US ((int64_t)1000000)

static int64_t mono_us(void)
{
        return clock_mono(&clock_system).us;
}

static void sleep_until(Ready *r, Waiter *w, int64_t us)
{
        list_add_before(r->waiters.next, &w->link); /* in front of all */
        while (!w->is_woken && wait_until(&w->cond, &r->lock, (Mono){ us }))
                ;
        list_remove(&w->link);
}

/**
 * ready_wait() - sleep until something may be due in these lanes
 *
 * A negative timeout is none. When the store cannot be read nothing is due, and it is time to look again
 * after a second: the lease will tell.
 *
 * Return: 0, QUEUE_E_CLOSED.
 */
int ready_wait(Ready *r, LaneSet lanes, Wall now, int64_t timeout_us)
{
        /* A day is for ever: whoever waits looks again. */
        const int64_t longest = (int64_t)86400 * 1000000;
        const int64_t start = mono_us();
        int64_t end = start + (timeout_us < 0 || timeout_us > longest ? longest : timeout_us);
        Waiter w = { .lanes = lanes };
        bool first = true, was_woken = false;
        uint64_t n_wake_all;
        int result = 0;

        list_init(&w.link);
        wait_init(&w.cond);

        pthread_mutex_lock(&r->lock);
        n_wake_all = r->n_wake_all;
        for (;;) {
                int64_t at = mono_us(), until;
                Wall next = { 0 };
                LaneSet due = 0;

                if (r->closed) {
                        result = QUEUE_E_CLOSED;
                        break;
                }
                if (r->n_wake_all != n_wake_all)
                        break;
                if (ready_due(r, wall_add(now, (at - start) / 1000), first || was_woken ? LANES_ALL : lanes,
                              lanes, &due, &next) < 0) {
                        due = 0;
                        end = at + UNREAD_US < end ? at + UNREAD_US : end;
                }
                until = end;
                if (due & lanes || (!first && at >= end))
                        break;
                if (due)
                        waiters_wake(r, due, 1);
                if (next.ms) {
                        int64_t ms = next.ms - now.ms;

                        /* Rounded up: a look before the time finds nothing. */
                        if (start + ms * 1000 + 1000 < until)
                                until = start + ms * 1000 + 1000;
                }
                first = false;
                w.is_woken = false;
                sleep_until(r, &w, until);
                /* The call may have been meant for anybody: pass it on if it is not for us. */
                was_woken = w.is_woken;
        }
        pthread_mutex_unlock(&r->lock);
        pthread_cond_destroy(&w.cond);
        return result;
}
