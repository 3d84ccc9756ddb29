/* SPDX-License-Identifier: Apache-2.0 */

/* Changes: the list with its filters, and one change: its report, and what can be done about it. */

#include "report/console/page.h"

#include "engine/model/dn.h"

#include <string.h>
#include <time.h>

#define PAGE 50

/* Deeper pages than this are a filter that was forgotten. */
#define PAGES_MAX 2000

static const struct {
        const char *value, *text;
        int64_t ms;
} spans[] = {
        { "", "any time", 0 },
        { "15m", "last 15 minutes", 900000 },
        { "1h", "last hour", 3600000 },
        { "24h", "last 24 hours", 86400000 },
        { "7d", "last 7 days", 7 * (int64_t)86400000 },
};

static const char *const results[] = { "", "success", "failure", "warning", "skipped" };

void page_filter(const Ask *q, PageFilter *f)
{
        const char *result = ask_field(q, "result"), *since = ask_field(q, "since");

        *f = (PageFilter){
                .filter = { .result = -1, .disposition = -1 },
                .text = ask_field(q, "q"),
                .ou = ask_field(q, "ou"),
                .code = ask_field(q, "code"),
                .result = "",
                .since = "",
        };
        for (int r = RESULT_SUCCESS; r <= RESULT_WARNING; r++)
                if (str_is(result_name((Result)r), result)) {
                        f->filter.result = r;
                        f->result = result;
                }
        for (size_t i = 1; i < N_ELEMENTS(spans); i++)
                if (str_is(spans[i].value, since)) {
                        f->filter.since = wall_add(q->now, -spans[i].ms);
                        f->since = since;
                }
        f->filter.text = *f->text ? f->text : NULL;
        f->filter.ou = *f->ou ? f->ou : NULL;
        f->filter.error_code = *f->code ? f->code : NULL;
}

/* As the store finds it: in the name or the DN, and a DN however it is written. */
static bool has_text(Arena *a, const LiveLine *line, const char *wanted)
{
        const char *text = str_fold(a, wanted);
        const Dn *dn, *wanted_dn;

        if (strstr(str_fold(a, line->dn), text) || strstr(str_fold(a, line->display_name), text))
                return true;
        return dn_parse(a, wanted, &wanted_dn, NULL) == 0 && wanted_dn->n_rdns &&
               dn_parse(a, line->dn, &dn, NULL) == 0 &&
               strstr(str_fold(a, dn->normalised), str_fold(a, wanted_dn->normalised));
}

bool page_filter_takes(const PageFilter *f, Arena *a, const LiveLine *line)
{
        const Dn *dn, *ou;

        if (f->filter.result >= 0 && (int)line->result != f->filter.result)
                return false;
        if (f->filter.error_code &&
            !(line->error_code && str_is_nocase(line->error_code, f->filter.error_code)))
                return false;
        if (f->filter.ou && (dn_parse(a, f->filter.ou, &ou, NULL) || dn_parse(a, line->dn, &dn, NULL) ||
                             !dn_is_below(dn, ou)))
                return false;
        if (line->finished.ms < f->filter.since.ms)
                return false;
        return !f->filter.text || has_text(a, line, f->filter.text);
}

static void add_query(Str *out, const PageFilter *f, long page)
{
        const struct {
                const char *name, *value;
        } all[] = { { "q", f->text },
                    { "result", f->result },
                    { "since", f->since },
                    { "ou", f->ou },
                    { "code", f->code } };
        const char *before = "?";

        for (size_t i = 0; i < N_ELEMENTS(all); i++) {
                if (!*all[i].value)
                        continue;
                str_printf(out, "%s%s=", before, all[i].name);
                html_url(out, all[i].value);
                before = "&amp;";
        }
        if (page > 1)
                str_printf(out, "%spage=%ld", before, page);
}

static void add_input(Str *out, const char *id, const char *label, const char *type, const char *value,
                      const char *hint)
{
        str_printf(out, "<div><label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" type=\"%s\" value=\"",
                   id, label, id, id, type);
        html_attr(out, value);
        html_raw(out, "\" placeholder=\"");
        html_attr(out, hint);
        html_raw(out, "\"></div>");
}

static void add_option(Str *out, const char *value, const char *text, const char *chosen)
{
        html_raw(out, "<option value=\"");
        html_attr(out, value);
        str_add(out, str_is(value, chosen) ? "\" selected>" : "\">");
        html_text(out, text);
        html_raw(out, "</option>");
}

