/* SPDX-License-Identifier: Apache-2.0 */

/* The Summary tab: what happened, who it was, and how long it took from the directory to Graph. */

#include "report/html-internal.h"

static void add_identity_row(Str *out, const char *title, const char *ours, const char *theirs, bool id)
{
        const char *sides[] = { ours, theirs };

        if (!(ours && *ours) && !(theirs && *theirs))
                return;
        html_raw(out, "<tr><th scope=\"row\">");
        html_text(out, title);
        html_raw(out, "</th>");
        for (size_t i = 0; i < N_ELEMENTS(sides); i++) {
                html_raw(out, "<td>");
                if (sides[i] && *sides[i]) {
                        if (id)
                                html_copyable(out, sides[i]);
                        else
                                html_value(out, sides[i]);
                } else {
                        html_raw(out, "<span class=\"none\">–</span>");
                }
                html_raw(out, "</td>");
        }
        html_raw(out, "</tr>\n");
}

static void add_identities(Str *out, const Outcome *o)
{
        html_raw(out, "<div class=\"card\"><h3>Identifiers</h3><table class=\"sides\"><thead><tr>"
                      "<th><span class=\"vh\">Identifier</span></th><th scope=\"col\">Active Directory</th>"
                      "<th scope=\"col\">Microsoft Entra ID</th></tr></thead><tbody>\n");
        add_identity_row(out, "Display name", o->source.display_name, o->target.display_name, false);
        add_identity_row(out, "Type", o->source.type, o->target.type, false);
        add_identity_row(out, "Object id", o->source.id, o->target.id, true);
        add_identity_row(out, "User principal name", o->source.upn, o->target.upn, true);
        add_identity_row(out, "Distinguished name", facts_dn(o), NULL, true);
        add_identity_row(out, "Anchor", o->source.anchor, o->target.anchor, true);
        add_identity_row(out, "System", o->source_name, o->target_name, false);
        add_identity_row(out, "Partition and tenant", o->partition, o->tenant_id, true);
        add_identity_row(out, "Server", o->source_server, NULL, false);
        html_raw(out, "</tbody></table></div>\n");
}

/* Where the time went, as one strip: waiting to be seen, waiting in the queue, work, Graph. */
static void add_strip(Str *out, const FactsTime *times, size_t n, size_t first)
{
        int64_t all = times[n - 1].at.ms - times[first].at.ms;
        double x = 0;

        if (n - first < 2 || all <= 0)
                return;
        html_raw(out, "<svg class=\"strip\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" "
                      "aria-hidden=\"true\">");
        for (size_t i = first + 1; i < n; i++) {
                int64_t part = times[i].at.ms - times[i - 1].at.ms;
                double width = part > 0 ? (double)part * 100 / (double)all : 0;

                if (x + width > 100)
                        width = 100 - x;
                str_printf(out, "<rect class=\"c-%s\" x=\"%.2f\" width=\"%.2f\" height=\"8\"/>",
                           times[i].name, x, width);
                x += width;
        }
        html_raw(out, "</svg>\n");
}

static void add_times(Str *out, const Outcome *o)
{
        FactsTime times[FACTS_TIMES_MAX];
        size_t n = facts_times(o, times);
        const char *since;
        int64_t latency = facts_latency_ms(o, &since);
        size_t first = 0;

        if (!n)
                return;
        html_raw(out, "<div class=\"card\"><h3>From the directory to Graph</h3>\n");
        if (latency >= 0) {
                html_raw(out, "<p class=\"figure\"><b>");
                html_duration(out, latency * 1000);
                html_raw(out, "</b> <span>");
                html_text(out, str_is(since, "changed") ? "from the change in the directory to Graph's "
                                                          "confirmation"
                               : str_is(since, "seen")  ? "from the moment the change was seen to Graph's "
                                                          "confirmation"
                                                       : "from the start of the run to Graph's confirmation");
                html_raw(out, "</span></p>\n");
        } else {
                html_raw(out,
                         "<p class=\"figure\"><span>Graph has confirmed no write of this run.</span></p>\n");
        }
        /* whenChanged has whole seconds: it is no length of a strip that shows milliseconds. */
        if (str_is(times[0].name, "changed") && (latency < 0 || !str_is(since, "changed")))
                first = n > 1 ? 1 : 0;
        add_strip(out, times, n, first);
        html_raw(out, "<ol class=\"times\">\n");
        for (size_t i = 0; i < n; i++) {
                str_printf(out, "<li class=\"c-%s\"><span class=\"t\">", times[i].name);
                html_text(out, times[i].title);
                html_raw(out, "</span>");
                html_time(out, times[i].at);
                html_raw(out, "<span class=\"d\">");
                if (i > first) {
                        int64_t ms = times[i].at.ms - times[i - 1].at.ms;

                        str_add(out, ms < 0 ? "−" : "+");
                        if (ms > -1000 && ms < 1000)
                                str_printf(out, "%lld ms", (long long)(ms < 0 ? -ms : ms));
                        else
                                html_duration(out, (ms < 0 ? -ms : ms) * 1000);
                } else if (str_is(times[i].name, "changed")) {
                        html_raw(out, "to the second");
                }
                html_raw(out, "</span></li>\n");
        }
        html_raw(out, "</ol></div>\n");
}

