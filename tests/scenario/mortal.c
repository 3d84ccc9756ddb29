/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scenario/mortal.h"

#include "base/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct Mortal {
        Queue queue; /* first */
        Queue *next;
        Space space;
        Space *inner;
        MortalFlags flags;
} Mortal;

/* How an acknowledgement ends before it begins; < 0: it goes on. */
static int end_of(const Queue *q)
{
        const Mortal *m = (const Mortal *)q;

        return *m->flags.dying ? 0 : *m->flags.full ? QUEUE_E_FULL : -1;
}

static Queue *next(Queue *q)
{
        return ((Mortal *)q)->next;
}

static int mortal_put(Queue *q, const Intake *in)
{
        return *((Mortal *)q)->flags.shut && in->n_changes ? QUEUE_E_FULL : queue_put(next(q), in);
}

static int mortal_lease(Queue *q, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        return queue_lease(next(q), now, lanes, a, ret_lease);
}

static int mortal_lease_of(Queue *q, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        return queue_lease_of(next(q), now, lanes, source, a, ret_lease);
}

static void mortal_bar(Queue *q, uint16_t source, bool barred)
{
        queue_bar(next(q), source, barred);
}

static int mortal_lease_object(Queue *q, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        return queue_lease_object(next(q), now, key, a, ret_lease);
}

static int mortal_wait(Queue *q, LaneSet lanes, Wall now, int64_t timeout_us)
{
        return queue_wait(next(q), lanes, now, timeout_us);
}

static int mortal_ack(Queue *q, const Lease *lease, const Commit *c)
{
        int end = end_of(q);

        return end >= 0 ? end : queue_ack(next(q), lease, c);
}

static int mortal_retry(Queue *q, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        int end = end_of(q);

        return end >= 0 ? end : queue_retry(next(q), lease, not_before, reason, c);
}

static int mortal_park(Queue *q, const Lease *lease, const char *reason, const Commit *c)
{
        int end = end_of(q);

        return end >= 0 ? end : queue_park(next(q), lease, reason, c);
}

static int mortal_note(Queue *q, const Lease *lease, const Commit *c)
{
        return queue_note(next(q), lease, c);
}

static int mortal_release(Queue *q, const Lease *lease)
{
        return queue_release(next(q), lease);
}

static bool mortal_is_overtaken(Queue *q, const Lease *lease)
{
        const Mortal *m = (const Mortal *)q;

        m->flags.meanwhile(m->flags.context);
        return queue_is_overtaken(m->next, lease);
}

static int mortal_unpark(Queue *q, const ObjectKey *key, Wall now)
{
        return queue_unpark(next(q), key, now);
}

static int mortal_drop(Queue *q, const ObjectKey *key)
{
        return queue_drop(next(q), key);
}

static int mortal_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        return queue_position(next(q), feed, a, ret_data, ret_n);
}

static int mortal_has(Queue *q, const ObjectKey *key, bool *ret_has)
{
        return queue_has(next(q), key, ret_has);
}

static int mortal_list(Queue *q, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                       size_t *ret_n)
{
        return queue_list(next(q), after, max, a, ret_items, ret_n);
}

static int mortal_outcomes(Queue *q, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows,
                           size_t *ret_n)
{
        return queue_outcomes(next(q), after, max, a, ret_rows, ret_n);
}

static int mortal_outcomes_done(Queue *q, uint64_t up_to)
{
        return queue_outcomes_done(next(q), up_to);
}

static int mortal_stats(Queue *q, Wall now, QueueStats *ret_stats)
{
        return queue_stats(next(q), now, ret_stats);
}

static void mortal_tell_time(Queue *q, Wall now)
{
        queue_tell_time(next(q), now);
}

static void mortal_wake_all(Queue *q, bool closing)
{
        queue_wake_all(next(q), closing);
}

static Mortal *of_space(Space *s)
{
        return (Mortal *)((char *)s - offsetof(Mortal, space));
}

static int mortal_get(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row)
{
        const Mortal *m = of_space(s);

        return *m->flags.unreadable ? -EIO : m->inner->ops->get(m->inner, table, key, n_key, a, ret_row);
}

static int mortal_links(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *after,
                        size_t max, Arena *a, ObjectId **ret_ids, size_t *ret_n)
{
        Space *inner = of_space(s)->inner;

        return inner->ops->links(inner, table, key, n_key, after, max, a, ret_ids, ret_n);
}

static int mortal_has_link(Space *s, LinkTable table, const void *key, size_t n_key, const ObjectId *id,
                           bool *ret_has)
{
        Space *inner = of_space(s)->inner;

        return inner->ops->has_link(inner, table, key, n_key, id, ret_has);
}

static int mortal_walk(Space *s, SpaceTable table, const void *after, size_t n_after,
                       int (*fn)(void *context, const void *key, size_t n_key, const SpaceRow *row),
                       void *context)
{
        Space *inner = of_space(s)->inner;

        return inner->ops->walk(inner, table, after, n_after, fn, context);
}

static int mortal_claim(Space *s, const ObjectId *metaverse)
{
        return space_claim(of_space(s)->inner, metaverse);
}

static void mortal_unclaim(Space *s, const ObjectId *metaverse)
{
        space_release(of_space(s)->inner, metaverse);
}

static const SpaceOps space_ops = {
        .name = "mortal",
        .get = mortal_get,
        .links = mortal_links,
        .has_link = mortal_has_link,
        .walk = mortal_walk,
        .claim = mortal_claim,
        .release = mortal_unclaim,
};

static Space *mortal_space(Queue *q)
{
        return &((Mortal *)q)->space;
}

static Queue *mortal_free(Queue *q)
{
        queue_free(next(q));
        free(q);
        return NULL;
}

static const QueueOps mortal_ops = {
        .name = "mortal",
        .put = mortal_put,
        .lease = mortal_lease,
        .lease_of = mortal_lease_of,
        .lease_object = mortal_lease_object,
        .bar = mortal_bar,
        .wait = mortal_wait,
        .ack = mortal_ack,
        .retry = mortal_retry,
        .park = mortal_park,
        .note = mortal_note,
        .release = mortal_release,
        .is_overtaken = mortal_is_overtaken,
        .unpark = mortal_unpark,
        .drop = mortal_drop,
        .position = mortal_position,
        .has = mortal_has,
        .list = mortal_list,
        .outcomes = mortal_outcomes,
        .outcomes_done = mortal_outcomes_done,
        .stats = mortal_stats,
        .tell_time = mortal_tell_time,
        .wake_all = mortal_wake_all,
        .space = mortal_space,
        .free = mortal_free,
};

Queue *mortal_new(Queue *inner, const MortalFlags *flags)
{
        Mortal *m = calloc(1, sizeof(*m));

        if (!m)
                error_oom(sizeof(*m));
        m->queue.ops = &mortal_ops;
        m->next = inner;
        m->space.ops = &space_ops;
        m->inner = queue_space(inner);
        m->flags = *flags;
        return &m->queue;
}
