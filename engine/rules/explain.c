/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/explain.h"

#include "base/str.h"
#include "engine/rules/rules-internal.h"

#include <string.h>

/* One evaluation, seen by all of its flows. */
typedef struct Explaining {
        const FlowTable *table;
        const RuleInput *inputs;
        size_t n_inputs;
        const ExprEnv *envs;           /* one per input */
        const FlowedObject *metaverse; /* outbound */
        const FlowedObject *before;    /* inbound: what is stored */
        bool exists;
        const bool *in_scope; /* [input * n_rules + rule of the table] */
        const char *const *why_not;
        Arena *arena;
} Explaining;

const char *offer_verdict_name(OfferVerdict v)
{
        static const char *const names[] = { "won",     "merged",       "later", "null", "authoritativeNull",
                                             "ignored", "out of scope", "failed" };

        return (size_t)v < N_ELEMENTS(names) ? names[v] : "?";
}

/* ---- one flow ---- */

/* A table in which this is the only flow, so that flow_target() says what it has to offer. */
static int offer_alone(const Explaining *x, const FlowTarget *target, const FlowSource *source, size_t input,
                       const FlowedObject **ret, Diag *diag)
{
        FlowTarget *one = arena_memdup(x->arena, target, sizeof(*target));
        FlowTable *table = arena_memdup(x->arena, x->table, sizeof(*x->table));
        bool *in_scope = arena_new_array(x->arena, bool, x->table->n_rules);
        FlowEval e = {
                .table = table,
                .inputs = &x->inputs[input],
                .n_inputs = 1,
                .in_scope = in_scope,
                .envs = &x->envs[input],
                .exists = x->exists,
                .metaverse = x->metaverse,
                .arena = x->arena,
                .diag = diag,
        };
        int r;

        one->sources = source;
        one->n_sources = 1;
        table->targets = one;
        table->n_targets = 1;
        in_scope[source->index] = true;
        flow_init(&e);
        r = flow_target(&e, one);
        if (r == 0)
                *ret = flow_finish(&e);
        return r;
}

/* The finding without rule and attribute, which stand beside it. */
static const char *short_error(Arena *a, const char *text)
{
        const char *s = strstr(text, "\": attribute \""), *end = s ? strstr(s + 14, "\": ") : NULL;

        return arena_strdup(a, end ? end + 3 : text);
}

static void explain_offer(const Explaining *x, const FlowTarget *target, const FlowSource *source,
                          size_t input, ExplainOffer *o)
{
        size_t at = input * x->table->n_rules + source->index;
        const FlowedObject *alone = NULL;
        Diag diag = DIAG_INIT;

        *o = (ExplainOffer){
                .rule = source->rule, .flow = source->flow, .input = input, .verdict = OFFER_NULL
        };
        if (!x->in_scope[at]) {
                o->verdict = OFFER_OUT_OF_SCOPE;
                o->text = x->why_not[at];
        } else if (x->before && source->flow->apply_once) {
                o->verdict = OFFER_IGNORED;
        } else if (offer_alone(x, target, source, input, &alone, &diag)) {
                o->verdict = OFFER_FAILED;
                o->text = short_error(x->arena, diag_text(&diag));
        } else if (alone->n_values && alone->values[0].authoritative_null) {
                o->verdict = OFFER_AUTHORITATIVE_NULL;
        } else if (alone->n_values) {
                o->verdict = OFFER_LATE;
                o->value = alone->values[0].value;
        } else if (alone->n_links) {
                o->verdict = alone->links[0].authoritative_null ? OFFER_AUTHORITATIVE_NULL : OFFER_LATE;
                o->link = true;
        } else if (alone->n_kept) {
                o->verdict = OFFER_IGNORED;
        }
        diag_deinit(&diag);
}

/* ---- one attribute ---- */

static bool merges(const FlowTarget *t)
{
        return t->merge == FLOW_MERGE_MERGE || t->merge == FLOW_MERGE_MERGE_CASE_INSENSITIVE;
}

