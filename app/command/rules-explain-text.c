/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sosync rules explain: why an object has the values it has
 *
 *      Entra ID
 *        title = Analyst  (Graph: jobTitle)
 *          > 125  Out to AAD - User ExchangeOnline    [title]
 *            129  Out to AAD - User SharePointOnline  the same; 125 comes first
 *
 * Attributes without a value are left out unless --all or --attribute asks for them. What does not fit beside
 * the others has lines of its own: nothing that explains is cut. At the end, where the eye is when the text
 * has run through, all of it in short (rules-explain-short.c).
 */

#include "app/command/rules-explain.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

/* Without the rule's name, which stands before it. */
static const char *short_why(const char *why)
{
        const char *s = strstr(why, "\" asks for ");

        return s ? s + strlen("\" asks for ") : why;
}

/* The text, from here to the margin; what is too long goes on below, at the indentation. */
static void print_wrapped(const ExplainCommand *e, size_t indent, const char *text)
{
        size_t room = e->columns > indent + 24 ? e->columns - indent : 24;

        while (str_columns(text) > room) {
                const char *end = str_at_column(text, room), *cut = end;

                while (cut > text && *cut != ' ')
                        cut--;
                if (cut == text)
                        cut = end;
                printf("%.*s\n%*s", (int)(cut - text), text, (int)indent, "");
                text = cut + strspn(cut, " ");
        }
        printf("%s", text);
}

/* Beside what ends at `used`, if it fits, else below it. */
static void print_beside(const ExplainCommand *e, size_t used, size_t column, size_t below, const char *text)
{
        if (column + str_columns(text) > e->columns) {
                printf("\n%*s", (int)below, "");
                column = below;
        } else {
                printf("%*s", (int)(column - used), "");
        }
        print_wrapped(e, column, text);
}

/* Whether it is in scope, and where it would lead. */
static const char *standing(const ExplainCommand *e, const ExplainStage *s, const ExplainRule *x)
{
        Arena *a = e->rules->arena;
        const Rule *r = x->rule;
        const char *candidate = s->direction == RULE_INBOUND ? explain_candidate(&e->it, r, a) : NULL;

        if (!x->in_scope)
                return arena_printf(a, "out of scope: needs %s", short_why(x->why_not));
        if (candidate)
                return arena_printf(a, "in scope, %s: %s", rule_link_name(r->link), candidate);
        if (r->n_join || r->link != RULE_LINK_JOIN)
                return arena_printf(a, "in scope, %s%s%s", rule_link_name(r->link), r->n_join ? " by " : "",
                                    explain_join(a, r));
        return "in scope";
}

static void print_rules(const ExplainCommand *e, const ExplainStage *s)
{
        Arena *a = e->rules->arena;

        for (size_t i = 0; i < s->n_rules; i++) {
                const ExplainRule *x = &s->rules[i];
                const char *name = rules_cut(a, x->rule->name, e->name_width);

                /* The rules of the others are told where they give something. */
                if (s->direction == RULE_INBOUND && x->input != e->it.own)
                        continue;
                printf("  %s%s %5d  %s", x->in_scope ? x->decides ? e->strong : "" : e->faint,
                       x->decides ? ">" : " ", x->rule->precedence, name);
                print_beside(e, 11 + str_columns(name), 13 + e->name_width, 15,
                             rules_cut(a, standing(e, s, x), 2000));
                printf("%s\n", e->plain);
        }
}

const char *explain_value(const ExplainCommand *e, Value v, bool link, size_t columns)
{
        const char *text;

        if (link)
                return "(the members)";
        if (value_is_none(v))
                return "-";
        text = value_text(e->rules->arena, v, 4096);
        return rules_cut(e->rules->arena, text, columns);
}

static const char *flow_text(const ExplainCommand *e, const Flow *f)
{
        if (f->type == FLOW_DIRECT)
                return arena_printf(e->rules->arena, "[%s]", f->source);
        return f->type == FLOW_CONSTANT ? arena_printf(e->rules->arena, "constant %s", f->source) : f->source;
}

/* It has a value too, and is not the first. */
static const char *late_text(const ExplainCommand *e, const ExplainAttribute *x, const ExplainOffer *o)
{
        Arena *a = e->rules->arena;
        const char *value = o->link || value_is(o->value, x->value)
                                    ? "the same"
                                    : arena_printf(a, "would be %s", explain_value(e, o->value, false, 60));

        if (!x->winner)
                return arena_printf(a, "%s; a rule before it failed", value);
        return arena_printf(a, "%s; %d comes first%s", value, x->winner->rule->precedence,
                            x->winner->verdict == OFFER_AUTHORITATIVE_NULL ? ", and says that there is none"
                                                                           : "");
}

