/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/explain.h"

#include "base/str.h"
#include "engine/target/schema.h"

/* What a type that no rule takes becomes elsewhere. */
static const char *type_hint(const Look *look)
{
        if (str_is(look->object->type, "computer"))
                return " (a computer is a device in Entra ID: it registers itself there, and sosync writes "
                       "users and "
                       "groups)";
        return "";
}

/* The rule by which a run would put it into the metaverse; NULL: none. */
static const Rule *joined_by(const Joins *j)
{
        if (j->by)
                return j->by->rule;
        for (size_t i = 0; i < j->n_rules; i++)
                if (j->rules[i].rule->link == RULE_LINK_PROVISION)
                        return j->rules[i].rule;
        return NULL;
}

/* Several rules may be in scope with joins: what they find says which counts, not precedence alone. */
static void set_decider(Explain *e, Arena *a)
{
        const Rule *by = joined_by(e->joins);
        ExplainRule *rules = arena_memdup(a, e->in.rules, e->in.n_rules * sizeof(*rules));

        for (size_t i = 0; i < e->in.n_rules; i++)
                if (rules[i].input == e->own)
                        rules[i].decides = rules[i].rule == by;
        e->in.rules = rules;
}

static const char *group_text(const JoinGroup *g, Arena *a)
{
        const char *text = "";

        for (size_t i = 0; i < g->n_clauses; i++)
                text = arena_printf(a, "%s%s%s = %s", text, i ? " and " : "", g->clauses[i].source,
                                    g->clauses[i].metaverse);
        return text;
}

const char *explain_candidate(const Explain *e, const Rule *rule, Arena *a)
{
        for (size_t i = 0; e->joins && i < e->joins->n_rules; i++) {
                const RuleJoin *j = &e->joins->rules[i];
                const char *provisions =
                        rule->link == RULE_LINK_PROVISION ? "makes a new object" : "finds nobody";

                if (j->rule != rule)
                        continue;
                if (j->n_hits == 1)
                        return arena_printf(a, "joins %s by %s", j->hits[0].dn, group_text(j->group, a));
                if (j->n_hits)
                        return arena_printf(a, "several by %s: %s and %s; %s", group_text(j->group, a),
                                            j->hits[0].dn, j->hits[1].dn,
                                            rule->link == RULE_LINK_PROVISION ? "makes a new object"
                                                                              : "joins none of them");
                return rule->n_join ? arena_printf(a, "%s: nobody has its %s", provisions,
                                                   group_text(&rule->join[rule->n_join - 1], a))
                                    : provisions;
        }
        return NULL;
}

static const char *verdict(const Explain *e, const Look *look, Arena *a)
{
        const ExplainStage *last = e->has_out ? &e->out : &e->in;
        size_t n;

        if (e->joins && e->joins->clash)
                return arena_printf(a, "Waits for a person (AmbiguousJoin): %s", e->joins->clash);
        if (e->holder)
                return arena_printf(a,
                                    "Waits for a person (AmbiguousJoin): it is the same %s as %s, and in one "
                                    "directory they are two",
                                    e->in.result ? e->in.result->type : "person", e->holder);
        if (e->joins && e->joins->n_rules && !joined_by(e->joins))
                return "Does not go to Entra ID: no rule joins it to anything that is there, and none "
                       "provisions";

        if (last->error)
                return arena_printf(a, "Fails: %s", last->error);
        if (!last->result)
                return arena_printf(a, "Does not go to Entra ID: %s%s", last->why, type_hint(look));
        target_attributes(NULL, last->type, &n);
        if (n == 0)
                return arena_printf(a,
                                    "Is not exported: Microsoft Graph has no way to write objects of type %s",
                                    last->type);
        return arena_printf(a, "Goes to Entra ID as a %s", last->type);
}

RuleInput explain_own_input(const Look *look)
{
        return (RuleInput){
                .object = look->object,
                .imported = look->imported,
                .connector = look->connector,
                .parameters = look->parameters,
                .n_parameters = look->n_parameters,
        };
}

/* The object as the directory has it now, among the others as they were imported last. */
static void gather_inputs(Explain *e, const Look *look, const RulesKnown *known, Arena *a)
{
        size_t n_known = known ? known->n_inputs : 0;
        RuleInput *inputs = arena_new_array(a, RuleInput, n_known + 1);
        RuleInput own = explain_own_input(look);
        bool placed = false;

        for (size_t i = 0; i < n_known; i++) {
                inputs[i] = known->inputs[i];
                if (placed || !look->connector || !str_is(inputs[i].connector, look->connector) ||
                    !guid_is(&inputs[i].object->id, &look->object->id))
                        continue;
                own.source = inputs[i].source;
                inputs[i] = own;
                e->own = i;
                placed = true;
        }
        if (!placed) {
                e->own = n_known;
                own.source = n_known ? inputs[n_known - 1].source : 0;
                inputs[n_known] = own;
        }
        e->inputs = inputs;
        e->n_inputs = n_known + !placed;
        /* One that has a say already stays, whoever else has one: what an older program has joined. */
        for (size_t i = 0; i < n_known && !placed && look->connector && !e->holder; i++)
                if (str_is(inputs[i].connector, look->connector))
                        e->holder = inputs[i].object->dn;
}

void explain_object(Explain *ret, const RuleSet *rules, const Look *look, const RulesKnown *known,
                    const Joins *joins, Wall now, Arena *a)
{
        *ret = (Explain){ .cloud = known ? known->cloud.object : NULL, .joins = joins };
        gather_inputs(ret, look, known, a);
        rules_explain_inbound(rules, ret->inputs, ret->n_inputs, ret->own, known ? known->before : NULL, now,
                              a, &ret->in);
        if (joins)
                set_decider(ret, a);
        if (ret->in.result) {
                rules_explain_outbound(rules, ret->in.result, ret->cloud, look->parameters,
                                       look->n_parameters, now, a, &ret->out);
                ret->has_out = true;
        }
        ret->verdict = verdict(ret, look, a);
}

const char *explain_graph(const TargetSchema *schema, const char *type, const char *name, Arena *a)
{
        const TargetAttribute *row = target_attribute(schema, type, name);
        size_t n;

        target_attributes(schema, type, &n);
        if (n == 0)
                return NULL;
        if (!row)
                return "not sent: Graph has no such property";
        if (!row->writable)
                return arena_printf(a, "not sent: %s", row->note ? row->note : "Graph does not take it");
        return row->property && !str_is(row->property, name) ? arena_printf(a, "Graph: %s", row->property)
                                                             : NULL;
}
