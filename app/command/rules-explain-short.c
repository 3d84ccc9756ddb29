/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rules explain, in short: one line for each value that Entra ID gets, with the rule that has taken it from
 * the directory
 *
 *        title          Analyst        106 In from AD - User Common: Trim([title])
 *
 * A formula that does not fit is cut, and left out where only its beginning would: it stands further up.
 */

#include "app/command/rules-explain.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

/* Does it reach Graph, and has somebody said something about it? */
static bool is_sent(const ExplainCommand *e, const ExplainAttribute *x)
{
        const TargetAttribute *row = target_attribute(explain_schema(e), e->it.out.type, x->name);

        return row && (row->writable || row->kind == TARGET_LINKS) && (x->winner || x->kept);
}

/* Fewer characters of a formula say nothing. */
#define FORMULA_MIN 16

/* Of a value that is handed on as it is, the rule that has made it. */
static const char *origin(const ExplainCommand *e, const ExplainAttribute *x, size_t columns)
{
        Arena *a = e->rules->arena;
        const ExplainAttribute *from = explain_origin(&e->it.in, x, a);
        const ExplainOffer *o = x->winner;
        const char *rule, *formula;
        bool direct;

        if (!o)
                return "nobody gives a value: what is there stays";
        if (o->flow->type == FLOW_DIRECT && from && from->winner)
                o = from->winner;
        direct = o->flow->type == FLOW_DIRECT;
        rule = arena_printf(a, "%d %s", o->rule->precedence, o->rule->name);
        formula = arena_printf(a, "%s%s%s", direct ? "[" : "", o->flow->source, direct ? "]" : "");
        if (str_columns(rule) + 2 +
                    (str_columns(formula) < FORMULA_MIN ? str_columns(formula) : FORMULA_MIN) >
            columns)
                return rule;
        return arena_printf(a, "%s: %s", rule, formula);
}

static const char *value(const ExplainCommand *e, const ExplainAttribute *x, size_t width)
{
        if (x->kept)
                return "(as it is)";
        return explain_value(e, x->value, x->link, width);
}

void explain_print_short(const ExplainCommand *e)
{
        const ExplainStage *s = &e->it.out;
        Arena *a = e->rules->arena;
        size_t names = 0, values = 0, rest;

        for (size_t i = 0; i < s->n_attributes; i++) {
                const ExplainAttribute *x = &s->attributes[i];
                size_t n = is_sent(e, x) ? strlen(x->name) : 0,
                       m = n ? str_columns(value(e, x, e->columns)) : 0;

                names = n > names ? n : names;
                values = m > values ? m : values;
        }
        values = values < e->columns / 4 ? values : e->columns / 4;
        rest = e->columns > names + values + 26 ? e->columns - names - values - 6 : 20;
        printf("\n%sIn short: what Entra ID gets, and by which rule%s\n", e->strong, e->plain);
        for (size_t i = 0; i < s->n_attributes; i++) {
                const ExplainAttribute *x = &s->attributes[i];
                const char *v;

                if (!is_sent(e, x))
                        continue;
                v = value(e, x, values);
                printf("  %s%*s  %s%s%s%*s  %s%s\n", x->name, (int)(names - strlen(x->name)), "", e->strong,
                       v, e->plain, (int)(values - str_columns(v)), "",
                       rules_cut(a, origin(e, x, rest), rest), explain_current(e, s, x));
        }
}
