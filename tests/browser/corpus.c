/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Corpus: reports to look at
 *
 *      corpus FOLDER
 *
 * Renders every fixture, and one report for every code of the catalogue, as FOLDER/<name>.htm and .json. The
 * browser test drives the pages; the schema test reads the documents.
 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"
#include "report/fixture.h"
#include "report/html.h"
#include "report/summary.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE_MAX ((size_t)64 << 20)

static int write_report(const char *folder, const char *name, const Outcome *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(str_deinit) Str page = { 0 };
        _cleanup_(cleanup_free) char *json = summary_text(o, false);
        int r;

        str_init(&page, PAGE_MAX);
        html_report(o, &page);
        r = str_write_file(arena_printf(a, "%s/%s.htm", folder, name), page.data, page.n, 0640);
        if (r == 0)
                r = str_write_file(arena_printf(a, "%s/%s.json", folder, name), json, strlen(json), 0640);
        if (r)
                fprintf(stderr, "%s/%s: %s\n", folder, name, strerror(-r));
        return r;
}

/* Where in the run an error of this kind is found does not matter here: that it is shown does. */
static void make_error(Arena *a, Outcome *o, const CatalogueRow *row)
{
        fixture_base(a, o);
        fixture_error(a, o,
                      row->exit_status == EXIT_OUT_OF_SCOPE ? FIXTURE_OU
                      : row->exit_status == EXIT_OBJECT     ? FIXTURE_EXPORT
                                                            : FIXTURE_IMPORT_TARGET,
                      row->exit_status == EXIT_OUT_OF_SCOPE ? DISPOSITION_OUT_OF_SCOPE
                      : row->exit_status == EXIT_OBJECT     ? DISPOSITION_PARKED
                                                            : DISPOSITION_RETRY,
                      row->code, row->category, row->reason, row->action, NULL);
}

int main(int argc, char **argv)
{
        const CatalogueRow *rows;
        size_t n_rows;
        int r = 0;

        if (argc != 2) {
                fprintf(stderr, "usage: corpus FOLDER\n");
                return 2;
        }
        if (mkdir(argv[1], 0750) && errno != EEXIST) {
                fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
                return 1;
        }
        for (size_t i = 0; r == 0 && i < n_fixtures; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);

                r = write_report(argv[1], fixtures[i].name, fixture_make(a, fixtures[i].name));
        }
        rows = catalogue_all(&n_rows);
        for (size_t i = 0; r == 0 && i < n_rows; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);

                make_error(a, o, &rows[i]);
                r = write_report(argv[1], arena_printf(a, "error-%s", rows[i].code), o);
        }
        return r ? 1 : 0;
}
