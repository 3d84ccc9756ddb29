/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/brake-store.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MEMO "brakes"
#define PAGE 500

typedef struct Census {
        Space *space;
        int64_t n[_BRAKE_TYPE_N];
        Arena *arena;
} Census;

static int count_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Census *c = context;
        ObjectId id;
        Cloud cloud;

        (void)row;
        if (n_key != sizeof(id.bytes))
                return 0;
        memcpy(id.bytes, key, sizeof(id.bytes));
        arena_reset(c->arena);
        if (space_read_cloud(c->space, &id, c->arena, &cloud, NULL, NULL) == 0)
                c->n[str_is(cloud.type, "group") ? BRAKE_GROUP : BRAKE_USER]++;
        return 0;
}

static int take_census(Brakes *b, Space *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Census census = { .space = s, .arena = a };
        int r = s->ops->walk(s, SPACE_CLOUD, NULL, 0, count_one, &census);

        for (int t = 0; t < _BRAKE_TYPE_N; t++)
                brakes_know(b, (BrakeType)t, census.n[t]);
        return error_fold(r);
}

/* Return: 0, SPACE_E_NONE (nothing that can be read: they stay as they are), -errno. */
static int load(BrakeStore *s, uint64_t *ret_serial)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        size_t n;
        int r = memo_read(queue_space(s->queue), MEMO, a, &data, &n, ret_serial);

        if (r == 0 && brakes_unpack(&s->counters, data, n))
                return SPACE_E_NONE;
        return r;
}

static void pack(BrakeStore *s, SpaceBatch *batch, uint64_t serial)
{
        PackWriter w;
        const uint8_t *data;
        size_t n;

        pack_init(&w);
        brakes_pack(&s->counters, &w);
        data = pack_data(&w, &n);
        memo_write(batch, MEMO, data, n, serial);
        pack_deinit(&w);
}

void brake_store_save(BrakeStore *s, SpaceBatch *batch)
{
        if (!s->is_shared)
                pack(s, batch, SPACE_ANY);
}

/* Return: 0, QUEUE_E_STALE (others have stored theirs), -errno. */
static int store(BrakeStore *s, uint64_t serial, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        int r;

        space_batch_init(&batch, a);
        pack(s, &batch, serial);
        r = queue_put(s->queue, &(Intake){
                                        .writes = batch.writes,
                                        .n_writes = batch.n_writes,
                                        .checked = true,
                                        .now = now,
                                });
        if (r == QUEUE_E_STALE)
                return r;
        return r > 0 ? error_origin(r == QUEUE_E_FULL ? -ENOSPC : -EAGAIN) : r;
}

/* What this node has not said yet goes with it. Under the lock. Return: as store(). */
static int change_once(BrakeStore *s, Wall now, bool (*change)(Brakes *b, void *context), void *context)
{
        int64_t known[_BRAKE_TYPE_N];
        uint64_t serial = 0;
        bool moved = false;
        int r = load(s, &serial);

        if (r < 0)
                return r;
        for (int t = 0; t < _BRAKE_TYPE_N; t++) {
                known[t] = atomic_exchange(&s->n_known[t], 0);
                brakes_know(&s->counters, (BrakeType)t, known[t]);
                moved |= known[t] != 0;
        }
        moved |= change(&s->counters, context);
        r = moved ? store(s, serial, now) : 0;
        for (int t = 0; r && t < _BRAKE_TYPE_N; t++)
                atomic_fetch_add(&s->n_known[t], known[t]);
        return r;
}

int brake_store_change(BrakeStore *s, Wall now, bool (*change)(Brakes *b, void *context), void *context)
{
        int r;

        if (!s->is_shared) {
                change(&s->counters, context);
                return 0;
        }
        pthread_mutex_lock(&s->lock);
        do
                r = change_once(s, now, change, context);
        while (r == QUEUE_E_STALE);
        pthread_mutex_unlock(&s->lock);
        return r;
}

static bool say_only(Brakes *b, void *context)
{
        return false;
}

void brake_store_know(BrakeStore *s, BrakeType type, int64_t n, Wall now)
{
        /* What cannot be said now is said with the next. */
        if (llabs(atomic_fetch_add(&s->n_known[type], n) + n) >= KNOWN_MAX)
                brake_store_change(s, now, say_only, NULL);
}

void brake_store_look(BrakeStore *s)
{
        uint64_t serial;

        /* Whoever has the lock reads it himself, and may wait for a server. */
        if (!s->is_shared || pthread_mutex_trylock(&s->lock))
                return;
        load(s, &serial);
        pthread_mutex_unlock(&s->lock);
}

int brake_store_init(BrakeStore *s, Queue *q, Wall now)
{
        uint64_t serial = 0;
        int r;

        *s = (BrakeStore){ .queue = q, .is_shared = q->ops->role != NULL };
        brakes_init(&s->counters);
        pthread_mutex_init(&s->lock, NULL);
        r = load(s, &serial);
        if (r != SPACE_E_NONE)
                return r;
        r = take_census(&s->counters, queue_space(q));
        if (r || !s->is_shared)
                return r;
        r = store(s, serial, now); /* another node was quicker: it has counted the same */
        return r == QUEUE_E_STALE ? 0 : r;
}

