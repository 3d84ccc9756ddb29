/* SPDX-License-Identifier: Apache-2.0 */

/* Rules: the set in force, one rule, and what the rules make of one object. */

#include "report/console/page.h"

#include "engine/model/value.h"

#include <string.h>

#define SHOWN_MAX 4096

static const char *direction(const Rule *r)
{
        return r->direction == RULE_INBOUND ? "in" : "out";
}

static void add_rule_row(Ask *q, Str *out, const Rule *r)
{
        html_raw(out, "<tr><td class=\"num\">");
        str_printf(out, "%d</td><td>%s</td><th scope=\"row\"><a href=\"", r->precedence, direction(r));
        html_attr(out, q->prefix);
        html_raw(out, "/rules/");
        html_url(out, r->name);
        html_raw(out, "\">");
        html_text(out, r->name);
        html_raw(out, "</a>");
        if (r->disabled)
                html_raw(out, " <span class=\"tag\">disabled</span>");
        html_raw(out, "</th><td>");
        html_text(out, r->source_type);
        html_raw(out, " → ");
        html_text(out, r->target_type);
        html_raw(out, "</td><td>");
        html_text(out, rule_link_name(r->link));
        str_printf(out, "</td><td class=\"num\">%zu</td></tr>\n", r->n_flows);
}