/* Where the value comes from, or why this one does not count. */
static const char *reason(const ExplainCommand *e, const ExplainAttribute *x, const ExplainOffer *o)
{
        Arena *a = e->rules->arena;

        switch (o->verdict) {
        case OFFER_WON:
                return flow_text(e, o->flow);
        case OFFER_MERGED:
                return arena_printf(a, "adds %s: %s", explain_value(e, o->value, o->link, 60),
                                    flow_text(e, o->flow));
        case OFFER_LATE:
                return late_text(e, x, o);
        case OFFER_NULL:
                return arena_printf(a, "gives none: %s", flow_text(e, o->flow));
        case OFFER_AUTHORITATIVE_NULL:
                return arena_printf(a, "AuthoritativeNull: %s", o->flow->source);
        case OFFER_IGNORED:
                return o->flow->apply_once ? "apply once, and the object is there"
                                           : arena_printf(a, "IgnoreThisFlow: %s", o->flow->source);
        case OFFER_OUT_OF_SCOPE:
                /* Why stands above, with the rules, unless only one attribute was asked for. */
                return e->attribute ? arena_printf(a, "out of scope: needs %s", short_why(o->text))
                                    : "out of scope";
        case OFFER_FAILED:
                return arena_printf(a, "FAILED: %s", o->text);
        }
        return "";
}

static void print_offer(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x,
                        const ExplainOffer *o)
{
        Arena *a = e->rules->arena;
        bool counts = o->verdict == OFFER_WON || o->verdict == OFFER_MERGED ||
                      o->verdict == OFFER_AUTHORITATIVE_NULL || o->verdict == OFFER_FAILED;
        const char *name = rules_cut(a, o->rule->name, e->name_width), *text;

        /* Another object's rules that are out of scope explain nothing here. */
        if (s->direction == RULE_INBOUND && o->input != e->it.own && o->verdict == OFFER_OUT_OF_SCOPE &&
            !e->all)
                return;
        text = reason(e, x, o);
        if (s->direction == RULE_INBOUND && o->input != e->it.own)
                text = arena_printf(a, "of %s: %s",
                                    e->it.inputs[o->input].connector ? e->it.inputs[o->input].connector : "?",
                                    text);
        printf("    %s%s %5d  %s", counts ? "" : e->faint, counts ? ">" : " ", o->rule->precedence, name);
        print_beside(e, 13 + str_columns(name), 15 + e->name_width, 17, rules_cut(a, text, 2000));
        printf("%s\n", e->plain);
}

static bool is_shown(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x)
{
        if (e->attribute)
                return explain_is_asked(e, s, x->name);
        if (e->all || x->winner || x->kept)
                return true;
        for (size_t i = 0; i < x->n_offers; i++)
                if (x->offers[i].verdict == OFFER_FAILED)
                        return true;
        return false;
}

const TargetSchema *explain_schema(const ExplainCommand *e)
{
        return e->rules->config ? e->rules->config->run.schema : NULL;
}

static const char *graph_text(const ExplainCommand *e, const ExplainStage *s, const char *name)
{
        const char *text = s->direction == RULE_INBOUND
                                   ? NULL
                                   : explain_graph(explain_schema(e), s->type, name, e->rules->arena);

        return text ? arena_printf(e->rules->arena, "  (%s)", text) : "";
}

/* IgnoreThisFlow and apply once leave what is there. */
static const char *kept_text(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x)
{
        Value now = s->direction == RULE_INBOUND ? x->value
                    : e->it.cloud                ? object_get(e->it.cloud, x->name)
                                                 : VALUE_NULL;

        if (value_is_none(now))
                return "(stays as it is)";
        return arena_printf(e->rules->arena, "%s (stays as it is)",
                            explain_value(e, now, false, e->columns * 2 / 3));
}

/* What is in Entra ID now, where it is another value. */
const char *explain_current(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x)
{
        const TargetAttribute *row = target_attribute(explain_schema(e), s->type, x->name);
        Value now;

        if (s->direction == RULE_INBOUND || !e->it.cloud || !row || !row->writable || x->link || x->kept)
                return "";
        now = object_get(e->it.cloud, x->name);
        if (target_value_is(row, x->value, now))
                return "";
        return arena_printf(e->rules->arena, "  (Entra ID has %s)",
                            value_is_none(now) ? "no value" : explain_value(e, now, false, e->columns / 2));
}

