/* SPDX-License-Identifier: Apache-2.0 */

/* The tabs Troubleshooting & Recommendation and Modified Properties. */

#include "report/html-internal.h"

#include <string.h>

static void add_requests(Str *out, const Outcome *o)
{
        if (!o->n_request_ids)
                return;
        html_raw(out, "<details class=\"fold ids\"><summary>");
        html_number(out, o->n_request_ids, "Microsoft Graph request id");
        html_raw(out, ", for Microsoft support</summary><ul class=\"plain\">");
        for (size_t i = 0; i < o->n_request_ids; i++) {
                html_raw(out, "<li>");
                html_copyable(out, o->request_ids[i]);
                html_raw(out, "</li>");
        }
        html_raw(out, "</ul></details>");
}

static void add_error(Str *out, const Outcome *o, Arena *a)
{
        const char *state = html_state_of_run(o);
        const char *next = facts_next(a, o);
        int failed = facts_failed_step(o);

        str_printf(out, "<div class=\"card error %s\"><p class=\"label\">Error code</p><div class=\"big\">",
                   state);
        html_copyable(out, o->error.code);
        html_raw(out, "</div>\n<dl class=\"pairs\"><div><dt>Category</dt><dd>");
        html_text(out, facts_category(o->error.category));
        html_raw(out, " <code>");
        html_text(out, error_category_name(o->error.category));
        html_raw(out, "</code></dd></div>");
        html_pair(out, "Reason", o->error.reason);
        if (failed >= 0) {
                str_printf(out, "<div><dt>Where</dt><dd><a href=\"#step-%d\">Step %d: ", failed + 1,
                           failed + 1);
                html_text(out, facts_step_title((size_t)failed));
                html_raw(out, "</a></dd></div>");
        }
        html_pair(out, "Additional details", o->error.additional_details);
        html_raw(out, "</dl></div>\n");
        if (o->error.recommended_action || next) {
                html_raw(out, "<div class=\"card action\"><p class=\"label\">Recommended action</p>"
                              "<p class=\"lead\"><bdi class=\"v\">");
                html_text(out, o->error.recommended_action);
                html_raw(out, "</bdi></p>");
                if (next) {
                        html_raw(out, "<p class=\"next\">");
                        html_text(out, next);
                        html_raw(out, "</p>");
                }
                html_raw(out, "</div>\n");
        }
        add_requests(out, o);
}

void html_tab_troubleshooting(Str *out, const Outcome *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *next = facts_next(a, o);

        html_raw(out, "<section id=\"troubleshooting\" aria-labelledby=\"h-troubleshooting\">"
                      "<h2 id=\"h-troubleshooting\">Troubleshooting &amp; Recommendation</h2>\n");
        if (o->error.code) {
                add_error(out, o, a);
        } else {
                bool failed = o->result == RESULT_FAILURE;

                html_raw(out, "<div class=\"card calm\">");
                html_icon(out, failed ? "failure" : "success");
                html_raw(out, "<div><p class=\"lead\">");
                html_text(out,
                          failed ? "The run ended without saying why. Its steps and the log of the service, "
                                   "by the run id, have what is known."
                                 : "Nothing failed. There is nothing to do.");
                html_raw(out, "</p>");
                if (next) {
                        html_raw(out, "<p class=\"next\">");
                        html_text(out, next);
                        html_raw(out, "</p>");
                }
                html_raw(out, "</div></div>\n");
                add_requests(out, o);
        }
        html_raw(out, "</section>\n");
}

static bool is_number(const char *s)
{
        return s && *s && strspn(s, "0123456789") == strlen(s);
}

/*
 * The cell of a multi-valued attribute is its count; the values are one click away. The run may have given
 * the count itself, or the values as text.
 */
static void add_side(Str *out, const AttributeInfo *info, const char *value, int64_t count)
{
        if (!value)
                return;
        if (!info || !info->multi_valued || is_number(value)) {
                html_value(out, value);
                if (info && info->multi_valued && is_number(value))
                        html_text(out, str_is(value, "1") ? " value" : " values");
                return;
        }
        html_raw(out, "<details class=\"fold\"><summary>");
        if (count >= 0)
                html_number(out, (size_t)count, "value");
        else
                html_raw(out, "Values");
        html_raw(out, "</summary>");
        html_value(out, value);
        html_raw(out, "</details>");
}

static void add_changes(Str *out, const AttributeInfo *info)
{
        if (!info || (!info->n_added && !info->n_deleted))
                return;
        html_raw(out, "<details class=\"fold delta\"><summary>");
        if (info->n_added)
                str_printf(out, "<span class=\"plus\">+%u</span> ", info->n_added);
        if (info->n_deleted)
                str_printf(out, "<span class=\"minus\">−%u</span>", info->n_deleted);
        html_raw(out, "<span class=\"vh\"> values added and removed</span></summary>");
        if (info->value_add)
                html_lines(out, info->value_add, '+');
        if (info->value_delete)
                html_lines(out, info->value_delete, '-');
        html_raw(out, "</details>");
}

static void add_modified(Str *out, const Outcome *o, const ModifiedProperty *m)
{
        size_t step = 0, row = 0;
        const AttributeInfo *info = facts_exported(o, m->name, &step, &row);
        int64_t n_new = info && info->n_values ? (int64_t)info->n_values : -1;
        int64_t n_old = n_new >= 0 && (info->n_added || info->n_deleted)
                                ? n_new - info->n_added + info->n_deleted
                                : -1;

        html_raw(out, "<tr><th scope=\"row\">");
        if (info)
                str_printf(out, "<a href=\"#s%zu-a%zu\">", step + 1, row + 1);
        html_raw(out, "<bdi>");
        html_text(out, m->name);
        html_raw(out, "</bdi>");
        if (info)
                html_raw(out, "</a>");
        html_raw(out, "</th><td class=\"old\">");
        add_side(out, info, m->old_value, n_old);
        html_raw(out, "</td><td class=\"new\">");
        add_side(out, info, m->new_value, n_new);
        add_changes(out, info);
        html_raw(out, "</td></tr>\n");
}

void html_tab_modified(Str *out, const Outcome *o)
{
        html_raw(out, "<section id=\"modified\" aria-labelledby=\"h-modified\">"
                      "<h2 id=\"h-modified\">Modified Properties</h2>\n");
        if (!o->n_modified) {
                html_raw(out, "<div class=\"card calm\">");
                html_icon(out, "skipped");
                html_raw(out, "<div><p class=\"lead\">No property was modified.</p></div></div>\n");
        } else {
                if (o->disposition == DISPOSITION_STAGED)
                        html_raw(out, "<p class=\"note\">Staging: this is what would have been sent.</p>\n");
                else if (!o->accepted.ms)
                        html_raw(out, "<p class=\"note\">This is what was planned. Microsoft Graph has not "
                                      "confirmed it.</p>\n");
                html_raw(out, "<div class=\"filter\"></div><table class=\"modified\"><thead><tr>"
                              "<th scope=\"col\">Name</th><th scope=\"col\">Old value</th>"
                              "<th scope=\"col\">New value</th></tr></thead><tbody>\n");
                for (size_t i = 0; i < o->n_modified; i++)
                        add_modified(out, o, &o->modified[i]);
                html_raw(out, "</tbody></table>\n");
        }
        html_raw(out, "</section>\n");
}
