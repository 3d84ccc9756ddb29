/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/brakes/brakes.h"

#include "base/str.h"

#include <string.h>

/* -- windows ------------------------------------------------------------------------------------------- */

static int64_t slot_length(const BrakeLimits *l, Brake brake)
{
        int64_t ms = l->of[brake].window_us / 1000 / (BRAKE_SLOTS - 1);

        return ms > 0 ? ms : 1;
}

/* Forget the slots that have left the window. One slot more than the window has is kept, so that the oldest
 * counts until the whole of it is out. */
static void advance(BrakeWindow *w, int64_t slot_ms, Wall now)
{
        int64_t number = now.ms / slot_ms, first = number - BRAKE_SLOTS + 1;

        /* Another length, or a clock that was set back by a window: what was counted cannot be placed any
         * more. It counts from now on, whole. */
        if (w->slot_ms && (w->slot_ms != slot_ms || number < w->first)) {
                uint64_t sum = 0;

                for (size_t i = 0; i < BRAKE_SLOTS; i++)
                        sum += w->slots[i];
                *w = (BrakeWindow){ .first = first, .slot_ms = slot_ms };
                w->slots[number % BRAKE_SLOTS] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
                return;
        }
        if (!w->slot_ms || first >= w->first + BRAKE_SLOTS)
                *w = (BrakeWindow){ .first = first, .slot_ms = slot_ms };
        for (; w->first < first; w->first++)
                w->slots[w->first % BRAKE_SLOTS] = 0;
}

static uint64_t used(const BrakeWindow *w)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < BRAKE_SLOTS; i++)
                sum += w->slots[i];
        return sum;
}

static uint32_t *slot_of(BrakeWindow *w, Wall at)
{
        int64_t number = at.ms / w->slot_ms;

        return number >= w->first && number < w->first + BRAKE_SLOTS ? &w->slots[number % BRAKE_SLOTS] : NULL;
}

/* Only cleared values are counted by type: 2 % of the groups are not 2 % of the users. */
static BrakeWindow *window_of(Brakes *b, Brake brake, BrakeType type)
{
        return &b->windows[brake][brake == BRAKE_VALUES ? type : 0];
}

int64_t brake_limit(const Brakes *b, const BrakeLimits *l, Brake brake, BrakeType type)
{
        int64_t least = l->of[brake].limit;
        double share = l->share * (double)b->known[type];

        return brake == BRAKE_VALUES && share > (double)least ? (int64_t)share : least;
}

/* -- brakes -------------------------------------------------------------------------------------------- */

void brakes_init(Brakes *b)
{
        *b = (Brakes){ .on = 0 };
        pthread_mutex_init(&b->lock, NULL);
}

void brakes_deinit(Brakes *b)
{
        pthread_mutex_destroy(&b->lock);
}

static bool counts(const BrakeLimits *l, const Effects *e, BrakeSet released, int brake)
{
        return e->n[brake] && !((l->off_set | released) & BRAKE_SET(brake));
}

bool brakes_count(const BrakeLimits *l, const Effects *e, BrakeSet released)
{
        for (int i = 0; i < _BRAKE_N; i++)
                if (counts(l, e, released, i))
                        return true;
        return false;
}

BrakeSet brakes_take(Brakes *b, const BrakeLimits *l, const Effects *e, BrakeSet released, Wall now,
                     BrakeSet *ret_tripped)
{
        BrakeSet refuse = 0;

        *ret_tripped = 0;
        pthread_mutex_lock(&b->lock);
        for (int i = 0; i < _BRAKE_N; i++) {
                BrakeWindow *w = window_of(b, (Brake)i, e->type);

                if (!counts(l, e, released, i))
                        continue;
                advance(w, slot_length(l, (Brake)i), now);
                if (!(b->on & BRAKE_SET(i)) &&
                    used(w) + e->n[i] > (uint64_t)brake_limit(b, l, (Brake)i, e->type)) {
                        b->on |= BRAKE_SET(i);
                        b->since[i] = now;
                        *ret_tripped |= BRAKE_SET(i);
                }
                refuse |= b->on & BRAKE_SET(i);
        }
        for (int i = 0; i < _BRAKE_N && !refuse; i++)
                if (counts(l, e, released, i))
                        *slot_of(window_of(b, (Brake)i, e->type), now) += e->n[i];
        pthread_mutex_unlock(&b->lock);
        return refuse;
}

