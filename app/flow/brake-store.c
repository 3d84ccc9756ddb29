/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/brake-store.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <errno.h>
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

int brake_store_load(Brakes *b, Space *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Census census = { .space = s, .arena = a };
        const uint8_t *data;
        size_t n;
        int r = memo_read(s, MEMO, a, &data, &n, NULL);

        if (r == 0 && brakes_unpack(b, data, n) == 0)
                return 0;
        if (r < 0)
                return r;
        r = s->ops->walk(s, SPACE_CLOUD, NULL, 0, count_one, &census);
        for (int t = 0; t < _BRAKE_TYPE_N; t++)
                brakes_know(b, (BrakeType)t, census.n[t]);
        return error_fold(r);
}

void brake_store_save(Brakes *b, SpaceBatch *batch)
{
        PackWriter w;
        const uint8_t *data;
        size_t n;

        pack_init(&w);
        brakes_pack(b, &w);
        data = pack_data(&w, &n);
        memo_write(batch, MEMO, arena_memdup(batch->arena, data, n), n, SPACE_ANY);
        pack_deinit(&w);
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
                return r == QUEUE_E_FULL ? -ENOSPC : error_fold(r);
        *n_done += (int)n;
        return 0;
}

int brake_store_release(Brakes *b, Queue *q, Brake brake, bool drop, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Page page = { .arena = a, .first = true };
        SpaceBatch batch;
        int r, n = 0;

        /* What is planned from now on is judged anew; then what was held goes. */
        brakes_release(b, BRAKE_SET(brake));
        space_batch_init(&batch, a);
        brake_store_save(b, &batch);
        r = queue_put(q, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = now });
        do {
                if (r == 0)
                        r = next_page(q, &page);
                if (r == 0)
                        r = let_go(q, &page, brake, drop, now, &n);
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
