/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue.h"

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * The front doors check what every backend relies on, so that no backend has to. What is checked are sizes
 * and ranges of data that may come from outside; a caller's mistake gets -EINVAL and changes nothing.
 */

/* A key of the store has at most 511 bytes; a feed is named in the configuration. */
#define FEED_NAME_MAX 255

/* A DirSync cookie grows with the number of DCs: some kB in large forests. */
#define POSITION_MAX ((size_t)1 << 20)

/* Rows of one page: lists are for people and for the reporter. */
#define PAGE_MAX 10000

#define REASON_MAX 1000

/* One transaction takes them all; a feed hands over some thousands at most. */
#define CHANGES_MAX 100000

static const char *const state_names[_QUEUE_STATE_N] = {
        [QUEUE_READY] = "ready",   [QUEUE_LEASED] = "leased", [QUEUE_DELAYED] = "delayed",
        [QUEUE_PARKED] = "parked", [QUEUE_DATED] = "dated",
};

const char *queue_state_name(QueueState s)
{
        return (unsigned)s < _QUEUE_STATE_N ? state_names[s] : "?";
}

static bool change_is_valid(const Change *c)
{
        return c->lane < _LANE_N && c->kind < _CHANGE_KIND_N;
}

static bool writes_are_valid(const SpaceWrite *writes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const SpaceWrite *w = &writes[i];

                if (w->table < SPACE_HEAD || w->table > SPACE_LAST || w->n_key == 0 ||
                    w->n_key > SPACE_KEY_MAX || w->n > PACK_RECORD_MAX)
                        return false;
        }
        return true;
}

static bool links_are_valid(const LinkWrite *links, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const LinkWrite *l = &links[i];

                if (l->table < LINK_IMPORT || l->table > LINK_READY || l->verb > LINK_CLEAR ||
                    l->n_key == 0 || l->n_key > SPACE_KEY_MAX)
                        return false;
        }
        return true;
}

static bool batch_is_valid(const SpaceBatch *b)
{
        if (!b)
                return true;
        if (!writes_are_valid(b->writes, b->n_writes) || !links_are_valid(b->links, b->n_links))
                return false;
        for (size_t i = 0; i < b->n_edges; i++) {
                if (!b->edges[i].attribute)
                        return false;
        }
        return true;
}

/**
 * queue_put() - store changes, head rows and the feed's position, or nothing
 *
 * Waits until they are on disk. A write whose serial no longer holds is left out and the rest is stored: the
 * run that wrote the row has read the object and knows more than the feed. If it is `checked`, nothing is
 * stored then. An Intake without changes is stored even above the store's limit (not on a full disk).
 *
 * Return: 0, QUEUE_E_FULL, QUEUE_E_STALE, QUEUE_E_GONE, -errno.
 */
int queue_put(Queue *q, const Intake *in)
{
        if (in->n_changes > CHANGES_MAX || (in->checked && in->n_changes))
                return error_origin(-EINVAL);
        for (size_t i = 0; i < in->n_changes; i++) {
                if (!change_is_valid(&in->changes[i]))
                        return error_origin(-EINVAL);
        }
        if (!writes_are_valid(in->writes, in->n_writes) || !links_are_valid(in->links, in->n_links))
                return error_origin(-EINVAL);
        if (in->feed && (!in->feed[0] || strlen(in->feed) > FEED_NAME_MAX || in->n_position > POSITION_MAX))
                return error_origin(-EINVAL);
        return q->ops->put(q, in);
}

int queue_put_batch(Queue *q, const SpaceBatch *batch, Wall now)
{
        return queue_put(q, &(Intake){ .writes = batch->writes,
                                       .n_writes = batch->n_writes,
                                       .links = batch->links,
                                       .n_links = batch->n_links,
                                       .now = now });
}

/**
 * queue_errno() - for callers to whom every failure of the store is the same
 *
 * Return: 0, -ENOSPC (it is full), -errno.
 */
int queue_errno(int r)
{
        return r == QUEUE_E_FULL ? error_origin(-ENOSPC) : error_fold(r);
}

