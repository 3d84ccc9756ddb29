/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The applier: a node's thread that reads the log, has it applied batch by batch, and wakes who waits for
 * what was his.
 */

#include "queue/log-apply.h"

#include "base/error.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Entries that one transaction applies. */
#define BATCH_MAX       256
#define BATCH_BYTES_MAX ((size_t)4 << 20)

#define READ_MS 250

/* -- after the commit ------------------------------------------------------------------------------------ */

/* `own`: our session as it was before the commit. */
static void settle_entry(QueueJetstream *q, LogApplied *it, uint64_t own)
{
        Ready *ready = &q->lmdb.ready;
        const Op *op = &it->entry.op;
        bool is_own = it->entry.session == own;

        for (size_t i = 0; i < it->n_lost; i++)
                ready_lost(ready, &it->lost[i], true);
        if (it->result)
                return;
        switch (op->kind) {
        case OP_LEASE:
                if (is_own)
                        ready_granted(ready, &op->key, it->entry.number);
                else
                        ready_lend(ready, &op->key);
                break;
        case OP_RELEASE:
                ready_lost(ready, &op->key, false);
                break;
        case OP_ACK:
        case OP_RETRY:
        case OP_PARK:
                ready_ended(ready, &op->key);
                break;
        default:
                break;
        }
}

static void wake_waiting(QueueJetstream *q, const LogApplied *it)
{
        pthread_mutex_lock(&q->lock);
        list_for_each (i, &q->waiting) {
                LogWait *w = list_entry(i, LogWait, link);

                if (w->session != it->entry.session || w->number != it->entry.number)
                        continue;
                w->result = it->result;
                w->sequence = it->sequence;
                w->done = true;
                pthread_cond_signal(&w->cond);
                break;
        }
        pthread_mutex_unlock(&q->lock);
}

/* Our own end: nothing that follows is for us to see. */
static bool is_own_end(const LogApplied *it, uint64_t own)
{
        return it->is_whole && it->entry.op.kind == OP_END && it->entry.session == own &&
               it->entry.other == own;
}

static void say_full(QueueJetstream *q, bool full)
{
        pthread_mutex_lock(&q->lmdb.committer.lock);
        q->lmdb.committer.full = full;
        pthread_mutex_unlock(&q->lmdb.committer.lock);
}

static void store_batch(QueueJetstream *q, LogBatch *b)
{
        /* Asked before the commit: once it is done, the keeper may find that the batch has ended our session,
         * and begin another one. */
        uint64_t own = atomic_load(&q->session);
        List none = LIST_INIT(none);
        int rc;

        for (;;) {
                rc = commit_once(&q->lmdb.store, log_apply_batch, b);
                if (rc == 0)
                        break;
                if (!commit_means_full(&q->lmdb.committer, rc)) {
                        char why[200];

                        snprintf(why, sizeof(why), "entries of the log cannot be applied: %s",
                                 mdb_strerror(rc));
                        commit_die(&q->lmdb.committer, why);
                }
                /* The others go on; this node has no room, and waits until there is some. */
                say_full(q, true);
                if (atomic_load(&q->stopping))
                        return;
                nanosleep(&(struct timespec){ .tv_nsec = READ_MS * 1000000L }, NULL);
        }
        say_full(q, false);
        atomic_fetch_add(&q->lmdb.committer.n_commits, 1);
        for (size_t i = 0; i < b->n; i++) {
                if (b->entries[i].is_whole)
                        settle_entry(q, &b->entries[i], own);
        }
        ready_settle(&q->lmdb.ready, &q->lmdb.apply.fx, &none, true);
        atomic_store(&q->applied, b->entries[b->n - 1].sequence);
        for (size_t i = 0; i < b->n; i++) {
                if (b->entries[i].is_whole)
                        wake_waiting(q, &b->entries[i]);
                if (is_own_end(&b->entries[i], own))
                        atomic_store(&q->stopping, true);
        }
}

/* -- the applier ----------------------------------------------------------------------------------------- */

int log_read_applied(QueueJetstream *q, SharedApplied *ret_applied)
{
        MDB_txn *txn = NULL;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = shared_applied(&q->lmdb.store, txn, ret_applied);
        store_read_end(&q->lmdb.store, txn);
        return rc ? error_origin(store_error(rc)) : 0;
}

/**
 * log_compare() - does the log still have what was applied?
 *
 * Return: 0, QUEUE_E_STALE, BUS_E_DOWN.
 */