/* Who of them wins: the first with a value, or all if they are merged, up to the first authoritative NULL. */
static void judge(const FlowTarget *t, ExplainOffer *offers, ExplainAttribute *a)
{
        bool ended = false, ignored = false;

        for (size_t i = 0; i < a->n_offers; i++) {
                ExplainOffer *o = &offers[i];

                ignored |= o->verdict == OFFER_IGNORED;
                if (o->verdict == OFFER_FAILED)
                        ended = true; /* the object fails here, whatever comes after */
                if (o->verdict == OFFER_AUTHORITATIVE_NULL && !ended) {
                        a->winner = a->winner ? a->winner : o;
                        ended = true;
                }
                if (o->verdict != OFFER_LATE || ended)
                        continue;
                o->verdict = merges(t) ? OFFER_MERGED : OFFER_WON;
                a->winner = a->winner ? a->winner : o;
                ended = !merges(t);
        }
        a->kept = ignored && !a->winner;
}

static void explain_attribute(const Explaining *x, const FlowTarget *t, const FlowedObject *result,
                              ExplainAttribute *a)
{
        ExplainOffer *offers = arena_new_array(x->arena, ExplainOffer, t->n_sources * x->n_inputs);
        size_t n = 0;

        *a = (ExplainAttribute){ .name = t->name, .offers = offers };
        for (size_t i = 0; i < t->n_sources; i++)
                for (size_t k = 0; k < x->n_inputs; k++) {
                        const RuleInput *in = &x->inputs[k];

                        /* Rules for other types of objects have no say in this. */
                        if (x->metaverse || rule_takes(t->sources[i].rule, in->object, in->connector))
                                explain_offer(x, t, &t->sources[i], k, &offers[n++]);
                }
        a->n_offers = n;
        judge(t, offers, a);
        if (result) {
                a->value = flowed_get(result, t->name);
                a->link = flowed_find_link(result, t->name) != NULL;
        } else if (a->winner) {
                a->value = a->winner->value;
                a->link = a->winner->link;
        }
}

static void explain_attributes(const Explaining *x, ExplainStage *stage)
{
        ExplainAttribute *attributes = arena_new_array(x->arena, ExplainAttribute, x->table->n_targets);
        size_t n = 0;

        for (size_t i = 0; i < x->table->n_targets; i++) {
                explain_attribute(x, &x->table->targets[i], stage->result, &attributes[n]);
                n += attributes[n].n_offers > 0;
        }
        stage->attributes = attributes;
        stage->n_attributes = n;
}

/* ---- rules ---- */

static void add_rule(ExplainRule *rules, size_t *n, const Rule *r, const Object *o, const RuleInput *input,
                     size_t index, Arena *a)
{
        ExplainRule *e = &rules[(*n)++];

        *e = (ExplainRule){ .rule = r, .input = index };
        e->in_scope = rule_in_scope(r, o, input->parameters, input->n_parameters);
        if (!e->in_scope)
                e->why_not = rule_why_not(r, o, input->parameters, input->n_parameters, a);
}

static void set_scope(Explaining *x, const ExplainStage *stage)
{
        size_t n = x->table->n_rules;
        bool *in_scope = arena_new_array(x->arena, bool, n * x->n_inputs);
        const char **why_not = arena_new_array(x->arena, const char *, n * x->n_inputs);

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < stage->n_rules; k++)
                        if (stage->rules[k].rule == x->table->rules[i]) {
                                size_t at = stage->rules[k].input * n + i;

                                in_scope[at] = stage->rules[k].in_scope;
                                why_not[at] = stage->rules[k].why_not;
                        }
        x->in_scope = in_scope;
        x->why_not = why_not;
}

static const char *first_finding(Arena *a, Diag *diag)
{
        const char *text = arena_strdup(a, diag_text(diag));

        diag_deinit(diag);
        return text;
}

