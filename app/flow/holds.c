/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/holds.h"

#include "base/error.h"
#include "engine/space/memo.h"

#include <string.h>

#define MEMO_NAME "target.holds"

static const MemoShape shape = { .version = 1, .n_fields = _LIMITER_SCOPE_N + 1 };

/* One moment, told by both clocks again and again, is not the same to the millisecond. */
#define SAME_MS ((int64_t)1000)

/* What is stored, and when it was (0: by an older program). What cannot be read holds nobody back: the
 * service says it again. */
static int read_memo(Space *space, Wall ret_until[_LIMITER_SCOPE_N], Wall *ret_at)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall until[_LIMITER_SCOPE_N], at;
        MemoReader m;
        int r = memo_open(space, MEMO_NAME, &shape, a, &m, NULL);

        if (r)
                return r == SPACE_E_NONE ? 0 : error_fold(r);
        for (int i = 0; i < _LIMITER_SCOPE_N; i++)
                until[i].ms = unpack_int(&m.pack);
        at.ms = m.n_fields > _LIMITER_SCOPE_N ? unpack_int(&m.pack) : 0;
        if (memo_close(&m) == 0) {
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

        memo_begin(&w, &shape);
        for (int i = 0; i < _LIMITER_SCOPE_N; i++)
                pack_int(&w, until[i].ms);
        pack_int(&w, now.ms);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, MEMO_NAME, SPACE_ANY);
        return queue_put_batch(queue, &batch, now);
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
