/* SPDX-License-Identifier: Apache-2.0 */

/* The filter group: what happens while it is read, and after a death on the way. All else: tests/scenario. */

#include "app/reconcile/filter-group.h"

#include "engine/source/source-mem.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PILOT "CN=pilot,DC=contoso,DC=test"
#define OTHER "CN=other,DC=contoso,DC=test"

typedef struct Office {
        Arena *arena;
        Queue *queue;
        QueueOps ops;
        const QueueOps *whole;
        unsigned n_puts; /* that are stored; the next finds the process dead */
        SourceMem *directory;
        Source source; /* in front of `inner` */
        Source *inner;
        void (*during)(struct Office *o); /* between the read and its answer */
} Office;

static Office *office; /* a Source and a Queue have no room for it */

static ObjectId id_of(unsigned n)
{
        return (ObjectId){ .bytes = { (uint8_t)(n >> 8), (uint8_t)n, 1 } };
}

/* A group with members from..to-1. */
static void put_group(Office *o, unsigned id, const char *dn, unsigned from, unsigned to)
{
        ObjectId group = id_of(id), *ids = arena_new_array(o->arena, ObjectId, to - from + 1);
        SourceLinks links = { .attribute = "member", .ids = ids, .n_ids = to - from };
        ObjectBuilder b;

        for (unsigned i = from; i < to; i++)
                ids[i - from] = id_of(i);
        object_build(&b, o->arena);
        object_add(&b, "objectGUID", value_bytes(group.bytes, sizeof(group.bytes)));
        source_mem_put(o->directory, &(SourceEntry){
                                             .object = object_finish(&b, &group, "group", dn),
                                             .links = &links,
                                             .n_links = 1,
                                     });
}

static int read_group(Source *s, const SourceQuery *q, Arena *a, SourceEntry *ret_entry, Diag *diag)
{
        int r = source_read(office->inner, q, a, ret_entry, diag);

        if (office->during)
                office->during(office);
        office->during = NULL;
        return r;
}

static int put(Queue *q, const Intake *in)
{
        return office->n_puts-- == 0 ? -EIO : office->whole->put(q, in);
}

static int open_office(void **state)
{
        static const SourceOps ops = { .name = "front", .read = read_group };
        Office *o = calloc(1, sizeof(*o));

        office = o;
        o->arena = arena_new(0);
        assert_int_equal(queue_mem_new(&o->queue), 0);
        o->whole = o->queue->ops;
        o->ops = *o->whole;
        o->ops.put = put;
        o->queue->ops = &o->ops;
        o->n_puts = UINT_MAX;
        o->directory = source_mem_new(&(SourceInfo){ .name = "contoso.test", .base = "DC=contoso,DC=test" });
        o->inner = source_mem_open(o->directory);
        o->source.ops = &ops;
        *state = o;
        return 0;
}

static int close_office(void **state)
{
        Office *o = *state;

        source_free(o->inner);
        source_mem_free(o->directory);
        queue_free(o->queue);
        arena_free(o->arena);
        free(o);
        return 0;
}

static void note(Office *o)
{
        SpaceBatch batch;
        const Dn *dn;

        space_batch_init(&batch, o->arena);
        assert_int_equal(dn_parse(o->arena, PILOT, &dn, NULL), 0);
        assert_true(watched_group_note(&(WatchedGroup){ .dn = PILOT, .name = "filter" }, 0, dn, &batch));
        assert_int_equal(queue_put(o->queue, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes }),
                         0);
}

static int work(Office *o, const char *dn, size_t *ret_added, size_t *ret_removed)
{
        const WatchedGroup g = { .dn = dn, .name = "filter", .links = "scope.group_filter" };

        return watched_group_work(o->queue, &o->source, &g, 0, (Wall){ 1000 }, ret_added, ret_removed, NULL);
}

static bool has(Office *o, const char *dn, unsigned member)
{
        FilterGroup f;
        ObjectId id = id_of(member);
        bool is_member = false;

        assert_int_equal(filter_group_open(queue_space(o->queue), dn, 0, &f, o->arena), 0);
        assert_int_equal(filter_group_has(queue_space(o->queue), &f, &id, &is_member), 0);
        return is_member;
}

static void second_member(Office *o)
{
        put_group(o, 1, PILOT, 10, 12);
        note(o);
}

/* It changes after it was read, and before that is stored: the note of that change is not taken for ours. */
static void test_changes_while_read(void **state)
{
        Office *o = *state;
        size_t added, removed;

        put_group(o, 1, PILOT, 10, 10);
        assert_int_equal(work(o, PILOT, &added, &removed), 0);
        put_group(o, 1, PILOT, 10, 11);
        note(o);
        o->during = second_member;
        assert_int_equal(work(o, PILOT, &added, &removed), 0);
        assert_int_equal(added, 1);
        assert_int_equal(work(o, PILOT, &added, &removed), 0);
        assert_int_equal(added, 1);
        assert_true(has(o, PILOT, 11));
        assert_int_equal(work(o, PILOT, &added, &removed), 0);
        assert_int_equal(added, 0);
}

/* Another group becomes the filter, and the process dies half-way: who has gone is still found. */
static void test_other_group_in_two_lives(void **state)
{
        Office *o = *state;
        size_t added, removed;

        put_group(o, 1, PILOT, 10, 2010);
        put_group(o, 2, OTHER, 2000, 4000);
        assert_int_equal(work(o, PILOT, &added, &removed), 0);
        for (unsigned lives = 1; lives < 6; lives++) {
                o->n_puts = lives;
                assert_int_equal(work(o, OTHER, &added, &removed), -EIO);
        }
        o->n_puts = UINT_MAX;
        assert_int_equal(work(o, OTHER, &added, &removed), 0);
        assert_int_equal(added, 1990);
        assert_int_equal(removed, 1990);
        assert_false(has(o, OTHER, 10));
        assert_true(has(o, OTHER, 2005));
        assert_true(has(o, OTHER, 3999));
        assert_false(has(o, PILOT, 10));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_changes_while_read, open_office, close_office),
                cmocka_unit_test_setup_teardown(test_other_group_in_two_lives, open_office, close_office),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
