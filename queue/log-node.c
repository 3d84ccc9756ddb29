/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/log-node.h"

#include "base/error.h"
#include "base/wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Between two tries while no majority answers. */
#define AGAIN_NS 200000000

/* Between two looks at how far the log is read, for who shows it. */
#define LOOK_NS 20000000

/* At the start, for a majority of the servers. */
#define PATIENCE_US ((int64_t)30 * 1000000)

/* -- its copy -------------------------------------------------------------------------------------------- */

/* Whose copy it is. Return: LMDB's code; MDB_BAD_VALSIZE: of another log. */
static int take_log_name(void *context, MDB_txn *txn)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        QueueJetstream *q = context;
        const char *log;
        MDB_stat stat;
        int rc = shared_log(&q->lmdb.store, txn, a, &log);

        if (rc)
                return rc;
        if (log)
                return strcmp(log, q->log) == 0 ? 0 : MDB_BAD_VALSIZE;
        for (unsigned table = SPACE_HEAD; table <= SPACE_LAST; table++) {
                if (mdb_stat(txn, q->lmdb.store.space[table], &stat) == 0 && stat.ms_entries)
                        return MDB_BAD_VALSIZE;
        }
        if (mdb_stat(txn, q->lmdb.store.change, &stat) == 0 && stat.ms_entries)
                return MDB_BAD_VALSIZE;
        return shared_set_log(&q->lmdb.store, txn, q->log);
}

/* Where its numbers begin, and which state it is. */
static int read_origin(QueueJetstream *q)
{
        SharedOrigin origin = { 0 };
        MDB_txn *txn = NULL;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = shared_origin(&q->lmdb.store, txn, &origin);
        store_read_end(&q->lmdb.store, txn);
        q->base = origin.base;
        q->epoch = origin.epoch;
        return rc ? error_origin(store_error(rc)) : 0;
}

static int open_copy(QueueJetstream *q, const QueueJetstreamOptions *options, Diag *diag)
{
        _cleanup_(cleanup_free) char *marks = NULL;
        uint64_t reserved;
        int r, rc;

        r = store_open(&q->lmdb.store, options->path, options->map ? (size_t)options->map : STORE_MAP, diag);
        if (r)
                return r;
        q->lmdb.store.is_shared = true;
        rc = queue_lmdb_setup(&q->lmdb.store, &reserved);
        if (rc == 0)
                rc = commit_once(&q->lmdb.store, take_log_name, q);
        if (rc == MDB_BAD_VALSIZE) {
                diag_set(diag,
                         "%s: this folder is not a copy of the log \"%s\": give the node an empty folder, or "
                         "make what is in it the cluster's: sosync state copy",
                         options->path, q->log);
                return error_origin(-EBUSY);
        }
        if (rc) {
                diag_set(diag, "%s: the store cannot be opened: %s", options->path, mdb_strerror(rc));
                return error_origin(store_error(rc));
        }
        if (asprintf(&marks, "%s/marks", options->path) < 0)
                error_oom(strlen(options->path));
        r = marks_open(&q->lmdb.ready.marks, marks, diag);
        if (r == 0)
                r = ready_start(&q->lmdb.ready, &q->lmdb.store, &q->lmdb.committer.next);
        if (r == 0)
                r = read_origin(q);
        if (r)
                return error_trace(r);
        commit_start_passive(&q->lmdb.committer, &q->lmdb.store, &queue_lmdb_hooks, &q->lmdb, q->lmdb.limit);
        apply_init(&q->lmdb.apply, &q->lmdb.store, &q->lmdb.committer, &q->lmdb.ready);
        return 0;
}

/* What others have in work. What this node had before ends with its new session. */
static int load_leases(QueueJetstream *q)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SharedLease *leases;
        MDB_txn *txn = NULL;
        ObjectKey *keys;
        size_t n = 0;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = shared_leases(&q->lmdb.store, txn, a, &keys, &leases, &n);
        store_read_end(&q->lmdb.store, txn);
        for (size_t i = 0; rc == 0 && i < n; i++)
                ready_lend(&q->lmdb.ready, &keys[i]);
        return rc ? error_origin(store_error(rc)) : 0;
}

/* What was applied to catch up is not what happened since the start. */
static void forget_counts(Ready *r)
{
        pthread_mutex_lock(&r->lock);
        r->n_put = r->n_merged = r->n_acked = r->n_retried = r->n_parked = 0;
        pthread_mutex_unlock(&r->lock);
}

static int submit_crashed(QueueLmdb *q, Op *op)
{
        Entry e = { .op = *op };
        int r = log_submit((QueueJetstream *)q, &e);

        return r > 0 ? 0 : r;
}

