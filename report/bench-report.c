/* SPDX-License-Identifier: Apache-2.0 */

/* A day of 100,000 reports: how long until they are stored, opened, listed, searched and rendered. */

#include "report/test-report.h"

#include "base/clock.h"
#include "base/str.h"
#include "report/html.h"
#include "report/summary.h"

#include <stdio.h>

#define N_REPORTS 100000
#define BATCH     250

static int64_t began;

static void start(void)
{
        began = clock_mono(&clock_system).us;
}

static void done(const char *what, size_t n)
{
        int64_t us = clock_mono(&clock_system).us - began;

        printf("%-44s %8zu in %8.1f ms, %8.2f us each\n", what, n, (double)us / 1000, (double)us / (double)n);
}

static void fill(ReportStore *s)
{
        for (unsigned i = 0; i < N_REPORTS; i += BATCH) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);
                const void *data[BATCH];
                size_t n[BATCH];

                for (unsigned k = 0; k < BATCH; k++) {
                        test_outcome(a, o, i + k, TEST_DAY_MS + (i + k) * 800LL);
                        test_pack(a, o, &data[k], &n[k]);
                }
                if (report_store_add(s, data, n, BATCH))
                        abort();
        }
}

static void list(ReportStore *s, const char *what, const ReportFilter *f, size_t skip, size_t max)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ReportRow *rows;
        size_t n;

        start();
        report_store_list(s, f, skip, max, a, &rows, &n);
        done(what, n ? n : 1);
}

static void render(void)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Outcome *o = fixture_make(a, "update-user"), *many = fixture_make(a, "many-attributes");
        size_t n_bytes = 0;
        Str page;

        str_init(&page, (size_t)64 << 20);
        start();
        for (size_t i = 0; i < 200; i++) {
                str_reset(&page);
                html_report(o, &page);
        }
        done("html of an update", 200);
        n_bytes = page.n;
        start();
        for (size_t i = 0; i < 200; i++)
                free(summary_text(o, false));
        done("json of an update", 200);
        start();
        str_reset(&page);
        html_report(many, &page);
        done("html of 6,400 attribute rows", 1);
        printf("an update is %zu bytes of html, 6,400 rows are %zu\n", n_bytes, page.n);
        str_deinit(&page);
}

int main(void)
{
        ReportFilter f = { .result = -1, .disposition = -1 };
        char *folder = test_folder(), id[GUID_TEXT_MAX];
        ReportStore *s = NULL;
        Arena *a = arena_new(0);
        Outcome *o = arena_new_of(a, Outcome);

        if (report_store_new(&s, folder, true, NULL))
                return 1;
        start();
        fill(s);
        done("packed and stored, 250 a batch", N_REPORTS);
        printf("log %lld, index %lld, texts %lld bytes\n", (long long)test_file_size(folder, TEST_LOG),
               (long long)test_file_size(folder, "2026-11-22.idx"),
               (long long)test_file_size(folder, "2026-11-22.txt"));
        s = report_store_free(s);
        start();
        report_store_new(&s, folder, true, NULL);
        done("opened by the service", 1);
        s = report_store_free(s);
        start();
        report_store_new(&s, folder, false, NULL);
        done("opened by a reader", 1);
        list(s, "first page, the first time", NULL, 0, 50);
        list(s, "first page", NULL, 0, 50);
        list(s, "page 1,000", NULL, 49950, 50);
        f.text = "person 4";
        list(s, "first page of a search", &f, 0, 50);
        f.text = "person 99999";
        list(s, "search of one among all", &f, 0, 50);
        f.text = NULL;
        f.ou = "OU=Nobody,DC=corp,DC=contoso,DC=test";
        list(s, "an OU without reports", &f, 0, 50);
        f.ou = NULL;
        f.result = RESULT_FAILURE;
        list(s, "failures where there are none", &f, 0, 50);
        start();
        report_store_read(s, test_run_id(17, id), a, o, NULL);
        done("one report by its run id", 1);
        s = report_store_free(s);
        unlink(test_path(folder, "2026-11-22.idx"));
        start();
        report_store_new(&s, folder, true, NULL);
        done("index made again from the log", N_REPORTS);
        s = report_store_free(s);
        arena_free(a);
        test_folder_done(folder);
        render();
        return 0;
}
