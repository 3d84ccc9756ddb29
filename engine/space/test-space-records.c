/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "engine/space/space-records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const ObjectId id_a = { { 1, 2, 3 } }, id_b = { { 9 } };

static const Object *example_object(Arena *a)
{
        ObjectBuilder b;

        object_build(&b, a);
        object_add(&b, "displayName", value_string("Ada Lovelace"));
        object_add(&b, "employeeId", value_int(1815));
        return object_finish(&b, &id_a, "user", "CN=Ada");
}

static const Head example_head = {
        .parent = { { 7 } },
        .dn = "CN=Ada,OU=corp",
        .type = "user",
        .in_scope = true,
        .account_enabled = true,
        .version = { { { 4 } }, 5000 },
        .hash = { UINT64_MAX, 1 },
        .metaverse = { { 8 } },
        .imported = { 12345 },
        .gone = { 12350 },
};

static void test_head(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        PackWriter w;
        Head h;
        size_t n;

        pack_init(&w);
        head_pack(&w, &example_head);
        data = pack_data(&w, &n);
        assert_int_equal(head_unpack(a, data, n, &h), 0);
        assert_memory_equal(&h.parent, &example_head.parent, sizeof(h.parent));
        assert_string_equal(h.dn, example_head.dn);
        assert_string_equal(h.type, "user");
        assert_true(h.in_scope);
        assert_false(h.deleted);
        assert_true(h.account_enabled);
        assert_int_equal(h.version.number, 5000);
        assert_true(h.hash.low == UINT64_MAX && h.hash.high == 1);
        assert_int_equal(h.metaverse.bytes[0], 8);
        assert_int_equal(h.imported.ms, 12345);
        assert_int_equal(h.gone.ms, 12350);
        pack_deinit(&w);
}

static void test_import(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Object *o;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        import_pack(&w, example_object(a));
        data = pack_data(&w, &n);
        assert_int_equal(import_unpack(a, data, n, &o), 0);
        assert_string_equal(object_text(o, "displayName"), "Ada Lovelace");
        assert_string_equal(o->dn, "CN=Ada");
        pack_deinit(&w);
}

static void test_person(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectKey joined[2] = { { 0, { { 1 } } }, { 513, { { 2 } } } };
        Person p = { .type = "person",
                     .anchor = "abc=",
                     .cloud = id_b,
                     .joined = joined,
                     .n_joined = 2,
                     .flowed = (const uint8_t *)"\0\1\2",
                     .n_flowed = 3,
                     .rules_version = "r",
                     .given = (const char *const[]){ "mail", "title" },
                     .n_given = 2,
                     .waiting = &joined[1],
                     .n_waiting = 1 };
        Person found;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        person_pack(&w, &p);
        data = pack_data(&w, &n);
        assert_int_equal(person_unpack(a, data, n, &found), 0);
        assert_string_equal(found.anchor, "abc=");
        assert_int_equal(found.n_joined, 2);
        assert_int_equal(found.joined[1].source, 513);
        assert_int_equal(found.joined[1].id.bytes[0], 2);
        assert_int_equal(found.n_flowed, 3);
        assert_memory_equal(found.flowed, "\0\1\2", 3);
        assert_true(guid_is(&found.cloud, &id_b));
        assert_int_equal(found.n_given, 2);
        assert_string_equal(found.given[1], "title");
        assert_int_equal(found.n_waiting, 1);
        assert_int_equal(found.waiting[0].source, 513);
        pack_deinit(&w);
}

/* As it was before the names of what was given were noted: [1, type, anchor, cloud, joined, flowed, version].
 */
static void test_person_without_given(void **state)
{
        static const uint8_t old[] = { 0x97, 0x01, 0xa1, 'p', 0xa1, 'a',  0xc4, 0x10, 0,    0,
                                       0,    0,    0,    0,   0,    0,    0,    0,    0,    0,
                                       0,    0,    0,    0,   0x90, 0xc4, 0x01, 7,    0xa1, 'r' };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Person found;

        assert_int_equal(person_unpack(a, old, sizeof(old), &found), 0);
        assert_string_equal(found.rules_version, "r");
        assert_null(found.given);
        assert_int_equal(found.n_waiting, 0);
}

static Cloud example_cloud(Arena *a, CloudWrite writes[2])
{
        writes[0] = (CloudWrite){ .attribute = "title", .before = value_string("Countess"), .at = { 5 } };
        writes[1] = (CloudWrite){ .attribute = "mail", .before = VALUE_NULL, .at = { 6 } };
        return (Cloud){ .metaverse = id_a,
                        .type = "user",
                        .anchor = "abc=",
                        .object = example_object(a),
                        .writes = writes,
                        .n_writes = 2,
                        .imported = { 7 },
                        .links_imported = { 8 },
                        .created = { 9 },
                        .disabled_by_us = true };
}

