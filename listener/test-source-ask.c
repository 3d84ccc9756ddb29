/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "listener/source-ask.h"

typedef struct World {
        SourceAsk ask;
        Arena *arena;
} World;

static int setup(void **state)
{
        static World world;

        world = (World){ .arena = arena_new(0) };
        *state = &world;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        source_ask_deinit(&w->ask);
        arena_free(w->arena);
        return 0;
}

static const char *const *ask(World *w, Vendor vendor, const char *const *attributes, size_t n, size_t *ret_n)
{
        static const char *const links[] = { "member" };
        const SourceQuery q = {
                .attributes = attributes, .n_attributes = n, .links = links, .n_links = N_ELEMENTS(links)
        };

        return source_ask(&w->ask, &q, dialect_of(vendor), 0, w->arena, ret_n);
}

static size_t times(const char *const *names, size_t n, const char *name)
{
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += str_is_nocase(names[i], name);
        return found;
}

static void test_kinds(void **state)
{
        static const char *const attributes[] = { "title", "department", "objectclass", "member" };
        World *w = *state;
        const char *const *names;
        size_t n;

        for (int i = 0; i < 2; i++) {
                names = ask(w, VENDOR_OPENLDAP, attributes, N_ELEMENTS(attributes), &n);
                assert_int_equal(times(names, n, "title"), 1);
                assert_int_equal(times(names, n, "objectClass"), 1);
                assert_int_equal(times(names, n, "member"), 1);
                assert_int_equal(times(names, n, "departmentNumber"), 1);
                assert_int_equal(times(names, n, "entryUUID"), 1);
        }
        names = ask(w, VENDOR_SAMBA, attributes, N_ELEMENTS(attributes), &n);
        assert_int_equal(times(names, n, "title"), 1);
        assert_int_equal(times(names, n, "objectClass"), 1);
        assert_int_equal(times(names, n, "entryUUID"), 0);
}

/* The same list in another place: what is given out belongs to the one that is there now. */
static void test_names_are_the_querys(void **state)
{
        World *w = *state;

        for (int i = 0; i < 3; i++) {
                char title[] = "title", mail[] = "mail";
                const char *const attributes[] = { title, mail };
                bool found = false;
                size_t n;
                const char *const *names = ask(w, VENDOR_OPENLDAP, attributes, 2, &n);

                for (size_t k = 0; k < n; k++) {
                        found |= names[k] == title;
                        assert_true(names[k] == title || !str_is(names[k], "title"));
                }
                assert_true(found);
                memset(title, 'x', strlen(title));
        }
}

static void test_another_list(void **state)
{
        static const char *const one[] = { "title", "mail" }, *const two[] = { "title", "mobile" };
        World *w = *state;
        const char *const *names;
        size_t n;

        names = ask(w, VENDOR_OPENLDAP, one, 2, &n);
        assert_int_equal(times(names, n, "mail"), 1);
        names = ask(w, VENDOR_OPENLDAP, two, 2, &n);
        assert_int_equal(times(names, n, "mail"), 0);
        assert_int_equal(times(names, n, "mobile"), 1);
        names = ask(w, VENDOR_OPENLDAP, two, 1, &n);
        assert_int_equal(times(names, n, "mobile"), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_kinds),
                TEST(test_names_are_the_querys),
                TEST(test_another_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
