/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-jetstream.h"

#include "base/error.h"
#include "base/wait.h"

#include <string.h>
#include <time.h>

#define LOOK_NS 20000000

/* What is left of it. */
typedef struct Leases {
        ObjectKey *keys;
        SharedLease *leases;
        size_t n;
} Leases;

static int take_those_of_others(QueueJetstream *q, MDB_txn *txn, Arena *a, Leases *l)
{
        uint64_t own = atomic_load(&q->session);
        size_t n = 0;
        int rc = shared_leases(&q->lmdb.store, txn, a, &l->keys, &l->leases, &l->n);

        for (size_t i = 0; rc == 0 && i < l->n; i++) {
                if (l->leases[i].session == own)
                        continue;
                l->keys[n] = l->keys[i];
                l->leases[n++] = l->leases[i];
        }
        l->n = rc ? 0 : n;
        return rc;
}

/* An object that was leased again since has another number. */
static int leave_out_what_has_ended(QueueJetstream *q, MDB_txn *txn, Leases *l)
{
        size_t n = 0;
        int rc = 0;

        for (size_t i = 0; rc == 0 && i < l->n; i++) {
                uint8_t key[OBJECT_KEY_SIZE];
                SharedLease have;

                object_key_pack(&l->keys[i], key);
                rc = shared_lease(&q->lmdb.store, txn, key, &have);
                if (rc == 0 && (have.session != l->leases[i].session || have.number != l->leases[i].number))
                        continue;
                l->keys[n] = l->keys[i];
                l->leases[n++] = l->leases[i];
        }
        l->n = n;
        return rc;
}

/* `a` NULL: not for the first time. Return: 0, -errno. */
static int look(QueueJetstream *q, Arena *a, Leases *l)
{
        MDB_txn *txn = NULL;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = a ? take_those_of_others(q, txn, a, l) : leave_out_what_has_ended(q, txn, l);
        store_read_end(&q->lmdb.store, txn);
        return rc ? error_origin(store_error(rc)) : 0;
}

static bool is_closing(QueueJetstream *q)
{
        bool closing;

        pthread_mutex_lock(&q->lock);
        closing = q->closing;
        pthread_mutex_unlock(&q->lock);
        return closing;
}

int log_outlast(QueueJetstream *q, int64_t timeout_us)
{
        static const struct timespec moment = { .tv_nsec = LOOK_NS };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Mono end = wait_in(timeout_us);
        Leases l = { 0 };
        int r = look(q, a, &l);

        while (r == 0 && l.n) {
                if (is_closing(q))
                        return QUEUE_E_CLOSED;
                if (wait_in(0).us >= end.us)
                        return QUEUE_E_EMPTY;
                nanosleep(&moment, NULL);
                r = look(q, NULL, &l);
        }
        return r;
}
