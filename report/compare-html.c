/* SPDX-License-Identifier: Apache-2.0 */

#include "report/compare-html.h"

#include "report/html-internal.h"

#include <string.h>

static const char *text(const json_t *o, const char *key)
{
        return json_string_value(json_object_get(o, key));
}

static long long number(const json_t *o, const char *key)
{
        return json_integer_value(json_object_get(o, key));
}

static void add_head(const json_t *result, Str *out)
{
        bool whole = json_real_value(json_object_get(result, "percent")) >= 100;
        double percent = json_real_value(json_object_get(result, "percent"));
        const char *fits = text(result, "anchorFits");

        html_raw(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"");
        html_attr(out, html_policy);
        html_raw(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"referrer\" content=\"no-referrer\">\n"
                      "<title>Comparison · sosync</title>\n<style>");
        str_add(out, html_css);
        html_raw(out, "</style>\n</head>\n<body class=\"comparison\">\n<header class=\"top ");
        str_add(out, fits ? "failure" : whole ? "success" : "warning");
        html_raw(out, "\">\n<p class=\"product\"><b>sosync</b> Comparison: what the rules would export, "
                      "against what is "
                      "in Microsoft Entra ID</p>\n<div class=\"who\"><h1>");
        str_printf(out, "%.*f%% equal", whole ? 0 : 2, whole ? 100.0 : percent > 99.99 ? 99.99 : percent);
        html_raw(out, "</h1></div>\n<div class=\"dn\">");
        html_text(out, text(result, "ou") ? text(result, "ou") : "all that is in scope");
        html_raw(out, "</div>\n");
        if (fits) {
                str_printf(out,
                           "<div class=\"verdict failure\"><div><p class=\"state\">AnchorMismatch</p>"
                           "<p class=\"sentence\">%lld users match by ",
                           number(result, "anchorsTheirs"));
                html_text(out, fits);
                str_printf(out,
                           ", and %lld by the anchor that the rules make. Nothing is created and nobody is "
                           "matched "
                           "until the rules make the anchor of it.</p></div></div>\n",
                           number(result, "anchorsOurs"));
        }
}

static void add_numbers(const json_t *result, Str *out)
{
        static const struct {
                const char *key, *title;
        } facts[] = {
                { "objects", "Objects in scope" },
                { "equal", "Equal" },
                { "different", "Different" },
                { "onlyHere", "Only in Active Directory" },
                { "onlyThere", "Only in Entra ID, with an anchor" },
                { "notExported", "Not exported" },
                { "failed", "Cannot be told" },
        };

        html_raw(out, "<dl class=\"key\">");
        for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
                html_raw(out, "<div><dt>");
                str_add(out, facts[i].title);
                str_printf(out, "</dt><dd>%lld</dd></div>", number(result, facts[i].key));
        }
        html_pair(out, "Compared at", text(result, "at"));
        html_pair(out, "Rules", text(result, "rules"));
        if (!json_is_true(json_object_get(result, "references")))
                html_pair(out, "Managers and members", "not compared");
        html_raw(out, "</dl>\n</header>\n<main>\n");
}

static void add_cell(Str *out, const char *s)
{
        html_raw(out, "<td>");
        if (s)
                html_value(out, s);
        else
                html_raw(out, "<span class=\"none\">(none)</span>");
        html_raw(out, "</td>");
}

static void add_attributes(const json_t *list, Str *out)
{
        json_t *row;
        size_t i;

        if (!json_array_size(list))
                return;
        html_raw(out, "<h3>Attributes that differ</h3>\n<div class=\"scroll\"><table class=\"compared\">\n"
                      "<thead><tr><th scope=\"col\">Attribute</th><th scope=\"col\">Objects</th><th "
                      "scope=\"col\">Sync "
                      "rule</th><th scope=\"col\">Rules, an example</th><th scope=\"col\">Entra ID</th><th "
                      "scope=\"col\">Object</th></tr></thead>\n<tbody>\n");
        json_array_foreach(list, i, row)
        {
                html_raw(out, "<tr><th scope=\"row\">");
                html_text(out, text(row, "name"));
                str_printf(out, "</th><td>%lld</td>", number(row, "objects"));
                add_cell(out, text(row, "rule"));
                add_cell(out, text(row, "ours"));
                add_cell(out, text(row, "theirs"));
                add_cell(out, text(row, "dn"));
                html_raw(out, "</tr>\n");
        }
        html_raw(out, "</tbody></table></div>\n");
}

static void add_object(const json_t *o, Str *out)
{
        const json_t *attributes = json_object_get(o, "attributes");
        json_t *at;
        size_t i;

        html_raw(out, "<tr><th scope=\"row\"><bdi>");
        html_text(out, text(o, "dn"));
        html_raw(out, "</bdi></th>");
        add_cell(out, text(o, "state"));
        html_raw(out, "<td>");
        if (text(o, "code")) {
                html_raw(out, "<code>");
                html_text(out, text(o, "code"));
                html_raw(out, "</code> ");
        }
        if (text(o, "hint"))
                html_value(out, text(o, "hint"));
        json_array_foreach(attributes, i, at)
        {
                html_raw(out, "<p><b>");
                html_text(out, text(at, "name"));
                html_raw(out, "</b> rules: ");
                if (text(at, "ours"))
                        html_value(out, text(at, "ours"));
                else
                        html_raw(out, "<span class=\"none\">(none)</span>");
                html_raw(out, " · Entra ID: ");
                if (text(at, "theirs"))
                        html_value(out, text(at, "theirs"));
                else
                        html_raw(out, "<span class=\"none\">(none)</span>");
                html_raw(out, "</p>");
        }
        html_raw(out, "</td></tr>\n");
}

static void add_objects(const json_t *result, Str *out)
{
        const json_t *list = json_object_get(result, "details");
        long long all = number(result, "different") + number(result, "onlyHere") +
                        number(result, "onlyThere") + number(result, "failed");
        json_t *o;
        size_t i;

        if (!json_array_size(list))
                return;
        html_raw(out, "<h3>Objects</h3>\n");
        if ((long long)json_array_size(list) < all)
                str_printf(out, "<p class=\"muted\">The first %zu of %lld.</p>\n", json_array_size(list),
                           all);
        html_raw(out, "<div class=\"scroll\"><table class=\"compared\">\n<thead><tr><th "
                      "scope=\"col\">Object</th><th "
                      "scope=\"col\">State</th><th scope=\"col\">What differs</th></tr></thead>\n<tbody>\n");
        json_array_foreach(list, i, o) add_object(o, out);
        html_raw(out, "</tbody></table></div>\n");
}

void compare_html(const json_t *result, Str *out)
{
        add_head(result, out);
        add_numbers(result, out);
        add_attributes(json_object_get(result, "attributes"), out);
        add_objects(result, out);
        html_raw(out, "</main>\n</body>\n</html>\n");
}
