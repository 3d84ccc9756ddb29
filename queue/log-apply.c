/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-jetstream.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Everything here must come out the same on every node: it may look at the copy and at the entry, and at
 * nothing else; no clock, no setting, no memory of this process.
 */

/* Entries that one transaction applies. */
#define BATCH_MAX       256
#define BATCH_BYTES_MAX ((size_t)4 << 20)

#define READ_MS 250

typedef struct Applied {
        uint64_t sequence;
        const uint8_t *data;
        size_t n;
        Entry entry;
        bool is_whole; /* of a long entry: all parts are there */
        int result;
        ObjectKey *lost; /* leases that ended with a session */
        size_t n_lost;
} Applied;

typedef struct Batch {
        QueueJetstream *q;
        Arena *arena;
        Applied *entries;
        size_t n;
} Batch;

/* -- one entry ------------------------------------------------------------------------------------------- */

static Store *store_of(Batch *b)
{
        return &b->q->lmdb.store;
}

static int end_session(Batch *b, MDB_txn *txn, Applied *it, uint64_t session)
{
        ObjectKey *keys, *all;
        size_t n = 0;
        int rc = shared_session_end(store_of(b), txn, session, b->arena, &keys, &n);

        if (rc || n == 0)
                return rc;
        all = arena_new_array(b->arena, ObjectKey, it->n_lost + n);
        if (it->n_lost)
                memcpy(all, it->lost, it->n_lost * sizeof(*all));
        memcpy(all + it->n_lost, keys, n * sizeof(*all));
        it->lost = all;
        it->n_lost += n;
        return 0;
}

/* A node has one life at a time. */
static int start_session(Batch *b, MDB_txn *txn, Applied *it)
{
        const char *node = it->entry.node ? it->entry.node : "";
        SharedSession *sessions;
        size_t n;
        int rc = shared_sessions(store_of(b), txn, b->arena, &sessions, &n);

        for (size_t i = 0; rc == 0 && i < n; i++) {
                if (strcmp(sessions[i].node, node) == 0)
                        rc = end_session(b, txn, it, sessions[i].session);
        }
        return rc ? rc : shared_session_begin(store_of(b), txn, it->entry.session, node, it->entry.op.now);
}

/* Granted if the row is as the node saw it, and nobody has it. */
static int grant(Batch *b, MDB_txn *txn, Applied *it)
{
        const Entry *e = &it->entry;
        SharedLease lease = { e->session, e->number }, have;
        uint8_t key[OBJECT_KEY_SIZE];
        uint64_t generation = 0;
        Place place = { 0 };
        MDB_val val;
        int rc;

        object_key_pack(&e->op.key, key);
        rc = shared_lease(store_of(b), txn, key, &have);
        if (rc)
                return rc;
        it->result = QUEUE_E_EMPTY;
        if (have.session)
                return 0;
        rc = store_get(txn, store_of(b)->change, key, sizeof(key), &val);
        if (rc)
                return rc == MDB_NOTFOUND ? 0 : rc;
        /* A row that cannot be read is given out by its key alone. */
        if (row_peek(val.mv_data, val.mv_size, &place, &generation) == 0 &&
            (place.sequence != e->row_sequence || generation != e->row_generation))
                return 0;
        it->result = 0;
        return shared_set_lease(store_of(b), txn, key, &lease);
}

static int claim(Batch *b, MDB_txn *txn, Applied *it)
{
        uint64_t session;
        int rc = shared_claim(store_of(b), txn, &it->entry.metaverse, &session);

        if (rc)
                return rc;
        if (it->entry.op.kind == OP_UNCLAIM)
                return session == it->entry.session
                               ? shared_set_claim(store_of(b), txn, &it->entry.metaverse, 0)
                               : 0;
        if (session) {
                it->result = QUEUE_E_STALE;
                return 0;
        }
        return shared_set_claim(store_of(b), txn, &it->entry.metaverse, it->entry.session);
}