/* A cloud row as it was before the last word was noted: [1, metaverse, type, anchor, no object, no writes,
 * imported, links imported, created, facts, no contests]. Who was disabled by us was one whose last word was
 * said. */
static void test_old_cloud(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t old[] = { 0x9b, 0x01, 0xc4, 0x10, 0,    0,   0,    0,   0,    0,    0, 0, 0, 0,    0,   0,
                          0,    0,    0,    0,    0xa1, 'u', 0xa1, 'a', 0xc0, 0x90, 7, 8, 9, 0x02, 0x90 };
        Cloud found;

        assert_int_equal(cloud_unpack(a, old, sizeof(old), &found), 0);
        assert_true(found.disabled_by_us);
        assert_true(found.last_word);
        old[sizeof(old) - 2] = 0x04;
        assert_int_equal(cloud_unpack(a, old, sizeof(old), &found), 0);
        assert_true(found.role_assignable);
        assert_false(found.last_word);
}

static void test_cloud(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        CloudWrite writes[2];
        Cloud c = example_cloud(a, writes), found;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        cloud_pack(&w, &c);
        data = pack_data(&w, &n);
        assert_int_equal(cloud_unpack(a, data, n, &found), 0);
        assert_string_equal(object_text(found.object, "displayName"), "Ada Lovelace");
        assert_int_equal(found.n_writes, 2);
        assert_string_equal(found.writes[0].attribute, "title");
        assert_true(value_is(found.writes[0].before, writes[0].before));
        assert_true(value_is_none(found.writes[1].before));
        assert_int_equal(found.writes[1].at.ms, 6);
        assert_int_equal(found.links_imported.ms, 8);
        assert_int_equal(found.created.ms, 9);
        assert_true(found.disabled_by_us);
        assert_false(found.last_word);
        assert_false(found.mastered_elsewhere);
        assert_false(found.role_assignable);

        /* Without an object: written before it was ever read. */
        c.object = NULL;
        c.role_assignable = true;
        c.last_word = true;
        c.disabled_by_us = false;
        pack_reset(&w);
        cloud_pack(&w, &c);
        data = pack_data(&w, &n);
        assert_int_equal(cloud_unpack(a, data, n, &found), 0);
        assert_null(found.object);
        assert_true(found.role_assignable);
        assert_true(found.last_word);
        assert_false(found.disabled_by_us);
        pack_deinit(&w);
}

static void test_intent(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Intent i = { .anchor = "abc=", .type = "group", .request_id = "r-1", .tries = 2, .at = { 77 } },
               found;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        pack_init(&w);
        intent_pack(&w, &i);
        data = pack_data(&w, &n);
        assert_int_equal(intent_unpack(a, data, n, &found), 0);
        assert_string_equal(found.type, "group");
        assert_string_equal(found.request_id, "r-1");
        assert_int_equal(found.tries, 2);
        assert_int_equal(found.at.ms, 77);
        pack_deinit(&w);
}

/* Every kind of record, packed, with a reader of its own. */
typedef struct Kind {
        const char *name;
        void (*pack)(PackWriter *w, Arena *a);
        int (*unpack)(Arena *a, const void *data, size_t n);
} Kind;

static void pack_a_head(PackWriter *w, Arena *a)
{
        head_pack(w, &example_head);
}

static int unpack_a_head(Arena *a, const void *data, size_t n)
{
        Head h;

        return head_unpack(a, data, n, &h);
}

static void pack_an_import(PackWriter *w, Arena *a)
{
        import_pack(w, example_object(a));
}

static int unpack_an_import(Arena *a, const void *data, size_t n)
{
        const Object *o;

        return import_unpack(a, data, n, &o);
}

static void pack_a_person(PackWriter *w, Arena *a)
{
        ObjectKey joined = { 1, id_a };

        person_pack(w, &(Person){ .type = "person",
                                  .joined = &joined,
                                  .n_joined = 1,
                                  .flowed = (const uint8_t *)"abc",
                                  .n_flowed = 3 });
}

static int unpack_a_person(Arena *a, const void *data, size_t n)
{
        Person p;

        return person_unpack(a, data, n, &p);
}

static void pack_a_cloud(PackWriter *w, Arena *a)
{
        CloudWrite writes[2];
        Cloud c = example_cloud(a, writes);

        cloud_pack(w, &c);
}

static int unpack_a_cloud(Arena *a, const void *data, size_t n)
{
        Cloud c;

        return cloud_unpack(a, data, n, &c);
}

static void pack_an_intent(PackWriter *w, Arena *a)
{
        intent_pack(w, &(Intent){ .anchor = "abc=", .type = "user", .tries = 1 });
}

static int unpack_an_intent(Arena *a, const void *data, size_t n)
{
        Intent i;

        return intent_unpack(a, data, n, &i);
}

