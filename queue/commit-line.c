/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/commit.h"

#include "base/error.h"

#include <errno.h>

/* What happens before an Op stands in line; commit.c is what happens after. */

/* The line holds copies of what acks left behind. */
#define LINE_BYTES ((size_t)8 << 20)

/* The line is one batch long: then an ack waits for room. */
bool line_has_no_room(const Committer *c)
{
        return c->line_cost >= c->batch_cost || c->n_bytes >= LINE_BYTES;
}

void line_leave_overlay(Committer *c, Op *op)
{
        for (size_t i = 0; i < op->n_pending; i++)
                overlay_remove(&c->overlay, &op->pending[i]);
        if (op->n_pending && !op->arena)
                free(op->pending);
        op->pending = NULL;
        op->n_pending = 0;
}

static bool may_wake(const Op *op)
{
        if (op->n_edges || op->n_appeared || (op->kind != OP_PUT && op->n_changes))
                return true;
        for (size_t i = 0; i < op->n_writes; i++) {
                if (op->writes[i].table == SPACE_CLOUD_OF)
                        return true;
        }
        return false;
}

/* About how many rows an Op writes: a change has two, of which one moves. */
static size_t cost_of(const Op *op)
{
        return 3 + op->n_writes + op->n_links + 2 * op->n_edges + 3 * op->n_appeared + 3 * op->n_changes;
}

/*
 * True if the file has reached the limit. Counting the free pages takes longer the more there are, so it is
 * done again only after as many commits as could fill a part of the room that was left.
 */
bool commit_is_over_limit(Committer *c)
{
        uint64_t n = atomic_load(&c->n_commits), used, room;

        if (store_file_bytes(c->store) < c->limit)
                return false;
        if (!atomic_load(&c->over_limit) && n < atomic_load(&c->count_at))
                return false;
        if (store_used(c->store, &used))
                return false;
        room = used < c->limit ? c->limit - used : 0;
        atomic_store(&c->over_limit, room == 0);
        atomic_store(&c->count_at, n + (room >> 18 < 256 ? room >> 18 : 256));
        return room == 0;
}

/* The serial that a row has after all that stands in line. */
static int serial_of(Committer *c, MDB_txn *txn, const SpaceWrite *w, uint64_t *ret_serial)
{
        const Pending *p = overlay_row(&c->overlay, w->table, w->key, w->n_key, false);
        MDB_val val;
        int rc;

        if (p) {
                *ret_serial = p->serial;
                return 0;
        }
        rc = store_get(txn, c->store->space[w->table], w->key, w->n_key, &val);
        if (rc && rc != MDB_NOTFOUND)
                return error_origin(store_error(rc));
        *ret_serial = rc == 0 && val.mv_size >= 8 ? get_be64(val.mv_data) : 0;
        return 0;
}

/* Does every row still have the serial at which it was read? The lock is held. */
static int check(Committer *c, const Op *op)
{
        MDB_txn *txn = NULL;
        int r = 0;

        for (size_t i = 0; i < op->n_writes && r == 0; i++) {
                uint64_t serial = 0;

                if (op->writes[i].serial == SPACE_ANY)
                        continue;
                if (!txn)
                        r = store_read(c->store, &txn);
                if (r == 0)
                        r = serial_of(c, txn, &op->writes[i], &serial);
                if (r == 0 && serial != op->writes[i].serial)
                        r = QUEUE_E_STALE;
        }
        store_read_end(c->store, txn);
        return r;
}

static void enter_overlay(Committer *c, Op *op)
{
        size_t n = op->n_writes + op->n_links, at = 0;

        if (n == 0)
                return;
        if (op->arena) {
                op->pending = arena_new_array(op->arena, Pending, n);
        } else {
                op->pending = calloc(n, sizeof(*op->pending));
                if (!op->pending)
                        error_oom(n * sizeof(*op->pending));
        }
        op->n_pending = n;
        for (size_t i = 0; i < op->n_writes; i++, at++) {
                op->pending[at].serial = op->writes[i].data ? commit_number(c) : 0;
                op->pending[at].settled = !op->waits;
                overlay_add_row(&c->overlay, &op->pending[at], &op->writes[i]);
        }
        for (size_t i = 0; i < op->n_links; i++, at++) {
                op->pending[at].settled = !op->waits;
                overlay_add_link(&c->overlay, &op->pending[at], &op->links[i]);
        }
}