/* The rows must be as they were read. */
static int check_rows(Batch *b, Applied *it)
{
        const Op *op = &it->entry.op;
        bool holds = true;
        int rc = 0;

        for (size_t i = 0; rc == 0 && it->result == 0 && i < op->n_writes; i++) {
                if (op->writes[i].serial != SPACE_ANY)
                        rc = apply_holds(&b->q->lmdb.apply, &op->writes[i], &holds);
                if (rc == 0 && !holds)
                        it->result = QUEUE_E_STALE;
        }
        return rc;
}

/* The lease that the entry is about must be this one, and the rows as they were read. */
static int check_lease(Batch *b, MDB_txn *txn, Applied *it)
{
        uint8_t key[OBJECT_KEY_SIZE];
        SharedLease have;
        int rc;

        object_key_pack(&it->entry.op.key, key);
        rc = shared_lease(store_of(b), txn, key, &have);
        if (rc == 0 && (have.session != it->entry.session || have.number != it->entry.lease))
                it->result = QUEUE_E_GONE;
        return rc ? rc : check_rows(b, it);
}

/* The position of a feed has one writer: who became its leader last. */
static int check_term(Batch *b, MDB_txn *txn, Applied *it)
{
        Op *op = &it->entry.op;
        uint64_t term;
        int rc;

        if (!op->feed)
                return 0;
        rc = shared_term(store_of(b), txn, op->feed, &term);
        if (rc)
                return rc;
        if (it->entry.term != term) {
                op->feed = NULL;
                it->result = QUEUE_E_GONE;
        }
        return 0;
}

static int run_op(Batch *b, Applied *it)
{
        QueueLmdb *q = &b->q->lmdb;
        Op *op = &it->entry.op;
        int result = it->result, rc;

        op->pending = arena_new_array(b->arena, Pending, op->n_writes);
        for (size_t i = 0; i < op->n_writes; i++)
                op->pending[i].serial = op->writes[i].data ? commit_number(&q->committer) : 0;
        rc = apply_op(&q->apply, op);
        op->pending = NULL;
        it->result = result ? result : op->result;
        return rc;
}

static int apply_whole(Batch *b, MDB_txn *txn, Applied *it)
{
        Op *op = &it->entry.op;
        bool live = false;
        int rc = shared_session_is_live(store_of(b), txn, it->entry.session, &live);

        if (rc)
                return rc;
        /* A change says "look again", whoever says it; all else is for the living. */
        if (!live && op->kind != OP_START && op->kind != OP_MOVED && (op->kind != OP_PUT || op->checked)) {
                it->result = QUEUE_E_GONE;
                return 0;
        }
        switch (op->kind) {
        case OP_START:
                return start_session(b, txn, it);
        case OP_END:
                return end_session(b, txn, it, it->entry.other);
        case OP_TERM:
                return op->feed ? shared_set_term(store_of(b), txn, op->feed, it->sequence) : 0;
        case OP_LEASE:
                return grant(b, txn, it);
        case OP_CLAIM:
        case OP_UNCLAIM:
                return claim(b, txn, it);
        case OP_ACK:
        case OP_RETRY:
        case OP_PARK:
        case OP_NOTE:
        case OP_RELEASE:
                rc = check_lease(b, txn, it);
                if (rc || it->result)
                        return rc;
                if (op->kind == OP_RELEASE) {
                        uint8_t key[OBJECT_KEY_SIZE];

                        object_key_pack(&op->key, key);
                        return shared_end_lease(store_of(b), txn, key);
                }
                return run_op(b, it);
        case OP_PUT:
                rc = op->checked ? check_rows(b, it) : 0;
                if (rc || it->result)
                        return rc;
                rc = check_term(b, txn, it);
                return rc ? rc : run_op(b, it);
        case OP_MOVED:
                commit_die(&b->q->lmdb.committer, "the cluster's state has become another one (sosync state "
                                                  "copy); this node begins with it at its next start");
        case OP_UNPARK:
        case OP_DROP:
        case OP_CRASHED:
                return run_op(b, it);
        default:
                return 0; /* nothing that has a place in the log */
        }
}

