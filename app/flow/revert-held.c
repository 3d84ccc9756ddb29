/* SPDX-License-Identifier: Apache-2.0 */

/* The objects that revert holds: who they are, and letting them go. */

#include "app/flow/revert-page.h"
#include "app/flow/revert.h"
#include "base/error.h"
#include "engine/model/dn.h"

#include <errno.h>

typedef struct Listing {
        json_t *list;
        size_t max;
        Arena *arena;
} Listing;

static int list_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Listing *l = context;
        Hold h = { .dn = "" };
        char since[WALL_TEXT_MAX];
        json_t *left = json_array();

        arena_reset(l->arena);
        if (hold_unpack(l->arena, row->data, row->n, &h))
                h.why = "damaged";
        for (size_t i = 0; i < h.n_left; i++)
                json_array_append_new(left, json_string(h.left[i]));
        json_array_append_new(l->list, json_pack("{s:s?, s:s, s:s?, s:s?, s:I, s:o}", "dn", h.dn, "since",
                                                 wall_format(h.since, since), "why", h.why, "by", h.by,
                                                 "waiting", (json_int_t)h.n_wants, "left", left));
        return json_array_size(l->list) >= l->max;
}

json_t *revert_list(Queue *q, size_t max)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Listing l = { .list = json_array(), .max = max, .arena = a };
        Space *s = queue_space(q);

        if (s->ops->walk(s, SPACE_HOLD, NULL, 0, list_one, &l) == 0)
                return l.list;
        json_decref(l.list);
        return NULL;
}

typedef struct Releasing {
        Queue *queue;
        Space *space;
        const Dn *dn; /* NULL: all */
        RevertPage *page;
        Arena *arena;
        Wall now;
        int n, r;
} Releasing;

static int release_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Releasing *l = context;
        uint64_t serial;
        ObjectKey object;
        const Dn *dn;
        Head head;
        Hold h;

        arena_reset(l->arena);
        if (!object_key_unpack(key, n_key, &object) ||
            space_read_head(l->space, &object, l->arena, &head, &serial, NULL))
                return 0;
        if (l->dn && (hold_unpack(l->arena, row->data, row->n, &h) || !h.dn ||
                      dn_parse(l->arena, h.dn, &dn, NULL) || !dn_is(dn, l->dn)))
                return 0;
        space_delete(&l->page->batch, SPACE_HOLD, key, n_key);
        head.hash = (Hash128){ 0 };
        space_write_head(&l->page->batch, &object, &head, serial);
        revert_page_add(l->page, &object, head.dn, NULL, l->now);
        l->n++;
        l->r = l->page->n == REVERT_PAGE ? revert_page_put(l->page, l->queue, l->now) : 0;
        return l->r != 0;
}

int revert_release(Queue *q, const char *dn, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *b = arena_new(0), *c = arena_new(0);
        Releasing l = { .queue = q, .space = queue_space(q), .arena = b, .now = now };
        int r;

        if (dn && dn_parse(a, dn, &l.dn, NULL))
                return -EINVAL;
        l.page = arena_new_of(a, RevertPage);
        l.page->arena = c;
        revert_page_begin(l.page);
        r = l.space->ops->walk(l.space, SPACE_HOLD, NULL, 0, release_one, &l);
        if (r == 0)
                r = l.r;
        if (r == 0)
                r = revert_page_put(l.page, q, now);
        return r == REVERT_E_FULL ? -ENOSPC : r ? error_fold(r) : l.n;
}
