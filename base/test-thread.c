/* SPDX-License-Identifier: Apache-2.0 */

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void *tell_name(void *context)
{
        pthread_getname_np(pthread_self(), context, THREAD_NAME_MAX);
        return context;
}

static void expect(const char *name, const char *as_seen)
{
        char seen[THREAD_NAME_MAX] = "";
        pthread_t thread;
        void *end = NULL;

        assert_int_equal(thread_start(&thread, tell_name, seen, "feed %s", name), 0);
        assert_int_equal(pthread_join(thread, &end), 0);
        assert_ptr_equal(end, seen);
        assert_string_equal(seen, as_seen);
}

static void test_name(void **state)
{
        expect("a", "feed a");
        expect("corp.co.te", "feed corp.co.te");
        expect("corp.contoso.test", "feed corp.conto");
        expect("%s%n", "feed %s%n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