/**
 * queue_why() - in words
 *
 * "No space left on device" is true of no device: the queue keeps some room free (STORE_DISK_MIN), and it has
 * a limit of its own.
 */
const char *queue_why(int r)
{
        if (r == QUEUE_E_FULL || r == -ENOSPC)
                return QUEUE_FULL_TEXT;
        return strerror(r < 0 ? -r : EIO);
}

/**
 * queue_lease() - the next change that is due in one of these lanes
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int queue_lease(Queue *q, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        return q->ops->lease(q, now, lanes & LANES_ALL, a, ret_lease);
}

/**
 * queue_lease_of() - the next change of one source that is due in one of these lanes, barred or not
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int queue_lease_of(Queue *q, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        return q->ops->lease_of(q, now, lanes & LANES_ALL, source, a, ret_lease);
}

/* queue_bar() - give out no change of this source, or do so again */
void queue_bar(Queue *q, uint16_t source, bool barred)
{
        assert(source < QUEUE_SOURCES_MAX);
        q->ops->bar(q, source, barred);
}

/**
 * queue_lease_object() - the row of one object, if it is READY or DELAYED
 *
 * Return: 0, QUEUE_E_EMPTY, -errno.
 */
int queue_lease_object(Queue *q, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        return q->ops->lease_object(q, now, key, a, ret_lease);
}

/**
 * queue_wait() - sleep until something may be due in these lanes, woken, or timed out
 *
 * Return: 0 (look again), QUEUE_E_CLOSED.
 */
int queue_wait(Queue *q, LaneSet lanes, Wall now, int64_t timeout_us)
{
        return q->ops->wait(q, lanes & LANES_ALL, now, timeout_us);
}

/**
 * queue_ack() - the change is done; what the run leaves behind is stored with it
 *
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE (the lease is kept), QUEUE_E_FULL (the lease is kept), -errno.
 */
int queue_ack(Queue *q, const Lease *lease, const Commit *c)
{
        if (!batch_is_valid(c->batch) || c->due_lane >= _LANE_N || c->due.ms < 0)
                return error_origin(-EINVAL);
        return q->ops->ack(q, lease, c);
}

static const char *short_reason(const char *reason, char buf[REASON_MAX + 1])
{
        size_t n;

        if (!reason)
                return NULL;
        n = strnlen(reason, REASON_MAX);
        /* Not in the middle of a character. */
        while (reason[n] && n > 0 && ((unsigned char)reason[n] & 0xc0) == 0x80)
                n--;
        memcpy(buf, reason, n);
        buf[n] = '\0';
        return buf;
}

/**
 * queue_retry() - not now: READY again at not_before, which is at most QUEUE_DELAY_MAX_MS away
 *
 * Return: as queue_ack().
 */
int queue_retry(Queue *q, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        char buf[REASON_MAX + 1];

        if (!batch_is_valid(c->batch))
                return error_origin(-EINVAL);
        /* A time further ahead would be taken for a clock set wrong, and be due at once. */
        if (not_before.ms > c->now.ms + QUEUE_DELAY_MAX_MS)
                not_before = wall_add(c->now, QUEUE_DELAY_MAX_MS);
        return q->ops->retry(q, lease, not_before, short_reason(reason, buf), c);
}

/**
 * queue_park() - not without a person
 *
 * Return: as queue_ack().
 */
int queue_park(Queue *q, const Lease *lease, const char *reason, const Commit *c)
{
        char buf[REASON_MAX + 1];

        if (!batch_is_valid(c->batch))
                return error_origin(-EINVAL);
        return q->ops->park(q, lease, short_reason(reason, buf), c);
}

/**
 * queue_note() - store something now and keep the lease; returns when it is on disk
 *
 * Return: as queue_ack().
 */
int queue_note(Queue *q, const Lease *lease, const Commit *c)
{
        if (!batch_is_valid(c->batch))
                return error_origin(-EINVAL);
        return q->ops->note(q, lease, c);
}

