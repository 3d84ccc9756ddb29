/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/commit.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A put waits for the batch before its own, so batches are kept short: how many rows one may write follows
 * the time that the last ones took to write theirs. The flush is not counted: most of it is the same for one
 * row and for a thousand. A single Op may be larger than that.
 */
#define BATCH_US       1000
#define BATCH_COST_MIN 128
#define BATCH_COST_MAX 16384

/*
 * Acks alone are in no hurry: the object stays leased this much longer, and the next put, or other acks,
 * share the commit. Without it a lone worker would commit twice for each change.
 */
#define LINGER_US 1000

/* Numbers are reserved on disk by this many: one small row per million. */
#define NUMBERS ((uint64_t)1 << 20)

#define FULL_RETRY_US 100000

int64_t commit_mono_us(void)
{
        return clock_mono(&clock_system).us;
}

Op *op_free(Op *op)
{
        if (op)
                arena_free(op->arena); /* the Op lies in it */
        return NULL;
}

/*
 * The end of the process when a commit fails for any reason but a full disk. Nothing can be concluded from
 * such an error: pages may have been dropped by the kernel, and LMDB may refuse everything from now on. A new
 * process reads what is really there. The marks of what is in work are cleared first: no change has done
 * this.
 */
_Noreturn void commit_die(Committer *c, const char *why)
{
        c->hooks->last_words(c->context);
        fprintf(stderr, "sosync: %s: %s\n", c->store->path, why);
        abort();
}

static _Noreturn void die(Committer *c, int rc)
{
        char why[256];

        error_note(store_error(rc), "commit failed", __FILE__, __LINE__, __func__);
        snprintf(why, sizeof(why), "a commit failed: %s; ending, so that a new start reads what is on disk",
                 mdb_strerror(rc));
        commit_die(c, why);
}

int commit_once(Store *s, int (*fn)(void *context, MDB_txn *txn), void *context)
{
        MDB_txn *txn;
        int rc;

        rc = mdb_txn_begin(s->env, NULL, 0, &txn);
        if (rc)
                return rc;
        rc = fn(context, txn);
        if (rc) {
                mdb_txn_abort(txn);
                return rc;
        }
        return mdb_txn_commit(txn);
}

bool commit_means_full(Committer *c, int rc)
{
        switch (rc) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case MDB_MAP_FULL:
                return true;
        case EIO:
                return store_disk_is_full(c->store) || !store_may_grow(c->store);
        default:
                return false;
        }
}

/* Make the reserved range longer when numbers of this transaction have left it. */
static int reserve(Committer *c, MDB_txn *txn, uint64_t *ret_reserved)
{
        MDB_val key = store_val("sequence", strlen("sequence")), val;
        uint64_t next = atomic_load(&c->next);
        uint8_t buf[8];

        *ret_reserved = c->reserved;
        if (next <= c->reserved)
                return 0;
        *ret_reserved = next + NUMBERS;
        put_be64(*ret_reserved, buf);
        val = store_val(buf, sizeof(buf));
        return mdb_put(txn, c->store->meta, &key, &val, 0);
}

/* One transaction for the whole batch. Return: LMDB's code. */
static int write_batch(Committer *c, List *batch, int64_t *ret_us)
{
        int64_t from = commit_mono_us();
        uint64_t reserved;
        MDB_txn *txn;
        int rc;

        rc = mdb_txn_begin(c->store->env, NULL, 0, &txn);
        if (rc)
                return rc;
        c->hooks->begin(c->context, txn);
        list_for_each (i, batch) {
                rc = c->hooks->apply(c->context, list_entry(i, Op, link));
                if (rc)
                        break;
        }
        if (rc == 0)
                rc = reserve(c, txn, &reserved);
        if (rc) {
                mdb_txn_abort(txn);
                return rc;
        }
        *ret_us = commit_mono_us() - from;
        rc = mdb_txn_commit(txn);
        if (rc == 0)
                c->reserved = reserved;
        return rc;
}

/* From the front of a list, at least one. */
static size_t take_ops(List *from, List *batch, size_t max)
{
        size_t cost = 0;

        while (!list_is_empty(from)) {
                Op *op = list_entry(list_first(from), Op, link);

                if (cost > 0 && cost + op->cost > max)
                        break;
                list_remove(&op->link);
                list_push(batch, &op->link);
                cost += op->cost;
        }
        return cost;
}

/* Somebody waits for the urgent ones, so fewer of the others come along; but some do, however many wait. */
static size_t take_batch(Committer *c, List *batch)
{
        bool is_urgent = !list_is_empty(&c->urgent);
        size_t urgent = take_ops(&c->urgent, batch, c->batch_cost);
        size_t cost = take_ops(&c->line, batch, is_urgent ? c->batch_cost / 4 : c->batch_cost);

        c->line_cost -= cost;
        return urgent + cost;
}

/* Longer batches while they are quick, shorter ones when one took too long. */
static void adapt(Committer *c, size_t cost, int64_t us)
{
        size_t fits = us > 0 ? (size_t)((double)cost * BATCH_US / (double)us) : BATCH_COST_MAX;

        if (us > BATCH_US && fits < c->batch_cost)
                c->batch_cost = fits > BATCH_COST_MIN ? fits : BATCH_COST_MIN;
        else if (us < BATCH_US / 2 && cost > c->batch_cost / 2)
                c->batch_cost += c->batch_cost / 4;
        if (c->batch_cost > BATCH_COST_MAX)
                c->batch_cost = BATCH_COST_MAX;
}

