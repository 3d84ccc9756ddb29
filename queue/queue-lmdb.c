/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-lmdb.h"

#include "base/error.h"
#include "queue/shared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The hooks of the committer. */

static void begin(void *context, MDB_txn *txn)
{
        QueueLmdb *q = context;

        apply_begin(&q->apply, txn);
}

static int apply(void *context, Op *op)
{
        QueueLmdb *q = context;

        return apply_op(&q->apply, op);
}

static void settle(void *context, List *batch, bool ok)
{
        QueueLmdb *q = context;

        ready_settle(&q->ready, &q->apply.fx, batch, ok);
}

static void last_words(void *context)
{
        QueueLmdb *q = context;

        /* Never unlocked: nobody may lease in what is left of our life. */
        pthread_mutex_lock(&q->ready.lock);
        marks_acquit(&q->ready.marks);
}

const CommitHooks queue_lmdb_hooks = {
        .begin = begin,
        .apply = apply,
        .settle = settle,
        .last_words = last_words,
};

static int put(Queue *queue, const Intake *in)
{
        QueueLmdb *q = queue_lmdb(queue);
        Op op = {
                .kind = OP_PUT,
                .checked = in->checked,
                .waits = true,
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
        };

        return commit_submit(&q->committer, &op);
}

static int lease(Queue *queue, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        return ready_lease(&queue_lmdb(queue)->ready, now, lanes, a, ret_lease);
}

static int lease_of(Queue *queue, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        return ready_lease_of(&queue_lmdb(queue)->ready, now, lanes, source, a, ret_lease);
}

static void bar(Queue *queue, uint16_t source, bool barred)
{
        ready_bar(&queue_lmdb(queue)->ready, source, barred);
}

static int lease_object(Queue *queue, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        return ready_lease_object(&queue_lmdb(queue)->ready, now, key, a, ret_lease);
}

static int wait(Queue *queue, LaneSet lanes, Wall now, int64_t timeout_us)
{
        return ready_wait(&queue_lmdb(queue)->ready, lanes, now, timeout_us);
}

/* An Op that owns a copy of everything that a run leaves behind: the run's arena ends before it is durable.
 */
static Op *op_new(OpKind kind, const char *reason, Wall not_before, const Commit *c)
{
        Arena *a = arena_new(0);
        Op *op = arena_new_of(a, Op);

        list_init(&op->link);
        op->kind = kind;
        op->checked = true;
        op->arena = a;
        op->now = c->now;
        op->not_before = not_before;
        op->rest_until = c->rest_until;
        op->due = c->due;
        op->due_lane = c->due_lane;
        op->reason = arena_strdup(a, reason);
        return op;
}

static const void *copy(Arena *a, const void *data, size_t size)
{
        return size ? arena_memdup(a, data, size) : NULL;
}

/* Objects that are to be run again: a change of each, in the lane of the lease. */
static void add_again(Op *op, Arena *a, const SpaceBatch *b)
{
        Change *changes = arena_new_array(a, Change, b->n_again);

        for (size_t i = 0; i < b->n_again; i++)
                changes[i] = (Change){
                        .id = b->again[i].id,
                        .source = b->again[i].source,
                        .kind = CHANGE_UPSERT,
                        .lane = op->lane,
                        .revoke = b->again_revoke,
                        .seen = op->now,
                };
        op->changes = changes;
        op->n_changes = b->n_again;
}

static void copy_batch(Op *op, const SpaceBatch *b)
{
        SpaceWrite *writes;
        Edge *edges;

        op->writes = writes = arena_new_array(op->arena, SpaceWrite, b->n_writes);
        op->n_writes = b->n_writes;
        for (size_t i = 0; i < b->n_writes; i++) {
                writes[i] = b->writes[i];
                if (writes[i].data)
                        writes[i].data = arena_memdup(op->arena, writes[i].data, writes[i].n);
        }
        op->links = copy(op->arena, b->links, b->n_links * sizeof(*b->links));
        op->n_links = b->n_links;
        op->edges = edges = arena_new_array(op->arena, Edge, b->n_edges);
        op->n_edges = b->n_edges;
        for (size_t i = 0; i < b->n_edges; i++) {
                edges[i] = b->edges[i];
                edges[i].attribute = arena_strdup(op->arena, edges[i].attribute);
        }
        op->appeared = copy(op->arena, b->appeared, b->n_appeared * sizeof(*b->appeared));
        op->n_appeared = b->n_appeared;
        add_again(op, op->arena, b);
}

