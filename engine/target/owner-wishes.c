/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/owner-internal.h"

/* How long a request that is under way may keep its slot, as a guess for whoever waits for it. */
#define UNDER_WAY_US ((int64_t)2 * 1000000)

/* FNV-1a over what is wanted. */
uint64_t owner_wish_hash(const Op *ops, size_t n, Arena *a)
{
        uint64_t h = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < n; i++) {
                char link[GUID_TEXT_MAX];
                const char *value = ops[i].kind == OP_SET ? value_text(a, ops[i].value, 4096) : "";
                const char *s = arena_printf(a, "%d %s=%s %s;", (int)ops[i].kind,
                                             ops[i].attribute ? ops[i].attribute : "", value,
                                             guid_format(&ops[i].link, link));

                for (; *s; s++)
                        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
        }
        return h;
}

OwnerWish *owner_wish(OwnerWishes *w, const ObjectId *id, uint64_t hash, Mono now)
{
        OwnerWish *row = &w->rows[0];

        for (size_t i = 0; i < OWNER_WISHES_MAX; i++) {
                if (guid_is(&w->rows[i].id, id)) {
                        row = &w->rows[i];
                        break;
                }
                if (w->rows[i].seen.us < row->seen.us)
                        row = &w->rows[i];
        }
        if (!guid_is(&row->id, id) || row->hash != hash)
                *row = (OwnerWish){ .id = *id, .hash = hash };
        row->seen = now;
        return row;
}

void owner_wish_forget(OwnerWishes *w, const ObjectId *id)
{
        for (size_t i = 0; i < OWNER_WISHES_MAX; i++)
                if (guid_is(&w->rows[i].id, id))
                        w->rows[i] = (OwnerWish){ 0 };
}

size_t owner_wishes_waiting(const OwnerWishes *w, Mono now)
{
        size_t n = 0;

        for (size_t i = 0; i < OWNER_WISHES_MAX; i++)
                n += w->rows[i].seen.us && !w->rows[i].asked.us &&
                     now.us - w->rows[i].seen.us < OWNER_WAITS_US;
        return n;
}

int64_t owner_slots_take(OwnerSlots *s, Mono now, size_t *ret_slot)
{
        int64_t wait = INT64_MAX;

        for (size_t i = 0; i < s->n; i++) {
                int64_t rest = s->slots[i].left.us ? s->slots[i].left.us + s->window_us - now.us : 0;

                if (s->slots[i].out) {
                        rest = UNDER_WAY_US;
                } else if (rest <= 0) {
                        s->slots[i].out = true;
                        *ret_slot = i;
                        return 0;
                }
                wait = rest < wait ? rest : wait;
        }
        return s->n ? wait : 0;
}

void owner_slots_end(OwnerSlots *s, size_t slot, Mono left)
{
        if (slot >= s->n)
                return;
        s->slots[slot].out = false;
        if (left.us)
                s->slots[slot].left = left;
}
