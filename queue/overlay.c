/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/overlay.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum {
        KIND_ROW,
        KIND_LINK,
};

void overlay_init(Overlay *o)
{
        keymap_init(&o->map);
}

void overlay_deinit(Overlay *o)
{
        keymap_deinit(&o->map);
}

static size_t make_key(int kind, unsigned table, const void *key, size_t n_key, uint8_t *buf)
{
        buf[0] = (uint8_t)kind;
        buf[1] = (uint8_t)table;
        memcpy(buf + 2, key, n_key);
        return n_key + 2;
}

static OverlayKey *find(const Overlay *o, int kind, unsigned table, const void *key, size_t n_key)
{
        uint8_t buf[2 + SPACE_KEY_MAX];
        KeyNode *node;

        if (o->map.n == 0)
                return NULL;
        node = keymap_find(&o->map, buf, make_key(kind, table, key, n_key, buf));
        return node ? keymap_entry(node, OverlayKey, node) : NULL;
}

static void add(Overlay *o, Pending *p, int kind, unsigned table, const void *key, size_t n_key)
{
        uint8_t buf[2 + SPACE_KEY_MAX];
        size_t n = make_key(kind, table, key, n_key, buf);
        KeyNode *node = keymap_find(&o->map, buf, n);
        OverlayKey *at;

        if (node) {
                at = keymap_entry(node, OverlayKey, node);
        } else {
                at = calloc(1, sizeof(*at));
                if (!at)
                        error_oom(sizeof(*at));
                list_init(&at->writes);
                memcpy(at->key, buf, n);
                at->n_key = n;
                keymap_add(&o->map, &at->node, at->key, n);
        }
        p->at = at;
        list_push(&at->writes, &p->link);
}

void overlay_add_row(Overlay *o, Pending *p, const SpaceWrite *w)
{
        p->row = w;
        add(o, p, KIND_ROW, w->table, w->key, w->n_key);
}

void overlay_add_link(Overlay *o, Pending *p, const LinkWrite *w)
{
        p->links = w;
        add(o, p, KIND_LINK, w->table, w->key, w->n_key);
}

void overlay_remove(Overlay *o, Pending *p)
{
        OverlayKey *at = p->at;

        list_remove(&p->link);
        p->at = NULL;
        if (list_is_empty(&at->writes)) {
                keymap_remove(&o->map, &at->node);
                free(at);
        }
}

const Pending *overlay_row(const Overlay *o, SpaceTable table, const void *key, size_t n_key,
                           bool settled_only)
{
        OverlayKey *at = find(o, KIND_ROW, table, key, n_key);

        if (!at)
                return NULL;
        for (List *i = at->writes.prev; i != &at->writes; i = i->prev) {
                const Pending *p = list_entry(i, Pending, link);

                if (p->settled || !settled_only)
                        return p;
        }
        return NULL;
}

typedef struct Verdict {
        ObjectId id;
        bool is_there;
        size_t order;
} Verdict;

static int by_id_then_order(const void *a, const void *b)
{
        const Verdict *x = a, *y = b;
        int c = guid_compare(&x->id, &y->id);

        return c ? c : (x->order > y->order) - (x->order < y->order);
}

/**
 * overlay_links() - what the settled writes in line make of an owner's links
 *
 * The last word on each id counts; what was said before a clear does not.
 */
bool overlay_links(const Overlay *o, LinkTable table, const void *key, size_t n_key, const ObjectId *one,
                   Arena *a, OverlayLinks *ret_links)
{
        OverlayKey *at = find(o, KIND_LINK, table, key, n_key);
        OverlayLinks links = { 0 };
        Verdict *verdicts;
        ObjectId *ids;
        bool *is_there;
        size_t n = 0, n_max = 0;

        if (!at)
                return false;
        list_for_each (i, &at->writes)
                n_max++;
        verdicts = arena_new_array(a, Verdict, n_max);
        list_for_each (i, &at->writes) {
                const Pending *p = list_entry(i, Pending, link);

                if (!p->settled)
                        continue;
                if (p->links->verb == LINK_CLEAR) {
                        links.cleared = true;
                        n = 0;
                } else if (!one || guid_is(one, &p->links->id)) {
                        verdicts[n] = (Verdict){ p->links->id, p->links->verb == LINK_ADD, n };
                        n++;
                }
        }
        if (n == 0 && !links.cleared)
                return false;
        if (n > 1)
                qsort(verdicts, n, sizeof(*verdicts), by_id_then_order);
        ids = arena_new_array(a, ObjectId, n);
        is_there = arena_new_array(a, bool, n);
        for (size_t i = 0; i < n; i++) {
                if (links.n == 0 || !guid_is(&ids[links.n - 1], &verdicts[i].id))
                        links.n++;
                ids[links.n - 1] = verdicts[i].id;
                is_there[links.n - 1] = verdicts[i].is_there;
        }
        links.ids = ids;
        links.is_there = is_there;
        *ret_links = links;
        return true;
}