static void leave(Committer *c, Op *op, int result)
{
        list_remove(&op->link);
        line_leave_overlay(c, op);
        if (op->wakes)
                c->n_wakes--;
        c->n_bytes -= op->n_bytes;
        if (result)
                op->result = result;
        if (op->waits) {
                op->done = true;
                pthread_cond_signal(&op->cond);
        } else {
                op_free(op);
        }
}

/* The lock is held at the beginning and the end. */
static void lead_batch(Committer *c)
{
        List batch = LIST_INIT(batch), kept = LIST_INIT(kept);
        int64_t us = 0;
        size_t cost;
        int rc;

        cost = take_batch(c, &batch);
        pthread_mutex_unlock(&c->lock);
        rc = write_batch(c, &batch, &us);
        if (rc && !commit_means_full(c, rc))
                die(c, rc);
        if (rc == 0)
                atomic_fetch_add(&c->n_commits, 1);
        c->hooks->settle(c->context, &batch, rc == 0);
        pthread_mutex_lock(&c->lock);
        if (rc == 0)
                adapt(c, cost, us);
        while (!list_is_empty(&batch)) {
                Op *op = list_entry(list_first(&batch), Op, link);

                if (rc == 0 || op->waits) {
                        leave(c, op, rc ? QUEUE_E_FULL : 0);
                } else {
                        list_remove(&op->link);
                        list_push(&kept, &op->link);
                }
        }
        /* What was promised stays in front, in its order. */
        while (!list_is_empty(&kept)) {
                Op *last = list_entry(kept.prev, Op, link);

                list_remove(&last->link);
                list_add_before(c->line.next, &last->link);
                c->line_cost += last->cost;
        }
        c->full = rc != 0;
        if (c->full)
                c->full_until = commit_mono_us() + FULL_RETRY_US;
        c->line_since = commit_mono_us();
        pthread_cond_broadcast(&c->moved);
}

static bool is_idle(const Committer *c)
{
        return c->line.next == &c->line && c->urgent.next == &c->urgent;
}

static bool wake_waiting(const List *list)
{
        for (List *i = list->next; i != list; i = i->next) {
                Op *op = list_entry(i, Op, link);

                if (op->waits) {
                        pthread_cond_signal(&op->cond);
                        return true;
                }
        }
        return false;
}

/* Somebody else must lead on: the first who waits, else the thread. */
static void hand_over(Committer *c)
{
        if (!wake_waiting(&c->urgent) && !wake_waiting(&c->line) && !is_idle(c))
                pthread_cond_signal(&c->work);
}

/* Lead until `own` is done; NULL: until nobody is left. The lock is held. */
void commit_lead(Committer *c, const Op *own)
{
        c->leading = true;
        do
                lead_batch(c);
        while (!is_idle(c) && (own ? !own->done : !c->full));
        c->leading = false;
        hand_over(c);
}

static void *thread_main(void *arg)
{
        Committer *c = arg;

        pthread_mutex_lock(&c->lock);
        for (;;) {
                if (c->leading || is_idle(c)) {
                        if (c->stop && !c->leading)
                                break;
                        pthread_cond_wait(&c->work, &c->lock);
                } else if (c->full && !c->stop &&
                           (commit_mono_us() < c->full_until || store_disk_is_full(c->store))) {
                        wait_until(&c->work, &c->lock, (Mono){ commit_mono_us() + FULL_RETRY_US });
                } else if (!c->stop && !line_has_no_room(c) && commit_mono_us() < c->line_since + LINGER_US) {
                        wait_until(&c->work, &c->lock, (Mono){ c->line_since + LINGER_US });
                } else {
                        commit_lead(c, NULL);
                        if (c->stop && c->full)
                                break; /* what could not be stored is given out again */
                }
        }
        pthread_mutex_unlock(&c->lock);
        return NULL;
}

static void init(Committer *c, Store *store, const CommitHooks *hooks, void *context, uint64_t limit)
{

        *c = (Committer){ .store = store, .hooks = hooks, .context = context, .limit = limit };
        c->batch_cost = BATCH_COST_MIN * 8;
        list_init(&c->line);
        list_init(&c->urgent);
        overlay_init(&c->overlay);
        pthread_mutex_init(&c->lock, NULL);
        wait_init(&c->work);
        pthread_cond_init(&c->moved, NULL);
}

void commit_start_passive(Committer *c, Store *store, const CommitHooks *hooks, void *context, uint64_t limit)
{
        init(c, store, hooks, context, limit);
        c->is_passive = true;
}

int commit_start(Committer *c, Store *store, const CommitHooks *hooks, void *context, uint64_t limit,
                 uint64_t reserved)
{
        int r;

        init(c, store, hooks, context, limit);
        atomic_init(&c->next, reserved);
        c->reserved = reserved;
        r = thread_start(&c->thread, thread_main, c, "commit");
        if (r)
                return r;
        c->has_thread = true;
        return 0;
}

void commit_stop(Committer *c)
{
        if (!c->store)
                return;
        if (c->has_thread) {
                pthread_mutex_lock(&c->lock);
                c->stop = true;
                pthread_cond_signal(&c->work);
                pthread_mutex_unlock(&c->lock);
                pthread_join(c->thread, NULL);
        }
        /* Of a full disk: these changes are given out again. */
        while (!list_is_empty(&c->line))
                leave(c, list_entry(list_first(&c->line), Op, link), QUEUE_E_FULL);
        overlay_deinit(&c->overlay);
        pthread_cond_destroy(&c->work);
        pthread_cond_destroy(&c->moved);
        pthread_mutex_destroy(&c->lock);
        *c = (Committer){ 0 };
}