static void add_outcome(Op *op, Arena *a, const Outcome *outcome)
{
        const uint8_t *data;
        PackWriter w;
        size_t n;

        if (!outcome)
                return;
        pack_init(&w);
        outcome_pack(&w, outcome);
        data = pack_data(&w, &n);
        op->outcome = arena_memdup(a, data, n);
        op->n_outcome = n;
        pack_deinit(&w);
}

void queue_lmdb_refer(Op *op, Arena *a, const Commit *c)
{
        if (c->batch) {
                op->writes = c->batch->writes;
                op->n_writes = c->batch->n_writes;
                op->links = c->batch->links;
                op->n_links = c->batch->n_links;
                op->edges = c->batch->edges;
                op->n_edges = c->batch->n_edges;
                op->appeared = c->batch->appeared;
                op->n_appeared = c->batch->n_appeared;
                add_again(op, a, c->batch);
        }
        add_outcome(op, a, c->outcome);
}

/* The three ends of a lease. */
static int end_lease(QueueLmdb *q, OpKind kind, const Lease *lease, Wall not_before, const char *reason,
                     const Commit *c)
{
        Op *op = op_new(kind, reason, not_before, c);
        int r;

        r = ready_close(&q->ready, lease, true, op);
        if (r) {
                op_free(op);
                return r;
        }
        if (c->batch)
                copy_batch(op, c->batch);
        add_outcome(op, op->arena, c->outcome);
        r = commit_submit(&q->committer, op);
        if (r) {
                ready_reopen(&q->ready, op);
                op_free(op);
        }
        return r;
}

static int ack(Queue *queue, const Lease *lease, const Commit *c)
{
        return end_lease(queue_lmdb(queue), OP_ACK, lease, (Wall){ 0 }, NULL, c);
}

static int retry(Queue *queue, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        return end_lease(queue_lmdb(queue), OP_RETRY, lease, not_before, reason, c);
}

static int park(Queue *queue, const Lease *lease, const char *reason, const Commit *c)
{
        return end_lease(queue_lmdb(queue), OP_PARK, lease, (Wall){ 0 }, reason, c);
}

static int note(Queue *queue, const Lease *lease, const Commit *c)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        QueueLmdb *q = queue_lmdb(queue);
        Op op = { .kind = OP_NOTE, .waits = true, .checked = true, .now = c->now };
        int r;

        r = ready_close(&q->ready, lease, false, &op);
        if (r)
                return r;
        queue_lmdb_refer(&op, a, c);
        return commit_submit(&q->committer, &op);
}

static int release(Queue *queue, const Lease *lease)
{
        return ready_release(&queue_lmdb(queue)->ready, lease);
}

static bool is_overtaken(Queue *queue, const Lease *lease)
{
        return ready_is_overtaken(&queue_lmdb(queue)->ready, lease);
}

/* For calls whose callers know nothing of a full store: it is an error of the disk to them. */
static int submit_for_people(QueueLmdb *q, Op *op)
{
        int r;

        op->waits = true;
        r = commit_submit(&q->committer, op);
        return r == QUEUE_E_FULL ? error_origin(-ENOSPC) : r;
}

static int unpark(Queue *queue, const ObjectKey *key, Wall now)
{
        Op op = { .kind = OP_UNPARK, .key = *key, .now = now };

        return submit_for_people(queue_lmdb(queue), &op);
}

