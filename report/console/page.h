/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Page: what all pages are made of, and the table of them
 *
 *      request --> gate.c: page_routes, signed in? role? token? --> desk thread: route->page(q) --> q->answer
 *
 * A page function fills q->answer on a desk thread: it may block, and what it allocates is the request's. Who
 * asks has been checked by then, by the flags of its row; a page asks for nothing but what is its own
 * business. What goes wrong is a page too (page_say()), so page functions return nothing.
 *
 * Data goes through html_text, html_attr and html_url only (report/html.h): it comes from a directory, or
 * from the query, and is hostile. Paths are below the prefix that a proxy may have (page_href()). Times are
 * UTC.
 */

#include "report/console/ask.h"
#include "report/html-internal.h"

typedef struct PageRoute PageRoute;
typedef struct PageRow PageRow;

struct PageRoute {
        const char *path; /* "/changes"; "/changes/": with something behind it */
        void (*page)(Ask *q);
        bool post;    /* an action: role operate, form token */
        bool open;    /* without signing in */
        bool slow;    /* may take seconds */
        bool metrics; /* open if the configuration says so */
};

extern const PageRoute page_routes[]; /* ended by one without path */

/* The page's frame. `at`: path of the part that is shown, for the menu. */
void page_begin(Ask *q, const char *title, const char *at);
void page_end(Ask *q);

/* Instead of a page: a word, and what to do. */
void page_say(Ask *q, int status, const char *title, const char *text);

/* An act that was not done: `r` is what a ConsoleOps function has answered. */
void page_refuse(Ask *q, int r, const char *title, const Diag *diag);

/* 303 to another page, below the prefix. */
void page_go(Ask *q, const char *location);

/* href="..." below the prefix; the path is ours. */
void page_href(Ask *q, Str *out, const char *path);

/* A form that acts: method, target, token; ends with page_form_end. */
void page_form(Ask *q, Str *out, const char *path, const char *class);
void page_hidden(Str *out, const char *name, const char *value);
void page_form_end(Str *out, const char *button, const char *class);

/* The icons that html_icon() uses. */
void page_symbols(Str *out);

/* One change in a list. */
struct PageRow {
        const char *run_id, *type, *dn, *name, *code;
        Wall finished;
        int64_t latency_ms;
        Result result;
        Disposition disposition;
        Action action;
        Lane lane;
};

PageRow page_row_of_report(const ReportRow *r);
PageRow page_row_of_line(const LiveLine *l);
void page_rows_begin(Str *out, const char *id, const char *caption);
void page_row(Str *out, const char *prefix, const PageRow *row, Wall now);
void page_rows_end(Str *out);

/* "14:03:21", with the date if it is not today's; whole in the element's title. */
void page_time(Str *out, Wall at, Wall now);
void page_duration_ms(Str *out, int64_t ms); /* "–" if negative */

/* Filters of the list, from the fields of a query. */
typedef struct PageFilter {
        ReportFilter filter;
        const char *text, *result, *ou, *code, *since;
} PageFilter;

void page_filter(const Ask *q, PageFilter *f);
/* Does a line of the live list pass it? */
bool page_filter_takes(const PageFilter *f, Arena *a, const LiveLine *line);

/* The newest page: the `max` newest of what the store has listed (max + 1, if there are more), and what has
 * ended and is not written yet. The mark (live.h): from where on events have what is newer. Returns how many
 * rows. */
size_t page_newest(Ask *q, const PageFilter *f, const ReportRow *rows, size_t n, size_t max,
                   PageRow **ret_rows, const char **ret_mark);

/* The heading of what a brake that is on holds. */
void page_brake(Ask *q, const VitalsBrake *b);

/* Parts that events send too. */
void page_overview_parts(const ConsoleOptions *c, const char *prefix, Arena *a, Str *out);

void page_overview(Ask *q);
void page_changes(Ask *q);
void page_change(Ask *q);
void page_parked(Ask *q);
void page_brake_set(Ask *q);
void page_steer(Ask *q);
void page_rules(Ask *q);
void page_rule(Ask *q);
void page_explain(Ask *q);
void page_sync(Ask *q);
void page_scheduler(Ask *q);
void page_scheduler_set(Ask *q);
void page_sign_in(Ask *q);
void page_metrics(Ask *q);
void page_ready(Ask *q);
