/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/page.h"

#include "engine/model/dn.h"
#include "report/console/assets.h"

#include <string.h>

const PageRoute page_routes[] = {
        { .path = "/", .page = page_overview },
        { .path = "/changes", .page = page_changes },
        { .path = "/changes/", .page = page_change },
        { .path = "/parked", .page = page_parked },
        { .path = "/parked/steer", .page = page_steer, .post = true },
        { .path = "/parked/brake", .page = page_brake_set, .post = true, .slow = true },
        { .path = "/rules", .page = page_rules },
        { .path = "/rules/", .page = page_rule },
        { .path = "/explain", .page = page_explain, .slow = true },
        { .path = "/sync", .page = page_sync, .post = true, .slow = true },
        { .path = "/scheduler", .page = page_scheduler, .slow = true },
        { .path = "/scheduler/set", .page = page_scheduler_set, .post = true, .slow = true },
        { .path = "/metrics", .page = page_metrics, .metrics = true },
        { .path = "/readyz", .page = page_ready, .open = true },
        { .path = NULL },
};

static const struct {
        const char *path, *name;
} menu[] = {
        { "/", "Overview" },   { "/changes", "Changes" },     { "/parked", "Parked" },
        { "/rules", "Rules" }, { "/scheduler", "Scheduler" }, { "/explain", "Explain" },
};

/* -- frame ----------------------------------------------------------------------------------------------- */

static void add_attr(Str *out, const char *name, const char *before, const char *value)
{
        str_printf(out, " %s=\"", name);
        html_attr(out, before);
        html_attr(out, value);
        html_raw(out, "\"");
}

void page_href(Ask *q, Str *out, const char *path)
{
        add_attr(out, "href", q->prefix, path);
}

static void add_menu(Ask *q, Str *out, const char *at)
{
        html_raw(out, "<nav class=\"menu\" aria-label=\"Console\"><ul>");
        for (size_t i = 0; i < N_ELEMENTS(menu); i++) {
                html_raw(out, "<li><a");
                page_href(q, out, menu[i].path);
                if (str_is(menu[i].path, at))
                        html_raw(out, " aria-current=\"page\"");
                html_raw(out, ">");
                html_text(out, menu[i].name);
                html_raw(out, "</a></li>");
        }
        html_raw(out, "</ul></nav>");
}

static void add_user(Ask *q, Str *out)
{
        html_raw(out, "<div class=\"me\"><span><bdi>");
        html_text(out, q->user);
        html_raw(out, "</bdi>");
        if (q->role == CONSOLE_READ)
                html_raw(out, " <span class=\"tag\">may look</span>");
        html_raw(out, "</span>");
        if (q->csrf) {
                page_form(q, out, "/sign-out", "inline");
                page_form_end(out, "Sign out", "quiet");
        }
        html_raw(out, "</div>");
}

