/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshot: the state of a cluster as one piece, so that its log need not begin at its beginning
 *
 *      log              [ dropped |---- kept ----|------ since S2 ------>   a stream, numbered
 *                               S1 ^          S2 ^
 *      NAME-snapshots   |- pieces of S1 -|- pieces of S2 -|                 a stream; older ones are dropped
 *      NAME-state       newest = S2, its entry, its pieces                  a bucket: what is true
 *
 * A snapshot is a compact copy of one node's data.mdb (queue/shared.h: it knows which entry it has applied).
 * Its pieces are stored first, and then one key says that it is there: until then it does not exist, and what
 * was the newest still is. A node that is new, or that was away for longer than the log goes back, begins
 * with the newest one and reads the log from there. Nodes that were away for less read the log alone: what is
 * behind the snapshot before the newest is dropped, not what is behind the newest.
 *
 * When the log has grown by `SNAPSHOT_LOG_BYTES` since the newest, or by as much as that one has itself if
 * that is more, a node makes another; OP_CLAIM says which. So the servers hold at most two snapshots and
 * twice that much of the log, and what is written for snapshots is never more than for the log.
 *
 * The key `arriving` says that `sosync state copy` has begun to bring another state (queue/state-copy.h): as
 * long as it is there nobody works on what is in the log.
 */

#include "queue/bus.h"
#include "queue/store.h"

#define SNAPSHOT_LOG_BYTES ((int64_t)64 << 20)

/* How often the bucket and the stream of pieces are asked again while there is no server. */
#define SNAPSHOT_PATIENCE_MS 60000

typedef struct Snapshot Snapshot;
typedef struct Snapshots Snapshots;

struct Snapshot {
        uint64_t id;       /* of its pieces */
        uint64_t epoch;    /* SharedOrigin */
        uint64_t base;     /* SharedOrigin */
        uint64_t sequence; /* it has every entry up to this one, perhaps more */
        uint64_t n_bytes;
        uint64_t n_pieces;
        uint64_t at;              /* its pieces are in the stream from this number on */
        uint64_t before_at;       /* those of the one before; 0: there is none */
        uint64_t before_sequence; /* 0: there is none */
        bool moved_in;            /* from elsewhere: whoever lived there does not live here */
};

struct Snapshots {
        Bus *bus;
        Bucket *bucket;
        char *log;
        char *stream;
};

/* Return: 0, BUS_E_DOWN, BUS_E_REFUSED; the diag says why. */
int snapshots_init(Snapshots *s, Bus *bus, const char *log, Diag *diag);
void snapshots_deinit(Snapshots *s);

uint64_t snapshot_new_id(void); /* random, never 0 */

/*
 * The newest; `ret_revision`: for snapshot_publish.
 * Return: 0, BUS_E_NONE, BUS_E_DOWN, BUS_E_REFUSED (cannot be read); the diag says why.
 */
int snapshot_newest(Snapshots *s, Snapshot *ret_snapshot, uint64_t *ret_revision, Diag *diag);

/* It is the newest from now on, if `revision` still is (0: none). Return: 0, BUS_E_TAKEN, BUS_E_DOWN. */
int snapshot_publish(Snapshots *s, const Snapshot *snapshot, uint64_t revision);

/* Drop what nobody needs once this is the newest: pieces and, behind `keep_from`, the log. */
void snapshot_drop_older(Snapshots *s, const Snapshot *newest, uint64_t keep_from);

/* "lmdb:/var/lib/... from HOST", or BUS_E_NONE, BUS_E_DOWN. */
int snapshot_arriving(Snapshots *s, Arena *a, const char **ret_from);
int snapshot_set_arriving(Snapshots *s, const char *from); /* NULL: not any more. Return: 0, BUS_E_DOWN */

/* Shows bytes; true ends it. */
typedef bool (*SnapshotProgressFn)(void *context, uint64_t done, uint64_t total);

/*
 * Store the pieces of a store's copy; id, at, n_bytes, n_pieces of the snapshot are filled in. It is not
 * there until snapshot_publish().
 * Return: 0, QUEUE_E_CLOSED (progress said so), BUS_E_DOWN, BUS_E_REFUSED, -errno; the diag says why.
 */
int snapshot_send(Snapshots *s, Store *store, Snapshot *snapshot, SnapshotProgressFn progress, void *context,
                  Diag *diag);

/*
 * Fetch the pieces into FOLDER/data.mdb, which is made with the folder.
 * Return: 0, QUEUE_E_CLOSED, BUS_E_NONE (pieces are gone: another is the newest by now), BUS_E_DOWN, -errno.
 */
int snapshot_fetch(Snapshots *s, const Snapshot *snapshot, const char *folder, SnapshotProgressFn progress,
                   void *context, Diag *diag);
