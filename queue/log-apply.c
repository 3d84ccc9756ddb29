/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/log-apply.h"

#include <string.h>

static Store *store_of(LogBatch *b)
{
        return &b->q->lmdb.store;
}

static int end_session(LogBatch *b, MDB_txn *txn, LogApplied *it, uint64_t session)
{
        ObjectKey *keys, *all;
        size_t n = 0;
        int rc = shared_session_end(store_of(b), txn, session, b->work, &keys, &n);

        if (rc || n == 0)
                return rc;
        all = arena_new_array(b->work, ObjectKey, it->n_lost + n);
        if (it->n_lost)
                memcpy(all, it->lost, it->n_lost * sizeof(*all));
        memcpy(all + it->n_lost, keys, n * sizeof(*all));
        it->lost = all;
        it->n_lost += n;
        return 0;
}

/* A node has one life at a time. */
static int start_session(LogBatch *b, MDB_txn *txn, LogApplied *it)
{
        const char *node = it->entry.node ? it->entry.node : "";
        SharedSession *sessions;
        size_t n;
        int rc = shared_sessions(store_of(b), txn, b->work, &sessions, &n);

        for (size_t i = 0; rc == 0 && i < n; i++) {
                if (strcmp(sessions[i].node, node) == 0)
                        rc = end_session(b, txn, it, sessions[i].session);
        }
        return rc ? rc : shared_session_begin(store_of(b), txn, it->entry.session, node, it->entry.op.now);
}

/* Granted if the row is as the node saw it, and nobody has it. */
static int grant(LogBatch *b, MDB_txn *txn, LogApplied *it)
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

static int claim(LogBatch *b, MDB_txn *txn, LogApplied *it)
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
static int check_rows(LogBatch *b, LogApplied *it)
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
static int check_lease(LogBatch *b, MDB_txn *txn, LogApplied *it)
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
static int check_term(LogBatch *b, MDB_txn *txn, LogApplied *it)
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

static int run_op(LogBatch *b, LogApplied *it)
{
        QueueLmdb *q = &b->q->lmdb;
        Op *op = &it->entry.op;
        int result = it->result, rc;

        op->pending = arena_new_array(b->work, Pending, op->n_writes);
        for (size_t i = 0; i < op->n_writes; i++)
                op->pending[i].serial = op->writes[i].data ? commit_number(&q->committer) : 0;
        rc = apply_op(&q->apply, op);
        op->pending = NULL;
        it->result = result ? result : op->result;
        return rc;
}

static int apply_whole(LogBatch *b, MDB_txn *txn, LogApplied *it)
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

static _Noreturn void die_of_newer(LogBatch *b)
{
        commit_die(&b->q->lmdb.committer,
                   "the log has an entry of a newer program: bring this node up to date "
                   "too, before the others write it");
}

/* The pieces of a long entry; the last makes it whole. */
static int apply_part(LogBatch *b, MDB_txn *txn, LogApplied *it)
{
        const Entry *part = &it->entry;
        uint64_t session = part->session, number = part->number;
        const uint8_t *data;
        size_t n;
        int r, rc = shared_add_part(store_of(b), txn, session, number, part->part, part->bytes,
                                    part->n_bytes);

        it->is_whole = false;
        if (rc || part->part + 1 != part->n_parts)
                return rc;
        rc = shared_take_parts(store_of(b), txn, session, number, part->n_parts, b->work, &data, &n);
        if (rc || !data)
                return rc;
        r = entry_unpack(b->work, data, n, &it->entry);
        if (r == PACK_E_NEWER)
                die_of_newer(b);
        if (r)
                return 0;
        it->is_whole = true;
        return apply_whole(b, txn, it);
}

int log_apply_batch(void *context, MDB_txn *txn)
{
        LogBatch *b = context;
        QueueLmdb *q = &b->q->lmdb;
        SharedApplied applied = { 0 };
        int rc = 0;

        /* A disk may be full for hours. */
        arena_reset(b->work);
        apply_begin(&q->apply, txn);
        for (size_t i = 0; rc == 0 && i < b->n; i++) {
                LogApplied *it = &b->entries[i];
                int r;

                it->result = 0;
                it->n_lost = 0;
                it->is_whole = true;
                atomic_store(&q->committer.next, b->q->base + (it->sequence << NUMBERS_BITS) + 1);
                applied.sequence = it->sequence;
                r = entry_unpack(b->work, it->data, it->n, &it->entry);
                if (r == PACK_E_NEWER)
                        die_of_newer(b);
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