/* -- the way in ------------------------------------------------------------------------------------------ */

/* The stream and the buckets, made by the first who comes. Return: 0, BUS_E_*. */
static int make_places(QueueJetstream *q, Diag *diag)
{
        char nodes[128], roles[128];
        int r = bus_stream(q->bus, q->log, q->log, diag);

        snprintf(nodes, sizeof(nodes), "%s-nodes", q->log);
        if (r == 0 && !q->nodes)
                r = bucket_new(&q->nodes, q->bus, nodes, q->lease_us / 1000, diag);
        snprintf(roles, sizeof(roles), "%s-roles", q->log);
        if (r == 0 && !q->role_keys)
                r = bucket_new(&q->role_keys, q->bus, roles, LOG_ROLE_AGE_US / 1000, diag);
        return r;
}

/* Here and below, BUS_E_DOWN: a server is there, and has no answer yet. */
static int connect_bus(QueueJetstream *q, const QueueJetstreamOptions *options, Diag *diag)
{
        int r;

        r = bus_new(&q->bus, options->bus, diag);
        if (r == BUS_E_DOWN || r == BUS_E_REFUSED)
                return QUEUE_E_EMPTY;
        if (r == 0)
                r = make_places(q, diag);
        if (r == 0)
                r = log_join(q, options, diag);
        return r == BUS_E_REFUSED ? error_origin(-EACCES) : r;
}

/* Read the log from what the copy has. */
static int follow_log(QueueJetstream *q, Diag *diag)
{
        SharedApplied applied;
        int r = log_read_applied(q, &applied);

        if (r)
                return error_trace(r);
        r = log_compare(q, &applied, diag);
        if (r)
                return r;
        r = load_leases(q);
        if (r)
                return error_trace(r);
        r = log_start(q);
        return r == BUS_E_DOWN ? r : error_trace(r);
}

static int join_cluster(QueueJetstream *q, const QueueJetstreamOptions *options, Diag *diag)
{
        int r = follow_log(q, diag);

        if (r)
                return r;
        r = log_session_start(q, options->now);
        if (r)
                return error_fold(r);
        r = log_keeper_start(q);
        if (r == 0)
                r = log_saver_start(q);
        if (r)
                return error_trace(r);
        forget_counts(&q->lmdb.ready);
        ready_look_at_clock(&q->lmdb.ready, options->now);
        return queue_lmdb_judge_suspects(&q->lmdb, options->now, submit_crashed);
}

static char *duplicate(const char *s)
{
        char *copy = strdup(s);

        if (!copy)
                error_oom(strlen(s));
        return copy;
}

/**
 * log_exists() - does the cluster have a state?
 *
 * Return: 0, -ENOENT, QUEUE_E_EMPTY.
 */
int log_exists(const QueueJetstreamOptions *options, Diag *diag)
{
        _cleanup_(bus_freep) Bus *bus = NULL;
        BusStream log = { 0 };
        int r = bus_new(&bus, options->bus, diag);

        if (r == 0)
                r = bus_stream_look(bus, options->log, &log);
        if (r && r != BUS_E_NONE)
                return QUEUE_E_EMPTY;
        if (r == 0 && log.last)
                return 0;
        diag_set(diag, "there is no state \"%s\" on these servers", options->log);
        return -ENOENT;
}

/* -- opening --------------------------------------------------------------------------------------------- */

/* Everything but the thread that reads the log. */
static int open_node(Queue **ret_queue, const QueueJetstreamOptions *options, Diag *diag)
{
        const uint64_t map = options->map ? (uint64_t)options->map : STORE_MAP;
        _cleanup_(queue_freep) Queue *queue = NULL;
        QueueJetstream *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                error_oom(sizeof(*q));
        queue = &q->lmdb.queue;
        queue_jetstream_set_ops(q);
        q->lmdb.space.q = &q->lmdb;
        q->lmdb.store.owner_fd = -1;
        q->lmdb.limit = (uint64_t)(options->limit ? options->limit : STORE_LIMIT);
        if (q->lmdb.limit > map - map / 8)
                q->lmdb.limit = map - map / 8;
        q->log = duplicate(options->log);
        q->node = duplicate(options->node);
        q->lease_us = options->lease_us ? options->lease_us : LOG_LEASE_US;
        q->late_us = options->late_us;
        q->snapshot_bytes =
                (uint64_t)(options->snapshot_bytes ? options->snapshot_bytes : SNAPSHOT_LOG_BYTES);
        atomic_init(&q->number, 1);
        list_init(&q->waiting);
        pthread_mutex_init(&q->role_lock, NULL);
        pthread_mutex_init(&q->lock, NULL);
        wait_init(&q->keeper_cond);
        wait_init(&q->saver_cond);
        claims_init(&q->lmdb.claims);
        r = connect_bus(q, options, diag);
        if (r == 0)
                r = open_copy(q, options, diag);
        if (r)
                return r;
        *ret_queue = TAKE(queue);
        return 0;
}