bool brakes_give_back(Brakes *b, const BrakeLimits *l, const Effects *e, BrakeSet released, Wall taken)
{
        bool moved = false;

        pthread_mutex_lock(&b->lock);
        for (int i = 0; i < _BRAKE_N; i++) {
                BrakeWindow *w = window_of(b, (Brake)i, e->type);
                uint32_t *slot = counts(l, e, released, i) && w->slot_ms ? slot_of(w, taken) : NULL;

                moved |= slot && *slot;
                if (slot)
                        *slot -= *slot < e->n[i] ? *slot : e->n[i];
        }
        pthread_mutex_unlock(&b->lock);
        return moved;
}

void brakes_know(Brakes *b, BrakeType type, int64_t n)
{
        pthread_mutex_lock(&b->lock);
        b->known[type] += n;
        if (b->known[type] < 0)
                b->known[type] = 0;
        pthread_mutex_unlock(&b->lock);
}

BrakeSet brakes_release(Brakes *b, BrakeSet brakes)
{
        BrakeSet were;

        pthread_mutex_lock(&b->lock);
        were = b->on & brakes;
        b->on &= ~brakes;
        for (int i = 0; i < _BRAKE_N; i++)
                if (brakes & BRAKE_SET(i)) {
                        memset(b->windows[i], 0, sizeof(b->windows[i]));
                        b->since[i] = (Wall){ 0 };
                }
        pthread_mutex_unlock(&b->lock);
        return were;
}

void brakes_status(Brakes *b, const BrakeLimits *l, Wall now, BrakeStatus ret_status[_BRAKE_N])
{
        pthread_mutex_lock(&b->lock);
        for (int i = 0; i < _BRAKE_N; i++) {
                BrakeStatus *s = &ret_status[i];

                *s = (BrakeStatus){
                        .off = l->off_set & BRAKE_SET(i),
                        .on = b->on & BRAKE_SET(i),
                        .since = b->since[i],
                        .used = -1,
                        .window_us = l->of[i].window_us,
                };
                for (int t = 0; t < _BRAKE_TYPE_N; t++) {
                        BrakeWindow *w = &b->windows[i][t];
                        int64_t limit = brake_limit(b, l, (Brake)i, (BrakeType)t), n;

                        if (w->slot_ms)
                                advance(w, slot_length(l, (Brake)i), now);
                        n = (int64_t)used(w);
                        if (s->used < 0 || n * s->limit > s->used * limit) {
                                s->used = n;
                                s->limit = limit;
                        }
                }
        }
        pthread_mutex_unlock(&b->lock);
}

/* -- names --------------------------------------------------------------------------------------------- */

static const struct {
        const char *name, *code, *effect;
} names[_BRAKE_N] = {
        [BRAKE_DISABLE] = { "disable", "BrakeDisable", "accounts turned off" },
        [BRAKE_MEMBERS] = { "members", "BrakeMembers", "members removed from groups" },
        [BRAKE_VALUES] = { "values", "BrakeValues", "objects with a value cleared" },
        [BRAKE_CREATE] = { "create", "BrakeCreate", "objects created" },
};

const char *brake_name(Brake brake)
{
        return names[brake].name;
}

const char *brake_code(Brake brake)
{
        return names[brake].code;
}

const char *brake_effect(Brake brake)
{
        return names[brake].effect;
}

bool brake_parse(const char *name, Brake *ret_brake)
{
        for (int i = 0; i < _BRAKE_N; i++)
                if (str_is(names[i].name, name)) {
                        *ret_brake = (Brake)i;
                        return true;
                }
        return false;
}

bool brake_of_code(const char *code, Brake *ret_brake)
{
        for (int i = 0; i < _BRAKE_N; i++)
                if (str_is(names[i].code, code)) {
                        *ret_brake = (Brake)i;
                        return true;
                }
        return false;
}
