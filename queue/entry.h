/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Entry: one call of one node, as all nodes read it from the log
 *
 *      Op (queue/op.h)  <-->  msgpack: version, kind, session, number, then the fields of the Op
 *
 * `session` is the life of one process in the cluster, `number` counts its entries; together they are the id
 * by which the server stores an entry once. An entry that is longer than one message of the server comes as
 * several of kind OP_PART, each with a piece of its bytes; it counts where the last of them stands in the
 * log, and they need not be neighbours there.
 *
 * Written by one version and read by others while a cluster is upgraded node by node. So:
 *  - a field more goes behind the last; who does not know it skips it;
 *  - a new kind, or a field without which an entry means something else, raises ENTRY_VERSION. A node that
 *    reads a newer entry stops, with a clear word: going on would make its copy another one. Nodes write the
 *    new version only when all have the new program (docs/operations.md).
 */

#include "base/pack.h"
#include "queue/op.h"

typedef struct Entry Entry;

/* Version 2 has Op.checked of a put, version 3 changes of other objects in the end of a lease. Each is
 * written only where there is such a thing: all else an older node reads. */
#define ENTRY_VERSION 3

/* Room in a message for everything but the bytes of a part. */
#define ENTRY_ROOM 256

struct Entry {
        uint64_t sequence; /* its place in the log; not part of the bytes */
        uint64_t session;
        uint64_t number;
        uint64_t lease;         /* number of the entry that gave the lease this one is about; 0: none */
        uint64_t part, n_parts; /* OP_PART: which, of how many */
        const char *node;       /* OP_START */
        uint64_t other;         /* OP_END: the session that is over */
        uint64_t term;          /* OP_PUT with a position: of the feed's leader; 0: there is none */
        uint64_t row_sequence, row_generation; /* OP_LEASE and what ends it: of the row as it was leased */
        ObjectId metaverse;                    /* OP_CLAIM, OP_UNCLAIM */
        const uint8_t *bytes;                  /* OP_PART */
        size_t n_bytes;
        Op op;
};

void entry_pack(PackWriter *w, const Entry *e);

/* Everything lives in the arena, or points into the data. Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. */
int entry_unpack(Arena *a, const void *data, size_t n, Entry *ret_entry);

/* Session and number only. Return: as above. */
int entry_peek(const void *data, size_t n, uint64_t *ret_session, uint64_t *ret_number);