static const Kind kinds[] = {
        { "head", pack_a_head, unpack_a_head },         { "import", pack_an_import, unpack_an_import },
        { "person", pack_a_person, unpack_a_person },   { "cloud", pack_a_cloud, unpack_a_cloud },
        { "intent", pack_an_intent, unpack_an_intent },
};

/* Cut anywhere: damaged. Any bit turned over: an answer, and no read outside. */
static void test_damaged(void **state)
{
        for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                PackWriter w;
                const uint8_t *data;
                size_t n;

                pack_init(&w);
                kinds[k].pack(&w, a);
                data = pack_data(&w, &n);
                for (size_t i = 0; i < n; i++) {
                        /* A copy of its own size: a read behind it is seen by a sanitizer. */
                        uint8_t *copy = malloc(i ? i : 1);

                        assert_non_null(copy);
                        memcpy(copy, data, i);
                        assert_int_equal(kinds[k].unpack(a, copy, i), PACK_E_CORRUPT);
                        free(copy);
                }
                for (size_t i = 0; i < n; i++) {
                        uint8_t *copy = malloc(n);

                        assert_non_null(copy);
                        for (int bit = 0; bit < 8; bit++) {
                                memcpy(copy, data, n);
                                copy[i] ^= (uint8_t)(1 << bit);
                                kinds[k].unpack(a, copy, n);
                        }
                        free(copy);
                }
                pack_deinit(&w);
        }
}

static void test_newer(void **state)
{
        for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                uint8_t copy[1000];
                const uint8_t *data;
                PackWriter w;
                size_t n;

                pack_init(&w);
                kinds[k].pack(&w, a);
                data = pack_data(&w, &n);
                assert_true(n < sizeof(copy));
                memcpy(copy, data, n);
                copy[1] = 2; /* the version, behind the array's own byte */
                assert_int_equal(kinds[k].unpack(a, copy, n), PACK_E_NEWER);
                pack_deinit(&w);
        }
}

/* A head row as version 1 wrote it: it is read for ever. */
static void test_old_head(void **state)
{
        static const uint8_t old[] = {
                0x9d, 0x01, /* array, version */
                0xc4, 0x10, 7,    0,   0,   0,   0,   0,    0,   0,   0,   0,   0, 0, 0, 0, 0, 0, /* parent */
                0xa6, 'C',  'N',  '=', 'A', 'd', 'a', 0xa4, 'u', 's', 'e', 'r', /* dn, type */
                0xc3, 0xc2, 0xc3,                                               /* flags */
                0xc4, 0x10, 4,    0,   0,   0,   0,   0,    0,   0,   0,   0,   0, 0, 0, 0, 0, 0,
                0xcd, 0x13, 0x88, /* version */
                0x01, 0x02,       /* hash */
                0xc4, 0x10, 8,    0,   0,   0,   0,   0,    0,   0,   0,   0,   0, 0, 0, 0, 0, 0,
                0xcd, 0x30, 0x39, /* metaverse */
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Head h;

        assert_int_equal(head_unpack(a, old, sizeof(old), &h), 0);
        assert_string_equal(h.dn, "CN=Ada");
        assert_int_equal(h.version.number, 5000);
        assert_int_equal(h.imported.ms, 12345);
        assert_int_equal(h.gone.ms, 0);
}

static void test_container(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Container c;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        for (int due = 0; due < 2; due++) {
                pack_init(&w);
                container_pack(&w, &(Container){ .dn = "OU=Sales", .dn_before = due ? "OU=Vente" : NULL });
                data = pack_data(&w, &n);
                assert_int_equal(container_unpack(a, data, n, &c), 0);
                assert_string_equal(c.dn, "OU=Sales");
                assert_int_equal(c.dn_before != NULL, due);
                for (size_t i = 0; i < n; i++)
                        assert_int_not_equal(container_unpack(a, data, i, &c), 0);
                pack_deinit(&w);
        }
}

static void test_names(void **state)
{
        for (unsigned i = SPACE_HEAD; i <= SPACE_LAST; i++)
                assert_true(strlen(space_table_name((SpaceTable)i)) > 1);
        for (unsigned i = LINK_IMPORT; i <= LINK_READY; i++)
                assert_true(strlen(link_table_name((LinkTable)i)) > 1);
        assert_string_equal(space_table_name((SpaceTable)99), "?");
        assert_string_equal(link_table_name((LinkTable)0), "?");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_head),   cmocka_unit_test(test_import),
                cmocka_unit_test(test_person), cmocka_unit_test(test_person_without_given),
                cmocka_unit_test(test_cloud),  cmocka_unit_test(test_old_cloud),
                cmocka_unit_test(test_intent), cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_newer),  cmocka_unit_test(test_old_head),
                cmocka_unit_test(test_names),  cmocka_unit_test(test_container),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
