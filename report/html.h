/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Html: an outcome as one file
 *
 * Four tabs (Steps, Troubleshooting & Recommendation, Modified Properties, Summary) that work offline, in
 * print and without JavaScript. Values come from a directory and are hostile: only html_text, html_attr and
 * html_url may emit data, html_raw takes literals.
 */

#include "base/str.h"
#include "engine/model/outcome.h"

void html_report(const Outcome *o, Str *out);

/* The object's report before this one. */
typedef struct HtmlPrevious {
        const char *run_id;
        Wall finished;
        const char *file; /* the name of its page beside this one; NULL: it has none */
} HtmlPrevious;

/* The same, and in its summary where the previous one is (NULL: nothing of it). */
void html_report_after(const Outcome *o, const HtmlPrevious *previous, Str *out);

/* What stands in its body, without style and script: the console's page of a change. */
void html_report_body(const Outcome *o, Str *out);

#define html_raw(out, literal) str_add((out), "" literal "")
void html_text(Str *out, const char *s); /* NULL: nothing */
void html_attr(Str *out, const char *s); /* inside double quotes */
void html_url(Str *out, const char *s);  /* a path segment or query value */

/* "ADSyncSingleObjectSyncResult-20261122T083115Z-1f0c2d3e.htm": sorts by time, unique by run. */
const char *html_file_name(Arena *a, const Outcome *o);

/*
 * The Content-Security-Policy that the report carries in itself: nothing is loaded, and nothing runs but its
 * own style and script, by their hashes. For a server that sends it as a header as well.
 */
extern const char html_policy[];