static int open_and_join(Queue **ret_queue, const QueueJetstreamOptions *options, Diag *diag)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        int r = open_node(&queue, options, diag);

        if (r == 0)
                r = join_cluster(queue_jetstream(queue), options, diag);
        if (r)
                return r;
        *ret_queue = TAKE(queue);
        return 0;
}

/**
 * queue_jetstream_new() - open this node's part of a cluster
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, QUEUE_E_EMPTY, QUEUE_E_CLOSED, -errno.
 */
int queue_jetstream_new(Queue **ret_queue, const QueueJetstreamOptions *options, Diag *diag)
{
        const int64_t end = commit_mono_us() + PATIENCE_US;

        /* Servers that have just been started together take some seconds to find their majority. */
        for (;;) {
                _cleanup_(diag_deinit) Diag own = DIAG_INIT;
                int r = open_and_join(ret_queue, options, &own);

                if (r == BUS_E_DOWN && commit_mono_us() < end) {
                        nanosleep(&(struct timespec){ .tv_nsec = AGAIN_NS }, NULL);
                        continue;
                }
                if (diag_any(&own))
                        diag_set(diag, "%s", diag_text(&own));
                else if (r == BUS_E_DOWN)
                        diag_set(diag, "%s: JetStream does not answer: is a majority of its servers there?",
                                 options->bus->urls[0]);
                return r == BUS_E_DOWN ? QUEUE_E_EMPTY : r;
        }
}

/**
 * log_copy() - the state as it is now, in a folder, without being a node
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, QUEUE_E_EMPTY, QUEUE_E_CLOSED, -errno.
 */
int log_copy(const QueueJetstreamOptions *options, Diag *diag)
{
        _cleanup_(queue_freep) Queue *queue = NULL;
        QueueJetstream *q;
        uint64_t applied = 0;
        BusStream log;
        int r = open_node(&queue, options, diag);

        if (r)
                return r == BUS_E_DOWN ? QUEUE_E_EMPTY : r;
        q = queue_jetstream(queue);
        if (bus_stream_look(q->bus, q->log, &log))
                return QUEUE_E_EMPTY;
        r = follow_log(q, diag);
        while (r == 0 && (applied = atomic_load(&q->applied)) < log.last) {
                if (options->progress && options->progress(options->context, applied, log.last))
                        return QUEUE_E_CLOSED;
                nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
        }
        return r == BUS_E_DOWN ? QUEUE_E_EMPTY : r;
}

/* -- the end --------------------------------------------------------------------------------------------- */

Queue *log_node_free(Queue *queue)
{
        QueueJetstream *q = queue_jetstream(queue);

        /* Who waits for a server that does not come gives up. */
        if (q->has_thread)
                queue_wake_all(queue, true);
        log_saver_stop(q);
        log_keeper_stop(q);
        if (q->has_thread && !atomic_load(&q->session)) {
                atomic_store(&q->stopping, true);
                log_stop(q);
        }
        if (q->has_thread) {
                Entry end = { .op.kind = OP_END, .other = atomic_load(&q->session) };

                /* When it has come back the applier ends by itself. */
                if (log_submit(q, &end))
                        atomic_store(&q->stopping, true);
                log_stop(q);
        }
        for (size_t i = 0; q->role_keys && i < LOG_ROLES_MAX; i++) {
                if (q->roles[i].name[0])
                        log_role_drop(q, q->roles[i].name);
        }
        bucket_free(q->role_keys);
        snapshots_deinit(&q->snapshots);
        bucket_free(q->nodes);
        bus_free(q->bus);
        commit_stop(&q->lmdb.committer);
        ready_stop(&q->lmdb.ready);
        marks_close(&q->lmdb.ready.marks, true);
        apply_deinit(&q->lmdb.apply);
        claims_deinit(&q->lmdb.claims);
        store_close(&q->lmdb.store);
        pthread_cond_destroy(&q->keeper_cond);
        pthread_mutex_destroy(&q->role_lock);
        pthread_cond_destroy(&q->saver_cond);
        pthread_mutex_destroy(&q->lock);
        free(q->log);
        free(q->node);
        free(q);
        return NULL;
}
