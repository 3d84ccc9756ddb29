/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "engine/source/source-mem.h"

static const ObjectId ada_id = { { 1 } }, bob_id = { { 2 } }, group_id = { { 3 } }, server = { { 9 } };

typedef struct Fixture {
        SourceMem *mem;
        Source *source;
        Arena *arena;
        Diag diag;
} Fixture;

static void put(Fixture *f, const ObjectId *id, const char *dn, uint64_t usn, bool deleted,
                const SourceLinks *links, size_t n_links)
{
        ObjectBuilder b;

        object_build(&b, f->arena);
        object_add(&b, "objectClass", value_string("user"));
        object_add(&b, "displayName", value_string("A name"));
        object_add(&b, "title", value_string("A title"));
        source_mem_put(f->mem, &(SourceEntry){
                                       .object = object_finish(&b, id, NULL, dn),
                                       .version = { .server = server, .number = usn },
                                       .deleted = deleted,
                                       .links = links,
                                       .n_links = n_links,
                               });
}

static int setup(void **state)
{
        static Fixture f;
        const ObjectId members[] = { bob_id, ada_id, bob_id };
        const SourceLinks links = { .attribute = "member", .ids = members, .n_ids = 3, .n_unknown = 1 };

        memset(&f, 0, sizeof(f));
        f.arena = arena_new(0);
        f.mem = source_mem_new(
                &(SourceInfo){ .name = "corp", .domain_fqdn = "corp.test", .server_id = server });
        f.source = source_mem_open(f.mem);
        put(&f, &ada_id, "CN=Ada,DC=test", 7, false, NULL, 0);
        put(&f, &group_id, "CN=Group,DC=test", 8, false, &links, 1);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        diag_deinit(&f->diag);
        source_free(f->source);
        source_mem_free(f->mem);
        arena_free(f->arena);
        return 0;
}

static void test_reads_what_was_asked_for(void **state)
{
        static const char *const attributes[] = { "title" };
        Fixture *f = *state;
        SourceEntry e;

        assert_int_equal(
                source_read(f->source,
                            &(SourceQuery){ .id = &ada_id, .attributes = attributes, .n_attributes = 1 },
                            f->arena, &e, &f->diag),
                0);
        assert_string_equal(object_text(e.object, "title"), "A title");
        assert_non_null(object_find(e.object, "objectClass"));
        assert_null(object_find(e.object, "displayName"));
        assert_string_equal(e.object->dn, "CN=Ada,DC=test");
        assert_int_equal(e.version.number, 7);
        assert_int_equal(source_mem_reads(f->mem), 1);
}

static void test_reads_by_dn_without_case(void **state)
{
        Fixture *f = *state;
        SourceEntry e;

        assert_int_equal(
                source_read(f->source, &(SourceQuery){ .dn = "cn=ada,dc=TEST" }, f->arena, &e, &f->diag), 0);
        assert_true(guid_is(&e.object->id, &ada_id));
}

static void test_deleted_is_found_by_id_only(void **state)
{
        Fixture *f = *state;
        SourceEntry e;

        put(f, &ada_id, "CN=Ada,DC=test", 9, true, NULL, 0);
        assert_int_equal(source_read(f->source, &(SourceQuery){ .id = &ada_id }, f->arena, &e, &f->diag), 0);
        assert_true(e.deleted);
        assert_int_equal(
                source_read(f->source, &(SourceQuery){ .dn = "CN=Ada,DC=test" }, f->arena, &e, &f->diag),
                SOURCE_E_NOT_FOUND);
}

static void test_links_are_sorted_and_unique(void **state)
{
        static const char *const links[] = { "member" };
        Fixture *f = *state;
        SourceEntry e;

        assert_int_equal(source_read(f->source,
                                     &(SourceQuery){ .id = &group_id, .links = links, .n_links = 1 },
                                     f->arena, &e, &f->diag),
                         0);
        assert_int_equal(e.n_links, 1);
        assert_int_equal(e.links[0].n_ids, 2);
        assert_true(guid_is(&e.links[0].ids[0], &ada_id));
        assert_true(guid_is(&e.links[0].ids[1], &bob_id));
        assert_int_equal(e.links[0].n_unknown, 1);
}

static void test_older_than_the_change_is_stale(void **state)
{
        Fixture *f = *state;
        SourceQuery q = { .id = &ada_id, .at_least = { .server = server, .number = 8 } };
        SourceEntry e;

        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), SOURCE_E_STALE);
        q.at_least.number = 7;
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), 0);
        q.at_least = (Version){ .server = { { 8 } }, .number = 1000 };
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), 0);
}

static void test_membership(void **state)
{
        static const ObjectId stranger = { { 77 } };
        Fixture *f = *state;
        bool member = false;

        assert_int_equal(source_is_member(f->source, "CN=Group,DC=test", &bob_id, &member, &f->diag), 0);
        assert_true(member);
        assert_int_equal(source_is_member(f->source, "CN=Group,DC=test", &stranger, &member, &f->diag), 0);
        assert_false(member);
        assert_int_equal(source_is_member(f->source, "CN=None,DC=test", &bob_id, &member, &f->diag),
                         SOURCE_E_NOT_FOUND);
}

