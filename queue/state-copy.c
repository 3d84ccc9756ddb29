/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/state-copy.h"

#include "base/error.h"
#include "queue/check.h"
#include "queue/log-node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int bus_result(int r)
{
        switch (r) {
        case BUS_E_TAKEN:
                return QUEUE_E_GONE;
        case BUS_E_REFUSED:
        case BUS_E_DOWN:
        case BUS_E_NONE:
                return QUEUE_E_EMPTY;
        default:
                return r;
        }
}

static bool exists(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

/* -- to a cluster ---------------------------------------------------------------------------------------- */

typedef struct Target {
        Bus *bus;
        Snapshots snapshots;
        uint64_t revision; /* of the key that says which snapshot is the newest; 0: there is none */
        Snapshot before;
} Target;

static void target_deinit(Target *t)
{
        snapshots_deinit(&t->snapshots);
        t->bus = bus_free(t->bus);
}

typedef struct Nodes {
        Arena *a;
        const char *some; /* one that lives */
} Nodes;

static void see_node(void *context, const char *key, const char *value)
{
        Nodes *n = context;

        (void)key;
        n->some = arena_strndup(n->a, value, strcspn(value, " "));
}

/* Nodes say that they live in a bucket whose keys have an age (queue/log-session.c). */
static int refuse_nodes(const StateCopy *c, Target *t, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(bucket_freep) Bucket *bucket = NULL;
        Nodes nodes = { .a = a };
        int r;

        r = bucket_new(&bucket, t->bus, arena_printf(a, "%s-nodes", c->log), LOG_LEASE_US / 1000, diag);
        if (r == 0)
                r = bucket_walk(bucket, a, see_node, &nodes);
        if (r || !nodes.some)
                return bus_result(r);
        diag_set(diag,
                 "the cluster's state \"%s\": node %s is running: stop all nodes first (one that died is "
                 "forgotten after some seconds)",
                 c->log, nodes.some);
        return QUEUE_E_GONE;
}

/* A state that is there is refused, but not the beginning of a copy that was cut. */
static int refuse_state(const StateCopy *c, Target *t, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *from;
        BusStream log;
        int r;

        r = snapshot_newest(&t->snapshots, &t->before, &t->revision, diag);
        if (r && r != BUS_E_NONE)
                return bus_result(r);
        if (bus_stream_look(t->bus, c->log, &log))
                return QUEUE_E_EMPTY;
        if (c->replace || (!t->revision && log.last == 0) || snapshot_arriving(&t->snapshots, a, &from) == 0)
                return 0;
        diag_set(
                diag,
                "the cluster's state \"%s\" is there already (%llu entries in its log): with --replace it is "
                "given up",
                c->log, (unsigned long long)log.last);
        return -EEXIST;
}

static int open_target(const StateCopy *c, Target *t, Diag *diag)
{
        int r = bus_new(&t->bus, c->bus, diag);

        if (r == 0)
                r = bus_stream(t->bus, c->log, c->log, diag);
        if (r == 0)
                r = snapshots_init(&t->snapshots, t->bus, c->log, diag);
        if (r)
                return bus_result(r);
        r = refuse_nodes(c, t, diag);
        return r ? r : refuse_state(c, t, diag);
}

/* The first number that no row has. Return: 0, -errno. */
static int first_free_number(Store *s, uint64_t *ret_first)
{
        MDB_txn *txn = NULL;
        int r = store_read(s, &txn), rc;

        if (r)
                return error_trace(r);
        rc = store_open_tables(s, txn, false);
        if (rc == 0)
                rc = shared_reserved(s, txn, ret_first);
        store_read_end(s, txn);
        return rc ? error_origin(store_error(rc)) : 0;
}

/* Whoever still lives reads this and stops: it is of the state before. */
static int say_moved(const StateCopy *c, Target *t, Diag *diag)
{
        Entry moved = { .session = snapshot_new_id(), .number = 1, .op.kind = OP_MOVED };
        const uint8_t *data;
        PackWriter pack;
        char id[32];
        size_t n;
        int r;

        snprintf(id, sizeof(id), "moved-%llx", (unsigned long long)moved.session);
        pack_init(&pack);
        entry_pack(&pack, &moved);
        data = pack_data(&pack, &n);
        r = bus_publish(t->bus, c->log, id, data, n, diag);
        pack_deinit(&pack);
        return r;
}

/* All pieces are there: from one write on it is the state, and the log goes on behind it. */
static int make_it_true(const StateCopy *c, Target *t, Snapshot *snapshot, Diag *diag)
{
        BusStream log;
        int r = say_moved(c, t, diag);

        if (r == 0)
                r = bus_stream_look(t->bus, c->log, &log);
        if (r)
                return r;
        snapshot->sequence = log.last;
        r = snapshot_publish(&t->snapshots, snapshot, t->revision);
        if (r == BUS_E_TAKEN)
                diag_set(diag, "the cluster's state \"%s\": somebody else has changed it meanwhile", c->log);
        if (r == 0)
                r = bus_stream_trim(t->bus, c->log, log.last + 1);
        if (r)
                return r;
        snapshot_drop_older(&t->snapshots, snapshot, 0);
        return snapshot_set_arriving(&t->snapshots, NULL);
}

static int send_store(const StateCopy *c, Target *t, Store *s, Snapshot *snapshot, Diag *diag)
{
        char host[256] = "", from[4600];
        int r = first_free_number(s, &snapshot->base);

        if (r)
                return r;
        snapshot->epoch = snapshot_new_id();
        snapshot->moved_in = true;
        gethostname(host, sizeof(host) - 1);
        snprintf(from, sizeof(from), "lmdb:%.4096s on %s", c->folder, host);
        r = snapshot_set_arriving(&t->snapshots, from);
        if (r == 0)
                r = snapshot_send(&t->snapshots, s, snapshot, c->progress, c->context, diag);
        if (r == 0)
                r = make_it_true(c, t, snapshot, diag);
        if (r == BUS_E_DOWN && !diag->n_items)
                diag_set(diag, "JetStream does not answer any more; the copy is not whole");
        return bus_result(r);
}

/* Return: 0, QUEUE_E_NONE, QUEUE_E_STALE, -ENOENT, -errno. */
static int check_source(const char *folder, Diag *diag)
{
        CheckResult check;
        int r = queue_lmdb_check(folder, NULL, NULL, &check, diag);

        return r ? r : check.n_findings ? QUEUE_E_NONE : 0;
}

/**
 * state_copy_to_cluster() - make what is in a folder the state of a cluster
 */
int state_copy_to_cluster(const StateCopy *c, uint64_t *ret_bytes, Diag *diag)
{
        Store s = { .owner_fd = -1 };
        Target t = { 0 };
        Snapshot snapshot = { 0 };
        int r = check_source(c->folder, diag);

        if (r)
                return r;
        r = store_open(&s, c->folder, STORE_MAP, diag);
        if (r == 0)
                r = open_target(c, &t, diag);
        if (r == 0)
                r = send_store(c, &t, &s, &snapshot, diag);
        *ret_bytes = snapshot.n_bytes;
        target_deinit(&t);
        store_close(&s);
        return r;
}

/* -- to a folder ----------------------------------------------------------------------------------------- */

static int leave(void *context, MDB_txn *txn)
{
        return shared_leave(context, txn);
}

/* The copy of a cluster's state becomes a store of one machine. */
static int make_alone(const char *folder, Diag *diag)
{
        Store s = { .owner_fd = -1 };
        uint64_t reserved;
        int r = store_open(&s, folder, STORE_MAP, diag), rc = 0;

        if (r == 0) {
                s.is_shared = true;
                rc = queue_lmdb_setup(&s, &reserved);
                if (rc == 0)
                        rc = commit_once(&s, leave, &s);
        }
        store_close(&s);
        if (rc) {
                diag_set(diag, "%s: %s", folder, mdb_strerror(rc));
                return error_origin(store_error(rc));
        }
        return r;
}

/* Is it free, and does it hold nothing, or what may go? */
static int refuse_folder(const StateCopy *c, const char *unfinished, Diag *diag)
{
        _cleanup_(cleanup_free) char *file = log_path(c->folder, "data.mdb");
        Store owner = { .owner_fd = -1 };
        int r;

        if (mkdir(c->folder, 0700) < 0 && errno != EEXIST) {
                r = -errno;
                diag_set(diag, "%s: %s", c->folder,
                         r == -ENOENT ? "the folder above it does not exist" : strerror(-r));
                return error_origin(r);
        }
        r = store_lock_folder(&owner, c->folder, diag);
        store_close(&owner);
        if (r)
                return r;
        if (exists(unfinished)) { /* of a copy that was cut, or of one that is being made */
                r = store_lock_folder(&owner, unfinished, diag);
                store_close(&owner);
                return r;
        }
        if (c->replace || !exists(file))
                return 0;
        diag_set(diag,
                 "%s: there is a state in this folder: with --replace it is kept as "
                 "data.mdb.before-restore and another takes its place",
                 c->folder);
        return -EEXIST;
}

/**
 * state_copy_to_folder() - a cluster's state as a store of one machine
 */
int state_copy_to_folder(const StateCopy *c, uint64_t *ret_bytes, Diag *diag)
{
        _cleanup_(cleanup_free) char *unfinished = log_path(c->folder, STORE_UNFINISHED);
        QueueJetstreamOptions options = {
                .path = unfinished,
                .now = c->now,
                .log = c->log,
                .node = "copy",
                .bus = c->bus,
                .progress = c->progress,
                .context = c->context,
        };
        int r = refuse_folder(c, unfinished, diag);

        if (r)
                return r;
        log_remove_folder(unfinished);
        r = log_exists(&options, diag);
        if (r)
                return r;
        r = log_copy(&options, diag);
        if (r == 0)
                r = make_alone(unfinished, diag);
        if (r == 0)
                r = queue_lmdb_restore(c->folder, unfinished, ret_bytes, diag);
        if (r == 0)
                log_remove_folder(unfinished);
        return r;
}
