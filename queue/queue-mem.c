/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/mem.h"

#include "base/error.h"
#include "base/wait.h"
#include "queue/setback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static QueueMem *queue_mem(Queue *q)
{
        return (QueueMem *)q;
}

static int put(Queue *queue, const Intake *in)
{
        QueueMem *q = queue_mem(queue);
        /* The writes are only read. */
        SpaceBatch b = {
                .writes = (SpaceWrite *)(uintptr_t)in->writes,
                .n_writes = in->n_writes,
                .links = (LinkWrite *)(uintptr_t)in->links,
                .n_links = in->n_links,
        };

        pthread_mutex_lock(&q->lock);
        if (in->checked && !mem_writes_hold(q, in->writes, in->n_writes)) {
                pthread_mutex_unlock(&q->lock);
                return QUEUE_E_STALE;
        }
        for (size_t i = 0; i < in->n_changes; i++)
                mem_arrive(q, &in->changes[i], in->now);
        if (in->feed && in->n_position)
                cell_set(&q->positions, in->feed, strlen(in->feed), in->position, in->n_position, 1);
        mem_apply(q, &b, true, LANE_NORMAL, in->now, NULL, NULL, NULL);
        pthread_mutex_unlock(&q->lock);
        return 0;
}

static bool is_due(const QueueMem *q, const Row *row, Wall now)
{
        switch (row->place.class) {
        case ROW_READY:
                return true;
        case ROW_DELAYED:
                return row->place.due.ms <= now.ms || row->place.due.ms > now.ms + QUEUE_DELAY_MAX_MS ||
                       row->place.sequence < q->doubt;
        case ROW_DATED:
        case ROW_PARKED_DATED:
                return row->place.due.ms <= now.ms;
        default:
                return false;
        }
}

/* A due time that is not believed goes behind everything that is due by the clock. */
static bool comes_first(const Row *a, const Row *b, Wall now)
{
        bool far_a = a->place.class == ROW_DELAYED && a->place.due.ms > now.ms;
        bool far_b = b->place.class == ROW_DELAYED && b->place.due.ms > now.ms;

        if (far_a != far_b)
                return far_b;
        if (a->place.due.ms != b->place.due.ms)
                return a->place.due.ms < b->place.due.ms;
        return a->place.sequence < b->place.sequence;
}

static uint64_t source_bit(const MemRow *m)
{
        ObjectKey key;

        return object_key_unpack(m->key, sizeof(m->key), &key) && key.source < QUEUE_SOURCES_MAX
                       ? UINT64_C(1) << key.source
                       : 0;
}

/* `barred`: sources of which nothing is taken. */
static LaneSet find_due(QueueMem *q, uint64_t barred, Wall now, LaneSet lanes, MemRow *firsts[_LANE_N])
{
        LaneSet due = 0;

        for (KeyNode *i = keymap_next(&q->rows, NULL); i; i = keymap_next(&q->rows, i)) {
                MemRow *m = keymap_entry(i, MemRow, node);
                uint8_t lane = m->row.place.lane;

                if (m->token || !(lanes & LANE_SET(lane)) || !is_due(q, &m->row, now) ||
                    source_bit(m) & barred)
                        continue;
                if (!(due & LANE_SET(lane)) || comes_first(&m->row, &firsts[lane]->row, now))
                        firsts[lane] = m;
                due |= LANE_SET(lane);
        }
        return due;
}

static void give(QueueMem *q, MemRow *m, Arena *a, Lease *ret_lease)
{
        m->token = q->next++;
        m->generation = m->row.generation;
        *ret_lease = (Lease){
                .change = row_change(&m->row),
                .tries = m->row.tries + 1,
                .queued = m->row.queued,
                .first_failed = m->row.first_failed,
                .in_doubt = m->in_doubt,
                .token = m->token,
        };
        ret_lease->change.dn = arena_strdup(a, ret_lease->change.dn);
        ret_lease->change.by = arena_strdup(a, ret_lease->change.by);
}

