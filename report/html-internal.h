/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of the page to each other, and to the console's. */

#include "report/facts.h"
#include "report/html.h"

/* Made by embed.py of report.css and report.js. */
extern const char html_css[];
extern const char html_js[];

/* Longer ones are folded: the beginning and the size are shown, the rest is one click away. */
#define HTML_FOLD_BYTES 320
#define HTML_FOLD_LINES 8

/* "success" "warning" "failure" "skipped" "waiting" "notrun": classes and icons. */
const char *html_state_of_step(const StepRecord *s);
const char *html_state_of_run(const Outcome *o);

void html_symbols(Str *out); /* what icons are made of; once a page */
void html_icon(Str *out, const char *state);
void html_value(Str *out, const char *s);              /* any value: isolated, folded if long */
void html_lines(Str *out, const char *s, char sign);   /* one value a line, each with its sign */
void html_copyable(Str *out, const char *s);           /* an identifier; the script adds a button */
void html_time(Str *out, Wall at);                     /* "2026-11-22 08:31:15.123 UTC" */
void html_duration(Str *out, int64_t us);              /* "1.5 s"; 0 is "0 ms" */
void html_number(Str *out, size_t n, const char *one); /* "1 attribute", "2 attributes" */

/* A pair of a description list; nothing if there is no value. */
void html_pair(Str *out, const char *title, const char *value);
void html_pair_id(Str *out, const char *title, const char *value);

void html_tab_steps(Str *out, const Outcome *o);
void html_tab_troubleshooting(Str *out, const Outcome *o);
void html_tab_modified(Str *out, const Outcome *o);
void html_tab_summary(Str *out, const Outcome *o, const HtmlPrevious *previous);