void brake_store_deinit(BrakeStore *s, Wall now)
{
        bool is_owing = false;

        for (int t = 0; s->is_shared && t < _BRAKE_TYPE_N; t++)
                is_owing |= atomic_load(&s->n_known[t]) != 0;
        if (is_owing)
                brake_store_change(s, now, say_only, NULL);
        brakes_deinit(&s->counters);
        pthread_mutex_destroy(&s->lock);
}

/* One page of the queue. */
typedef struct Page {
        Arena *arena;
        QueueItem *items;
        size_t n;
        ObjectKey after;
        bool first;
} Page;

static int next_page(Queue *q, Page *p)
{
        int r;

        arena_reset(p->arena);
        r = queue_list(q, p->first ? NULL : &p->after, PAGE, p->arena, &p->items, &p->n);
        p->first = false;
        if (r || !p->n)
                return error_fold(r);
        p->after =
                (ObjectKey){ .source = p->items[p->n - 1].change.source, .id = p->items[p->n - 1].change.id };
        return 0;
}

static bool is_held(const QueueItem *item, Brake *ret_brake)
{
        return item->state == QUEUE_PARKED && brake_of_code(item->reason, ret_brake);
}

/* All of one page that the brake holds. */
static int let_go(Queue *q, const Page *p, Brake brake, bool drop, Wall now, int *n_done)
{
        Change *changes = arena_new_array(p->arena, Change, p->n + 1);
        size_t n = 0;
        int r;

        for (size_t i = 0; i < p->n; i++) {
                const Change *c = &p->items[i].change;
                Brake by;

                if (!is_held(&p->items[i], &by) || by != brake)
                        continue;
                if (drop) {
                        r = queue_drop(q, &(ObjectKey){ .source = c->source, .id = c->id });
                        if (r < 0)
                                return r;
                        *n_done += r == 0;
                        continue;
                }
                changes[n] = *c;
                changes[n++].released |= BRAKE_SET(brake);
        }
        if (!n)
                return 0;
        r = queue_put(q, &(Intake){ .changes = changes, .n_changes = n, .now = now });
        if (r)
                return queue_errno(r);
        *n_done += (int)n;
        return 0;
}

static bool release(Brakes *b, void *context)
{
        brakes_release(b, *(const BrakeSet *)context);
        return true;
}

/* What is planned from now on is judged anew; then what was held goes. */
static int release_counters(BrakeStore *s, Brake brake, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        BrakeSet set = BRAKE_SET(brake);
        SpaceBatch batch;
        int r;

        if (s->is_shared)
                return brake_store_change(s, now, release, &set);
        space_batch_init(&batch, a);
        pthread_mutex_lock(&s->lock);
        release(&s->counters, &set);
        pack(s, &batch, SPACE_ANY);
        r = queue_put_batch(s->queue, &batch, now);
        pthread_mutex_unlock(&s->lock);
        return r;
}

int brake_store_release(BrakeStore *s, Brake brake, bool drop, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Page page = { .arena = a, .first = true };
        int r = release_counters(s, brake, now), n = 0;

        do {
                if (r == 0)
                        r = next_page(s->queue, &page);
                if (r == 0)
                        r = let_go(s->queue, &page, brake, drop, now, &n);
        } while (r == 0 && page.n);
        return r ? error_fold(r) : n;
}

int brake_store_count(Queue *q, size_t ret_held[_BRAKE_N])
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Page page = { .arena = a, .first = true };
        int r;

        memset(ret_held, 0, _BRAKE_N * sizeof(*ret_held));
        do {
                r = next_page(q, &page);
                for (size_t i = 0; r == 0 && i < page.n; i++) {
                        Brake by;

                        if (is_held(&page.items[i], &by))
                                ret_held[by]++;
                }
        } while (r == 0 && page.n);
        return r;
}

static size_t count_rows(Queue *q, Wall now)
{
        QueueStats s;
        size_t n = 0;

        if (queue_stats(q, now, &s))
                return SIZE_MAX;
        for (int lane = 0; lane < _LANE_N; lane++)
                for (int state = 0; state < _QUEUE_STATE_N; state++)
                        n += s.n[lane][state];
        return n;
}

void brake_view_look(Brakes *b, const BrakeLimits *limits, Wall now, BrakeView *ret_view)
{
        *ret_view = (BrakeView){ 0 };
        brakes_status(b, limits, now, ret_view->status);
        for (int i = 0; i < _BRAKE_N; i++)
                ret_view->on |= ret_view->status[i].on ? BRAKE_SET(i) : 0;
        ret_view->counted = !ret_view->on;
}

void brake_view_count(Queue *q, Wall now, BrakeView *v)
{
        v->counted = count_rows(q, now) <= BRAKE_COUNT_MAX && brake_store_count(q, v->n_held) == 0;
}

void brake_store_view(Queue *q, Brakes *b, const BrakeLimits *limits, Wall now, BrakeView *ret_view)
{
        brake_view_look(b, limits, now, ret_view);
        if (ret_view->on)
                brake_view_count(q, now, ret_view);
}
