/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-jetstream.h"

#include "base/error.h"
#include "base/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Between two tries while there is no server. */
#define AGAIN_US 100000

/* Stored, and not yet come back: it is sent once more, in case the server that took it is gone. */
#define PATIENCE_US ((int64_t)5 * 1000000)

/* After the program began to close. */
#define CLOSING_US ((int64_t)5 * 1000000)

static int publish(QueueJetstream *q, const Entry *e, const void *data, size_t n)
{
        char id[80];

        snprintf(id, sizeof(id), "%016" PRIx64 "-%" PRIu64 "-%" PRIu64, e->session, e->number, e->part);
        return bus_publish(q->bus, q->log, id, data, n, NULL);
}

/* An entry that is too long for one message goes in parts. */
static int send_parts(QueueJetstream *q, const Entry *e, const uint8_t *data, size_t n, size_t max)
{
        Entry part = { .session = e->session, .number = e->number, .n_parts = (n + max - 1) / max };
        int r = 0;

        part.op.kind = OP_PART;
        for (; r == 0 && part.part < part.n_parts; part.part++) {
                size_t from = part.part * max, n_piece;
                const uint8_t *piece;
                PackWriter w;

                part.bytes = data + from;
                part.n_bytes = n - from < max ? n - from : max;
                pack_init(&w);
                entry_pack(&w, &part);
                piece = pack_data(&w, &n_piece);
                r = publish(q, &part, piece, n_piece);
                pack_deinit(&w);
        }
        return r;
}

static int send_entry(QueueJetstream *q, const Entry *e, const uint8_t *data, size_t n)
{
        size_t max = bus_payload_max(q->bus);

        if (max <= ENTRY_ROOM)
                return BUS_E_DOWN;
        max -= ENTRY_ROOM;
        return n <= max ? publish(q, e, data, n) : send_parts(q, e, data, n, max);
}

/* Until it is done, or so long. The lock is held. */
static void wait_done(QueueJetstream *q, LogWait *w, int64_t us)
{
        Mono until = wait_in(us);

        while (!w->done && wait_until(&w->cond, &q->lock, until)) {
                if (q->closing && us > AGAIN_US)
                        break;
        }
}

static bool gives_up(const QueueJetstream *q)
{
        return q->closing && commit_mono_us() > q->closed_us + CLOSING_US;
}

/*
 * The result of an entry is known when it is applied, and only then. "Not stored" is known never: a server
 * may have taken it before it went. So it is sent, with the same id, until it comes back.
 */
static int send_until_done(QueueJetstream *q, LogWait *w, const Entry *e, const uint8_t *data, size_t n)
{
        int result = 0;
        bool done;

        pthread_mutex_lock(&q->lock);
        list_push(&q->waiting, &w->link);
        pthread_mutex_unlock(&q->lock);
        for (;;) {
                int r = send_entry(q, e, data, n);

                pthread_mutex_lock(&q->lock);
                wait_done(q, w, r ? AGAIN_US : PATIENCE_US);
                done = w->done;
                if (done)
                        result = w->result;
                else if (gives_up(q))
                        result = error_origin(-ETIMEDOUT);
                if (done || result)
                        list_remove(&w->link);
                pthread_mutex_unlock(&q->lock);
                if (done || result)
                        return result;
        }
}

/**
 * log_submit() - store an entry and wait until this node has applied it
 */
int log_submit(QueueJetstream *q, Entry *e)
{
        LogWait w = { 0 };
        const uint8_t *data;
        PackWriter pack;
        size_t n;
        int r;

        e->session = atomic_load(&q->session);
        e->number = atomic_fetch_add(&q->number, 1);
        w.session = e->session;
        w.number = e->number;
        list_init(&w.link);
        wait_init(&w.cond);
        pack_init(&pack);
        entry_pack(&pack, e);
        data = pack_data(&pack, &n);
        r = send_until_done(q, &w, e, data, n);
        e->sequence = w.sequence;
        pack_deinit(&pack);
        pthread_cond_destroy(&w.cond);
        return r;
}

void log_wake(QueueJetstream *q)
{
        list_for_each (i, &q->waiting)
                pthread_cond_signal(&list_entry(i, LogWait, link)->cond);
}
