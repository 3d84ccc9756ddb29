/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Newest: the first page of the list, whole
 *
 * A run has ended a moment before its report is written (longer, while the disk is full). So what the store
 * has is not all: the last runs as they ended are laid beside it, and whose report is not there yet is added.
 * The mark says up to which of them that is; the events that follow begin behind it.
 */

#include "report/console/page.h"

#include "engine/model/object.h"

static bool is_written(const ReportRow *rows, size_t n, const char *run_id)
{
        for (size_t i = 0; i < n; i++)
                if (str_is(rows[i].run_id, run_id))
                        return true;
        return false;
}

/* Two lists that are nearly in order, in one; of one moment, as they are. */
static void sort_newest_first(PageRow *rows, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                PageRow row = rows[i];
                size_t at = i;

                for (; at > 0 && rows[at - 1].finished.ms < row.finished.ms; at--)
                        rows[at] = rows[at - 1];
                rows[at] = row;
        }
}

size_t page_newest(Ask *q, const PageFilter *f, const ReportRow *rows, size_t n, size_t max,
                   PageRow **ret_rows, const char **ret_mark)
{
        char *mark = arena_alloc(q->arena, LIVE_MARK_MAX);
        LiveLine *lines;
        size_t n_lines = live_read(q->console->live, 0, LIVE_LINES, q->arena, &lines, NULL), n_all = 0;
        PageRow *all = arena_new_array(q->arena, PageRow, n_lines + n + 1);

        for (size_t i = n_lines; i-- > 0;) {
                /* Not newer than the first row of the next page: it is there, or comes there. */
                if ((n > max && lines[i].finished.ms <= rows[n - 1].finished.ms) ||
                    !page_filter_takes(f, q->arena, &lines[i]) || is_written(rows, n, lines[i].run_id))
                        continue;
                all[n_all++] = page_row_of_line(&lines[i]);
        }
        for (size_t i = 0; i < n && i < max; i++)
                all[n_all++] = page_row_of_report(&rows[i]);
        sort_newest_first(all, n_all);
        *ret_rows = all;
        *ret_mark = live_mark(q->console->live, n_lines ? lines[n_lines - 1].number : 0, mark);
        return n_all;
}