int log_compare(QueueJetstream *q, const SharedApplied *applied, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t session = 0, number = 0;
        BusMessage message;
        BusStream have;
        Snapshot newest;
        int r = bus_stream_look(q->bus, q->log, &have);

        if (r)
                return BUS_E_DOWN;
        r = snapshot_newest(&q->snapshots, &newest, NULL, diag);
        if (r == BUS_E_DOWN)
                return r;
        if (r != BUS_E_NONE && (r || newest.epoch != q->epoch)) {
                if (!r)
                        diag_set(diag,
                                 "the state of the log \"%s\" is another one by now (sosync state copy)",
                                 q->log);
                return QUEUE_E_STALE;
        }
        if (applied->sequence + 1 < have.first) {
                diag_set(diag,
                         "this node has applied the log \"%s\" up to %" PRIu64
                         ", and the log begins at %" PRIu64 " by now",
                         q->log, applied->sequence, have.first);
                return QUEUE_E_STALE;
        }
        if (applied->sequence == 0 || applied->sequence + 1 == have.first)
                return 0;
        r = applied->sequence > have.last ? BUS_E_NONE
                                          : bus_read_at(q->bus, q->log, applied->sequence, a, &message);
        if (r == BUS_E_DOWN)
                return r;
        if (r == 0 && entry_peek(message.data, message.n, &session, &number) == 0 &&
            session == applied->session && number == applied->number)
                return 0;
        diag_set(diag,
                 "the log \"%s\" does not have entry %" PRIu64
                 " that this node has applied: the servers have lost what they had stored. Stop all nodes, "
                 "make "
                 "the newest copy the state of all (sosync state copy), and start them again",
                 q->log, applied->sequence);
        return QUEUE_E_STALE;
}

/* Take what is there, at most a batch. The first is waited for. Return: 0, BUS_E_NONE, BUS_E_DOWN. */
static int read_batch(QueueJetstream *q, LogBatch *b)
{
        size_t n_bytes = 0;
        int r = 0;

        while (b->n < BATCH_MAX && n_bytes < BATCH_BYTES_MAX) {
                LogApplied *it = &b->entries[b->n];
                BusMessage message;

                r = bus_reader_next(q->reader, b->n ? 0 : READ_MS, b->arena, &message);
                if (r)
                        break;
                *it = (LogApplied){ .sequence = message.sequence, .data = message.data, .n = message.n };
                n_bytes += message.n;
                b->n++;
        }
        return b->n ? 0 : r;
}

/* Every entry, each once, or the end. */
static void check_order(QueueJetstream *q, const LogBatch *b)
{
        uint64_t next = atomic_load(&q->applied) + 1;

        for (size_t i = 0; i < b->n; i++, next++) {
                if (b->entries[i].sequence != next)
                        commit_die(&q->lmdb.committer,
                                   "entries of the log are gone before this node has read them; it begins "
                                   "with a new copy at its next start");
        }
}

/* The servers are back, perhaps with less than they had. */
static void check_log(QueueJetstream *q, uint64_t *n_connected)
{
        uint64_t n = bus_times_connected(q->bus);
        Diag diag = DIAG_INIT;
        SharedApplied applied;

        if (n == *n_connected || !bus_is_up(q->bus) || log_read_applied(q, &applied))
                return;
        switch (log_compare(q, &applied, &diag)) {
        case 0:
                *n_connected = n;
                break;
        case QUEUE_E_STALE:
                commit_die(&q->lmdb.committer, diag_text(&diag));
        default:
                break;
        }
        diag_deinit(&diag);
}

static void *applier(void *context)
{
        QueueJetstream *q = context;
        _cleanup_(arena_freep) Arena *a = arena_new(0), *work = arena_new(0);
        uint64_t n_connected = bus_times_connected(q->bus);

        while (!atomic_load(&q->stopping)) {
                LogBatch b = { .q = q, .arena = a, .work = work };

                arena_reset(a);
                b.entries = arena_new_array(a, LogApplied, BATCH_MAX);
                check_log(q, &n_connected);
                if (read_batch(q, &b))
                        continue;
                check_order(q, &b);
                store_batch(q, &b);
                for (size_t i = 0; i < b.n; i++)
                        log_saver_count(q, b.entries[i].n);
        }
        return NULL;
}

int log_start(QueueJetstream *q)
{
        SharedApplied applied;
        int r = log_read_applied(q, &applied);

        if (r)
                return error_trace(r);
        atomic_store(&q->applied, applied.sequence);
        r = bus_reader_new(&q->reader, q->bus, q->log, q->log, applied.sequence + 1);
        if (r)
                return r;
        r = thread_start(&q->thread, applier, q, "log-apply");
        if (r)
                return r;
        q->has_thread = true;
        return 0;
}

void log_stop(QueueJetstream *q)
{
        if (q->has_thread)
                pthread_join(q->thread, NULL);
        q->has_thread = false;
        q->reader = bus_reader_free(q->reader);
}
