/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct Thing {
        int number;
        List link;
} Thing;

static void test_order(void **state)
{
        Thing things[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
        List head = LIST_INIT(head);
        int n = 0;

        assert_true(list_is_empty(&head));
        assert_null(list_first(&head));
        for (size_t i = 0; i < N_ELEMENTS(things); i++)
                list_push(&head, &things[i].link);
        list_for_each (i, &head)
                assert_int_equal(list_entry(i, Thing, link)->number, ++n);
        assert_int_equal(n, 3);
        assert_ptr_equal(list_entry(list_first(&head), Thing, link), &things[0]);
}

static void test_remove_while_walking(void **state)
{
        Thing things[4] = { { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 4 } };
        List head = LIST_INIT(head);

        for (size_t i = 0; i < N_ELEMENTS(things); i++)
                list_push(&head, &things[i].link);
        list_for_each_safe (i, &head) {
                if (list_entry(i, Thing, link)->number % 2)
                        list_remove(i);
        }
        assert_int_equal(list_entry(head.next, Thing, link)->number, 2);
        assert_int_equal(list_entry(head.prev, Thing, link)->number, 4);
        list_remove(&things[1].link);
        list_remove(&things[1].link); /* twice is once */
        list_remove(&things[3].link);
        assert_true(list_is_empty(&head));
}

static void *cleaned;

static void *note_cleaned(void *p)
{
        cleaned = p;
        return NULL;
}

DEFINE_CLEANUP(void, note_cleaned)

static void test_take(void **state)
{
        int a;

        {
                _cleanup_(note_cleanedp) void *p = &a;

                assert_ptr_equal(TAKE(p), &a);
                assert_null(p);
        }
        assert_null(cleaned);
        {
                _cleanup_(note_cleanedp) void *p = NULL;

                p = &a;
        }
        assert_ptr_equal(cleaned, &a);
        {
                int fd = 5;

                assert_int_equal(TAKE_FD(fd), 5);
                assert_int_equal(fd, -1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_remove_while_walking),
                cmocka_unit_test(test_take),
        };

        return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
