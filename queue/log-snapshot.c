/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A node and the snapshots of its cluster: it begins with one when the log does not go back to what it has,
 * and makes one when the log has grown.
 */

#include "queue/backup.h"
#include "queue/queue-jetstream.h"

#include "base/error.h"
#include "base/thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The claim of who makes one: no metaverse object has this id. */
static const ObjectId the_snapshot = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff } };

/* Servers that have just started, or made a bucket, agree on a leader within this. */
#define SETTLE_US ((int64_t)10 * 1000000)

/* Another became the newest while the one before was fetched: so often. */
#define TRIES 3

static const char *const files[] = { "data.mdb", "data.mdb.unfinished", "lock.mdb", "lock", "marks" };

char *log_path(const char *folder, const char *name)
{
        char *path = NULL;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                error_oom(strlen(folder) + strlen(name));
        return path;
}

void log_remove_folder(const char *folder)
{
        for (size_t i = 0; i < N_ELEMENTS(files); i++) {
                _cleanup_(cleanup_free) char *path = log_path(folder, files[i]);

                unlink(path);
        }
        rmdir(folder);
}

/* -- beginning with one ---------------------------------------------------------------------------------- */

typedef struct Have {
        bool is_empty; /* nothing is there, or a copy that has applied nothing */
        bool is_ours;
        SharedApplied applied;
        SharedOrigin origin;
} Have;

static int read_have(Store *s, MDB_txn *txn, const char *log, Have *have)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *of = NULL;
        MDB_stat stat;
        int rc = store_open_tables(s, txn, false);

        if (rc == 0 && !s->meta)
                return 0;
        if (rc == 0)
                rc = shared_log(s, txn, a, &of);
        if (rc == 0)
                rc = shared_applied(s, txn, &have->applied);
        if (rc == 0)
                rc = shared_origin(s, txn, &have->origin);
        if (rc == 0 && s->change)
                rc = mdb_stat(txn, s->change, &stat);
        if (rc)
                return rc;
        have->is_ours = of && strcmp(of, log) == 0;
        have->is_empty = !of && s->change && stat.ms_entries == 0;
        return 0;
}

/* What is in the node's folder. Return: 0, -errno. */
static int look(const char *folder, const char *log, Have *have)
{
        Diag ignored = DIAG_INIT;
        MDB_txn *txn = NULL;
        Store s;
        int r;

        *have = (Have){ 0 };
        r = store_open_to_look(&s, folder, &ignored);
        diag_deinit(&ignored);
        if (r == 0) {
                r = store_read(&s, &txn);
                if (r == 0)
                        r = store_error(read_have(&s, txn, log, have));
                store_read_end(&s, txn);
        }
        store_close(&s);
        if (r == -ENOENT)
                have->is_empty = true;
        return r == -ENOENT ? 0 : r;
}

typedef struct Adoption {
        Store *store;
        const Snapshot *snapshot;
        const char *log;
} Adoption;

/* A file from elsewhere becomes this cluster's, at the place of the log where it came in. */
static int move_in(void *context, MDB_txn *txn)
{
        Adoption *m = context;
        const Snapshot *snapshot = m->snapshot;
        SharedOrigin origin = { snapshot->epoch, snapshot->base };
        SharedApplied applied = { .sequence = snapshot->sequence };
        int rc = shared_forget_lives(m->store, txn);

        if (rc == 0)
                rc = shared_set_log(m->store, txn, m->log);
        if (rc == 0)
                rc = shared_set_origin(m->store, txn, &origin);
        if (rc == 0)
                rc = shared_set_reserved(m->store, txn, log_numbers_end(origin.base, applied.sequence));
        return rc ? rc : shared_set_applied(m->store, txn, &applied);
}

/* The file that was fetched, made ready. Return: 0, -errno. */
static int adopt(const char *folder, const Snapshot *snapshot, const char *log, Diag *diag)
{
        Store s = { .owner_fd = -1 };
        Adoption m = { .store = &s, .snapshot = snapshot, .log = log };
        uint64_t reserved;
        int r = store_open(&s, folder, STORE_MAP, diag), rc = 0;

        if (r == 0 && snapshot->moved_in) {
                s.is_shared = true;
                rc = queue_lmdb_setup(&s, &reserved);
                if (rc == 0)
                        rc = commit_once(&s, move_in, &m);
        }
        if (rc) {
                diag_set(diag, "%s: %s", folder, mdb_strerror(rc));
                r = error_origin(store_error(rc));
        }
        store_close(&s);
        return r;
}

