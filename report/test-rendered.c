/* SPDX-License-Identifier: Apache-2.0 */

#include "report/rendered.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "report/test-report.h"

#include <string.h>
#include <sys/stat.h>

static const Wall noon = { 1795348800000 }; /* 2026-11-22T12:00:00Z */

/* In the order of their days; each takes 64 KiB. */
static const char *const files[] = {
        "compare-20251231T235959Z.htm",
        "ADSyncSingleObjectSyncResult-20261020T083115Z-1f0c2d3e.htm",
        "ADSyncSingleObjectSyncResult-20261121T083115Z-1f0c2d3f.htm",
        "ADSyncSingleObjectSyncResult-20261121T083116Z-1f0c2d40.htm.tmp-a1b2c3",
        "compare-20261122T083115Z.htm",
};

/* Of somebody else, whatever they look like. */
static const char *const others[] = {
        "index.htm",    "compare-20250230T000000Z.htm", "compare-",
        "compare-2025", "compare-20250101.htm",         "old",
};

static const char *path_of(Arena *a, const char *folder, const char *name)
{
        return arena_printf(a, "%s/html/%s", folder, name);
}

static void fill(const char *folder)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *page = arena_alloc(a, 65536);

        memset(page, 'x', 65536);
        assert_true(mkdir(path_of(a, folder, ""), 0750) == 0 || access(path_of(a, folder, ""), F_OK) == 0);
        for (size_t i = 0; i < N_ELEMENTS(files); i++)
                assert_int_equal(str_write_file(path_of(a, folder, files[i]), page, 65536, 0640), 0);
        for (size_t i = 0; i < N_ELEMENTS(others); i++)
                assert_int_equal(str_write_file(path_of(a, folder, others[i]), page, 65536, 0640), 0);
}

/* The files from the n-th on are there, and no other; nor is anything gone that is not ours. */
static void assert_from(const char *folder, size_t first)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(files); i++)
                assert_int_equal(access(path_of(a, folder, files[i]), F_OK), i < first ? -1 : 0);
        for (size_t i = 0; i < N_ELEMENTS(others); i++)
                assert_int_equal(access(path_of(a, folder, others[i]), F_OK), 0);
}

static void test_retain(void **state)
{
        char *folder = test_folder();

        assert_int_equal(rendered_retain(folder, noon, 30, 0), 0);
        fill(folder);
        assert_int_equal(rendered_retain(folder, noon, 400, -1), 0);
        assert_from(folder, 0);
        assert_int_equal(rendered_retain(folder, noon, 30, -1), 0);
        assert_from(folder, 2);
        fill(folder);
        assert_int_equal(rendered_retain(folder, noon, 33, -1), 0);
        assert_from(folder, 1);
        /* Too much: days go whole, the oldest first, and what can be made again need not stay at all. */
        fill(folder);
        assert_int_equal(rendered_retain(folder, noon, 400, 4 * 65536 + 1000), 0);
        assert_from(folder, 1);
        assert_int_equal(rendered_retain(folder, noon, 400, 2 * 65536), 0);
        assert_from(folder, 4);
        assert_int_equal(rendered_retain(folder, noon, 400, 0), 0);
        assert_from(folder, 5);
        test_folder_done(folder);
}

static void test_free_room(void **state)
{
        char *folder = test_folder();
        int64_t freed = -1;

        assert_int_equal(rendered_free_room(folder, 1000, &freed), 0);
        assert_int_equal(freed, 0);
        fill(folder);
        assert_int_equal(rendered_free_room(folder, 0, &freed), 0);
        assert_int_equal(freed, 0);
        assert_int_equal(rendered_free_room(folder, 65536 + 1, &freed), 0);
        assert_int_equal(freed, 2 * 65536);
        assert_from(folder, 2);
        assert_int_equal(rendered_free_room(folder, 1 << 30, &freed), 0);
        assert_int_equal(freed, 3 * 65536);
        assert_from(folder, 5);
        assert_true(rendered_free_room("/proc/self/mem", 1, &freed) < 0);
        test_folder_done(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_retain),
                cmocka_unit_test(test_free_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