static int drop(Queue *queue, const ObjectKey *key)
{
        QueueLmdb *q = queue_lmdb(queue);
        Op op = { .kind = OP_DROP, .key = *key };
        int r;

        /* Nobody may lease it while it goes. */
        r = ready_hold(&q->ready, key);
        if (r)
                return r;
        r = submit_for_people(q, &op);
        ready_let_go(&q->ready, key);
        return r;
}

static int outcomes_done(Queue *queue, uint64_t up_to)
{
        Op op;
        int r;

        do {
                op = (Op){ .kind = OP_OUTCOMES_DONE, .up_to = up_to };
                r = submit_for_people(queue_lmdb(queue), &op);
        } while (r == 0 && op.has_more);
        return r;
}

static void tell_time(Queue *queue, Wall now)
{
        ready_look_at_clock(&queue_lmdb(queue)->ready, now);
        store_forget_dead(&queue_lmdb(queue)->store);
}

static void wake_all(Queue *queue, bool closing)
{
        ready_wake_all(&queue_lmdb(queue)->ready, closing);
}

static Space *space(Queue *queue)
{
        return &queue_lmdb(queue)->space.space;
}

static Queue *lmdb_free(Queue *queue)
{
        QueueLmdb *q = queue_lmdb(queue);

        commit_stop(&q->committer);
        ready_stop(&q->ready);
        /* Leases that were still there end with us, but not by the fault of their changes. */
        marks_close(&q->ready.marks, true);
        apply_deinit(&q->apply);
        claims_deinit(&q->claims);
        store_close(&q->store);
        free(q);
        return NULL;
}

const QueueOps queue_lmdb_ops = {
        .name = "lmdb",
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
        .space = space,
        .free = lmdb_free,
};

/* The first transaction: tables, the format of a new folder, and the range of numbers. */
typedef struct Setup {
        Store *store;
        uint64_t reserved;
} Setup;

/* From now on the folder holds what this program writes: one that is older must not take it any more. */
static int write_format(Store *s, MDB_txn *txn)
{
        MDB_val key = store_val("format", strlen("format")), old, new;
        const uint8_t *data;
        PackWriter w;
        size_t n;
        int rc;

        pack_init(&w);
        format_pack(&w);
        data = pack_data(&w, &n);
        new = store_val(data, n);
        rc = mdb_get(txn, s->meta, &key, &old);
        if (rc == MDB_NOTFOUND || (rc == 0 && (old.mv_size != n || memcmp(old.mv_data, data, n) != 0)))
                rc = mdb_put(txn, s->meta, &key, &new, 0);
        pack_deinit(&w);
        return rc;
}

static int setup(void *context, MDB_txn *txn)
{
        Setup *s = context;
        MDB_val val;
        int rc;

        rc = store_open_tables(s->store, txn, true);
        if (rc)
                return rc;
        rc = store_get(txn, s->store->meta, "sequence", strlen("sequence"), &val);
        if (rc && rc != MDB_NOTFOUND)
                return rc;
        /* 0 is no serial, and no arrival. */
        s->reserved = rc == 0 && val.mv_size == 8 ? get_be64(val.mv_data) : 1;
        return write_format(s->store, txn);
}

_Atomic unsigned char *queue_lmdb_crash_flag(Queue *queue)
{
        return marks_crash_flag(&queue_lmdb(queue)->ready.marks);
}

/* Park what was in work at too many deaths, and forget suspects that are not in the queue any more. */
int queue_lmdb_judge_suspects(QueueLmdb *q, Wall now, int (*submit)(QueueLmdb *q, Op *op))
{
        ObjectKey key;
        unsigned deaths;

        for (size_t i = 0; marks_suspect(&q->ready.marks, i, &key, &deaths);) {
                Op op = { .kind = OP_CRASHED, .key = key, .now = now, .reason = "CrashedTheService" };
                uint8_t packed[OBJECT_KEY_SIZE];
                MDB_txn *txn = NULL;
                MDB_val val;
                int r, rc;

                r = store_read(&q->store, &txn);
                if (r)
                        return error_trace(r);
                object_key_pack(&key, packed);
                rc = store_get(txn, q->store.change, packed, sizeof(packed), &val);
                store_read_end(&q->store, txn);
                if (rc == 0 && deaths < MARKS_DEATHS) {
                        i++;
                        continue;
                }
                if (rc == 0) {
                        r = submit(q, &op);
                        if (r)
                                return error_fold(r);
                }
                marks_forget(&q->ready.marks, &key); /* the last takes its place */
        }
        return 0;
}

