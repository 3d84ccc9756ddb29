/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/log-node.h"

#include "base/error.h"

/* Without a server nobody can lease; who asks is told so after a pause, and asks again. */
#define DOWN_US 200000

static int put(Queue *queue, const Intake *in)
{
        QueueJetstream *q = queue_jetstream(queue);
        Entry e = {
                .term = in->term,
                .op = {
                        .kind = OP_PUT,
                        .checked = in->checked,
                        .now = in->now,
                        .changes = in->changes,
                        .n_changes = in->n_changes,
                        .feed = in->feed,
                        .position = in->position,
                        .n_position = in->n_position,
                        .writes = in->writes,
                        .n_writes = in->n_writes,
                        .links = in->links,
                        .n_links = in->n_links,
                },
        };

        if (in->n_changes && (commit_is_over_limit(&q->lmdb.committer) || commit_is_full(&q->lmdb.committer)))
                return QUEUE_E_FULL;
        return log_submit(q, &e);
}

/* -- leases ---------------------------------------------------------------------------------------------- */

/*
 * It is taken here, so that no other thread of this node asks for it; now the log decides.
 * Return: 0, QUEUE_E_EMPTY (another node was quicker, or the row has changed: look again), -errno.
 */
static int ask_log(QueueJetstream *q, Lease *lease)
{
        Entry e = { .op.kind = OP_LEASE };
        int r = ready_ask(&q->lmdb.ready, lease, &e.op);

        e.row_sequence = e.op.place.sequence;
        e.row_generation = e.op.generation;
        if (r == 0)
                r = log_submit(q, &e);
        if (r == 0)
                return 0;
        ready_refused(&q->lmdb.ready, lease);
        return r > 0 ? QUEUE_E_EMPTY : r;
}

/* While there is no server, nothing can be leased. */
static bool is_down(QueueJetstream *q)
{
        if (bus_is_up(q->bus))
                return false;
        ready_wait(&q->lmdb.ready, 0, (Wall){ 0 }, DOWN_US);
        return true;
}

static int lease(Queue *queue, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        QueueJetstream *q = queue_jetstream(queue);
        int r;

        if (is_down(q))
                return QUEUE_E_EMPTY;
        do {
                r = ready_lease(&q->lmdb.ready, now, lanes, a, ret_lease);
                if (r)
                        return r;
                r = ask_log(q, ret_lease);
        } while (r == QUEUE_E_EMPTY);
        return r;
}

static int lease_of(Queue *queue, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        QueueJetstream *q = queue_jetstream(queue);
        int r;

        if (is_down(q))
                return QUEUE_E_EMPTY;
        do {
                r = ready_lease_of(&q->lmdb.ready, now, lanes, source, a, ret_lease);
                if (r)
                        return r;
                r = ask_log(q, ret_lease);
        } while (r == QUEUE_E_EMPTY);
        return r;
}

static int lease_object(Queue *queue, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        QueueJetstream *q = queue_jetstream(queue);
        int r;

        if (is_down(q))
                return QUEUE_E_EMPTY;
        do {
                r = ready_lease_object(&q->lmdb.ready, now, key, a, ret_lease);
                if (r)
                        return r;
                r = ask_log(q, ret_lease);
        } while (r == QUEUE_E_EMPTY);
        return r;
}

static void bar(Queue *queue, uint16_t source, bool barred)
{
        ready_bar(&queue_jetstream(queue)->lmdb.ready, source, barred);
}

static int wait(Queue *queue, LaneSet lanes, Wall now, int64_t timeout_us)
{
        return ready_wait(&queue_jetstream(queue)->lmdb.ready, lanes, now, timeout_us);
}

/* The ends of a lease; `c` NULL: it is given back. */
static int end_lease(QueueJetstream *q, OpKind kind, const Lease *lease, Wall not_before, const char *reason,
                     const Commit *c)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Entry e = { .op.kind = kind, .op.not_before = not_before, .op.reason = reason };
        int r;

        r = ready_close(&q->lmdb.ready, lease, kind != OP_NOTE, &e.op);
        if (r)
                return r;
        e.lease = e.op.lease_number;
        e.row_sequence = e.op.place.sequence;
        e.row_generation = e.op.generation;
        if (c) {
                e.op.now = c->now;
                e.op.rest_until = c->rest_until;
                e.op.due = c->due;
                e.op.due_lane = c->due_lane;
                queue_lmdb_refer(&e.op, a, c);
        }
        r = log_submit(q, &e);
        if (r && kind != OP_NOTE)
                ready_reopen(&q->lmdb.ready, &e.op);
        return r;
}

static int ack(Queue *queue, const Lease *lease, const Commit *c)
{
        return end_lease(queue_jetstream(queue), OP_ACK, lease, (Wall){ 0 }, NULL, c);
}

static int retry(Queue *queue, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        return end_lease(queue_jetstream(queue), OP_RETRY, lease, not_before, reason, c);
}

static int park(Queue *queue, const Lease *lease, const char *reason, const Commit *c)
{
        return end_lease(queue_jetstream(queue), OP_PARK, lease, (Wall){ 0 }, reason, c);
}

static int note(Queue *queue, const Lease *lease, const Commit *c)
{
        return end_lease(queue_jetstream(queue), OP_NOTE, lease, (Wall){ 0 }, NULL, c);
}

