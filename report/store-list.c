/* SPDX-License-Identifier: Apache-2.0 */

#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"
#include "engine/model/object.h"
#include "report/frame.h"
#include "report/store-internal.h"

#include <string.h>
#include <strings.h>

/* A beginning of a run id names it if it is at least this long. */
#define RUN_ID_MIN 4

typedef struct Matcher Matcher;

/* A filter made ready: texts folded once, not per row. */
struct Matcher {
        const ReportFilter *filter;
        const char *text, *text_dn; /* as a name is folded, and as a DN is */
        const char *ou;
        size_t n_text, n_text_dn, n_ou, n_code;
};

static const char *normal_ou(Arena *a, const char *ou)
{
        const Dn *dn;

        return str_fold(a, dn_parse(a, ou, &dn, NULL) == 0 ? dn->normalised : ou);
}

static void matcher_init(Matcher *m, const ReportFilter *filter, Arena *a)
{
        const Dn *dn;

        *m = (Matcher){ .filter = filter };
        if (!filter)
                return;
        if (filter->text && *filter->text) {
                m->text = str_fold(a, filter->text);
                m->n_text = strlen(m->text);
                /* "CN=Ada, OU=Sales" is looked for as "cn=ada,ou=sales"; a piece of a DN is taken as it is.
                 */
                m->text_dn = dn_parse(a, filter->text, &dn, NULL) == 0 && dn->n_rdns
                                     ? str_fold(a, dn->normalised)
                                     : m->text;
                m->n_text_dn = strlen(m->text_dn);
        }
        if (filter->ou && *filter->ou) {
                m->ou = normal_ou(a, filter->ou);
                m->n_ou = strlen(m->ou);
        }
        m->n_code = filter->error_code ? strlen(filter->error_code) : 0;
}

static bool has(const DayIndex *x, const IndexRow *row, IndexText which, const char *text, size_t n)
{
        const char *s = day_index_text(x, row, which);

        return *s && memmem(s, row->n_text[which], text, n);
}

/* At or below: the end of the DN, behind a comma that is not part of a value. */
static bool is_below(const DayIndex *x, const IndexRow *row, const Matcher *m)
{
        const char *dn = day_index_text(x, row, INDEX_NORMAL);
        size_t n = row->n_text[INDEX_NORMAL], at, slashes = 0;

        if (!*dn || n < m->n_ou || memcmp(dn + n - m->n_ou, m->ou, m->n_ou) != 0)
                return false;
        at = n - m->n_ou;
        if (at == 0)
                return true;
        if (dn[at - 1] != ',')
                return false;
        while (slashes + 1 < at && dn[at - 2 - slashes] == '\\')
                slashes++;
        return slashes % 2 == 0;
}

static bool matches(const DayIndex *x, const IndexRow *row, const Matcher *m)
{
        const ReportFilter *f = m->filter;

        if (!f)
                return true;
        if ((f->result >= 0 && row->result != f->result) ||
            (f->disposition >= 0 && row->disposition != f->disposition) ||
            (f->until.ms && row->finished_ms > f->until.ms) ||
            (f->since.ms && row->finished_ms < f->since.ms) ||
            (f->object && !guid_is(f->object, &row->object)))
                return false;
        if (f->error_code && (row->n_text[INDEX_CODE] != m->n_code ||
                              strncasecmp(day_index_text(x, row, INDEX_CODE), f->error_code, m->n_code) != 0))
                return false;
        if (m->ou && !is_below(x, row, m))
                return false;
        return !m->text || has(x, row, INDEX_FOLDED, m->text, m->n_text) ||
               has(x, row, INDEX_NORMAL, m->text_dn, m->n_text_dn);
}

static const char *copy_text(Arena *a, const DayIndex *x, const IndexRow *row, IndexText which)
{
        const char *s = day_index_text(x, row, which);

        return *s ? arena_strndup(a, s, row->n_text[which]) : "";
}

