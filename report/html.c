/* SPDX-License-Identifier: Apache-2.0 */

#include "report/html.h"

#include "report/html-internal.h"

#include <string.h>

/* Shapes differ, not only colours. Each is drawn on 16 by 16. */
void html_symbols(Str *out)
{
        html_raw(out, "<svg class=\"symbols\" aria-hidden=\"true\" width=\"0\" height=\"0\">"
                      "<symbol id=\"i-success\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7.5\"/>"
                      "<path d=\"M4.6 8.3l2.4 2.4 4.5-5\"/></symbol>"
                      "<symbol id=\"i-failure\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7.5\"/>"
                      "<path d=\"M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4\"/></symbol>"
                      "<symbol id=\"i-warning\" viewBox=\"0 0 16 16\">"
                      "<path class=\"b\" d=\"M8 .9l7.4 13.6H.6z\"/><path d=\"M8 5.8v4M8 11.9v.4\"/></symbol>"
                      "<symbol id=\"i-skipped\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7.5\"/>"
                      "<path d=\"M4.8 8h6.4\"/></symbol>"
                      "<symbol id=\"i-waiting\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7.5\"/>"
                      "<path d=\"M8 4v4.2l2.7 1.9\"/></symbol>"
                      "<symbol id=\"i-notrun\" viewBox=\"0 0 16 16\"><circle class=\"o\" cx=\"8\" cy=\"8\" "
                      "r=\"6.5\"/>"
                      "</symbol></svg>\n");
}

static void add_head(Str *out, const Outcome *o)
{
        html_raw(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"");
        html_attr(out, html_policy);
        html_raw(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"referrer\" content=\"no-referrer\">\n"
                      "<meta name=\"robots\" content=\"noindex\">\n<title>");
        html_text(out, facts_display_name(o));
        html_raw(out, " · ");
        html_text(out, facts_state(o));
        html_raw(out, " · sosync</title>\n<style>");
        str_add(out, html_css);
        html_raw(out, "</style>\n</head>\n<body>\n");
        html_symbols(out);
}

static void add_key_facts(Str *out, const Outcome *o, Arena *a)
{
        const char *since;
        int64_t latency = facts_latency_ms(o, &since);

        html_raw(out, "<dl class=\"key\">");
        if (latency >= 0) {
                html_raw(out, "<div class=\"lead\"><dt>");
                html_text(out, str_is(since, "started") ? "Start to Graph" : "Directory to Graph");
                html_raw(out, "</dt><dd>");
                html_duration(out, latency * 1000);
                html_raw(out, "</dd></div>");
        }
        html_raw(out, "<div><dt>Run took</dt><dd>");
        html_duration(out, o->duration_us);
        html_raw(out, "</dd></div>");
        html_pair(out, "Action", facts_action(o));
        html_pair(out, "Lane", lane_name((Lane)o->change.lane));
        html_pair(out, "Started by", o->initiated_by);
        if (o->tries > 1)
                html_pair(out, "Try", arena_printf(a, "%u", o->tries));
        if (o->finished.ms) {
                html_raw(out, "<div><dt>Finished</dt><dd>");
                html_time(out, o->finished);
                html_raw(out, "</dd></div>");
        }
        html_raw(out, "</dl>\n");
}