/* The rules for one input. One that no rule joins or provisions has no say at all. */
static const Rule *explain_input(const RuleSet *set, const RuleInput *input, size_t index, Arena *a,
                                 ExplainRule *rules, size_t *n, const char **ret_why)
{
        const Rule *join = rules_find_join(set, input, a, ret_why);
        size_t first = *n;

        for (size_t i = 0; i < set->n_rules; i++) {
                const Rule *r = set->rules[i];

                if (r->direction != RULE_INBOUND || r->disabled ||
                    !rule_takes(r, input->object, input->connector))
                        continue;
                add_rule(rules, n, r, input->object, input, index, a);
                rules[*n - 1].decides = r == join;
        }
        for (size_t i = first; i < *n && !join; i++)
                if (rules[i].in_scope) {
                        rules[i].in_scope = false;
                        rules[i].why_not = *ret_why;
                }
        return join;
}

/* By precedence, and of one rule as they were asked. */
static void sort_rules(ExplainRule *rules, size_t n)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && rules[k - 1].rule->precedence > rules[k].rule->precedence; k--) {
                        ExplainRule swap = rules[k];

                        rules[k] = rules[k - 1];
                        rules[k - 1] = swap;
                }
}

static const ExprEnv *input_envs(const RuleInput *inputs, size_t n, Wall now, Arena *a)
{
        ExprEnv *envs = arena_new_array(a, ExprEnv, n);

        for (size_t i = 0; i < n; i++)
                envs[i] = (ExprEnv){
                        .object = inputs[i].object,
                        .imported = inputs[i].imported ? inputs[i].imported : inputs[i].object,
                        .parameters = inputs[i].parameters,
                        .n_parameters = inputs[i].n_parameters,
                        .now = now,
                };
        return envs;
}

/**
 * rules_explain_inbound() - how an object comes into the metaverse
 * @set:        rules
 * @inputs:     all objects that are joined to it, by source, with their parameters
 * @n_inputs:   their number
 * @own:        the one in question
 * @before:     what the metaverse holds, or NULL
 * @now:        what Now() answers
 * @a:          everything lives there
 * @ret:        all rules for the objects, and all attributes that they can supply
 */
void rules_explain_inbound(const RuleSet *set, const RuleInput *inputs, size_t n_inputs, size_t own,
                           const FlowedObject *before, Wall now, Arena *a, ExplainStage *ret)
{
        Explaining x = {
                .inputs = inputs,
                .n_inputs = n_inputs,
                .envs = input_envs(inputs, n_inputs, now, a),
                .before = before,
                .arena = a,
        };
        ExplainRule *rules = arena_new_array(a, ExplainRule, set->n_rules * n_inputs);
        const FlowedObject *mv = NULL;
        const Rule *join = NULL;
        Diag diag = DIAG_INIT;

        *ret = (ExplainStage){ .direction = RULE_INBOUND, .rules = rules };
        for (size_t i = 0; i < n_inputs; i++) {
                const char *why = NULL;
                const Rule *r = explain_input(set, &inputs[i], i, a, rules, &ret->n_rules, &why);

                if (i != own)
                        continue;
                join = r;
                ret->why = r ? NULL : why;
        }
        sort_rules(rules, ret->n_rules);
        if (!join)
                return;
        x.table = set_find_table(set, RULE_INBOUND, NULL, before ? before->type : join->target_type);
        if (!x.table) {
                ret->why = arena_printf(
                        a,
                        "rule \"%s\" joins an object that is in the metaverse already, and makes none: "
                        "such objects are not exported; groups find the real member by them",
                        join->name);
                return;
        }
        ret->type = x.table->target_type;
        if (rules_inbound(set, ret->type, inputs, n_inputs, before, now, a, &mv, &diag))
                ret->error = first_finding(a, &diag);
        else if (before)
                mv = flowed_keep(a, mv, before);
        ret->result = mv;
        set_scope(&x, ret);
        explain_attributes(&x, ret);
        diag_deinit(&diag);
}

static const ExplainAttribute *find_attribute(const ExplainStage *s, const char *name)
{
        for (size_t i = 0; i < s->n_attributes; i++)
                if (str_is(s->attributes[i].name, name))
                        return &s->attributes[i];
        return NULL;
}