static ReportRow report_row(Arena *a, const DayIndex *x, const IndexRow *row)
{
        ReportRow r = {
                .object = row->object,
                .finished = { row->finished_ms },
                .latency_ms = row->latency_ms,
                .result = (Result)row->result,
                .disposition = (Disposition)row->disposition,
                .action = (Action)row->action,
                .lane = (Lane)row->lane,
                .type = copy_text(a, x, row, INDEX_TYPE),
                .dn = copy_text(a, x, row, INDEX_DN),
                .display_name = copy_text(a, x, row, INDEX_NAME),
                .error_code = row->n_text[INDEX_CODE] ? copy_text(a, x, row, INDEX_CODE) : NULL,
                .place = { .day = x->day, .offset = row->offset },
        };

        memcpy(r.run_id, row->run_id, sizeof(r.run_id) - 1);
        return r;
}

/* Whole days that cannot hold a match are not looked at. A run may be filed under a day without having
 * finished in it, so the borders are a day wide. */
static bool day_may_match(const DayIndex *x, const ReportFilter *f)
{
        return !f || ((!f->since.ms || x->day + 1 >= day_of(f->since)) &&
                      (!f->until.ms || x->day - 1 <= day_of(f->until)));
}

typedef struct Page {
        ReportRow *rows;
        size_t n, size, skip, max;
        Arena *arena;
} Page;

static void page_add(Page *p, const DayIndex *x, const IndexRow *row)
{
        if (p->skip) {
                p->skip--;
                return;
        }
        if (p->n == p->size) {
                size_t size = p->size ? p->size * 2 : p->max < 256 ? p->max : 256;
                ReportRow *rows = arena_new_array(p->arena, ReportRow, size);

                if (p->n)
                        memcpy(rows, p->rows, p->n * sizeof(*rows));
                p->rows = rows;
                p->size = size;
        }
        p->rows[p->n++] = report_row(p->arena, x, row);
}

/**
 * report_store_list() - reports, newest first
 * @filter:     NULL: all
 * @skip:       matching reports passed over: the pages before
 *
 * Return: 0, -errno.
 */
int report_store_list(ReportStore *s, const ReportFilter *filter, size_t skip, size_t max, Arena *a,
                      ReportRow **ret_rows, size_t *ret_n)
{
        Page page = { .skip = skip, .max = max, .arena = a };
        Matcher m;

        matcher_init(&m, filter, a);
        report_store_lock(s);
        for (size_t d = s->n_days; d-- > 0 && page.n < max;) {
                DayIndex *x = s->days[d];
                const uint32_t *order;

                if (!day_may_match(x, filter))
                        continue;
                order = day_index_order(x);
                for (size_t i = x->n_rows; i-- > 0 && page.n < max;) {
                        const IndexRow *row = &x->rows[order[i]];

                        if (matches(x, row, &m) && day_index_row_is_whole(row))
                                page_add(&page, x, row);
                }
        }
        report_store_unlock(s);
        *ret_rows = page.rows;
        *ret_n = page.n;
        return 0;
}

/* Objects that are looked for together: a table of open addressing, by number from 1 on; 0: free. */
typedef struct Wanted {
        const ObjectId *objects;
        const char **runs;
        uint32_t *slots;
        size_t mask, n_missing;
} Wanted;

/* Where it is, or where it would be. */
static uint32_t *wanted_slot(const Wanted *w, const ObjectId *object)
{
        size_t at = (size_t)hash128(object, sizeof(*object), 3).low & w->mask;

        while (w->slots[at] && !guid_is(&w->objects[w->slots[at] - 1], object))
                at = (at + 1) & w->mask;
        return &w->slots[at];
}

static void wanted_init(Wanted *w, const ObjectId *objects, size_t n, Arena *a, const char **runs)
{
        size_t size = 16;

        while (size < 4 * n)
                size *= 2;
        *w = (Wanted){ .objects = objects, .runs = runs, .mask = size - 1 };
        w->slots = arena_new_array(a, uint32_t, size);
        for (size_t i = 0; i < n; i++) {
                uint32_t *slot = wanted_slot(w, &objects[i]);

                runs[i] = NULL;
                if (!*slot)
                        w->n_missing++;
                *slot = (uint32_t)i + 1;
        }
}

static void look_at_day(Wanted *w, DayIndex *x, Arena *a)
{
        const uint32_t *order = day_index_order(x);

        for (size_t i = x->n_rows; i-- > 0 && w->n_missing;) {
                const IndexRow *row = &x->rows[order[i]];
                uint32_t number = *wanted_slot(w, &row->object);

                if (!number || w->runs[number - 1] || !day_index_row_is_whole(row))
                        continue;
                w->runs[number - 1] = arena_strdup(a, row->run_id);
                w->n_missing--;
        }
}

