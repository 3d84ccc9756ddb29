/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QueueJetstream: queue and spaces of a cluster
 *
 *      node A                    NATS JetStream                      node B
 *      put, lease, ack  --->  log: one stream, numbered  --->  every node applies every entry,
 *                             and replicated                    in this order, to its own copy
 *      waits until its own   <----------------'                 (LMDB, the tables of queue/record.h)
 *      copy has applied it
 *
 * The state of the cluster is what the entries of the log make of an empty store, or of a snapshot of an
 * earlier state, one after another; each node keeps a copy of it. One entry is one call (queue/entry.h), with
 * everything that it writes, so what is one transaction in one process is one here: there are not several
 * records that a crash could find half written, and nothing to put in order. Whether a row is still as it was
 * read, an object free, a session alive, is decided when the entry is applied, by its place in the log: the
 * same on every node, whatever their clocks say and however late they are. A call that was refused has
 * changed nothing anywhere.
 *
 * That is not the way of decisions.md 2 (a work queue as the bell, a bucket for each kind of row, one key
 * with an age per lease): there is no order of writes to several buckets that keeps promises 1 and 5 of
 * queue/queue.h when a node dies between two of them. What was found there holds and is used: neither
 * delivery nor ack of a message proves anything (nobody acks here); delays are wall time in the row, not in
 * the server; an old leader's message is accepted by the stream, so what must be fenced (positions, leases,
 * claims) is refused by who applies it; what lives as long as its owner is a key with an age, renewed by
 * compare-and-set. Reads cost no round trip: they go to the copy.
 *
 * What rests on what:
 *
 *  - A put, ack, retry, park or note has returned: the server has stored the entry on a majority of its
 *    replicas, and this node has applied it and flushed its own copy to disk. nats-server 2.9 does not flush
 *    before it says so: a majority of servers that lose their power in one moment may lose the last entries
 *    (its sync_interval, two minutes if nobody has set it). A node that has applied them then finds another
 *    entry in their place and stops (log_compare()); it has the newer state, and `sosync state copy` makes it
 *    the state of all.
 *  - One worker per object in the whole cluster: OP_LEASE is granted to the first in the log and refused to
 *    the others. A lease belongs to a session, the life of one process; it ends by ack, retry, park, release,
 *    or with the session (OP_START of the same node, OP_END). What the owner of a dead session sends late is
 *    refused with QUEUE_E_GONE, with all it wanted to write. What it has sent to Entra ID by then cannot be
 *    called back (decisions.md 19): queue_may_send() says whether it still may.
 *  - No server, or no majority: calls that write wait; reads go on, and show what this node knows. A call
 * that still waits when the program closes gives up after five seconds, and its change is given out again.
 *  - Counters (QueueStats.n_*) count what this node has applied since its start, whoever did it. Outcome rows
 *    are each node's own: every node makes reports of all runs.
 *  - Rest after an export is part of the state here: it outlives a crash.
 *
 * Threads: any may call; three are the backend's own: the applier, the keeper of the session, and the
 * saver, who makes snapshots (queue/snapshot.h). `lock` is taken under no other and holds for moments.
 */

#include "queue/bus.h"
#include "queue/cluster.h"
#include "queue/entry.h"
#include "queue/queue-lmdb.h"
#include "queue/shared.h"
#include "queue/snapshot.h"

typedef struct LogWait LogWait;
typedef struct QueueJetstream QueueJetstream;

/* A call that waits for its entry. On the caller's stack. */
struct LogWait {
        List link; /* lock */
        uint64_t session, number;
        uint64_t sequence;   /* lock: its place in the log */
        int result;          /* lock */
        bool done;           /* lock */
        pthread_cond_t cond; /* lock */
};

/* A session whose key is missing, and since when. */
typedef struct LogMissed {
        uint64_t session; /* 0: a free place */
        int64_t since_us;
} LogMissed;

#define LOG_NODES_MAX 64

/* A role that this node has, or wants. */
typedef struct LogRole {
        char name[256];
        char key[CLUSTER_KEY_SIZE];
        uint64_t revision; /* of the key; 0: not ours */
        uint64_t term;
        int64_t renewed_us;
} LogRole;

#define LOG_ROLES_MAX 80

/* A role whose holder says nothing is free after this; a holder that hears nothing gives it up a little
 * before. */
#define LOG_ROLE_AGE_US    ((int64_t)6 * 1000000)
#define LOG_ROLE_MARGIN_US ((int64_t)1500000)

/* A node that says nothing for so long is taken for dead. */
#define LOG_LEASE_US ((int64_t)15 * 1000000)

/* Numbers that one entry may draw (arrivals, serials): they follow from its own number in the log. */
#define NUMBERS_BITS 20