static void test_fails_as_often_as_asked(void **state)
{
        Fixture *f = *state;
        SourceQuery q = { .id = &ada_id };
        SourceInfo info;
        SourceEntry e;

        source_mem_fail(f->mem, SOURCE_E_UNREACHABLE, 2, "the cable is out");
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), SOURCE_E_UNREACHABLE);
        assert_string_equal(diag_text(&f->diag), "the cable is out");
        assert_int_equal(source_info(f->source, &info, &f->diag), SOURCE_E_UNREACHABLE);
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), 0);

        source_mem_fail_object(f->mem, &ada_id, SOURCE_E_TOO_LARGE, 0, NULL);
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), SOURCE_E_TOO_LARGE);
        put(f, &ada_id, "CN=Ada,DC=test", 10, false, NULL, 0);
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), SOURCE_E_TOO_LARGE);
        source_mem_fail_object(f->mem, &ada_id, 0, 0, NULL);
        assert_int_equal(source_read(f->source, &q, f->arena, &e, &f->diag), 0);
        assert_int_equal(e.version.number, 10);
}

static void test_removed_is_not_found(void **state)
{
        Fixture *f = *state;
        SourceEntry e;

        source_mem_remove(f->mem, &ada_id);
        assert_int_equal(source_read(f->source, &(SourceQuery){ .id = &ada_id }, f->arena, &e, &f->diag),
                         SOURCE_E_NOT_FOUND);
        assert_non_null(strstr(diag_text(&f->diag), "not visible to this account"));
}

static void test_info(void **state)
{
        Fixture *f = *state;
        SourceInfo info;

        assert_int_equal(source_info(f->source, &info, &f->diag), 0);
        assert_string_equal(info.domain_fqdn, "corp.test");
        assert_null(info.server);
}

typedef struct Listed {
        size_t n_pages, n_items, stop_at;
        ObjectId copies[8];
} Listed;

static int take_page(void *context, const SourceItem *items, size_t n)
{
        Listed *l = context;

        l->n_pages++;
        for (size_t i = 0; i < n; i++)
                l->copies[l->n_items++] = items[i].id;
        return l->stop_at && l->n_items >= l->stop_at ? 77 : 0;
}

static void test_lists_below_by_class_in_pages(void **state)
{
        static const char *const user[] = { "user" }, *const group[] = { "group" };
        Fixture *f = *state;
        Listed l = { 0 };

        put(f, &bob_id, "CN=Bob,OU=Sub,DC=test", 9, false, NULL, 0);
        put(f, &(ObjectId){ { 4 } }, "CN=Gone,DC=test", 9, true, NULL, 0);
        assert_int_equal(source_list(f->source, &(SourceList){ .classes = user, .n_classes = 1, .page = 2 },
                                     take_page, &l, &f->diag),
                         0);
        assert_int_equal(l.n_items, 3);
        assert_int_equal(l.n_pages, 2);

        l = (Listed){ 0 };
        assert_int_equal(source_list(f->source, &(SourceList){ .below = &bob_id }, take_page, &l, &f->diag),
                         0);
        assert_int_equal(l.n_items, 1);
        assert_true(guid_is(&l.copies[0], &bob_id));

        l = (Listed){ 0 };
        assert_int_equal(source_list(f->source, &(SourceList){ .classes = group, .n_classes = 1 }, take_page,
                                     &l, &f->diag),
                         0);
        assert_int_equal(l.n_pages, 0);
        assert_int_equal(
                source_list(f->source, &(SourceList){ .dn = "OU=None,DC=test" }, take_page, &l, &f->diag),
                SOURCE_E_NOT_FOUND);
}

static void test_listing_ends_when_told_to(void **state)
{
        Fixture *f = *state;
        Listed l = { .stop_at = 1 };

        assert_int_equal(source_list(f->source, &(SourceList){ .page = 1 }, take_page, &l, &f->diag), 77);
        assert_int_equal(l.n_pages, 1);
        source_mem_fail(f->mem, SOURCE_E_CUT_OFF, 1, "lost");
        assert_int_equal(source_list(f->source, &(SourceList){ 0 }, take_page, &l, &f->diag),
                         SOURCE_E_CUT_OFF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_reads_what_was_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reads_by_dn_without_case, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deleted_is_found_by_id_only, setup, teardown),
                cmocka_unit_test_setup_teardown(test_links_are_sorted_and_unique, setup, teardown),
                cmocka_unit_test_setup_teardown(test_older_than_the_change_is_stale, setup, teardown),
                cmocka_unit_test_setup_teardown(test_membership, setup, teardown),
                cmocka_unit_test_setup_teardown(test_fails_as_often_as_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed_is_not_found, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lists_below_by_class_in_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_listing_ends_when_told_to, setup, teardown),
                cmocka_unit_test_setup_teardown(test_info, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
