/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/explain.h"

#include "base/str.h"
#include "engine/rules/rules-internal.h"

#include <string.h>

/* One evaluation, seen by all of its flows. */
typedef struct Explaining {
        const FlowTable *table;
        const RuleInput *input;
        const ExprEnv *env;
        const FlowedObject *metaverse; /* outbound */
        bool exists;
        const bool *in_scope; /* by rule of the table */
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
static int offer_alone(const Explaining *x, const FlowTarget *target, const FlowSource *source,
                       const FlowedObject **ret, Diag *diag)
{
        FlowTarget *one = arena_memdup(x->arena, target, sizeof(*target));
        FlowTable *table = arena_memdup(x->arena, x->table, sizeof(*x->table));
        bool *in_scope = arena_new_array(x->arena, bool, x->table->n_rules);
        FlowEval e = {
                .table = table,
                .inputs = x->input,
                .n_inputs = 1,
                .in_scope = in_scope,
                .envs = x->env,
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
                          ExplainOffer *o)
{
        const FlowedObject *alone = NULL;
        Diag diag = DIAG_INIT;

        *o = (ExplainOffer){ .rule = source->rule, .flow = source->flow, .verdict = OFFER_NULL };
        if (!x->in_scope[source->index]) {
                o->verdict = OFFER_OUT_OF_SCOPE;
                o->text = x->why_not[source->index];
        } else if (offer_alone(x, target, source, &alone, &diag)) {
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
        ExplainOffer *offers = arena_new_array(x->arena, ExplainOffer, t->n_sources);
        size_t n = 0;

        *a = (ExplainAttribute){ .name = t->name, .offers = offers };
        for (size_t i = 0; i < t->n_sources; i++) {
                const Rule *r = t->sources[i].rule;

                /* Rules for other types of objects have no say in this. */
                if (x->metaverse || rule_takes(r, x->input->object, x->input->connector))
                        explain_offer(x, t, &t->sources[i], &offers[n++]);
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
                     Arena *a)
{
        ExplainRule *e = &rules[(*n)++];

        *e = (ExplainRule){ .rule = r };
        e->in_scope = rule_in_scope(r, o, input->parameters, input->n_parameters);
        if (!e->in_scope)
                e->why_not = rule_why_not(r, o, input->parameters, input->n_parameters, a);
}

static void set_scope(Explaining *x, const ExplainStage *stage)
{
        bool *in_scope = arena_new_array(x->arena, bool, x->table->n_rules);
        const char **why_not = arena_new_array(x->arena, const char *, x->table->n_rules);

        for (size_t i = 0; i < x->table->n_rules; i++)
                for (size_t k = 0; k < stage->n_rules; k++)
                        if (stage->rules[k].rule == x->table->rules[i]) {
                                in_scope[i] = stage->rules[k].in_scope;
                                why_not[i] = stage->rules[k].why_not;
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

/**
 * rules_explain_inbound() - how an object comes into the metaverse
 * @set:        rules
 * @input:      the object, its source and parameters
 * @now:        what Now() answers
 * @a:          everything lives there
 * @ret:        all rules for the object, and all attributes that they can supply
 */
void rules_explain_inbound(const RuleSet *set, const RuleInput *input, Wall now, Arena *a, ExplainStage *ret)
{
        ExprEnv env = {
                .object = input->object,
                .imported = input->imported ? input->imported : input->object,
                .parameters = input->parameters,
                .n_parameters = input->n_parameters,
                .now = now,
        };
        Explaining x = { .input = input, .env = &env, .arena = a };
        ExplainRule *rules = arena_new_array(a, ExplainRule, set->n_rules);
        const FlowedObject *mv = NULL;
        const char *why = NULL;
        Diag diag = DIAG_INIT;
        const Rule *join;

        *ret = (ExplainStage){ .direction = RULE_INBOUND, .rules = rules };
        join = rules_find_join(set, input, a, &why);
        for (size_t i = 0; i < set->n_rules; i++) {
                const Rule *r = set->rules[i];

                if (r->direction != RULE_INBOUND || r->disabled ||
                    !rule_takes(r, input->object, input->connector))
                        continue;
                add_rule(rules, &ret->n_rules, r, input->object, input, a);
                rules[ret->n_rules - 1].decides = r == join;
        }
        if (!join) {
                ret->why = why;
                return;
        }
        x.table = set_find_table(set, RULE_INBOUND, NULL, join->target_type);
        if (!x.table) {
                ret->why = arena_printf(
                        a,
                        "rule \"%s\" joins an object that is in the metaverse already, and makes none: "
                        "such objects are not exported; groups find the real member by them",
                        join->name);
                return;
        }
        ret->type = x.table->target_type;
        if (rules_inbound(set, ret->type, input, 1, now, a, &mv, &diag))
                ret->error = first_finding(a, &diag);
        ret->result = mv;
        set_scope(&x, ret);
        explain_attributes(&x, ret);
        diag_deinit(&diag);
}

/* The rule by which the object goes out, or would if no flow failed. */
static const Rule *find_decider(const ExplainStage *stage, const char *type)
{
        for (size_t i = 0; i < stage->n_rules; i++) {
                const ExplainRule *e = &stage->rules[i];

                if (e->in_scope && rule_decides(e->rule) && (!type || str_is(e->rule->target_type, type)) &&
                    (type || e->rule->link == RULE_LINK_PROVISION))
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
                .input = input, .env = &env, .metaverse = mv, .exists = imported != NULL, .arena = a
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
                        add_rule(rules, &ret->n_rules, set->rules[i], object, input, a);
        if (rules_outbound(set, mv, imported, parameters, n_parameters, now, a, &target, &why, &diag))
                ret->error = first_finding(a, &diag);
        ret->result = target;
        decider = target || ret->error ? find_decider(ret, target ? target->type : NULL) : NULL;
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
