/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "queue/overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static SpaceWrite row(const char *key)
{
        SpaceWrite w = { .table = SPACE_MEMO, .n_key = strlen(key), .data = (const uint8_t *)"x", .n = 1 };

        memcpy(w.key, key, w.n_key);
        return w;
}

/* Reads see what cannot fail any more; checks see everything. */
static void test_rows(void **state)
{
        SpaceWrite w[3] = { row("a"), row("a"), row("b") };
        Pending p[3] = { { .serial = 1, .settled = true }, { .serial = 2 }, { .serial = 3 } };
        Overlay o;

        overlay_init(&o);
        for (int i = 0; i < 3; i++)
                overlay_add_row(&o, &p[i], &w[i]);
        assert_ptr_equal(overlay_row(&o, SPACE_MEMO, "a", 1, true), &p[0]);
        assert_ptr_equal(overlay_row(&o, SPACE_MEMO, "a", 1, false), &p[1]);
        assert_null(overlay_row(&o, SPACE_MEMO, "b", 1, true));
        assert_ptr_equal(overlay_row(&o, SPACE_MEMO, "b", 1, false), &p[2]);
        assert_null(overlay_row(&o, SPACE_HEAD, "a", 1, false));
        assert_null(overlay_row(&o, SPACE_MEMO, "c", 1, false));
        overlay_remove(&o, &p[0]);
        assert_null(overlay_row(&o, SPACE_MEMO, "a", 1, true));
        overlay_remove(&o, &p[1]);
        assert_null(overlay_row(&o, SPACE_MEMO, "a", 1, false));
        overlay_remove(&o, &p[2]);
        assert_int_equal(o.map.n, 0);
        overlay_deinit(&o);
}

typedef struct Links {
        LinkWrite w[8];
        Pending p[8];
        size_t n;
} Links;

static void say(Overlay *o, Links *l, LinkVerb verb, uint8_t id, bool settled)
{
        LinkWrite *w = &l->w[l->n];

        *w = (LinkWrite){ .table = LINK_CLOUD, .verb = verb, .key = "k", .n_key = 1, .id = { { id } } };
        l->p[l->n].settled = settled;
        overlay_add_link(o, &l->p[l->n++], w);
}

/* The last word on each id counts, and a clear is the last word on all before it. */
static void test_links(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectId five = { { 5 } }, nine = { { 9 } };
        OverlayLinks found;
        Links l = { 0 };
        Overlay o;

        overlay_init(&o);
        assert_false(overlay_links(&o, LINK_CLOUD, "k", 1, NULL, a, &found));
        say(&o, &l, LINK_ADD, 9, false);
        assert_false(overlay_links(&o, LINK_CLOUD, "k", 1, NULL, a, &found));
        say(&o, &l, LINK_ADD, 5, true);
        say(&o, &l, LINK_REMOVE, 3, true);
        say(&o, &l, LINK_REMOVE, 5, true);
        assert_true(overlay_links(&o, LINK_CLOUD, "k", 1, NULL, a, &found));
        assert_false(found.cleared);
        assert_int_equal(found.n, 2);
        assert_int_equal(found.ids[0].bytes[0], 3);
        assert_int_equal(found.ids[1].bytes[0], 5);
        assert_false(found.is_there[0]);
        assert_false(found.is_there[1]);
        say(&o, &l, LINK_CLEAR, 0, true);
        say(&o, &l, LINK_ADD, 5, true);
        assert_true(overlay_links(&o, LINK_CLOUD, "k", 1, NULL, a, &found));
        assert_true(found.cleared);
        assert_int_equal(found.n, 1);
        assert_true(found.is_there[0]);
        assert_true(overlay_links(&o, LINK_CLOUD, "k", 1, &five, a, &found));
        assert_int_equal(found.n, 1);
        assert_true(overlay_links(&o, LINK_CLOUD, "k", 1, &nine, a, &found));
        assert_true(found.cleared);
        assert_int_equal(found.n, 0);
        while (l.n > 0)
                overlay_remove(&o, &l.p[--l.n]);
        assert_int_equal(o.map.n, 0);
        overlay_deinit(&o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_links),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