/**
 * report_store_newest_runs() - of each object the run id of its newest report
 * @ret_runs:   one for each of the objects; NULL: there is none
 *
 * All in one pass: what waits for a person may have waited for longer than reports are kept, and a look
 * through a million reports for each would take minutes.
 */
void report_store_newest_runs(ReportStore *s, const ObjectId *objects, size_t n, Arena *a,
                              const char **ret_runs)
{
        Wanted w;

        wanted_init(&w, objects, n, a, ret_runs);
        report_store_lock(s);
        for (size_t d = s->n_days; d-- > 0 && w.n_missing;)
                look_at_day(&w, s->days[d], a);
        report_store_unlock(s);
        for (size_t i = 0; i < n; i++) /* who is asked for twice */
                ret_runs[i] = ret_runs[*wanted_slot(&w, &objects[i]) - 1];
}

/* Return: 0, REPORT_E_NONE: none, or more than one. */
static int find_run(ReportStore *s, const char *run_id, RecordPlace *ret_place, size_t *ret_n)
{
        size_t n = strlen(run_id), found = 0;

        for (size_t d = s->n_days; d-- > 0;) {
                const DayIndex *x = s->days[d];

                for (size_t i = x->n_rows; i-- > 0;) {
                        const IndexRow *row = &x->rows[i];

                        if (strncasecmp(row->run_id, run_id, n) != 0 || !day_index_row_is_whole(row))
                                continue;
                        *ret_place = (RecordPlace){ .day = x->day, .offset = row->offset };
                        found++;
                        if (row->run_id[n] == '\0')
                                found = 1; /* this one, whatever else begins so */
                        if (found > 1 || row->run_id[n] == '\0') {
                                *ret_n = found;
                                return found == 1 ? 0 : REPORT_E_NONE;
                        }
                }
        }
        *ret_n = found;
        return found == 1 ? 0 : REPORT_E_NONE;
}

/* What is looked for moments after its run has ended lies among so many rows of a day. */
#define RECENT_ROWS ((size_t)4096)

static bool has_run(const DayIndex *x, const char *run_id)
{
        for (size_t i = x->n_rows; i-- > 0 && x->n_rows - i <= RECENT_ROWS;)
                if (str_is(x->rows[i].run_id, run_id) && day_index_row_is_whole(&x->rows[i]))
                        return true;
        return false;
}

/**
 * report_store_has_recent() - has the report of a run that has just ended been written?
 * @run_id:     whole
 *
 * Asked again and again by who waits for it: a look through all there is, many times a second, would keep the
 * writer away.
 */
bool report_store_has_recent(ReportStore *s, const char *run_id)
{
        bool found = false;

        report_store_lock(s);
        for (size_t d = s->n_days; !found && d-- > 0 && s->n_days - d <= 2;)
                found = has_run(s->days[d], run_id);
        report_store_unlock(s);
        return found;
}

/**
 * report_store_read() - one report, by its run id or a beginning of it
 *
 * Return: 0; REPORT_E_NONE: there is none, or the beginning is of several (the diag says which);
 * REPORT_E_CORRUPT; -errno.
 */
int report_store_read(ReportStore *s, const char *run_id, Arena *a, Outcome *ret_outcome, Diag *diag)
{
        RecordPlace place;
        size_t n = 0;
        int r;

        if (strlen(run_id) < RUN_ID_MIN || strlen(run_id) >= GUID_TEXT_MAX) {
                diag_set(diag, "\"%s\" is not a run id or at least %d characters of its beginning", run_id,
                         RUN_ID_MIN);
                return REPORT_E_NONE;
        }
        report_store_lock(s);
        r = find_run(s, run_id, &place, &n);
        report_store_unlock(s);
        if (r) {
                diag_set(diag,
                         n ? "more than one run id begins with \"%s\"" : "there is no report of run \"%s\"",
                         run_id);
                return r;
        }
        r = record_log_read(s->log, place, a, ret_outcome, diag);
        if (r == REPORT_E_NONE)
                diag_set(diag, "the report of run \"%s\" has been removed: it was old, or the disk was short",
                         run_id);
        return r;
}
