/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Op: one call that wants to write, on its way to the disk
 *
 * A call makes an Op and hands it to commit_submit(). It stands in line, is applied in the leader's write
 * transaction (apply.c), and is done when that is on disk. Calls that wait keep the Op and what it points at
 * on their own stack; the others give it away with an arena that holds a copy of everything.
 */

#include "base/list.h"
#include "queue/overlay.h"
#include "queue/queue.h"
#include "queue/row.h"

#include <pthread.h>

typedef struct Op Op;

typedef enum OpKind {
        OP_PUT,
        OP_ACK,
        OP_RETRY,
        OP_PARK,
        OP_NOTE,
        OP_UNPARK,
        OP_DROP,
        OP_OUTCOMES_DONE,
        OP_CRASHED, /* park what has killed the process */
        OP_BARRIER, /* nothing: when it is done, all before it is */

        /* Of a cluster's log only (queue/entry.h). Numbers are in the log: append only. */
        OP_LEASE,
        OP_RELEASE,
        OP_CLAIM, /* a metaverse object, so that one run at a time works on it */
        OP_UNCLAIM,
        OP_START, /* a session begins, and ends those of the same node before it */
        OP_END,   /* a session is over, and with it its leases and claims */
        OP_PART,
        OP_TERM,  /* a role has a new holder */
        OP_MOVED, /* another state begins (queue/state-copy.h): whoever reads this is of the old one */
        _OP_KIND_N,
} OpKind;

struct Op {
        List link;
        OpKind kind;
        bool waits;   /* the caller stays until it is durable; else the committer frees the Op */
        bool checked; /* the serials of its writes must hold, or it is refused */
        Arena *arena; /* of an Op that was given away */

        ObjectKey key;
        uint64_t generation; /* of the lease */
        uint64_t token;
        uint64_t lease_number; /* of a cluster: of the entry that gave the lease */
        uint8_t lane;          /* of the lease: references that it wakes go there too */
        unsigned tries;
        Wall now;
        Wall not_before;
        Wall rest_until; /* ACK */
        Wall due;        /* ACK, PARK: the date that stays; 0: none */
        Lane due_lane;
        const char *reason;

        const Change *changes; /* PUT */
        size_t n_changes;
        const char *feed;
        const void *position;
        size_t n_position;

        const SpaceWrite *writes;
        size_t n_writes;
        const LinkWrite *links;
        size_t n_links;
        const Edge *edges;
        size_t n_edges;
        const ObjectKey *appeared;
        size_t n_appeared;
        const uint8_t *outcome;
        size_t n_outcome;
        uint64_t up_to; /* OUTCOMES_DONE */
        bool has_more;  /* OUTCOMES_DONE, written by the leader: rows are left */

        Place place; /* of the row when it was leased: the last hope when the row cannot be read */

        /* Of the committer. */
        Pending *pending; /* n_writes + n_links of them, in the overlay */
        size_t n_pending;
        size_t n_bytes;
        size_t cost;
        bool wakes; /* may write waits or ready references, which the overlay does not show */

        int result; /* written by the leader; of an Op that was given away only 0 */
        bool done;
        pthread_cond_t cond;
};