static void add_filters(Ask *q, Str *out, const PageFilter *f)
{
        html_raw(out, "<form class=\"filters\" method=\"get\" role=\"search\" action=\"");
        html_attr(out, q->prefix);
        html_raw(out, "/changes\">");
        add_input(out, "q", "Name or DN", "search", f->text, "Ada Lovelace");
        html_raw(out, "<div><label for=\"result\">Result</label><select id=\"result\" name=\"result\">");
        for (size_t i = 0; i < N_ELEMENTS(results); i++)
                add_option(out, results[i], *results[i] ? results[i] : "any", f->result);
        html_raw(out,
                 "</select></div><div><label for=\"since\">When</label><select id=\"since\" name=\"since\">");
        for (size_t i = 0; i < N_ELEMENTS(spans); i++)
                add_option(out, spans[i].value, spans[i].text, f->since);
        html_raw(out, "</select></div>");
        add_input(out, "ou", "Below", "text", f->ou, "OU=Sales,DC=corp,…");
        add_input(out, "code", "Error code", "text", f->code, "AttributeValueMustBeUnique");
        html_raw(out, "<div class=\"do\"><button class=\"main\">Show</button>");
        if (*f->text || *f->result || *f->ou || *f->code || *f->since) {
                html_raw(out, " <a");
                page_href(q, out, "/changes");
                html_raw(out, ">Clear</a>");
        }
        html_raw(out, "</div></form>\n");
}

static void add_pages(Ask *q, Str *out, const PageFilter *f, long page, bool more)
{
        if (page == 1 && !more)
                return;
        html_raw(out, "<nav class=\"pages\" aria-label=\"Pages\">");
        for (int next = 0; next < 2; next++) {
                if (next ? !more : page == 1)
                        continue;
                str_printf(out, "<a rel=\"%s\" href=\"", next ? "next" : "prev");
                html_attr(out, q->prefix);
                html_raw(out, "/changes");
                add_query(out, f, next ? page + 1 : page - 1);
                str_add(out, next ? "\">Older</a>" : "\">Newer</a>");
        }
        str_printf(out, "<span class=\"muted\">page %ld</span></nav>\n", page);
}

/* Nothing was found: the next question is why. */
static void add_nothing(Ask *q, Str *out, const PageFilter *f)
{
        html_raw(out, "<div class=\"card\"><p class=\"lead\">There is no report like this.</p><p>Objects out "
                      "of scope are "
                      "counted, not reported. To see what the rules make of one, ask for its DN: ");
        html_raw(out, "<a href=\"");
        html_attr(out, q->prefix);
        html_raw(out, "/explain?dn=");
        html_url(out, strchr(f->text, '=') ? f->text : "");
        html_raw(out, "\">Explain an object</a>.</p></div>\n");
}

static size_t list_rows(Ask *q, const PageFilter *f, long page, const ReportRow *rows, size_t n,
                        PageRow **ret_shown, const char **ret_mark)
{
        size_t n_shown = n < PAGE ? n : PAGE;

        if (page == 1)
                return page_newest(q, f, rows, n, PAGE, ret_shown, ret_mark);
        *ret_shown = arena_new_array(q->arena, PageRow, n_shown + 1);
        for (size_t i = 0; i < n_shown; i++)
                (*ret_shown)[i] = page_row_of_report(&rows[i]);
        return n_shown;
}

void page_changes(Ask *q)
{
        Str *out = &q->answer.body;
        ReportStore *store = *q->console->store;
        ReportRow *rows = NULL;
        PageRow *shown;
        const char *mark;
        int64_t number = 1;
        size_t n = 0, n_shown;
        long page;
        PageFilter f;

        page_filter(q, &f);
        if (!str_to_int64(ask_field(q, "page"), &number) || number < 1 || number > PAGES_MAX)
                number = 1;
        page = (long)number;
        if (!store ||
            report_store_list(store, &f.filter, (size_t)(page - 1) * PAGE, PAGE + 1, q->arena, &rows, &n)) {
                page_say(q, 503, "The reports cannot be read", "They wait until there is room on the disk.");
                return;
        }
        n_shown = list_rows(q, &f, page, rows, n, &shown, &mark);
        page_begin(q, "Changes", "/changes");
        html_raw(out, "<main id=\"content\"");
        /* What is new is added only to what is newest. */
        if (page == 1) {
                html_raw(out, " data-events=\"changes\" data-query=\"");
                html_attr(out, q->query);
                html_raw(out, "\" data-after=\"");
                html_attr(out, mark);
                html_raw(out, "\"");
        }
        html_raw(out, "><h1>Changes</h1>");
        add_filters(q, out, &f);
        html_raw(out, "<p class=\"live muted\" role=\"status\"></p>");
        if (n_shown == 0)
                add_nothing(q, out, &f);
        page_rows_begin(out, "changes", "Changes and what became of them, newest first");
        for (size_t i = 0; i < n_shown; i++)
                page_row(out, q->prefix, &shown[i], q->now);
        page_rows_end(out);
        add_pages(q, out, &f, page, n > PAGE);
        html_raw(out, "</main>\n");
        page_end(q);
}