void page_begin(Ask *q, const char *title, const char *at)
{
        Str *out = &q->answer.body;

        html_raw(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
        html_text(out, title);
        html_raw(out, " · sosync</title>\n<link rel=\"stylesheet\"");
        page_href(q, out, "/style.css");
        html_raw(out, ">\n<link rel=\"icon\" type=\"image/svg+xml\"");
        page_href(q, out, "/icon.svg");
        html_raw(out, ">\n<script defer");
        add_attr(out, "src", q->prefix, "/script.js");
        html_raw(out, "></script>\n</head>\n<body");
        if (q->user)
                add_attr(out, "data-prefix", q->prefix, "/");
        html_raw(out, ">\n<a class=\"skip\" href=\"#content\">To the content</a>\n<header class=\"mast\">"
                      "<a class=\"name\"");
        page_href(q, out, "/");
        html_raw(out, ">sosync</a>");
        if (q->user) {
                add_menu(q, out, at);
                add_user(q, out);
        }
        html_raw(out, "</header>\n");
        page_symbols(out);
}

void page_end(Ask *q)
{
        html_raw(&q->answer.body, "<footer class=\"foot\"><p>sosync " SOSYNC_VERSION
                                  " · all times are UTC</p></footer>\n</body>\n</html>\n");
}

void page_symbols(Str *out)
{
        html_symbols(out);
}

void page_say(Ask *q, int status, const char *title, const char *text)
{
        Str *out = &q->answer.body;

        str_reset(out);
        q->answer.status = status;
        q->answer.type = NULL;
        page_begin(q, title, NULL);
        html_raw(out, "<main id=\"content\" class=\"narrow\"><h1>");
        html_text(out, title);
        html_raw(out, "</h1><p class=\"lead v\">");
        html_text(out, text);
        html_raw(out, "</p><p><a");
        page_href(q, out, "/");
        html_raw(out, ">To the overview</a></p></main>\n");
        page_end(q);
}

void page_refuse(Ask *q, int r, const char *title, const Diag *diag)
{
        page_say(q,
                 r == CONSOLE_E_ASKED   ? 400
                 : r == CONSOLE_E_WAITS ? 503
                                        : 500,
                 title,
                 diag_any(diag) ? diag_text(diag)
                 : r < 0        ? strerror(-r)
                                : "The service does not say why.");
}

void page_go(Ask *q, const char *location)
{
        q->answer.status = 303;
        q->answer.location = location;
}

void page_hidden(Str *out, const char *name, const char *value)
{
        html_raw(out, "<input type=\"hidden\"");
        add_attr(out, "name", "", name);
        add_attr(out, "value", "", value);
        html_raw(out, ">");
}

void page_form(Ask *q, Str *out, const char *path, const char *class)
{
        html_raw(out, "<form method=\"post\"");
        add_attr(out, "class", "", class);
        add_attr(out, "action", q->prefix, path);
        html_raw(out, ">");
        if (q->csrf)
                page_hidden(out, "csrf", q->csrf);
}

void page_form_end(Str *out, const char *button, const char *class)
{
        html_raw(out, "<button");
        add_attr(out, "class", "", class);
        html_raw(out, ">");
        html_text(out, button);
        html_raw(out, "</button></form>");
}

/* -- lists of changes ------------------------------------------------------------------------------------ */

PageRow page_row_of_report(const ReportRow *r)
{
        return (PageRow){
                .run_id = r->run_id,
                .type = r->type,
                .dn = r->dn,
                .name = r->display_name,
                .code = r->error_code,
                .finished = r->finished,
                .latency_ms = r->latency_ms,
                .result = r->result,
                .disposition = r->disposition,
                .action = r->action,
                .lane = r->lane,
        };
}

PageRow page_row_of_line(const LiveLine *l)
{
        return (PageRow){
                .run_id = l->run_id,
                .type = l->type,
                .dn = l->dn,
                .name = l->display_name,
                .code = l->error_code,
                .finished = l->finished,
                .latency_ms = l->latency_ms,
                .result = l->result,
                .disposition = l->disposition,
                .action = l->action,
                .lane = l->lane,
        };
}

void page_time(Str *out, Wall at, Wall now)
{
        char text[WALL_TEXT_MAX], today[WALL_TEXT_MAX];

        if (!at.ms)
                return;
        wall_format(at, text);
        wall_format(now, today);
        str_printf(out, "<time datetime=\"%s\" title=\"%.10s %.12s UTC\">", text, text, text + 11);
        if (strncmp(text, today, 10) != 0)
                str_printf(out, "%.5s ", text + 5);
        str_printf(out, "%.8s</time>", text + 11);
}

void page_duration_ms(Str *out, int64_t ms)
{
        char text[32];

        html_text(out, ms < 0 ? "–" : duration_format(ms * 1000, text, sizeof(text)));
}

static const char *state_of(const PageRow *row)
{
        return row->disposition == DISPOSITION_RETRY ? "waiting"
               : row->result == RESULT_SUCCESS       ? "success"
               : row->result == RESULT_WARNING       ? "warning"
               : row->result == RESULT_SKIPPED       ? "skipped"
                                                     : "failure";
}

void page_rows_begin(Str *out, const char *id, const char *caption)
{
        html_raw(out, "<table class=\"changes stack\"><caption class=\"vh\">");
        html_text(out, caption);
        html_raw(out, "</caption><thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Object</th>"
                      "<th scope=\"col\">What became of it</th><th scope=\"col\">Action</th>"
                      "<th scope=\"col\">Lane</th><th scope=\"col\" class=\"num\">To the "
                      "cloud</th></tr></thead><tbody");
        add_attr(out, "id", "", id);
        html_raw(out, ">\n");
}

void page_row(Str *out, const char *prefix, const PageRow *row, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *state = state_of(row), *name = row->name && *row->name ? row->name : row->dn;

        str_printf(out, "<tr class=\"%s\"><td class=\"when\">", state);
        page_time(out, row->finished, now);
        html_raw(out, "</td><th scope=\"row\"><a href=\"");
        html_attr(out, prefix);
        html_raw(out, "/changes/");
        html_url(out, row->run_id);
        html_raw(out, "\"><bdi>");
        html_text(out, name && *name ? name : "(without a name)");
        html_raw(out, "</bdi></a><span class=\"dn\" title=\"");
        html_attr(out, row->dn);
        html_raw(out, "\"><bdi>");
        html_text(out, row->dn ? dn_shorten(a, row->dn, 90) : "");
        html_raw(out, "</bdi></span></th><td class=\"what\"><span class=\"now\">");
        html_icon(out, state);
        html_raw(out, "<span>");
        html_text(out, disposition_name(row->disposition));
        html_raw(out, "</span></span>");
        if (row->code) {
                html_raw(out, " <span class=\"errcode\">");
                html_text(out, row->code);
                html_raw(out, "</span>");
        }
        html_raw(out, "</td><td>");
        html_text(out, row->action == ACTION_OTHER ? "–" : action_name(row->action));
        str_printf(out, "</td><td class=\"lane-%s\">", lane_name(row->lane));
        html_text(out, lane_name(row->lane));
        if (row->latency_ms < 0)
                html_raw(out, "</td><td class=\"num none\">");
        else
                html_raw(out, "</td><td class=\"num\">");
        page_duration_ms(out, row->latency_ms);
        html_raw(out, "</td></tr>\n");
}

void page_rows_end(Str *out)
{
        html_raw(out, "</tbody></table>\n");
}

/* -- sign in --------------------------------------------------------------------------------------------- */

/* Signing in with a token would not help: the proxy says who it is, with every request. */
static void say_stranger(Ask *q)
{
        Str *out = &q->answer.body;

        html_raw(out, "<p class=\"wrong\" role=\"alert\">The proxy before this console ");
        if (*q->stranger) {
                html_raw(out, "has signed you in as <b>");
                html_text(out, q->stranger);
                html_raw(out, "</b>, who is not one of its users (console.users in its configuration).</p>");
        } else {
                html_raw(
                        out,
                        "does not say who you are in a way that can be believed: one name was expected.</p>");
        }
        html_raw(out, "<p class=\"muted\">Whoever looks after this server can add you.</p></main>\n");
        page_end(q);
}

void page_sign_in(Ask *q)
{
        Str *out = &q->answer.body;
        const char *next = ask_field(q, "next");

        page_begin(q, "Sign in", NULL);
        html_raw(out, "<main id=\"content\" class=\"narrow\"><h1>Sign in</h1>");
        if (q->stranger) {
                say_stranger(q);
                return;
        }
        if (q->answer.status == 403)
                html_raw(out, "<p class=\"wrong\" role=\"alert\">This is nobody's token.</p>");
        else if (q->answer.status == 429)
                html_raw(out, "<p class=\"wrong\" role=\"alert\">Too many wrong tokens. Wait a minute.</p>");
        page_form(q, out, "/sign-in", "sign-in");
        page_hidden(out, "next", next);
        html_raw(out,
                 "<label for=\"token\">Access token</label>"
                 "<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" "
                 "required autofocus>");
        page_form_end(out, "Sign in", "main");
        html_raw(out,
                 "<p class=\"muted\">Each person has a token of their own. Whoever looks after this server "
                 "gives it out (console.users in its configuration).</p></main>\n");
        page_end(q);
}

/* -- for programs ---------------------------------------------------------------------------------------- */

void page_metrics(Ask *q)
{
        q->answer.type = "text/plain; version=0.0.4; charset=utf-8";
        q->console->ops->metrics(q->console->context, &q->answer.body);
}

void page_ready(Ask *q)
{
        const char *why;
        Vitals v;

        q->console->ops->vitals(q->console->context, q->arena, &v);
        q->answer.type = "text/plain; charset=utf-8";
        if (!vitals_ready(&v, &why))
                q->answer.status = 503;
        str_printf(&q->answer.body, "%s\n", why ? why : "ready");
}