static void add_what(Str *out, const Outcome *o, Arena *a)
{
        const char *disable = facts_disable(o), *next = facts_next(a, o);

        html_raw(out, "<div class=\"card\"><h3>What happened</h3><p class=\"lead\"><bdi class=\"v\">");
        html_text(out, facts_sentence(a, o));
        html_raw(out, "</bdi></p>");
        if (disable) {
                html_raw(out, "<p>");
                html_text(out, disable);
                html_raw(out, "</p>");
        }
        if (next) {
                html_raw(out, "<p class=\"next\">");
                html_text(out, next);
                html_raw(out, "</p>");
        }
        html_raw(out, "<p class=\"muted\">It ran because <bdi class=\"v\">");
        html_text(out, facts_started(a, o));
        html_raw(out, "</bdi>.</p></div>\n");
}

/* A link if the page is there; else what to ask `sosync report` for. */
static void add_previous(Str *out, const HtmlPrevious *previous)
{
        html_raw(out, "<div><dt>Previous report</dt><dd>");
        html_time(out, previous->finished);
        html_raw(out, " ");
        if (previous->file) {
                html_raw(out, "<a href=\"");
                html_url(out, previous->file);
                html_raw(out, "\">");
                html_text(out, previous->run_id);
                html_raw(out, "</a>");
        } else {
                html_copyable(out, previous->run_id);
        }
        html_raw(out, "</dd></div>");
}

static void add_run(Str *out, const Outcome *o, const HtmlPrevious *previous, Arena *a)
{
        html_raw(out, "<div class=\"card\"><h3>The run</h3><dl class=\"pairs\">");
        html_pair(out, "Result",
                  arena_printf(a, "%s, %s", result_name(o->result), disposition_name(o->disposition)));
        html_pair(out, "Action", facts_action(o));
        html_pair(out, "Change", change_kind_name((ChangeKind)o->change.kind));
        html_pair(out, "Lane", lane_name((Lane)o->change.lane));
        html_pair(out, "Started by", o->initiated_by);
        html_pair(out, "Try", arena_printf(a, "%u", o->tries));
        html_pair_id(out, "Run id", o->run_id);
        html_pair_id(out, "Change id", facts_change_id(a, o));
        html_pair_id(out, "Job id", facts_job_id(a, o));
        html_pair_id(out, "Metaverse id", o->metaverse_id);
        html_pair_id(out, "Rules version", o->rules_version);
        if (previous)
                add_previous(out, previous);
        if (o->n_request_ids) {
                html_raw(out, "<div><dt>Graph request ids</dt><dd><ul class=\"plain\">");
                for (size_t i = 0; i < o->n_request_ids; i++) {
                        html_raw(out, "<li>");
                        html_copyable(out, o->request_ids[i]);
                        html_raw(out, "</li>");
                }
                html_raw(out, "</ul></dd></div>");
        }
        html_raw(out, "</dl></div>\n");
}

void html_tab_summary(Str *out, const Outcome *o, const HtmlPrevious *previous)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        html_raw(out, "<section id=\"summary\" aria-labelledby=\"h-summary\">"
                      "<h2 id=\"h-summary\">Summary</h2>\n");
        add_what(out, o, a);
        add_identities(out, o);
        add_times(out, o);
        add_run(out, o, previous, a);
        html_raw(out, "</section>\n");
}