const ExplainAttribute *explain_origin(const ExplainStage *in, const ExplainAttribute *out, Arena *a)
{
        const Flow *f = out->winner ? out->winner->flow : NULL;
        const ExplainAttribute *origin = NULL;
        const char *const *names;
        size_t n;

        if (!f || f->type == FLOW_CONSTANT)
                return NULL;
        if (f->type == FLOW_DIRECT)
                return find_attribute(in, f->source);
        expr_names(f->expr, a, &names, &n);
        for (size_t i = 0; i < n; i++) {
                const ExplainAttribute *x = find_attribute(in, names[i]);

                if (x && x->winner && origin)
                        return NULL;
                origin = x && x->winner ? x : origin;
        }
        return origin;
}

/* The rule by which the object goes out, or would if no flow failed. */
static const Rule *find_decider(const ExplainStage *stage, const char *type, bool exists)
{
        for (size_t i = 0; i < stage->n_rules; i++) {
                const ExplainRule *e = &stage->rules[i];

                if (e->in_scope && rule_decides(e->rule) && (!type || str_is(e->rule->target_type, type)) &&
                    (type || exists || e->rule->link == RULE_LINK_PROVISION))
                        return e->rule;
        }
        return NULL;
}

/**
 * rules_explain_outbound() - how a metaverse object goes out to Entra ID
 * @set:        rules
 * @mv:         metaverse object
 * @imported:   what Entra ID has, or NULL
 * @parameters: for %Name%
 * @n_parameters: their number
 * @now:        what Now() answers
 * @a:          everything lives there
 * @ret:        all rules for the object, and all attributes that they can supply
 */
void rules_explain_outbound(const RuleSet *set, const FlowedObject *mv, const Object *imported,
                            const ExprParameter *parameters, size_t n_parameters, Wall now, Arena *a,
                            ExplainStage *ret)
{
        const Object *object = flowed_object(a, mv);
        RuleInput *input = arena_new_of(a, RuleInput);
        ExprEnv env = {
                .object = object,
                .imported = imported,
                .parameters = parameters,
                .n_parameters = n_parameters,
                .now = now,
        };
        Explaining x = {
                .inputs = input,
                .n_inputs = 1,
                .envs = &env,
                .metaverse = mv,
                .exists = imported != NULL,
                .arena = a,
        };
        ExplainRule *rules = arena_new_array(a, ExplainRule, set->n_rules);
        const FlowedObject *target = NULL;
        const char *why = NULL;
        Diag diag = DIAG_INIT;
        const Rule *decider;
        size_t n = 0;

        *input = (RuleInput){ .object = object, .parameters = parameters, .n_parameters = n_parameters };
        *ret = (ExplainStage){ .direction = RULE_OUTBOUND, .rules = rules };
        for (size_t i = 0; i < set->n_rules; i++)
                if (set->rules[i]->direction == RULE_OUTBOUND && !set->rules[i]->disabled &&
                    str_is(set->rules[i]->source_type, mv->type) && rule_is_to_tenant(set->rules[i]))
                        add_rule(rules, &ret->n_rules, set->rules[i], object, input, 0, a);
        if (rules_outbound(set, mv, imported, parameters, n_parameters, now, a, &target, &why, &diag))
                ret->error = first_finding(a, &diag);
        ret->result = target;
        decider = target || ret->error ? find_decider(ret, target ? target->type : NULL, imported) : NULL;
        if (!decider) {
                ret->why = why;
                diag_deinit(&diag);
                return;
        }
        ret->type = decider->target_type;
        /* From here on only the rules to this type of object count. */
        for (size_t i = 0; i < ret->n_rules; i++)
                if (str_is(rules[i].rule->target_type, ret->type)) {
                        rules[n] = rules[i];
                        rules[n].decides = rules[n].rule == decider;
                        n++;
                }
        ret->n_rules = n;
        x.table = set_find_table(set, RULE_OUTBOUND, mv->type, ret->type);
        set_scope(&x, ret);
        explain_attributes(&x, ret);
        diag_deinit(&diag);
}
