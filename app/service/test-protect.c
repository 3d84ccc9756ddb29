/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/protect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static void test_protect(void **state)
{
        struct rlimit core = { 1, 1 };

        protect_process();
        assert_int_equal(umask(0), 0027);
        if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
                skip(); /* a sanitizer */
        assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
        assert_int_equal(core.rlim_cur, 0);
        assert_int_equal(core.rlim_max, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_protect) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