/* Into the place of what was there, whose only worth was to be a copy too. */
static int swap(const char *folder, const char *arrived, Diag *diag)
{
        _cleanup_(cleanup_free) char *before = log_path(folder, "data.mdb.before-restore");
        uint64_t n_bytes;
        int r = queue_lmdb_restore(folder, arrived, &n_bytes, diag);

        if (r == 0)
                unlink(before);
        return r == QUEUE_E_NONE ? error_origin(-EBADMSG) : r;
}

static int begin_with(Snapshots *s, const Snapshot *snapshot, const QueueJetstreamOptions *o, Diag *diag)
{
        _cleanup_(cleanup_free) char *arriving = log_path(o->path, "arriving");
        Store owner;
        int r;

        if (mkdir(o->path, 0700) < 0 && errno != EEXIST) {
                r = -errno;
                diag_set(diag, "%s: %s", o->path, strerror(-r));
                return error_origin(r);
        }
        r = store_lock_folder(&owner, o->path, diag);
        store_close(&owner);
        if (r)
                return r;
        log_remove_folder(arriving);
        r = snapshot_fetch(s, snapshot, arriving, o->progress, o->context, diag);
        if (r == 0)
                r = adopt(arriving, snapshot, s->log, diag);
        if (r == 0)
                r = swap(o->path, arriving, diag);
        log_remove_folder(arriving);
        return r;
}

/* Nobody begins to work on a state that is about to be another. */
static int check_arriving(Snapshots *s, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int64_t until = commit_mono_us() + SETTLE_US;
        const char *from;
        int r;

        /* A bucket that was made a moment ago, by whom ever, has no leader yet. */
        while ((r = snapshot_arriving(s, a, &from)) == BUS_E_DOWN && commit_mono_us() < until)
                nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        if (r == BUS_E_NONE)
                return 0;
        if (r) {
                diag_set(diag, "the cluster's state \"%s\": JetStream does not answer", s->log);
                return r;
        }
        diag_set(diag,
                 "the cluster's state \"%s\" is not there: a copy of %s was begun and did not come to its "
                 "end. "
                 "Give the same \"sosync state copy\" again",
                 s->log, from);
        return QUEUE_E_STALE;
}

/*
 * log_join() - what this node has, or the newest snapshot, so that the log goes on behind it
 *
 * Return: 0, QUEUE_E_STALE, QUEUE_E_GONE, QUEUE_E_CLOSED, BUS_E_DOWN, BUS_E_REFUSED, -errno.
 */
int log_join(QueueJetstream *q, const QueueJetstreamOptions *o, Diag *diag)
{
        unsigned n_tries = 0;
        Snapshot newest;
        BusStream log;
        Have have;
        int r;

        r = snapshots_init(&q->snapshots, q->bus, q->log, diag);
        if (r == 0)
                r = check_arriving(&q->snapshots, diag);
        if (r)
                return r;
        /* Between two looks another may become the newest. */
        do {
                r = snapshot_newest(&q->snapshots, &newest, NULL, diag);
                if (r)
                        return r == BUS_E_NONE ? 0 : r;
                r = bus_stream_look(q->bus, q->log, &log);
                if (r) {
                        diag_set(diag, "the log \"%s\": JetStream does not answer", q->log);
                        return r;
                }
                r = look(o->path, q->log, &have);
                /* What cannot be read, or is something else, is for who opens it. */
                if (r || (!have.is_empty && !have.is_ours))
                        return 0;
                if (have.is_ours && have.origin.epoch == newest.epoch && have.applied.sequence &&
                    have.applied.sequence + 1 >= log.first)
                        return 0;
                r = begin_with(&q->snapshots, &newest, o, diag);
        } while (r == BUS_E_NONE && ++n_tries < TRIES);
        return r == BUS_E_NONE ? QUEUE_E_STALE : r;
}