/* The lock is held. */
static int lease_next(QueueMem *q, uint64_t barred, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        MemRow *firsts[_LANE_N] = { NULL };
        LaneSet due;

        due = find_due(q, barred, now, lanes, firsts);
        if (due) {
                Lane lane = lanes_pick(&q->lanes, due);

                lanes_given(&q->lanes, due, lane);
                give(q, firsts[lane], a, ret_lease);
        }
        return due ? 0 : QUEUE_E_EMPTY;
}

static int lease(Queue *queue, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        QueueMem *q = queue_mem(queue);
        int r;

        pthread_mutex_lock(&q->lock);
        r = lease_next(q, q->barred, now, lanes, a, ret_lease);
        pthread_mutex_unlock(&q->lock);
        return r;
}

static int lease_of(Queue *queue, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        QueueMem *q = queue_mem(queue);
        int r;

        pthread_mutex_lock(&q->lock);
        r = lease_next(q, ~(UINT64_C(1) << source), now, lanes, a, ret_lease);
        pthread_mutex_unlock(&q->lock);
        return r;
}

static void bar(Queue *queue, uint16_t source, bool barred)
{
        QueueMem *q = queue_mem(queue);
        uint64_t bit = UINT64_C(1) << source;

        pthread_mutex_lock(&q->lock);
        q->barred = barred ? q->barred | bit : q->barred & ~bit;
        if (!barred) {
                q->n_wake_all++;
                pthread_cond_broadcast(&q->changed);
        }
        pthread_mutex_unlock(&q->lock);
}

static int lease_object(Queue *queue, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        QueueMem *q = queue_mem(queue);
        MemRow *m;
        bool ok;

        (void)now;
        pthread_mutex_lock(&q->lock);
        m = mem_row(q, key);
        ok = m && !m->token && !row_is_parked(&m->row) && m->row.place.class != ROW_DATED;
        if (ok)
                give(q, m, a, ret_lease);
        pthread_mutex_unlock(&q->lock);
        return ok ? 0 : QUEUE_E_EMPTY;
}

static int64_t mono_us(void)
{
        return clock_mono(&clock_system).us;
}

/* When the next delayed or dated row of these lanes is due; INT64_MAX: there is none. */
static int64_t next_due_ms(const QueueMem *q, LaneSet lanes)
{
        int64_t next = INT64_MAX;

        for (KeyNode *i = keymap_next(&q->rows, NULL); i; i = keymap_next(&q->rows, i)) {
                const MemRow *m = keymap_entry(i, MemRow, node);

                if (!m->token && m->row.place.class != ROW_READY && m->row.place.class != ROW_PARKED &&
                    lanes & LANE_SET(m->row.place.lane) && !(source_bit(m) & q->barred) &&
                    m->row.place.due.ms < next)
                        next = m->row.place.due.ms;
        }
        return next;
}

static int wait(Queue *queue, LaneSet lanes, Wall now, int64_t timeout_us)
{
        const int64_t longest = (int64_t)86400 * 1000000, start = mono_us();
        const int64_t end = start + (timeout_us < 0 || timeout_us > longest ? longest : timeout_us);
        QueueMem *q = queue_mem(queue);
        uint64_t n_wake_all;
        int r = 0;

        pthread_mutex_lock(&q->lock);
        n_wake_all = q->n_wake_all;
        for (;;) {
                MemRow *firsts[_LANE_N] = { NULL };
                int64_t at = mono_us(), until = end, next;

                if (q->closed) {
                        r = QUEUE_E_CLOSED;
                        break;
                }
                if (q->n_wake_all != n_wake_all || at >= end ||
                    find_due(q, q->barred, wall_add(now, (at - start) / 1000), lanes, firsts))
                        break;
                next = next_due_ms(q, lanes);
                if (next != INT64_MAX && start + (next - now.ms) * 1000 + 1000 < until)
                        until = start + (next - now.ms) * 1000 + 1000;
                wait_until(&q->changed, &q->lock, (Mono){ until });
        }
        pthread_mutex_unlock(&q->lock);
        return r;
}

static MemRow *find_lease(QueueMem *q, const Lease *lease)
{
        ObjectKey key = { lease->change.source, lease->change.id };
        MemRow *m = mem_row(q, &key);

        return m && m->token && m->token == lease->token ? m : NULL;
}

typedef enum End {
        END_ACK,
        END_RETRY,
        END_PARK,
        END_NOTE,
} End;

