/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LogApply: what an entry of the log makes of the copy
 *
 *      Entry --> who sends it has a live session --> its lease, its rows, its term are as it says --> apply.h
 *                              | no: QUEUE_E_GONE                | no: QUEUE_E_GONE, _STALE, _EMPTY
 *                              '---- the copy stays as it is ----'
 *
 * Every node applies every entry, in the log's order, and all copies must come out the same. So everything in
 * log-apply.c may look at the copy and at the entry, and at nothing else: no clock, no setting, no memory of
 * this process. Even the numbers that rows draw follow from the entry's own (log_numbers_end()).
 *
 * A batch is one transaction: its entries, and with them which one was the last (SharedApplied), so a crash
 * finds a copy between two entries, never within one. Bytes that are no entry of sosync are passed by, on
 * every node alike; an entry of a newer program ends this one (commit_die()).
 *
 * The thread is the applier's (log-applier.c), which reads the entries and tells who waits for the results.
 */

#include "queue/queue-jetstream.h"

typedef struct LogApplied LogApplied;
typedef struct LogBatch LogBatch;

/* An entry, and what came of it. Pointers live until the batch is tried again. */
struct LogApplied {
        uint64_t sequence; /* its number in the log */
        const uint8_t *data;
        size_t n;

        /* Filled by log_apply_batch(); once more from the beginning if its transaction is tried again. */
        Entry entry;
        bool is_whole;   /* there is an entry; of a long one: all parts are there */
        int result;      /* what log_submit() returns to who sent it */
        ObjectKey *lost; /* leases that ended with a session */
        size_t n_lost;
};

struct LogBatch {
        QueueJetstream *q;
        Arena *arena;        /* of the messages */
        Arena *work;         /* of what they are unpacked into: emptied at each try */
        LogApplied *entries; /* in the order of the log, without gaps; at least one */
        size_t n;
};

/* For commit_once(): `context` is a LogBatch. Return: LMDB's code. */
int log_apply_batch(void *context, MDB_txn *txn);
