/* SPDX-License-Identifier: Apache-2.0 */

/* The Steps tab: ten steps as a line from top to bottom, with what each found. */

#include "report/html-internal.h"

/* With fewer rows, all of them are seen at once anyway. */
#define ROWS_WORTH_A_FILTER 9

static int64_t end_of_run(const Outcome *o)
{
        int64_t end = o->duration_us > 0 ? o->duration_us : 1;

        for (size_t i = 0; i < o->n_steps; i++)
                if (o->steps[i].start_us + o->steps[i].duration_us > end)
                        end = o->steps[i].start_us + o->steps[i].duration_us;
        return end;
}

/* When in the run, and for how long: drawn, because ten numbers are not compared at a glance. */
static void add_bar(Str *out, const StepRecord *s, int64_t end)
{
        double from = (double)s->start_us * 100 / (double)end;
        double width = (double)s->duration_us * 100 / (double)end;

        str_printf(
                out,
                "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                "<rect class=\"all\" width=\"100\" height=\"6\"/>"
                "<rect class=\"part\" x=\"%.2f\" width=\"%.2f\" height=\"6\"/></svg>",
                from < 99 ? from : 99, width > 1 ? width : 1);
}

static void add_details(Str *out, const StepRecord *s)
{
        if (!s->n_details)
                return;
        html_raw(out, "<dl class=\"facts\">");
        for (size_t i = 0; i < s->n_details; i++)
                html_pair(out, s->details[i].key, s->details[i].text);
        html_raw(out, "</dl>");
}

static bool is_changed(const AttributeInfo *i)
{
        return i->operation && *i->operation && !str_is(i->operation, "none");
}

static const char *operation_class(const AttributeInfo *i)
{
        return str_is(i->operation, "add")      ? "add"
               : str_is(i->operation, "update") ? "update"
               : str_is(i->operation, "delete") ? "delete"
                                                : "none";
}

static void add_delta(Str *out, const char *lines, uint32_t n, char sign)
{
        if (!lines && !n)
                return;
        if (n > 6) {
                str_printf(out, "<details class=\"fold\"><summary>%s%u</summary>", sign == '+' ? "+" : "−",
                           n);
                html_lines(out, lines, sign);
                html_raw(out, "</details>");
        } else {
                html_lines(out, lines, sign);
        }
}

static void add_cell(Str *out, const char *s)
{
        html_raw(out, "<td>");
        html_text(out, s);
        html_raw(out, "</td>");
}

static void add_attribute(Str *out, const AttributeInfo *i, size_t step, size_t row)
{
        str_printf(out, "<tr id=\"s%zu-a%zu\" class=\"%s\"><th scope=\"row\"><bdi>", step + 1, row + 1,
                   operation_class(i));
        html_text(out, i->name);
        str_printf(out, "</bdi></th><td>%s</td>", i->multi_valued ? "Yes" : "No");
        add_cell(out, i->type);
        html_raw(out, "<td>");
        html_value(out, i->value);
        html_raw(out, "</td><td>");
        add_delta(out, i->value_add, i->n_added, '+');
        html_raw(out, "</td><td>");
        add_delta(out, i->value_delete, i->n_deleted, '-');
        html_raw(out, "</td><td><span class=\"op\">");
        html_text(out, i->operation);
        html_raw(out, "</span></td>");
        add_cell(out, i->sync_rule);
        add_cell(out, i->mapping_type);
        add_cell(out, i->data_source);
        html_raw(out, "</tr>\n");
}

/* A row that a link leads to must not lie in something closed: the export's table is open. */
static void add_attributes(Str *out, const StepRecord *s, size_t step, bool open)
{
        size_t n_changed = 0, n_lists = 0;

        for (size_t i = 0; i < s->n_attributes; i++) {
                n_changed += is_changed(&s->attributes[i]);
                n_lists += s->attributes[i].n_added || s->attributes[i].n_deleted;
        }
        html_raw(out, "<details class=\"attrs\"");
        if (open)
                html_raw(out, " open");
        html_raw(out, "><summary>Attribute Info <span class=\"count\">");
        html_number(out, s->n_attributes, "attribute");
        if (n_changed && n_changed < s->n_attributes)
                str_printf(out, ", %zu changed", n_changed);
        html_raw(out, "</span></summary>\n");
        if (s->n_attributes >= ROWS_WORTH_A_FILTER) {
                html_raw(out, "<div class=\"filter\">");
                if (n_changed && n_changed < s->n_attributes)
                        html_raw(out, "<label><input type=\"checkbox\" class=\"only\"> Changed only</label>");
                html_raw(out, "</div>");
        }
        html_raw(out, "<table class=\"attr");
        if (!n_lists)
                html_raw(out, " flat");
        html_raw(out, "\"><thead><tr><th scope=\"col\">Name</th>"
                      "<th scope=\"col\">Is multi-valued</th><th scope=\"col\">Type</th><th "
                      "scope=\"col\">Value</th>"
                      "<th scope=\"col\">Value add</th><th scope=\"col\">Value delete</th>"
                      "<th scope=\"col\">Operation</th><th scope=\"col\">Sync rule</th>"
                      "<th scope=\"col\">Mapping type</th><th scope=\"col\">Data "
                      "source</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < s->n_attributes; i++)
                add_attribute(out, &s->attributes[i], step, i);
        html_raw(out, "</tbody></table></details>");
}

static void add_step(Str *out, const Outcome *o, size_t i, int64_t end)
{
        const StepRecord *s = &o->steps[i];
        StepType type = facts_step_type(i);

        str_printf(out, "<li id=\"step-%zu\" class=\"step %s\">", i + 1, html_state_of_step(s));
        html_icon(out, html_state_of_step(s));
        str_printf(out, "<div class=\"does\"><h3><span class=\"n\">%zu</span> ", i + 1);
        html_text(out, facts_step_title(i));
        html_raw(out, "</h3><p class=\"kind\">");
        html_text(out, facts_step_name(i));
        html_raw(out, " <span class=\"tag\">");
        html_text(out, step_type_name(type));
        html_raw(out, "</span></p></div><p class=\"how\"><span class=\"word\">");
        html_text(out, facts_step_state(s));
        html_raw(out, "</span>");
        if (s->ran) {
                html_raw(out, "<span class=\"took\">");
                html_duration(out, s->duration_us);
                html_raw(out, "</span>");
                add_bar(out, s, end);
        }
        html_raw(out, "</p>");
        if (s->ran) {
                html_raw(out, "<div class=\"found\"><div class=\"say\">");
                html_value(out, s->description);
                html_raw(out, "</div>");
                if ((int)i == facts_failed_step(o) && o->error.code) {
                        html_raw(out,
                                 "<p class=\"see\"><a href=\"#troubleshooting\">What it means and what to "
                                 "do</a></p>");
                }
                add_details(out, s);
                if (s->n_attributes)
                        add_attributes(out, s, i, type == STEP_TYPE_EXPORT);
                html_raw(out, "</div>");
        }
        html_raw(out, "</li>\n");
}

void html_tab_steps(Str *out, const Outcome *o)
{
        int64_t end = end_of_run(o);

        html_raw(out, "<section id=\"steps\" aria-labelledby=\"h-steps\"><h2 id=\"h-steps\">Steps</h2>\n"
                      "<div class=\"tools\"></div>\n<ol class=\"line\">\n");
        for (size_t i = 0; i < o->n_steps; i++)
                add_step(out, o, i, end);
        html_raw(out, "</ol>\n</section>\n");
}