static int end_lease(QueueMem *q, End end, const Lease *lease, Wall not_before, const char *reason,
                     const Commit *c)
{
        bool is_left = true, hurry;
        MemRow *m;
        Row row;

        m = find_lease(q, lease);
        if (!m)
                return QUEUE_E_GONE;
        if (c->batch && !mem_writes_hold(q, c->batch->writes, c->batch->n_writes))
                return QUEUE_E_STALE;
        if (end == END_NOTE) {
                mem_apply(q, c->batch, false, lease->change.lane, c->now, c->outcome, NULL, NULL);
                return 0;
        }
        /* References that this very batch removes are not ready any more: as the durable backend, links
         * first. */
        for (size_t i = 0; c->batch && i < c->batch->n_links; i++) {
                const LinkWrite *l = &c->batch->links[i];

                links_write(q, l->table, l->verb, l->key, l->n_key, &l->id);
        }
        hurry = mem_count_ready(q, m->key) >= ROW_LINK_MANY;
        row = m->row;
        switch (end) {
        case END_RETRY:
                q->stats.n_retried++;
                row_retry(&row, m->generation, lease->tries, not_before, reason, c->now, q->next++, hurry);
                break;
        case END_PARK:
                q->stats.n_parked++;
                row_park(&row, m->generation, lease->tries, reason, c->due, c->due_lane, c->now, q->next++,
                         hurry);
                break;
        default:
                q->stats.n_acked++;
                rests_set(&q->rests, m->key, c->rest_until, c->now);
                is_left = row_ack(&row, m->generation, c->now, q->next++, hurry, c->rest_until);
                if (!is_left && c->due.ms) {
                        row_date(&row, c->due, c->due_lane, c->now, q->next++);
                        is_left = true;
                }
                break;
        }
        mem_apply(q, c->batch, false, lease->change.lane, c->now, c->outcome, m, is_left ? &row : NULL);
        return 0;
}

static int locked_end(Queue *queue, End end, const Lease *lease, Wall not_before, const char *reason,
                      const Commit *c)
{
        QueueMem *q = queue_mem(queue);
        int r;

        pthread_mutex_lock(&q->lock);
        r = end_lease(q, end, lease, not_before, reason, c);
        pthread_mutex_unlock(&q->lock);
        return r;
}

static int ack(Queue *queue, const Lease *lease, const Commit *c)
{
        return locked_end(queue, END_ACK, lease, (Wall){ 0 }, NULL, c);
}

static int retry(Queue *queue, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        return locked_end(queue, END_RETRY, lease, not_before, reason, c);
}

static int park(Queue *queue, const Lease *lease, const char *reason, const Commit *c)
{
        return locked_end(queue, END_PARK, lease, (Wall){ 0 }, reason, c);
}

static int note(Queue *queue, const Lease *lease, const Commit *c)
{
        return locked_end(queue, END_NOTE, lease, (Wall){ 0 }, NULL, c);
}

static int release(Queue *queue, const Lease *lease)
{
        QueueMem *q = queue_mem(queue);
        MemRow *m;

        pthread_mutex_lock(&q->lock);
        m = find_lease(q, lease);
        if (m) {
                m->token = 0;
                m->in_doubt = lease->in_doubt;
                pthread_cond_broadcast(&q->changed);
        }
        pthread_mutex_unlock(&q->lock);
        return m ? 0 : QUEUE_E_GONE;
}

static bool is_overtaken(Queue *queue, const Lease *lease)
{
        QueueMem *q = queue_mem(queue);
        const MemRow *m;
        bool is_overtaken;

        pthread_mutex_lock(&q->lock);
        m = find_lease(q, lease);
        is_overtaken = m && row_is_overtaken(&m->row, m->generation);
        pthread_mutex_unlock(&q->lock);
        return is_overtaken;
}

static int unpark(Queue *queue, const ObjectKey *key, Wall now)
{
        QueueMem *q = queue_mem(queue);
        MemRow *m;

        pthread_mutex_lock(&q->lock);
        m = mem_row(q, key);
        if (m && !m->token) {
                Row row = m->row;

                row_unpark(&row, now, q->next++);
                mem_row_set(m, &row);
                pthread_cond_broadcast(&q->changed);
        }
        pthread_mutex_unlock(&q->lock);
        return m ? 0 : QUEUE_E_NONE;
}

