/* SPDX-License-Identifier: Apache-2.0 */

#include "report/test-report.h"

#include "base/str.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *test_folder(void)
{
        const char *tmp = getenv("TMPDIR");
        char *folder;

        if (asprintf(&folder, "%s/sosync-report-XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(folder))
                abort();
        return folder;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st;
        (void)flag;
        (void)ftw;
        return remove(path);
}

void test_folder_done(char *folder)
{
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(folder);
}

char *test_path(const char *folder, const char *name)
{
        static char path[512];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

int64_t test_file_size(const char *folder, const char *name)
{
        struct stat st;

        return stat(test_path(folder, name), &st) < 0 ? -1 : (int64_t)st.st_size;
}

const char *test_run_id(unsigned number, char *buf)
{
        snprintf(buf, GUID_TEXT_MAX, "%08x-0000-4000-8000-%012x", number * 2654435761u, number);
        return buf;
}

void test_outcome(Arena *a, Outcome *o, unsigned number, int64_t finished_ms)
{
        fixture_base(a, o);
        test_run_id(number, o->run_id);
        o->finished.ms = finished_ms;
        o->source.display_name = arena_printf(a, "Person %u", number);
        o->source.dn = o->change.dn =
                arena_printf(a, "CN=Person %u,OU=Staff,DC=corp,DC=contoso,DC=test", number);
        memcpy(o->change.id.bytes, &number, sizeof(number));
}

void test_pack(Arena *a, const Outcome *o, const void **ret_data, size_t *ret_n)
{
        PackWriter w;
        const uint8_t *data;

        pack_init(&w);
        outcome_pack(&w, o);
        data = pack_data(&w, ret_n);
        *ret_data = arena_memdup(a, data, *ret_n);
        pack_deinit(&w);
}

void test_add_range(ReportStore *s, unsigned first, unsigned n, int64_t finished_ms, int64_t step)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const void **data = arena_new_array(a, const void *, n);
        size_t *lengths = arena_new_array(a, size_t, n);
        Outcome *o = arena_new_of(a, Outcome);

        for (unsigned i = 0; i < n; i++) {
                test_outcome(a, o, first + i, finished_ms + i * step);
                test_pack(a, o, &data[i], &lengths[i]);
        }
        assert_int_equal(report_store_add(s, data, lengths, n), 0);
}

void test_add(ReportStore *s, unsigned number, int64_t finished_ms)
{
        test_add_range(s, number, 1, finished_ms, 0);
}

size_t test_count(ReportStore *s, const ReportFilter *filter)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ReportRow *rows;
        size_t n;

        assert_int_equal(report_store_list(s, filter, 0, SIZE_MAX, a, &rows, &n), 0);
        return n;
}
