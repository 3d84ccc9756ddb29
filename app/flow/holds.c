/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/holds.h"

#include "base/error.h"
#include "base/pack.h"
#include "engine/space/memo.h"

#include <string.h>

#define MEMO_NAME    "target.holds"
#define MEMO_VERSION 1

/* One moment, told by both clocks again and again, is not the same to the millisecond. */
#define SAME_MS ((int64_t)1000)

/* What is stored, and when it was (0: by an older program). What cannot be read holds nobody back: the
 * service says it again. */
static int read_memo(Space *space, Wall ret_until[_LIMITER_SCOPE_N], Wall *ret_at)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall until[_LIMITER_SCOPE_N], at;
        const uint8_t *data;
        PackReader reader;
        size_t n, n_fields, n_more;
        int r = memo_read(space, MEMO_NAME, a, &data, &n, NULL);

        if (r)
                return r == SPACE_E_NONE ? 0 : error_fold(r);
        unpack_init(&reader, data, n);
        n_fields = unpack_array(&reader);
        unpack_version(&reader, MEMO_VERSION);
        for (int i = 0; i < _LIMITER_SCOPE_N; i++)
                until[i].ms = unpack_int(&reader);
        n_more = n_fields > 1 + _LIMITER_SCOPE_N ? n_fields - 1 - _LIMITER_SCOPE_N : 0;
        at.ms = n_more ? unpack_int(&reader) : 0;
        unpack_skip(&reader, n_more ? n_more - 1 : 0);
        if (unpack_end(&reader) == 0) {
                memcpy(ret_until, until, sizeof(until));
                *ret_at = at;
        }
        return 0;
}

static int write_memo(Queue *queue, const Wall until[_LIMITER_SCOPE_N], Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        PackWriter w;
        const uint8_t *data;
        size_t n;
        int r;

        pack_init(&w);
        pack_array(&w, 1 + _LIMITER_SCOPE_N + 1);
        pack_int(&w, MEMO_VERSION);
        for (int i = 0; i < _LIMITER_SCOPE_N; i++)
                pack_int(&w, until[i].ms);
        pack_int(&w, now.ms);
        data = pack_data(&w, &n);
        space_batch_init(&batch, a);
        memo_write(&batch, MEMO_NAME, data, n, SPACE_ANY);
        r = queue_put(queue, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = now });
        pack_deinit(&w);
        return r;
}

int holds_init(Holds *h, Queue *queue, Limiter *limiter, const Clock *clock)
{
        Mono now = clock_mono(clock);
        Wall wall = clock_wall(clock), until[_LIMITER_SCOPE_N] = { 0 }, at = { 0 };
        int r;

        *h = (Holds){ .queue = queue, .limiter = limiter, .clock = clock };
        pthread_mutex_init(&h->lock, NULL);
        r = read_memo(queue_space(queue), until, &at);
        if (r || wall.ms + SAME_MS < at.ms)
                return r;
        for (int i = 0; i < _LIMITER_SCOPE_N; i++) {
                int64_t left = until[i].ms - wall.ms;

                if (left <= 0 || left > HOLDS_MAX_MS)
                        continue;
                limiter_hold(limiter, (LimiterScope)i, mono_add(now, left * 1000));
                h->stored[i] = until[i];
        }
        return 0;
}

void holds_save(Holds *h)
{
        Mono now = clock_mono(h->clock);
        Wall wall = clock_wall(h->clock), until[_LIMITER_SCOPE_N];
        bool is_news = false;

        pthread_mutex_lock(&h->lock);
        for (int i = 0; i < _LIMITER_SCOPE_N; i++) {
                Mono held = limiter_held(h->limiter, (LimiterScope)i, now);
                int64_t left = held.us ? (held.us - now.us + 999) / 1000 : 0;

                until[i] = left >= HOLDS_MIN_MS && left <= HOLDS_MAX_MS ? wall_add(wall, left) : h->stored[i];
                is_news |= until[i].ms > h->stored[i].ms + SAME_MS;
        }
        if (is_news && write_memo(h->queue, until, wall) == 0)
                for (int i = 0; i < _LIMITER_SCOPE_N; i++)
                        h->stored[i] = until[i];
        pthread_mutex_unlock(&h->lock);
}

void holds_deinit(Holds *h)
{
        if (!h->queue)
                return;
        holds_save(h);
        pthread_mutex_destroy(&h->lock);
        *h = (Holds){ 0 };
}