static int release(Queue *queue, const Lease *lease)
{
        return end_lease(queue_jetstream(queue), OP_RELEASE, lease, (Wall){ 0 }, NULL, NULL);
}

static bool is_overtaken(Queue *queue, const Lease *lease)
{
        return ready_is_overtaken(&queue_jetstream(queue)->lmdb.ready, lease);
}

/* -- for people ------------------------------------------------------------------------------------------ */

static int unpark(Queue *queue, const ObjectKey *key, Wall now)
{
        Entry e = { .op = { .kind = OP_UNPARK, .key = *key, .now = now } };

        return log_submit(queue_jetstream(queue), &e);
}

static int drop(Queue *queue, const ObjectKey *key)
{
        Entry e = { .op = { .kind = OP_DROP, .key = *key } };

        return log_submit(queue_jetstream(queue), &e);
}

/* Each node makes its own reports, so what it has made them of is its own affair. */
typedef struct OutcomesDone {
        Apply apply;
        Op op;
} OutcomesDone;

static int outcomes_done_in(void *context, MDB_txn *txn)
{
        OutcomesDone *d = context;

        apply_begin(&d->apply, txn);
        return apply_op(&d->apply, &d->op);
}

static int outcomes_done(Queue *queue, uint64_t up_to)
{
        QueueLmdb *q = &queue_jetstream(queue)->lmdb;
        OutcomesDone d;
        int rc;

        apply_init(&d.apply, &q->store, &q->committer, &q->ready);
        do {
                d.op = (Op){ .kind = OP_OUTCOMES_DONE, .up_to = up_to };
                rc = commit_once(&q->store, outcomes_done_in, &d);
        } while (rc == 0 && d.op.has_more);
        apply_deinit(&d.apply);
        return rc ? error_origin(store_error(rc)) : 0;
}

static void tell_time(Queue *queue, Wall now)
{
        ready_look_at_clock(&queue_jetstream(queue)->lmdb.ready, now);
        store_forget_dead(&queue_jetstream(queue)->lmdb.store);
}

static void wake_all(Queue *queue, bool closing)
{
        QueueJetstream *q = queue_jetstream(queue);

        if (closing) {
                pthread_mutex_lock(&q->lock);
                if (!q->closing)
                        q->closed_us = commit_mono_us();
                q->closing = true;
                log_wake(q);
                pthread_mutex_unlock(&q->lock);
        }
        ready_wake_all(&q->lmdb.ready, closing);
}

static int role(Queue *queue, const char *name, uint64_t *ret_term)
{
        return log_role(queue_jetstream(queue), name, ret_term);
}

static void role_drop(Queue *queue, const char *name)
{
        log_role_drop(queue_jetstream(queue), name);
}

static int outlast(Queue *queue, int64_t timeout_us)
{
        return log_outlast(queue_jetstream(queue), timeout_us);
}

static bool may_send(Queue *queue)
{
        return log_may_send(queue_jetstream(queue));
}

/* -- spaces ---------------------------------------------------------------------------------------------- */

static Space *space(Queue *queue)
{
        return &queue_jetstream(queue)->lmdb.space.space;
}

static QueueJetstream *owner(Space *s)
{
        return (QueueJetstream *)((SpaceLmdb *)s)->q;
}

/* First in this process, which costs nothing, then in the cluster. */
static int claim(Space *s, const ObjectId *metaverse)
{
        QueueJetstream *q = owner(s);
        Entry e = { .op.kind = OP_CLAIM, .metaverse = *metaverse };

        if (!claims_take(&q->lmdb.claims, metaverse))
                return SPACE_E_BUSY;
        if (log_submit(q, &e) == 0)
                return 0;
        claims_release(&q->lmdb.claims, metaverse);
        return SPACE_E_BUSY;
}

static void unclaim(Space *s, const ObjectId *metaverse)
{
        QueueJetstream *q = owner(s);
        Entry e = { .op.kind = OP_UNCLAIM, .metaverse = *metaverse };

        log_submit(q, &e);
        claims_release(&q->lmdb.claims, metaverse);
}

/* -- begin and end: log-node.c --------------------------------------------------------------------------- */

static const QueueOps queue_jetstream_ops = {
        .name = "jetstream",
        .put = put,
        .lease = lease,
        .lease_of = lease_of,
        .lease_object = lease_object,
        .bar = bar,
        .wait = wait,
        .ack = ack,
        .retry = retry,
        .park = park,
        .note = note,
        .release = release,
        .is_overtaken = is_overtaken,
        .unpark = unpark,
        .drop = drop,
        .position = queue_lmdb_position,
        .has = queue_lmdb_has,
        .list = queue_lmdb_list,
        .outcomes = queue_lmdb_outcomes,
        .outcomes_done = outcomes_done,
        .stats = queue_lmdb_stats,
        .tell_time = tell_time,
        .wake_all = wake_all,
        .may_send = may_send,
        .role = role,
        .role_drop = role_drop,
        .outlast = outlast,
        .space = space,
        .free = log_node_free,
};

/* Reads of the spaces are those of the copy. */
void queue_jetstream_set_ops(QueueJetstream *q)
{
        q->lmdb.queue.ops = &queue_jetstream_ops;
        q->space_ops = space_lmdb_ops;
        q->space_ops.name = "jetstream";
        q->space_ops.claim = claim;
        q->space_ops.release = unclaim;
        q->lmdb.space.space.ops = &q->space_ops;
}
