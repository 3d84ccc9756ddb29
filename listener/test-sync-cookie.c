/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "listener/sync-cookie.h"

#define A0 "20261122121418.000000Z#000000#000#000000"
#define A1 "20261122121419.000000Z#000000#001#000000"
#define B1 "20261122121420.000000Z#000000#001#000000"
#define C2 "20261122121420.000000Z#000000#002#000000"

/* NULL: no position. */
static void merged(const char *old, const char *new, const char *wanted)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *cookie = NULL;
        size_t n = 0;

        assert_int_equal(sync_cookie_merge(a, old, old ? strlen(old) : 0, new, strlen(new), &cookie, &n),
                         wanted != NULL);
        if (!wanted)
                return;
        assert_string_equal(cookie, wanted);
        assert_int_equal(n, strlen(wanted));
}

static void test_merge(void **state)
{
        (void)state;
        merged(NULL, "rid=007,sid=001,csn=" A1, "rid=000,csn=" A1);
        merged("rid=000,csn=" A0 ";" A1, "rid=000,sid=001,csn=" B1, "rid=000,csn=" A0 ";" B1);
        merged("rid=000,csn=" A0 ";" B1, "rid=000,sid=001,csn=" A1,
               "rid=000,csn=" A0 ";" B1); /* never back */
        merged("rid=000,csn=" A0, "csn=" C2 ";" B1 ",delcsn=" A1, "rid=000,csn=" A0 ";" C2 ";" B1);
}

static void test_hostile(void **state)
{
        (void)state;
        merged("rid=000,csn=" A0, "", NULL);
        merged("rid=000,csn=" A0, "rid=000,sid=001", NULL);
        merged("rid=000,csn=" A0, "rid=000,csn=", NULL);
        merged("rid=000,csn=" A0, "rid=000,csn=;;,", NULL);
        merged("rid=000,csn=" A0, "rid=000,csn=no csn;1#2;#", NULL);
        merged("rid=000,csn=" A0, "rid=000,csn=" A1 A1 A1, NULL);
        merged("garbage", "rid=000,csn=" A1, "rid=000,csn=" A1);
}

static void back(const char *cookie, const char *wanted)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *moved = NULL;
        size_t n = 0;

        assert_int_equal(sync_cookie_back(a, cookie, strlen(cookie), &moved, &n), wanted != NULL);
        if (wanted)
                assert_string_equal(arena_strndup(a, moved, n), wanted);
}

static void test_back(void **state)
{
        (void)state;
        back("host:389#cn=r:dc=test:(c=*)#1779", "host:389#cn=r:dc=test:(c=*)#1679");
        back("host:389#cn=r:dc=test:(c=#*)#101", "host:389#cn=r:dc=test:(c=#*)#1");
        back("h#s#100", "h#s#1");
        back("h#s#0", "h#s#0");
        back("h#s#4294967295", NULL);
        /* Of another form: as it is. */
        back("", "");
        back("rid=000,csn=1", "rid=000,csn=1");
        back("h#s#12x", "h#s#12x");
        back("h#s#-5", "h#s#-5");
        back("h#s#99999999999999999999", "h#s#99999999999999999999");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merge),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