/* The attribute and its value; what is to be said of it beside it, or below. */
static void print_value(const ExplainCommand *e, const ExplainStage *s, const ExplainAttribute *x)
{
        Arena *a = e->rules->arena;
        bool cleared = x->winner && x->winner->verdict == OFFER_AUTHORITATIVE_NULL;
        const char *value =
                !x->kept ? explain_value(e, x->value, x->link, e->columns * 2 / 3) : kept_text(e, s, x);
        const char *now = explain_current(e, s, x), *graph = graph_text(e, s, x->name);
        const char *line =
                arena_printf(a, "%s = %s%s", x->name, value, cleared ? " (must have no value)" : "");
        const char *notes = arena_printf(a, "%s%s", now, graph);

        printf("  %s%s%s", e->strong, line, e->plain);
        if (*notes) {
                printf("%s", *now ? "" : e->faint);
                print_beside(e, 2 + str_columns(line), 4 + str_columns(line), 6, notes + strspn(notes, " "));
                printf("%s", *now ? "" : e->plain);
        }
        putchar('\n');
}

static void print_attributes(const ExplainCommand *e, const ExplainStage *s)
{
        size_t n_hidden = 0;

        for (size_t i = 0; i < s->n_attributes; i++) {
                const ExplainAttribute *x = &s->attributes[i];

                if (!is_shown(e, s, x)) {
                        n_hidden++;
                        continue;
                }
                print_value(e, s, x);
                for (size_t k = 0; k < x->n_offers; k++)
                        print_offer(e, s, x, &x->offers[k]);
        }
        if (n_hidden && !e->attribute)
                printf("  %s%zu attributes without a value; --all shows them%s\n", e->faint, n_hidden,
                       e->plain);
}

static void widen(ExplainCommand *e, const ExplainStage *s)
{
        for (size_t i = 0; i < s->n_rules; i++) {
                size_t n = str_columns(s->rules[i].rule->name);

                e->name_width = n > e->name_width ? n : e->name_width;
        }
}

static void print_all_rules(const ExplainCommand *e)
{
        printf("\n%sRules into the metaverse%s%s%s\n", e->strong, e->it.in.type ? ": " : "",
               e->it.in.type ? e->it.in.type : "", e->plain);
        print_rules(e, &e->it.in);
        if (e->it.has_out) {
                printf("\n%sRules to Entra ID%s%s%s\n", e->strong, e->it.out.type ? ": " : "",
                       e->it.out.type ? e->it.out.type : "", e->plain);
                print_rules(e, &e->it.out);
        }
}

void explain_print(ExplainCommand *e)
{
        const Object *o = e->look.object;
        Arena *a = e->rules->arena;
        bool colour = command_colour();

        e->columns = command_columns();
        e->strong = colour ? "\x1b[1m" : "";
        e->faint = colour ? "\x1b[2m" : "";
        e->plain = colour ? "\x1b[0m" : "";
        widen(e, &e->it.in);
        widen(e, &e->it.out);
        if (e->name_width > e->columns / 2)
                e->name_width = e->columns / 2;

        printf("%s%s%s\n", e->strong, rules_cut(a, o->dn ? o->dn : "(no DN)", 1000), e->plain);
        print_wrapped(e, 0,
                      arena_printf(a, "%s%s%s; rules %s (%s)", rules_cut(a, o->type, 100),
                                   e->look.connector ? " of " : "",
                                   e->look.connector ? e->look.connector : "", rules_version(e->rules->rules),
                                   e->rules->set_name));
        printf("\n\n%s", e->strong);
        print_wrapped(e, 0, rules_cut(a, e->it.verdict, 1000));
        printf("%s\n", e->plain);
        if (e->assumed)
                printf("%sAssumed: %s%s\n", e->faint, e->assumed, e->plain);
        for (size_t i = 0; i < e->it.n_inputs; i++)
                if (i != e->it.own)
                        printf("%sWith %s of %s, as it was read last%s\n", e->faint,
                               rules_cut(a, e->it.inputs[i].object->dn ? e->it.inputs[i].object->dn : "?",
                                         1000),
                               e->it.inputs[i].connector, e->plain);
        if (!e->attribute)
                print_all_rules(e);
        if (e->it.in.n_attributes)
                printf("\n%sMetaverse%s\n", e->strong, e->plain);
        print_attributes(e, &e->it.in);
        if (!e->it.has_out || !e->it.out.n_attributes)
                return;
        printf("\n%sEntra ID%s\n", e->strong, e->plain);
        print_attributes(e, &e->it.out);
        if (!e->attribute && !e->it.out.error)
                explain_print_short(e);
}