bool queue_may_send(Queue *q)
{
        return !q->ops->may_send || q->ops->may_send(q);
}

int queue_role(Queue *q, const char *name, uint64_t *ret_term)
{
        *ret_term = 0;
        return q->ops->role ? q->ops->role(q, name, ret_term) : 0;
}

void queue_role_drop(Queue *q, const char *name)
{
        if (q->ops->role_drop)
                q->ops->role_drop(q, name);
}

int queue_outlast(Queue *q, int64_t timeout_us)
{
        return q->ops->outlast ? q->ops->outlast(q, timeout_us) : 0;
}

/**
 * queue_release() - give the lease back untouched
 *
 * Return: 0, QUEUE_E_GONE.
 */
int queue_release(Queue *q, const Lease *lease)
{
        return q->ops->release(q, lease);
}

/* queue_is_overtaken() - does something newer of the object wait behind this lease? */
bool queue_is_overtaken(Queue *q, const Lease *lease)
{
        return q->ops->is_overtaken(q, lease);
}

/**
 * queue_unpark() - a person wants it tried again: READY, and the tries start anew
 *
 * DELAYED and DATED become READY too; READY and LEASED stay as they are.
 *
 * Return: 0, QUEUE_E_NONE, -errno.
 */
int queue_unpark(Queue *q, const ObjectKey *key, Wall now)
{
        return q->ops->unpark(q, key, now);
}

/**
 * queue_drop() - a person wants it gone
 *
 * Return: 0, QUEUE_E_NONE, QUEUE_E_GONE (it is leased), -errno.
 */
int queue_drop(Queue *q, const ObjectKey *key)
{
        return q->ops->drop(q, key);
}

/**
 * queue_position() - the feed's position as put stored it
 *
 * Return: 0, QUEUE_E_NONE, -errno.
 */
int queue_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        if (!feed[0] || strlen(feed) > FEED_NAME_MAX)
                return error_origin(-EINVAL);
        return q->ops->position(q, feed, a, ret_data, ret_n);
}

/**
 * queue_has() - is there a row of this object?
 *
 * Return: 0, -errno.
 */
int queue_has(Queue *q, const ObjectKey *key, bool *ret_has)
{
        return q->ops->has(q, key, ret_has);
}

/**
 * queue_list() - one page of rows, by key; fewer than max (at most 10,000): the last page
 *
 * Return: 0, -errno.
 */
int queue_list(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items, size_t *ret_n)
{
        return q->ops->list(q, after, max < PAGE_MAX ? max : PAGE_MAX, a, ret_items, ret_n);
}

/**
 * queue_outcomes() - outcome rows with a sequence number above `after`, in order
 *
 * A row that is seen once is durable, and no row with a lower number comes later.
 *
 * Return: 0, -errno.
 */
int queue_outcomes(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n)
{
        return q->ops->outcomes(q, after, max < PAGE_MAX ? max : PAGE_MAX, a, ret_rows, ret_n);
}

/**
 * queue_outcomes_done() - remove the rows up to and with this number; durable when it returns
 *
 * Return: 0, -errno.
 */
int queue_outcomes_done(Queue *q, uint64_t up_to)
{
        return q->ops->outcomes_done(q, up_to);
}

/**
 * queue_stats() - counts
 *
 * Return: 0, -errno.
 */
int queue_stats(Queue *q, Wall now, QueueStats *ret_stats)
{
        return q->ops->stats(q, now, ret_stats);
}

void queue_tell_time(Queue *q, Wall now)
{
        q->ops->tell_time(q, now);
}

void queue_wake_all(Queue *q, bool closing)
{
        q->ops->wake_all(q, closing);
}

Space *queue_space(Queue *q)
{
        return q->ops->space(q);
}

/**
 * queue_free() - close; what acks have left behind is stored first
 *
 * Nobody may be in a call of this queue any more. Leases end: their changes are READY at the next start.
 */
Queue *queue_free(Queue *q)
{
        return q ? q->ops->free(q) : NULL;
}