static int drop(Queue *queue, const ObjectKey *key)
{
        QueueMem *q = queue_mem(queue);
        MemRow *m;
        int r = 0;

        pthread_mutex_lock(&q->lock);
        m = mem_row(q, key);
        if (!m)
                r = QUEUE_E_NONE;
        else if (m->token)
                r = QUEUE_E_GONE;
        else
                mem_row_free(q, m);
        pthread_mutex_unlock(&q->lock);
        return r;
}

static int outcomes_done(Queue *queue, uint64_t up_to)
{
        QueueMem *q = queue_mem(queue);
        size_t n = 0;

        pthread_mutex_lock(&q->lock);
        while (n < q->n_outcomes && q->outcomes[n].sequence <= up_to)
                free(q->outcomes[n++].data);
        if (n)
                memmove(q->outcomes, q->outcomes + n, (q->n_outcomes - n) * sizeof(*q->outcomes));
        q->n_outcomes -= n;
        pthread_mutex_unlock(&q->lock);
        return 0;
}

static void tell_time(Queue *queue, Wall now)
{
        QueueMem *q = queue_mem(queue);
        bool is_back;

        pthread_mutex_lock(&q->lock);
        is_back = setback_look(&q->latest, now);
        if (is_back)
                q->doubt = q->next;
        pthread_mutex_unlock(&q->lock);
        if (is_back)
                queue_wake_all(queue, false);
}

static void wake_all(Queue *queue, bool closing)
{
        QueueMem *q = queue_mem(queue);

        pthread_mutex_lock(&q->lock);
        q->closed = q->closed || closing;
        q->n_wake_all++;
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
}

static Space *space(Queue *queue)
{
        return &queue_mem(queue)->space.space;
}

static Queue *mem_free(Queue *queue)
{
        QueueMem *q = queue_mem(queue);

        for (KeyNode *i = keymap_next(&q->rows, NULL); i; i = keymap_next(&q->rows, NULL))
                mem_row_free(q, keymap_entry(i, MemRow, node));
        keymap_deinit(&q->rows);
        rests_deinit(&q->rests);
        cells_deinit(&q->cells);
        cells_deinit(&q->positions);
        links_deinit(q);
        for (size_t i = 0; i < q->n_outcomes; i++)
                free(q->outcomes[i].data);
        free(q->outcomes);
        claims_deinit(&q->claims);
        pthread_cond_destroy(&q->changed);
        pthread_mutex_destroy(&q->lock);
        free(q);
        return NULL;
}

static const QueueOps queue_mem_ops = {
        .name = "mem",
        .put = put,
        .lease = lease,
        .lease_of = lease_of,
        .lease_object = lease_object,
        .bar = bar,
        .wait = wait,
        .ack = ack,
        .retry = retry,
        .park = park,
        .note = note,
        .release = release,
        .is_overtaken = is_overtaken,
        .unpark = unpark,
        .drop = drop,
        .position = mem_position,
        .has = mem_has,
        .list = mem_list,
        .outcomes = mem_outcomes,
        .outcomes_done = outcomes_done,
        .stats = mem_stats,
        .tell_time = tell_time,
        .wake_all = wake_all,
        .space = space,
        .free = mem_free,
};

/**
 * queue_mem_new() - a queue in memory
 *
 * Return: 0.
 */
int queue_mem_new(Queue **ret_queue)
{
        QueueMem *q = calloc(1, sizeof(*q));

        if (!q)
                error_oom(sizeof(*q));
        q->queue.ops = &queue_mem_ops;
        q->space.space.ops = &space_mem_ops;
        q->space.q = q;
        q->next = 1;
        claims_init(&q->claims);
        pthread_mutex_init(&q->lock, NULL);
        wait_init(&q->changed);
        keymap_init(&q->rows);
        rests_init(&q->rests);
        keymap_init(&q->cells);
        keymap_init(&q->positions);
        keymap_init(&q->links);
        keymap_init(&q->counts);
        *ret_queue = &q->queue;
        return 0;
}