static void show_rules(void *page, const RuleSet *set)
{
        Ask *q = page;
        Str *out = &q->answer.body;
        size_t n;
        const Rule *const *rules = rules_all(set, &n);

        str_printf(out, "<p class=\"muted\">%zu rules, version <code>", n);
        html_text(out, rules_version(set));
        html_raw(out,
                 "</code>. A lower number wins.</p><div class=\"wide\" tabindex=\"0\" role=\"region\" "
                 "aria-label=\"Rules\"><table class=\"rules stack\"><caption class=\"vh\">Rules by direction "
                 "and "
                 "precedence</caption><thead><tr><th scope=\"col\" class=\"num\">Precedence</th>"
                 "<th scope=\"col\">Direction</th><th scope=\"col\">Name</th><th scope=\"col\">Types</th>"
                 "<th scope=\"col\">Link</th><th scope=\"col\" "
                 "class=\"num\">Flows</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < n; i++)
                add_rule_row(q, out, rules[i]);
        html_raw(out, "</tbody></table></div>\n");
}

static void add_explain_form(Ask *q, Str *out, const char *dn)
{
        html_raw(out, "<form class=\"ask\" method=\"get\" action=\"");
        html_attr(out, q->prefix);
        html_raw(out, "/explain\"><label for=\"dn\">What do the rules make of an object?</label><div>"
                      "<input id=\"dn\" name=\"dn\" type=\"text\" required placeholder=\"CN=Ada "
                      "Lovelace,OU=…\" value=\"");
        html_attr(out, dn);
        html_raw(out, "\"><button class=\"main\">Explain</button></div></form>\n");
}

void page_rules(Ask *q)
{
        Str *out = &q->answer.body;

        page_begin(q, "Rules", "/rules");
        html_raw(out, "<main id=\"content\"><h1>Rules</h1>");
        add_explain_form(q, out, "");
        q->console->ops->rules(q->console->context, show_rules, q);
        html_raw(out, "</main>\n");
        page_end(q);
}

/* -- one rule -------------------------------------------------------------------------------------------- */

static void add_scope(Str *out, const Rule *r)
{
        html_raw(out, "<h2>In scope is</h2>");
        if (!r->n_scope) {
                html_raw(out, "<p>every object of this type.</p>");
                return;
        }
        html_raw(out, "<ul class=\"scope\">");
        for (size_t g = 0; g < r->n_scope; g++) {
                html_raw(out, "<li>");
                if (g)
                        html_raw(out, "<b>or</b> ");
                for (size_t i = 0; i < r->scope[g].n_clauses; i++) {
                        const ScopeClause *c = &r->scope[g].clauses[i];

                        if (i)
                                html_raw(out, " <b>and</b> ");
                        html_raw(out, "<code>");
                        html_text(out, c->attribute);
                        html_raw(out, " ");
                        html_text(out, scope_operator_name(c->op));
                        html_raw(out, " ");
                        html_text(out, c->value ? c->value : "");
                        html_raw(out, "</code>");
                }
                html_raw(out, "</li>");
        }
        html_raw(out, "</ul>");
}

static void add_flows(Str *out, const Rule *r)
{
        str_printf(out,
                   "<h2>Flows</h2><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Flows\">"
                   "<table class=\"flows stack\"><thead><tr><th scope=\"col\">Attribute</th><th "
                   "scope=\"col\" class=\"kind\">Kind</th>"
                   "<th scope=\"col\">From</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < r->n_flows; i++) {
                html_raw(out, "<tr><th scope=\"row\"><code>");
                html_text(out, r->flows[i].target);
                html_raw(out, "</code></th><td class=\"kind\">");
                html_text(out, flow_type_name(r->flows[i].type));
                if (r->flows[i].apply_once)
                        html_raw(out, ", once");
                html_raw(out, "</td><td><code class=\"v\">");
                html_text(out, r->flows[i].source);
                html_raw(out, "</code></td></tr>\n");
        }
        html_raw(out, "</tbody></table></div>");
}

static void show_rule(void *page, const RuleSet *set)
{
        Ask *q = page;
        Str *out = &q->answer.body;
        size_t n;
        const Rule *const *rules = rules_all(set, &n), *found = NULL;

        for (size_t i = 0; i < n && !found; i++)
                if (str_is(rules[i]->name, q->rest))
                        found = rules[i];
        if (!found) {
                page_say(q, 404, "There is no such rule", "The set in force has no rule of this name.");
                return;
        }
        page_begin(q, found->name, "/rules");
        html_raw(out, "<main id=\"content\"><h1>");
        html_text(out, found->name);
        html_raw(out, "</h1><p class=\"muted\">");
        str_printf(out, "%sbound, precedence %d, ", direction(found), found->precedence);
        html_text(out, found->source_type);
        html_raw(out, " → ");
        html_text(out, found->target_type);
        html_raw(out, ", ");
        html_text(out, rule_link_name(found->link));
        str_add(out, found->disabled ? ", disabled</p>" : "</p>");
        if (found->description) {
                html_raw(out, "<p>");
                html_text(out, found->description);
                html_raw(out, "</p>");
        }
        add_scope(out, found);
        add_flows(out, found);
        html_raw(out, "</main>\n");
        page_end(q);
}

void page_rule(Ask *q)
{
        q->console->ops->rules(q->console->context, show_rule, q);
}

/* -- explain --------------------------------------------------------------------------------------------- */

static void add_offers(Ask *q, Str *out, const ExplainAttribute *x)
{
        html_raw(out, "<ul class=\"offers\">");
        for (size_t i = 0; i < x->n_offers; i++) {
                const ExplainOffer *o = &x->offers[i];

                html_raw(out, "<li><span class=\"tag\">");
                html_text(out, offer_verdict_name(o->verdict));
                html_raw(out, "</span> <a href=\"");
                html_attr(out, q->prefix);
                html_raw(out, "/rules/");
                html_url(out, o->rule->name);
                html_raw(out, "\">");
                html_text(out, o->rule->name);
                html_raw(out, "</a> <code class=\"v\">");
                html_text(out, o->flow->source);
                html_raw(out, "</code>");
                if (!value_is_none(o->value)) {
                        html_raw(out, " gives ");
                        html_value(out, value_text(q->arena, o->value, SHOWN_MAX));
                }
                if (o->text) {
                        html_raw(out, " <span class=\"muted v\">");
                        html_text(out, o->text);
                        html_raw(out, "</span>");
                }
                html_raw(out, "</li>");
        }
        html_raw(out, "</ul>");
}

static bool is_nothing(const ExplainAttribute *x)
{
        return value_is_none(x->value) && !x->link && !x->winner;
}

static bool has_attributes(const ExplainStage *s)
{
        for (size_t i = 0; i < s->n_attributes; i++)
                if (!is_nothing(&s->attributes[i]))
                        return true;
        return false;
}

/* The rule that has taken the value from the directory, and how; of one that an outbound rule makes, that
 * rule. */
static const ExplainAttribute *maker(Ask *q, const ExplainStage *in, const ExplainAttribute *x)
{
        const ExplainAttribute *origin = in ? explain_origin(in, x, q->arena) : NULL;

        return origin && origin->winner && x->winner && x->winner->flow->type == FLOW_DIRECT ? origin : x;
}

static void add_whose(Ask *q, Str *out, const ExplainStage *in, const ExplainAttribute *x)
{
        const ExplainAttribute *by = maker(q, in, x);

        html_raw(out, "<td><details><summary>");
        html_text(out, by->winner ? by->winner->rule->name : "nobody");
        if (by->winner) {
                const Flow *f = by->winner->flow;

                html_raw(out, " <code class=\"v\">");
                html_text(out,
                          f->type == FLOW_DIRECT ? arena_printf(q->arena, "[%s]", f->source) : f->source);
                html_raw(out, "</code>");
        }
        html_raw(out, "</summary>");
        if (by != x) {
                html_raw(out, "<p class=\"muted\">into the metaverse, as <code>");
                html_text(out, by->name);
                html_raw(out, "</code></p>");
                add_offers(q, out, by);
                html_raw(out, "<p class=\"muted\">to Entra ID</p>");
        }
        add_offers(q, out, x);
        html_raw(out, "</details></td>");
}

static void add_stage(Ask *q, Str *out, const char *title, const ExplainStage *s, const ExplainStage *in,
                      const char *const *notes)
{
        html_raw(out, "<h2>");
        html_text(out, title);
        html_raw(out, "</h2>");
        if (s->why || s->error) {
                html_raw(out, "<p class=\"wrong v\">");
                html_text(out, s->error ? s->error : s->why);
                html_raw(out, "</p>");
        }
        html_raw(out, "<details class=\"card\"><summary>Rules that were asked</summary><ul class=\"plain\">");
        for (size_t i = 0; i < s->n_rules; i++) {
                html_raw(out, "<li>");
                html_text(out, s->rules[i].rule->name);
                str_add(out, s->rules[i].decides    ? " <b>decides</b>"
                             : s->rules[i].in_scope ? " in scope"
                                                    : " not in scope");
                if (s->rules[i].why_not) {
                        html_raw(out, " <span class=\"muted v\">");
                        html_text(out, s->rules[i].why_not);
                        html_raw(out, "</span>");
                }
                html_raw(out, "</li>");
        }
        html_raw(out, "</ul></details>");
        if (!has_attributes(s)) {
                html_raw(out, "<p class=\"muted\">No attribute comes out of it.</p>");
                return;
        }
        html_raw(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
        html_attr(out, title);
        html_raw(out, "\"><table class=\"flows stack\"><thead><tr><th scope=\"col\">Attribute</th><th "
                      "scope=\"col\">Value</th>"
                      "<th scope=\"col\">Whose it is</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < s->n_attributes; i++) {
                const ExplainAttribute *x = &s->attributes[i];

                if (is_nothing(x))
                        continue;
                html_raw(out, "<tr><th scope=\"row\"><code>");
                html_text(out, x->name);
                html_raw(out, "</code></th><td>");
                if (x->link)
                        html_raw(out, "<span class=\"muted\">its links</span>");
                else
                        html_value(out, value_text(q->arena, x->value, SHOWN_MAX));
                if (notes && notes[i]) {
                        html_raw(out, "<p class=\"muted\">");
                        html_text(out, notes[i]);
                        html_raw(out, "</p>");
                }
                html_raw(out, "</td>");
                add_whose(q, out, in, x);
                html_raw(out, "</tr>\n");
        }
        html_raw(out, "</tbody></table></div>\n");
}

static void see_explain(void *page, const ConsoleExplain *e)
{
        Ask *q = page;
        Str *out = &q->answer.body;

        html_raw(out, "<div class=\"card\"><p class=\"lead v\">");
        html_text(out, e->verdict);
        html_raw(out, "</p><p class=\"dn\"><bdi>");
        html_text(out, e->dn);
        html_raw(out, "</bdi></p></div>");
        /* What people ask about first: what is in the cloud, and which rule has taken it from the directory.
         */
        if (e->has_out)
                add_stage(q, out, "What Entra ID gets", &e->out, &e->in, e->out_notes);
        add_stage(q, out, "From the directory to the metaverse", &e->in, NULL, NULL);
}

void page_explain(Ask *q)
{
        const char *dn = ask_field(q, "dn");
        Str *out = &q->answer.body;
        Diag diag = DIAG_INIT;

        page_begin(q, "Explain", "/explain");
        html_raw(out, "<main id=\"content\"><h1>Explain</h1>");
        add_explain_form(q, out, dn);
        if (!*dn) {
                html_raw(out, "<p class=\"muted\">The object is read from the directory now, and every rule "
                              "is asked what "
                              "it offers for each attribute, and whose value wins. Nothing is written.</p>");
        } else if (q->console->ops->explain(q->console->context, dn, see_explain, q, &diag)) {
                html_raw(out, "<p class=\"wrong v\" role=\"alert\">");
                html_text(out, diag_text(&diag));
                html_raw(out, "</p>");
        }
        diag_deinit(&diag);
        html_raw(out, "</main>\n");
        page_end(q);
}