int queue_lmdb_setup(Store *store, uint64_t *ret_reserved)
{
        Setup s = { .store = store };
        int rc = commit_once(store, setup, &s);

        *ret_reserved = s.reserved;
        return rc;
}

/* A copy of a cluster's state is not ours to write. Return: 0, QUEUE_E_GONE, -errno. */
static int refuse_shared(Store *s, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *log = NULL;
        MDB_txn *txn = NULL;
        int r, rc;

        r = store_read(s, &txn);
        if (r)
                return error_trace(r);
        rc = shared_log(s, txn, a, &log);
        store_read_end(s, txn);
        if (rc)
                return error_origin(store_error(rc));
        if (!log)
                return 0;
        diag_set(
                diag,
                "%s: this folder is a copy of the cluster's state \"%s\"; for one machine alone, take it out "
                "first: sosync state copy",
                s->path, log);
        return error_origin(-EBUSY);
}

static int start(QueueLmdb *q, const QueueLmdbOptions *options, Diag *diag)
{
        _cleanup_(cleanup_free) char *marks = NULL;
        uint64_t reserved = 0;
        int r, rc;

        r = store_open(&q->store, options->path, options->map ? (size_t)options->map : STORE_MAP, diag);
        if (r)
                return r;
        rc = queue_lmdb_setup(&q->store, &reserved);
        if (rc) {
                diag_set(diag, "%s: the store cannot be opened: %s", options->path, mdb_strerror(rc));
                return error_origin(store_error(rc));
        }
        r = refuse_shared(&q->store, diag);
        if (r)
                return r;
        if (asprintf(&marks, "%s/marks", options->path) < 0)
                error_oom(strlen(options->path));
        r = marks_open(&q->ready.marks, marks, diag);
        if (r)
                return error_trace(r);
        r = ready_start(&q->ready, &q->store, &q->committer.next);
        if (r == 0)
                r = commit_start(&q->committer, &q->store, &queue_lmdb_hooks, q, q->limit, reserved);
        if (r == 0) {
                ready_look_at_clock(&q->ready, options->now);
                apply_init(&q->apply, &q->store, &q->committer, &q->ready);
                r = queue_lmdb_judge_suspects(q, options->now, submit_for_people);
        }
        if (r)
                diag_set(diag, "%s: %s", options->path, strerror(-r));
        return error_trace(r);
}

/**
 * queue_lmdb_new() - open the durable store
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, -errno.
 */
int queue_lmdb_new(Queue **ret_queue, const QueueLmdbOptions *options, Diag *diag)
{
        const uint64_t map = options->map ? (uint64_t)options->map : STORE_MAP;
        _cleanup_(queue_freep) Queue *queue = NULL;
        QueueLmdb *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                error_oom(sizeof(*q));
        queue = &q->queue;
        q->queue.ops = &queue_lmdb_ops;
        q->space.space.ops = &space_lmdb_ops;
        q->space.q = q;
        q->store.owner_fd = -1;
        /* Acks go on above the limit, so there must be room in the map above the limit. */
        q->limit = (uint64_t)(options->limit ? options->limit : STORE_LIMIT);
        if (q->limit > map - map / 8)
                q->limit = map - map / 8;
        claims_init(&q->claims);
        r = start(q, options, diag);
        if (r)
                return r;
        *ret_queue = TAKE(queue);
        return 0;
}