/* Above all that entries up to this one have drawn. */
static inline uint64_t log_numbers_end(uint64_t base, uint64_t sequence)
{
        return base + ((sequence + 1) << NUMBERS_BITS);
}

struct QueueJetstream {
        QueueLmdb lmdb; /* the copy; first, so that what only reads is the same function */
        SpaceOps space_ops;
        Bus *bus;
        BusReader *reader; /* the applier's */
        char *log;         /* name of the stream and its subject */
        char *node;
        _Atomic uint64_t session;
        _Atomic uint64_t number;  /* of our next entry; grows across sessions: who read one before sends it
                                   * with the next */
        _Atomic uint64_t applied; /* number of the log's last entry in the copy */
        pthread_t thread;
        bool has_thread;
        _Atomic bool stopping; /* the applier ends */

        /* Of the keeper (log-session.c). */
        Bucket *nodes;
        int64_t lease_us, late_us;
        uint64_t revision; /* of our key; 0: there is none */
        uint64_t n_connected;
        LogMissed missed[LOG_NODES_MAX];
        _Atomic int64_t renewed_us; /* CLOCK_BOOTTIME, before the last renewal that went well */
        pthread_t keeper;
        bool has_keeper;
        pthread_cond_t keeper_cond; /* lock */
        bool keeper_stops;          /* lock */

        pthread_mutex_t role_lock;
        Bucket *role_keys;
        LogRole roles[LOG_ROLES_MAX]; /* role_lock */

        /* Of the saver (log-snapshot.c). */
        Snapshots snapshots;
        uint64_t base, epoch; /* of the copy's state: SharedOrigin */
        uint64_t snapshot_bytes;
        pthread_t saver;
        bool has_saver;
        pthread_cond_t saver_cond; /* lock */
        bool saver_stops;          /* lock */
        uint64_t n_unseen;         /* lock: bytes of the log that were read since the saver looked */

        pthread_mutex_t lock;
        List waiting;      /* lock */
        bool closing;      /* lock */
        int64_t closed_us; /* lock: since when */
};

static inline QueueJetstream *queue_jetstream(Queue *q)
{
        return (QueueJetstream *)q;
}

/* The functions of the queue and of its spaces. The node itself is opened, and closed, by log-node.h. */
void queue_jetstream_set_ops(QueueJetstream *q);

/*
 * Store an entry and wait until this node has applied it. Session and number are filled in.
 * Return: what applying it gave: 0, QUEUE_E_*, -errno; -ETIMEDOUT when the program closes and there is no
 * server.
 */
int log_submit(QueueJetstream *q, Entry *e);
void log_wake(QueueJetstream *q); /* `closing` has changed */

/* log-role.c: see queue_role(). */
int log_role(QueueJetstream *q, const char *name, uint64_t *ret_term);
void log_role_drop(QueueJetstream *q, const char *name);

int log_outlast(QueueJetstream *q, int64_t timeout_us); /* log-outlast.c: see queue_outlast() */

/* log-session.c: who is alive. start: a new session, known to all when it returns. Return: as log_submit. */
uint64_t log_session_new(void);
int log_session_start(QueueJetstream *q, Wall now);
int log_keeper_start(QueueJetstream *q); /* Return: 0, -errno */
void log_keeper_stop(QueueJetstream *q);

/* Nobody else can have what this node has leased: requests that leave now are allowed. */
bool log_may_send(QueueJetstream *q);

/*
 * log-snapshot.c: begin with what the folder has or with the newest snapshot (before it is opened); and make
 * one when the log has grown.
 * Return: 0, QUEUE_E_STALE, QUEUE_E_GONE, QUEUE_E_CLOSED, BUS_E_DOWN, BUS_E_REFUSED, -errno; the diag says
 * why.
 */
int log_join(QueueJetstream *q, const QueueJetstreamOptions *options, Diag *diag);
int log_saver_start(QueueJetstream *q); /* Return: 0, -errno */
void log_saver_stop(QueueJetstream *q);
void log_saver_count(QueueJetstream *q, size_t n_bytes); /* the applier has read so much */
char *log_path(const char *folder, const char *name);    /* FOLDER/NAME */
void log_remove_folder(const char *folder);              /* and the files of a store in it, nothing else */

/* log-applier.c: reads the log and has it applied (log-apply.h). Return: 0, BUS_E_*, -errno. */
int log_start(QueueJetstream *q);
void log_stop(QueueJetstream *q); /* waits for it */

/* Does the log still have what was applied? Return: 0, QUEUE_E_STALE (no; the diag says what to do),
 * BUS_E_DOWN. */
int log_compare(QueueJetstream *q, const SharedApplied *applied, Diag *diag);

/* Session, node and applied entry of the copy. Return: 0, -errno. */
int log_read_applied(QueueJetstream *q, SharedApplied *ret_applied);