/* The pieces of a long entry; the last makes it whole. */
static int apply_part(Batch *b, MDB_txn *txn, Applied *it)
{
        const Entry *part = &it->entry;
        uint64_t session = part->session, number = part->number;
        const uint8_t *data;
        size_t n;
        int rc = shared_add_part(store_of(b), txn, session, number, part->part, part->bytes, part->n_bytes);

        it->is_whole = false;
        if (rc || part->part + 1 != part->n_parts)
                return rc;
        rc = shared_take_parts(store_of(b), txn, session, number, part->n_parts, b->arena, &data, &n);
        if (rc || !data || entry_unpack(b->arena, data, n, &it->entry))
                return rc;
        it->is_whole = true;
        return apply_whole(b, txn, it);
}

static int apply_batch(void *context, MDB_txn *txn)
{
        Batch *b = context;
        QueueLmdb *q = &b->q->lmdb;
        SharedApplied applied = { 0 };
        int rc = 0;

        apply_begin(&q->apply, txn);
        for (size_t i = 0; rc == 0 && i < b->n; i++) {
                Applied *it = &b->entries[i];
                int r;

                it->result = 0;
                it->n_lost = 0;
                it->is_whole = true;
                atomic_store(&q->committer.next, b->q->base + (it->sequence << NUMBERS_BITS) + 1);
                applied.sequence = it->sequence;
                r = entry_unpack(b->arena, it->data, it->n, &it->entry);
                if (r == PACK_E_NEWER)
                        commit_die(&q->committer, "the log has an entry of a newer program: bring this node "
                                                  "up to date too, before the others write it");
                if (r) { /* not of sosync; it is passed by, as on every node */
                        it->is_whole = false;
                        continue;
                }
                applied.session = it->entry.session;
                applied.number = it->entry.number;
                rc = it->entry.op.kind == OP_PART ? apply_part(b, txn, it) : apply_whole(b, txn, it);
        }
        if (rc == 0)
                rc = shared_set_reserved(&q->store, txn, log_numbers_end(b->q->base, applied.sequence));
        return rc ? rc : shared_set_applied(&q->store, txn, &applied);
}

/* -- after the commit ------------------------------------------------------------------------------------ */

/* `own`: our session as it was before the commit. */
static void settle_entry(QueueJetstream *q, Applied *it, uint64_t own)
{
        Ready *ready = &q->lmdb.ready;
        const Op *op = &it->entry.op;
        bool is_own = it->entry.session == own;

        for (size_t i = 0; i < it->n_lost; i++)
                ready_lost(ready, &it->lost[i]);
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
                ready_lost(ready, &op->key);
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

static void wake_waiting(QueueJetstream *q, const Applied *it)
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
static bool is_own_end(const Applied *it, uint64_t own)
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

static void store_batch(QueueJetstream *q, Batch *b)
{
        /* Asked before the commit: once it is done, the keeper may find that the batch has ended our session,
         * and begin another one. */
        uint64_t own = atomic_load(&q->session);
        List none = LIST_INIT(none);
        int rc;

        for (;;) {
                rc = commit_once(&q->lmdb.store, apply_batch, b);
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
static int read_batch(QueueJetstream *q, Batch *b)
{
        size_t n_bytes = 0;
        int r = 0;

        while (b->n < BATCH_MAX && n_bytes < BATCH_BYTES_MAX) {
                Applied *it = &b->entries[b->n];
                BusMessage message;

                r = bus_reader_next(q->reader, b->n ? 0 : READ_MS, b->arena, &message);
                if (r)
                        break;
                *it = (Applied){ .sequence = message.sequence, .data = message.data, .n = message.n };
                n_bytes += message.n;
                b->n++;
        }
        return b->n ? 0 : r;
}

/* Every entry, each once, or the end. */
static void check_order(QueueJetstream *q, const Batch *b)
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
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t n_connected = bus_times_connected(q->bus);

        while (!atomic_load(&q->stopping)) {
                Batch b = { .q = q, .arena = a };

                arena_reset(a);
                b.entries = arena_new_array(a, Applied, BATCH_MAX);
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
        r = pthread_create(&q->thread, NULL, applier, q);
        if (r)
                return error_origin(-r);
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