static void add_header(Str *out, const Outcome *o, Arena *a)
{
        const char *type = o->source.type ? o->source.type : o->target.type;
        const char *state = html_state_of_run(o);
        const char *next = facts_next(a, o);

        str_printf(out, "<section class=\"top %s\" aria-label=\"The run\">\n", state);
        html_raw(out, "<p class=\"product\"><b>sosync</b> Single Object Sync report</p>\n"
                      "<div class=\"who\"><h1><bdi>");
        html_text(out, facts_display_name(o));
        html_raw(out, "</bdi></h1>");
        if (type && *type) {
                html_raw(out, "<span class=\"tag\">");
                html_text(out, type);
                html_raw(out, "</span>");
        }
        html_raw(out, "</div>\n<div class=\"dn\">");
        html_copyable(out, facts_dn(o));
        str_printf(out, "</div>\n<div class=\"verdict %s\">", state);
        html_icon(out, state);
        html_raw(out, "<div><p class=\"state\">");
        html_text(out, facts_state(o));
        if (o->error.code) {
                html_raw(out, " <a class=\"code\" href=\"#troubleshooting\">");
                html_text(out, o->error.code);
                html_raw(out, "</a>");
        }
        html_raw(out, "</p><p class=\"sentence\"><bdi class=\"v\">");
        html_text(out, facts_sentence(a, o));
        html_raw(out, "</bdi></p>");
        if (next) {
                html_raw(out, "<p class=\"next\">");
                html_text(out, next);
                html_raw(out, "</p>");
        }
        html_raw(out, "</div></div>\n");
        add_key_facts(out, o, a);
        html_raw(out, "</section>\n");
}

static void add_tabs(Str *out, const Outcome *o)
{
        html_raw(out, "<nav class=\"tabs\" aria-label=\"Parts of the report\">\n"
                      "<a href=\"#steps\">Steps</a>\n"
                      "<a href=\"#troubleshooting\">Troubleshooting <span class=\"and\">&amp; "
                      "Recommendation</span>");
        if (o->error.code) {
                str_printf(out, "<span class=\"dot %s\"></span>", html_state_of_run(o));
                html_raw(out, "<span class=\"vh\"> (there is something)</span>");
        }
        html_raw(out, "</a>\n<a href=\"#modified\">Modified Properties <span class=\"count\">");
        str_printf(out, "%zu", o->n_modified);
        html_raw(out, "</span></a>\n<a href=\"#summary\">Summary</a>\n</nav>\n");
}

static void add_body(const Outcome *o, const HtmlPrevious *previous, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        add_header(out, o, a);
        add_tabs(out, o);
        html_raw(out, "<main id=\"content\">\n");
        html_tab_steps(out, o);
        html_tab_troubleshooting(out, o);
        html_tab_modified(out, o);
        html_tab_summary(out, o, previous);
        html_raw(out, "</main>\n");
}

/**
 * html_report_body() - all of it but the frame, for a page that has a style of its own
 */
void html_report_body(const Outcome *o, Str *out)
{
        add_body(o, NULL, out);
}

/**
 * html_report() - the page
 * @out:        appended to; what goes beyond its maximum is cut, and `cut` says so
 */
void html_report(const Outcome *o, Str *out)
{
        html_report_after(o, NULL, out);
}

void html_report_after(const Outcome *o, const HtmlPrevious *previous, Str *out)
{
        add_head(out, o);
        html_raw(out, "<a class=\"skip\" href=\"#steps\">To the steps</a>\n");
        add_body(o, previous, out);
        html_raw(out, "<footer><p>Run ");
        html_text(out, o->run_id);
        html_raw(out, " · sosync " SOSYNC_VERSION " · all times are UTC</p></footer>\n<script>");
        str_add(out, html_js);
        html_raw(out, "</script>\n</body>\n</html>\n");
}

/**
 * html_file_name() - the seed's name, with a time that sorts
 */
const char *html_file_name(Arena *a, const Outcome *o)
{
        char when[WALL_TEXT_MAX], run[9];
        size_t n = 0;

        wall_format(o->finished.ms ? o->finished : o->started, when);
        for (const char *p = o->run_id; *p && n < sizeof(run) - 1; p++)
                if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
                        run[n++] = *p;
        run[n] = '\0';
        return arena_printf(a, "ADSyncSingleObjectSyncResult-%.4s%.2s%.2sT%.2s%.2s%.2sZ-%s.htm", when,
                            when + 5, when + 8, when + 11, when + 14, when + 17, run);
}
