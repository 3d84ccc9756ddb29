/* SPDX-License-Identifier: Apache-2.0 */

/* Changes that a person names: found by DN however it is written, and by GUID, without remembering all
 * others. */

#include "app/control/queue-view.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define N_MANY 15000

static const Wall now = { INT64_C(1790000000000) };

static ObjectId id_of(unsigned i)
{
        return (ObjectId){ .bytes = { 1, [13] = (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

static void put(Queue *q, unsigned i)
{
        char dn[256];
        Change c = { .id = id_of(i), .kind = CHANGE_UPSERT, .lane = LANE_NORMAL, .seen = now, .dn = dn };

        snprintf(dn, sizeof(dn),
                 "CN=Person %u,OU=A Department,OU=With a Long Name,OU=Offices,DC=corp,DC=contoso,DC=test", i);
        assert_int_equal(queue_put(q, &(Intake){ .changes = &c, .n_changes = 1, .now = now }), 0);
}

static size_t n_left(Queue *q)
{
        json_t *list = queue_view_list(q, NULL, SIZE_MAX);
        size_t n = json_array_size(list);

        json_decref(list);
        return n;
}

static int setup(void **state)
{
        return queue_mem_new((Queue **)state);
}

static int teardown(void **state)
{
        queue_free(*state);
        return 0;
}

/* A directory's name that is no UTF-8: the change is listed all the same. */
static void test_hostile_name(void **state)
{
        Queue *q = *state;
        Change c = { .id = id_of(1),
                     .kind = CHANGE_UPSERT,
                     .lane = LANE_NORMAL,
                     .seen = now,
                     .dn = "CN=\xed\xa0\x80"
                           "x\xff,DC=x" };
        json_t *list;

        assert_int_equal(queue_put(q, &(Intake){ .changes = &c, .n_changes = 1, .now = now }), 0);
        list = queue_view_list(q, NULL, SIZE_MAX);
        assert_int_equal(json_array_size(list), 1);
        assert_non_null(json_string_value(json_object_get(json_array_get(list, 0), "dn")));
        json_decref(list);
}

static void test_named(void **state)
{
        char guid[GUID_TEXT_MAX];
        ObjectId id = id_of(3), other = id_of(99);

        for (unsigned i = 0; i < 5; i++)
                put(*state, i);
        assert_int_equal(
                queue_view_steer(*state, QUEUE_VERB_DROP,
                                 "cn=person 2, ou=a department, OU=With a Long Name, OU=Offices, DC=corp, "
                                 "DC=contoso, DC=test",
                                 now),
                1);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_DROP, guid_format(&id, guid), now), 1);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_DROP, guid_format(&id, guid), now), 0);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_RETRY, guid_format(&other, guid), now), 0);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_DROP, "parked", now), 0);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_DROP, "nonsense", now), -EINVAL);
        assert_int_equal(queue_view_steer(*state, QUEUE_VERB_DROP, "", now), -EINVAL);
        assert_int_equal(n_left(*state), 3);
}

static long peak_kb(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
}

/* A parsed name takes some hundred bytes: all of them would be megabytes here. */
static void test_long_queue(void **state)
{
        long before;

        for (unsigned i = 0; i < N_MANY; i++)
                put(*state, i);
        before = peak_kb();
        assert_int_equal(
                queue_view_steer(*state, QUEUE_VERB_RETRY, "CN=Nobody,DC=corp,DC=contoso,DC=test", now), 0);
        print_message("%ld kB more at its peak\n", peak_kb() - before);
#ifndef __SANITIZE_ADDRESS__
        assert_true(peak_kb() - before < 4096);
#endif
}

/* The objects stand below each other, whatever the reasons are called, and 80 columns are enough. */
static void test_columns(void **state)
{
        json_t *list = json_pack("[{s:s, s:s, s:i, s:s, s:s}, {s:s, s:s, s:i, s:s, s:s}]", "state", "parked",
                                 "lane", "normal", "tries", 1, "reason", "IdentityDataValidationFailed", "dn",
                                 "CN=Ada,OU=People,OU=Corp,DC=corp,DC=contoso,DC=test", "state", "delayed",
                                 "lane", "urgent", "tries", 2, "reason", "TargetTransient", "dn",
                                 "CN=Bea,OU=People,OU=Corp,DC=corp,DC=contoso,DC=test");
        const char *object, *ada, *bea;
        Str out;

        (void)state;
        assert_non_null(list);
        str_init(&out, SIZE_MAX);
        queue_view_list_text(list, 80, &out);
        object = strstr(out.data, "object\n");
        ada = strstr(out.data, "CN=Ada");
        bea = strstr(out.data, "CN=Bea");
        assert_true(object && ada && bea);
        assert_int_equal(ada - (strchr(out.data, '\n') + 1), object - out.data);
        assert_int_equal(bea - (strchr(ada, '\n') + 1), object - out.data);
        for (const char *line = out.data; *line; line = strchr(line, '\n') + 1)
                assert_in_range(strchr(line, '\n') - line, 1, 80);
        str_deinit(&out);
        json_decref(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_named, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile_name, setup, teardown),
                cmocka_unit_test_setup_teardown(test_long_queue, setup, teardown),
                cmocka_unit_test(test_columns),
        };

        return cmocka_run_group_tests_name("queue-view", tests, NULL, NULL);
}
