/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LogNode: one machine's part of a cluster, from its first connection to its end
 *
 *      connect     the servers; the stream of the log, the buckets of nodes and of roles
 *      join        what the folder has goes on, or the newest snapshot takes its place (log-snapshot.c)
 *      open        the copy; a folder that is another log's, or one machine's own, is refused
 *      compare     the log still has what this copy has applied (log-applier.c)
 *      follow      the applier reads on from there
 *      session     OP_START, and with it the leases of this node's life before end (log-session.c)
 *      keep, save  its key is renewed, snapshots are made: the other two threads
 *
 * A copy for `sosync state copy` goes as far as "follow": it is no node, nobody sees it, and it writes
 * nothing. The end is the same way back: nobody waits any more, saver and keeper stop, OP_END is applied (who
 * gets no answer in five seconds goes without), roles are given back, the copy closes.
 *
 * What a step allocates belongs to the QueueJetstream from that moment on, so a way in that breaks off is
 * undone by log_node_free() wherever it stood. One thread opens; any thread may close, once nobody calls.
 */

#include "queue/queue-jetstream.h"

/* Does the cluster have a state? Return: 0, -ENOENT (none; the diag says so), QUEUE_E_EMPTY (no answer). */
int log_exists(const QueueJetstreamOptions *options, Diag *diag);

/*
 * A copy of the state as it is now, in `options->path`, without being a node; `options->node` is not used.
 * Return: as queue_jetstream_new(), which opens a node.
 */
int log_copy(const QueueJetstreamOptions *options, Diag *diag);

/* QueueOps.free. Return: NULL. */
Queue *log_node_free(Queue *queue);