/* -- making one ------------------------------------------------------------------------------------------ */

static bool stops(void *context, uint64_t done, uint64_t total)
{
        QueueJetstream *q = context;
        bool stop;

        (void)done;
        (void)total;
        pthread_mutex_lock(&q->lock);
        stop = q->saver_stops;
        pthread_mutex_unlock(&q->lock);
        return stop;
}

/* Has the log grown by so much since the newest one? */
static bool is_due(QueueJetstream *q, const Snapshot *newest)
{
        uint64_t limit = q->snapshot_bytes, from = newest->sequence, n_all, n;
        BusStream log;

        if (bus_stream_look(q->bus, q->log, &log) || log.last < log.first || log.last <= from)
                return false;
        if (newest->n_bytes > limit)
                limit = newest->n_bytes;
        if (from + 1 < log.first)
                from = log.first - 1;
        n_all = log.last - log.first + 1;
        n = log.last - from;
        return (double)log.n_bytes * (double)n / (double)n_all >= (double)limit;
}

static int claim(QueueJetstream *q, OpKind kind)
{
        Entry e = { .op.kind = kind, .metaverse = the_snapshot };

        return log_submit(q, &e);
}

static void make(QueueJetstream *q, const Snapshot *before, uint64_t revision)
{
        Snapshot snapshot = {
                .epoch = before->epoch,
                .base = before->base,
                .sequence = atomic_load(&q->applied), /* before the copy begins: it has at least this */
                .before_at = before->at,
                .before_sequence = before->sequence,
        };
        Diag diag = DIAG_INIT;
        int r = snapshot_send(&q->snapshots, &q->lmdb.store, &snapshot, stops, q, &diag);

        diag_deinit(&diag);
        /* What goes wrong here costs room in the servers only; the next try is not far. */
        if (r == 0 && snapshot_publish(&q->snapshots, &snapshot, revision) == 0)
                snapshot_drop_older(&q->snapshots, &snapshot, before->sequence + 1);
}

static void look_at_log(QueueJetstream *q)
{
        Snapshot newest = { 0 }, again = { 0 };
        uint64_t revision = 0;
        Diag diag = DIAG_INIT;
        int r;

        r = snapshot_newest(&q->snapshots, &newest, NULL, &diag);
        if ((r == 0 || r == BUS_E_NONE) && is_due(q, &newest) && claim(q, OP_CLAIM) == 0) {
                r = snapshot_newest(&q->snapshots, &again, &revision, &diag);
                if ((r == 0 || r == BUS_E_NONE) && again.id == newest.id)
                        make(q, &newest, revision);
                claim(q, OP_UNCLAIM);
        }
        diag_deinit(&diag);
}

static void *saver(void *context)
{
        QueueJetstream *q = context;

        pthread_mutex_lock(&q->lock);
        while (!q->saver_stops) {
                q->n_unseen = 0;
                pthread_mutex_unlock(&q->lock);
                look_at_log(q);
                pthread_mutex_lock(&q->lock);
                while (!q->saver_stops && q->n_unseen < q->snapshot_bytes / 4)
                        pthread_cond_wait(&q->saver_cond, &q->lock);
        }
        pthread_mutex_unlock(&q->lock);
        return NULL;
}

/* The applier says how much it has read. */
void log_saver_count(QueueJetstream *q, size_t n_bytes)
{
        pthread_mutex_lock(&q->lock);
        q->n_unseen += n_bytes;
        if (q->n_unseen >= q->snapshot_bytes / 4)
                pthread_cond_signal(&q->saver_cond);
        pthread_mutex_unlock(&q->lock);
}

int log_saver_start(QueueJetstream *q)
{
        int r = thread_start(&q->saver, saver, q, "log-save");

        if (r)
                return r;
        q->has_saver = true;
        return 0;
}

void log_saver_stop(QueueJetstream *q)
{
        if (!q->has_saver)
                return;
        pthread_mutex_lock(&q->lock);
        q->saver_stops = true;
        pthread_cond_signal(&q->saver_cond);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->saver, NULL);
        q->has_saver = false;
}
