/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The times of all runs, for whoever wants to know where the time of a change has gone
 *
 *      list-runs REPORTS    one run a line: DN; seen, queued, started, sent, accepted, finished in ms since
 *                           1970 (0: not); for each step where it began and how long it took, in µs
 */

#include "report/store.h"

#include <stdio.h>

#define PAGE 1000

int main(int argc, char **argv)
{
        _cleanup_(report_store_freep) ReportStore *s = NULL;
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        size_t n = PAGE;

        if (argc != 2 || report_store_new(&s, argv[1], false, &diag)) {
                fprintf(stderr, "list-runs: %s\n", argc == 2 ? diag_text(&diag) : "usage: list-runs REPORTS");
                return 1;
        }
        for (size_t at = 0; n == PAGE; at += n) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                ReportRow *rows;

                if (report_store_list(s, NULL, at, PAGE, a, &rows, &n))
                        return 1;
                for (size_t i = 0; i < n; i++) {
                        Outcome o;

                        if (report_store_read(s, rows[i].run_id, a, &o, NULL))
                                continue;
                        printf("%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld", o.source.dn ? o.source.dn : "",
                               (long long)o.change.seen.ms, (long long)o.queued.ms, (long long)o.started.ms,
                               (long long)o.sent.ms, (long long)o.accepted.ms, (long long)o.finished.ms);
                        for (size_t k = 0; k < o.n_steps; k++)
                                printf("\t%lld+%lld", (long long)o.steps[k].start_us,
                                       (long long)o.steps[k].duration_us);
                        putchar('\n');
                }
        }
        return 0;
}