/* -- one change ------------------------------------------------------------------------------------------ */

static void add_related(Ask *q, Str *out, const Outcome *o)
{
        const ReportFilter filter = { .object = &o->change.id, .result = -1, .disposition = -1 };
        ReportStore *store = *q->console->store;
        ReportRow *rows;
        size_t n;

        if (!store || report_store_list(store, &filter, 0, 11, q->arena, &rows, &n) || n < 2)
                return;
        html_raw(out, "<details class=\"related\"><summary>Other reports of this object</summary><ul>");
        for (size_t i = 0; i < n; i++) {
                if (str_is(rows[i].run_id, o->run_id))
                        continue;
                html_raw(out, "<li><a href=\"");
                html_attr(out, q->prefix);
                html_raw(out, "/changes/");
                html_url(out, rows[i].run_id);
                html_raw(out, "\">");
                page_time(out, rows[i].finished, q->now);
                html_raw(out, " ");
                html_text(out, disposition_name(rows[i].disposition));
                html_raw(out, "</a>");
                if (rows[i].error_code) {
                        html_raw(out, " <span class=\"errcode\">");
                        html_text(out, rows[i].error_code);
                        html_raw(out, "</span>");
                }
                html_raw(out, "</li>");
        }
        html_raw(out, "</ul></details>");
}

static void add_acts(Ask *q, Str *out, const Outcome *o)
{
        const char *dn = o->source.dn ? o->source.dn : o->change.dn;

        html_raw(out, "<nav class=\"acts\" aria-label=\"What can be done\">");
        if (dn && *dn) {
                html_raw(out, "<a class=\"button\" href=\"");
                html_attr(out, q->prefix);
                html_raw(out, "/explain?dn=");
                html_url(out, dn);
                html_raw(out, "\">What the rules make of it now</a>");
                if (q->role == CONSOLE_OPERATE && q->csrf) {
                        page_form(q, out, "/sync", "inline");
                        page_hidden(out, "dn", dn);
                        page_form_end(out, "Synchronize now", "");
                }
        }
        add_related(q, out, o);
        html_raw(out, "</nav>\n");
}

/* The reporter gathers for a moment before it writes; whoever asked for the run wants to see its report. */
static void await_report(Ask *q, const char *run)
{
        static const struct timespec moment = { .tv_nsec = 50 * 1000000 };
        ReportStore *store = *q->console->store;

        for (int i = 0; store && i < 60 && !report_store_has_recent(store, run); i++)
                nanosleep(&moment, NULL);
}

/* A line of the live list may be there before its report. */
static bool has_just_ended(Ask *q, const char *run)
{
        LiveLine *lines;
        size_t n = live_read(q->console->live, 0, LIVE_LINES, q->arena, &lines, NULL);

        while (n > 0)
                if (str_is(lines[--n].run_id, run))
                        return true;
        return false;
}

void page_change(Ask *q)
{
        ReportStore *store = *q->console->store;
        Str *out = &q->answer.body;
        bool is_new = has_just_ended(q, q->rest);
        Diag diag = DIAG_INIT;
        Outcome o;

        if (is_new)
                await_report(q, q->rest);
        if (!store || report_store_read(store, q->rest, q->arena, &o, &diag)) {
                if (is_new)
                        page_say(q, 503, "Its report is not written yet",
                                 "Load the page again in a moment. While the disk is full, reports wait.");
                else
                        page_say(q, 404, "There is no such report",
                                 diag_any(&diag) ? diag_text(&diag) : "Reports cannot be read now.");
                diag_deinit(&diag);
                return;
        }
        diag_deinit(&diag);
        page_begin(q, facts_display_name(&o), "/changes");
        add_acts(q, out, &o);
        html_report_body(&o, out);
        page_end(q);
}

void page_sync(Ask *q)
{
        const char *dn = ask_field(q, "dn"), *run = NULL;
        Diag diag = DIAG_INIT;
        int r;

        log_info(q->console->log, "console", LOG_STR("user", q->user), LOG_STR("act", "sync"),
                 LOG_STR("dn", dn));
        r = q->console->ops->sync(q->console->context, dn, q->user, q->arena, &run, &diag);
        q->console->ops->acted(q->console->context, q->user, "sync", dn, r ? diag_text(&diag) : NULL);
        if (r == 0) {
                await_report(q, run);
                page_go(q, arena_printf(q->arena, "/changes/%s", run));
        } else {
                page_refuse(q, r, r == CONSOLE_E_WAITS ? "Not synchronized yet" : "Not synchronized", &diag);
        }
        diag_deinit(&diag);
}