/*
 * Who waits need not stand behind the acks, as long as the order of writes to one key stays what the overlay
 * says. A change that overtakes the ack of its object's lease is kept by the ack, as one that came before it.
 * A put without changes keeps its place, so that it can be used to wait for all that was acked before.
 */
static bool may_overtake(const Committer *c, const Op *op)
{
        if (!op->waits || (op->kind == OP_PUT ? op->n_changes == 0 : op->kind != OP_NOTE))
                return false;
        for (size_t i = 0; i < op->n_writes; i++) {
                if (overlay_row(&c->overlay, op->writes[i].table, op->writes[i].key, op->writes[i].n_key,
                                false))
                        return false;
        }
        return op->n_links == 0;
}

static bool is_refused(Committer *c)
{
        return c->full && (commit_mono_us() < c->full_until || store_disk_is_full(c->store));
}

/* Return: 0, QUEUE_E_FULL, QUEUE_E_STALE, -errno. The lock is held. */
static int stand_in_line(Committer *c, Op *op)
{
        int r;

        while (!op->waits && !c->full && line_has_no_room(c))
                pthread_cond_wait(&c->moved, &c->lock);
        if (is_refused(c) || (c->full && line_has_no_room(c)))
                return QUEUE_E_FULL;
        if (op->checked) {
                r = check(c, op);
                if (r)
                        return r;
        }
        op->cost = cost_of(op);
        if (may_overtake(c, op)) {
                list_push(&c->urgent, &op->link);
        } else {
                if (list_is_empty(&c->line))
                        c->line_since = commit_mono_us();
                list_push(&c->line, &op->link);
                c->line_cost += op->cost;
        }
        enter_overlay(c, op);
        op->wakes = may_wake(op);
        if (op->wakes)
                c->n_wakes++;
        op->n_bytes = op->arena ? arena_used(op->arena) : 0;
        c->n_bytes += op->n_bytes;
        return 0;
}

/**
 * commit_submit() - check an Op and let it stand in line
 *
 * Return: 0, QUEUE_E_FULL, QUEUE_E_STALE, -errno; of an Op that waited, its result.
 */
int commit_submit(Committer *c, Op *op)
{
        /* An Op that is given away may be gone before this returns. */
        const bool waits = op->waits;
        int r;

        if (op->kind == OP_PUT && op->n_changes && commit_is_over_limit(c))
                return QUEUE_E_FULL;
        if (waits)
                pthread_cond_init(&op->cond, NULL);
        pthread_mutex_lock(&c->lock);
        r = stand_in_line(c, op);
        if (r == 0 && waits) {
                while (!op->done) {
                        if (c->leading)
                                pthread_cond_wait(&op->cond, &c->lock);
                        else
                                commit_lead(c, op);
                }
                r = op->result;
        } else if (r == 0 && !c->leading && (list_first(&c->line) == c->line.prev || line_has_no_room(c))) {
                /* It knows of the line from its first on. */
                pthread_cond_signal(&c->work);
        }
        pthread_mutex_unlock(&c->lock);
        if (waits)
                pthread_cond_destroy(&op->cond);
        return r;
}

void commit_barrier(Committer *c)
{
        Op nothing = { .kind = OP_BARRIER, .waits = true };

        if (c->is_passive)
                return;
        commit_submit(c, &nothing);
}

bool commit_is_full(Committer *c)
{
        bool full;

        pthread_mutex_lock(&c->lock);
        full = c->full;
        pthread_mutex_unlock(&c->lock);
        return full || atomic_load(&c->over_limit);
}
