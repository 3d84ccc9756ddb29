/* SPDX-License-Identifier: Apache-2.0 */

/* Store, index and links: compared with slow and obvious models over seeded random operations */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mem.h"
#include "random.h"
#include "store.h"

#define N_OBJECTS 200

static void make_id(char *ret, unsigned int i)
{
        snprintf(ret, ID_SIZE, "00000000-0000-4000-8000-%012u", i);
}

static void test_index(void **state)
{
        static Object objects[N_OBJECTS];
        bool present[N_OBJECTS] = { false };
        Index index = { .fold = true };
        Random random = { .state = 1 };
        char key[32];

        for (int step = 0; step < 20000; ++step) {
                unsigned int i = (unsigned int)(random_next(&random) % N_OBJECTS);

                snprintf(key, sizeof(key), step % 2 ? "Key%u" : "kEY%u", i);
                if (random_next(&random) % 2) {
                        assert_int_equal(index_add(&index, key, &objects[i]),
                                         present[i] ? INDEX_E_EXISTS : 0);
                        present[i] = true;
                } else {
                        index_remove(&index, key, &objects[i]);
                        present[i] = false;
                }
                i = (unsigned int)(random_next(&random) % N_OBJECTS);
                snprintf(key, sizeof(key), "KEY%u", i);
                assert_ptr_equal(index_find(&index, key), present[i] ? &objects[i] : NULL);
        }
        index_deinit(&index);
}

static void test_links(void **state)
{
        static Object objects[N_OBJECTS];
        uint64_t order[N_OBJECTS] = { 0 }, clock = 0; /* when added; 0: not there */
        Random random = { .state = 2 };
        Links links = { 0 };

        for (int step = 0; step < 20000; ++step) {
                unsigned int i = (unsigned int)(random_next(&random) % N_OBJECTS);
                bool add = random_next(&random) % (step / 2000 % 2 ? 4 : 2) == 0;
                size_t n = 0;

                if (add) {
                        assert_int_equal(links_add(&links, &objects[i]), order[i] == 0);
                        order[i] = order[i] ? order[i] : ++clock;
                } else {
                        assert_int_equal(links_remove(&links, &objects[i]), order[i] != 0);
                        order[i] = 0;
                }
                if (step % 100)
                        continue;
                uint64_t last = 0;
                links_for_each(object, &links, number)
                {
                        uint64_t when = order[object - objects];

                        assert_true(when > last);
                        last = when;
                        ++n;
                }
                assert_int_equal(n, links.n);
        }
        links_deinit(&links);
}

static void set_text(Store *store, Object *object, int property, const char *text)
{
        json_t *v = text ? json_string(text) : NULL;

        store_set(store, object, property, v);
        json_decref(v);
}

static void test_delete_and_restore(void **state)
{
        char id[ID_SIZE];
        Object *user, *boss, *group;
        Store store;

        store_init(&store);
        make_id(id, 1);
        user = store_create(&store, &schema_user, id);
        make_id(id, 2);
        boss = store_create(&store, &schema_user, id);
        make_id(id, 3);
        group = store_create(&store, &schema_group, id);
        set_text(&store, user, USER_userPrincipalName, "a@x.test");
        set_text(&store, user, USER_onPremisesImmutableId, "anchor");
        store_set_manager(&store, user, boss);
        store_set_manager(&store, boss, user);
        assert_true(store_add_member(&store, group, user));
        assert_false(store_add_member(&store, group, user));

        store_delete(&store, user, 0);
        assert_int_equal(group->members.n + boss->reports.n, 0);
        assert_null(boss->manager);
        assert_null(store_find(&store, NULL, user->id));
        assert_ptr_equal(store_find_deleted(&store, &schema_user, user->id), user);
        assert_null(store_find_by(&store, &schema_user, USER_onPremisesImmutableId, "anchor"));
        assert_string_equal(object_text(user, USER_userPrincipalName),
                            "00000000000040008000000000000001a@x.test");
        assert_string_equal(object_text(user, USER_deletedDateTime), "1970-01-01T00:00:00Z");

        store_restore(&store, user);
        assert_ptr_equal(store_find_by(&store, &schema_user, USER_userPrincipalName, "A@x.test"), user);
        assert_null(user->values[USER_deletedDateTime]);

        store_add_member(&store, group, user);
        store_delete(&store, group, 0); /* a security group is gone at once */
        assert_int_equal(user->member_of.n + store.groups.n + store.deleted.n, 0);
        store_deinit(&store);
}

static void test_values_and_conflicts(void **state)
{
        json_t *one = json_pack("[s, s]", "SMTP:a@x.test", "smtp:b@x.test"),
               *other = json_pack("[s]", "smtp:B@x.test");
        uint64_t generation;
        char id[ID_SIZE];
        Object *a, *b;
        Store store;

        store_init(&store);
        make_id(id, 1);
        a = store_create(&store, &schema_user, id);
        make_id(id, 2);
        b = store_create(&store, &schema_user, id);
        assert_true(store_set(&store, a, USER_proxyAddresses, one));
        generation = store.generation;
        assert_false(store_set(&store, a, USER_proxyAddresses, one));
        assert_int_equal(store.generation, generation);
        assert_ptr_equal(store_conflict(&store, &schema_user, b, USER_proxyAddresses, other), a);
        assert_null(store_conflict(&store, &schema_user, a, USER_proxyAddresses, other));
        assert_true(store_set(&store, a, USER_proxyAddresses, NULL));
        assert_null(store_conflict(&store, &schema_user, b, USER_proxyAddresses, other));
        json_decref(one);
        json_decref(other);
        store_deinit(&store);
}

/* schema_find() halves its way through the tables */
static void test_schema_is_sorted(void **state)
{
        const Schema *schemas[] = { &schema_user, &schema_group };

        for (size_t k = 0; k < ARRAY_LENGTH(schemas); ++k) {
                for (size_t i = 0; i < schemas[k]->n; ++i)
                        assert_int_equal(schema_find(schemas[k], schemas[k]->properties[i].name), i);
                assert_int_equal(schema_find(schemas[k], "displayname"), -1);
                assert_int_equal(schema_find(schemas[k], ""), -1);
        }
        assert_int_equal(schema_length("a\xc3\xa9\xf0\x9f\x98\x80"), 4);
        assert_true(schema_is_time("2026-08-22T10:00:00.123Z") &&
                    schema_is_time("2026-08-22T10:00:00+02:00"));
        assert_false(schema_is_time("2026-08-22") || schema_is_time("2026-08-22T10:00:00") ||
                     schema_is_time(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_index),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_delete_and_restore),
                cmocka_unit_test(test_values_and_conflicts),
                cmocka_unit_test(test_schema_is_sorted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
