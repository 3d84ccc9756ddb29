/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/mem.h"

#include <stdlib.h>
#include <string.h>

int mem_position(Queue *queue, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        QueueMem *q = (QueueMem *)queue;
        const Cell *cell;

        pthread_mutex_lock(&q->lock);
        cell = cell_find(&q->positions, feed, strlen(feed));
        if (cell) {
                *ret_data = arena_memdup(a, cell->data, cell->n);
                *ret_n = cell->n;
        }
        pthread_mutex_unlock(&q->lock);
        return cell ? 0 : QUEUE_E_NONE;
}

static QueueState state_of(const MemRow *m)
{
        if (m->token)
                return QUEUE_LEASED;
        switch (m->row.place.class) {
        case ROW_DELAYED:
                return QUEUE_DELAYED;
        case ROW_PARKED:
        case ROW_PARKED_DATED:
                return QUEUE_PARKED;
        case ROW_DATED:
                return QUEUE_DATED;
        default:
                return QUEUE_READY;
        }
}

static int by_key(const void *a, const void *b)
{
        const MemRow *const *x = a, *const *y = b;

        return memcmp((*x)->key, (*y)->key, OBJECT_KEY_SIZE);
}

int mem_has(Queue *queue, const ObjectKey *key, bool *ret_has)
{
        QueueMem *q = (QueueMem *)queue;
        uint8_t packed[OBJECT_KEY_SIZE];

        object_key_pack(key, packed);
        pthread_mutex_lock(&q->lock);
        *ret_has = keymap_find(&q->rows, packed, sizeof(packed)) != NULL;
        pthread_mutex_unlock(&q->lock);
        return 0;
}

int mem_list(Queue *queue, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items, size_t *ret_n)
{
        QueueMem *q = (QueueMem *)queue;
        uint8_t from[OBJECT_KEY_SIZE];
        QueueItem *items;
        MemRow **rows;
        size_t n_rows = 0, n = 0;

        if (after)
                object_key_pack(after, from);
        pthread_mutex_lock(&q->lock);
        rows = arena_new_array(a, MemRow *, q->rows.n);
        for (KeyNode *i = keymap_next(&q->rows, NULL); i; i = keymap_next(&q->rows, i)) {
                MemRow *m = keymap_entry(i, MemRow, node);

                if (!after || memcmp(m->key, from, sizeof(from)) > 0)
                        rows[n_rows++] = m;
        }
        if (n_rows > 1)
                qsort(rows, n_rows, sizeof(MemRow *), by_key);
        if (max > n_rows)
                max = n_rows;
        items = arena_new_array(a, QueueItem, max);
        for (; n < max; n++) {
                const Row *row = &rows[n]->row;
                QueueItem *item = &items[n];

                *item = (QueueItem){
                        .change = row_change(row),
                        .state = state_of(rows[n]),
                        .tries = row->tries,
                        .queued = row->queued,
                        .reason = arena_strdup(a, row->reason),
                };
                item->change.lane = row->place.lane;
                item->change.dn = arena_strdup(a, item->change.dn);
                item->change.by = arena_strdup(a, item->change.by);
                if (item->state == QUEUE_DELAYED || item->state == QUEUE_DATED ||
                    (item->state == QUEUE_PARKED && row->place.class == ROW_PARKED_DATED))
                        item->due = row->place.due;
        }
        pthread_mutex_unlock(&q->lock);
        *ret_items = items;
        *ret_n = n;
        return 0;
}

int mem_outcomes(Queue *queue, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n)
{
        QueueMem *q = (QueueMem *)queue;
        OutcomeRow *rows;
        size_t n = 0;

        pthread_mutex_lock(&q->lock);
        rows = arena_new_array(a, OutcomeRow, max < q->n_outcomes ? max : q->n_outcomes);
        for (size_t i = 0; i < q->n_outcomes && n < max; i++) {
                const MemOutcome *o = &q->outcomes[i];

                if (o->sequence > after)
                        rows[n++] = (OutcomeRow){ .sequence = o->sequence,
                                                  .data = arena_memdup(a, o->data, o->n),
                                                  .n = o->n };
        }
        pthread_mutex_unlock(&q->lock);
        *ret_rows = rows;
        *ret_n = n;
        return 0;
}

int mem_stats(Queue *queue, Wall now, QueueStats *ret_stats)
{
        QueueMem *q = (QueueMem *)queue;
        const Row *first[_LANE_N] = { NULL };
        QueueStats st;

        (void)now;
        pthread_mutex_lock(&q->lock);
        st = q->stats;
        for (KeyNode *i = keymap_next(&q->rows, NULL); i; i = keymap_next(&q->rows, i)) {
                const MemRow *m = keymap_entry(i, MemRow, node);
                QueueState state = state_of(m);
                /* In work: the lane of the lease, whatever has arrived since. */
                uint8_t lane = state == QUEUE_LEASED ? m->row.change.lane : m->row.place.lane;

                st.n[lane][state]++;
                if (state == QUEUE_READY &&
                    (!first[lane] || m->row.place.due.ms < first[lane]->place.due.ms ||
                     (m->row.place.due.ms == first[lane]->place.due.ms &&
                      m->row.place.sequence < first[lane]->place.sequence)))
                        first[lane] = &m->row;
        }
        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                if (first[lane])
                        st.oldest[lane] = row_change(first[lane]).seen;
        }
        st.n_waiting_edges = q->n_links[LINK_WAIT];
        st.n_ready_edges = q->n_links[LINK_READY];
        st.n_outcomes = q->n_outcomes;
        pthread_mutex_unlock(&q->lock);
        *ret_stats = st;
        return 0;
}
