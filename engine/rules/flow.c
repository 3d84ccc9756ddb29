/* SPDX-License-Identifier: Apache-2.0 */

#include "base/error.h"
#include "engine/rules/rules-internal.h"

#include <string.h>

#define EXPANDED_MAX \
        1024 /* a constant with its parameters put in; a longer one is not a value of a directory */

/* The values gathered for an attribute whose merge type is Merge. */
typedef struct Gathered {
        Value *values;
        size_t n, size;
        FlowedValue first; /* names the rule of best precedence that gave any */
} Gathered;

static bool value_is_blank(Value v)
{
        return value_is_none(v) || (v.type == VALUE_STRING && v.n == 0);
}

/*
 * A text that says true or false is that, as in a constant: whoever looks at an account's being on or off
 * must not miss one that a rule has written as a text. Any other text is left for others to refuse.
 */
static Value truth(const FlowTarget *t, Value v)
{
        if (!t->is_truth || v.type != VALUE_STRING)
                return v;
        return text_is_nocase(v.s, "true")    ? value_bool(true)
               : text_is_nocase(v.s, "false") ? value_bool(false)
                                              : v;
}

/*
 * A value as its attribute can hold it. An empty text is no value: neither directory can store one, and
 * Trim() makes it of blanks. The metaverse's schema says whether there may be many: one value of an attribute
 * for many becomes a list of one; of several values for an attribute for one, the first is taken.
 */
static Value tidy(FlowEval *e, const FlowTarget *t, Value v)
{
        if (v.type == VALUE_LIST) {
                size_t blank = 0;

                for (size_t i = 0; i < v.n; i++)
                        blank += value_is_blank(v.list[i]);
                if (blank) {
                        Value *kept = arena_new_array(e->arena, Value, v.n);
                        size_t n = 0;

                        for (size_t i = 0; i < v.n; i++)
                                if (!value_is_blank(v.list[i]))
                                        kept[n++] = v.list[i];
                        v = value_list(kept, n);
                }
                return v.type == VALUE_LIST && t->schema && !t->schema->multi_valued ? value_at(v, 0) : v;
        }
        if (value_is_blank(v))
                return VALUE_NULL;
        if (t->schema && t->schema->multi_valued && v.type != VALUE_TOKEN) {
                Value *one = arena_alloc(e->arena, sizeof(*one));

                *one = v;
                return value_list(one, 1);
        }
        return v;
}

static Value constant_value(FlowEval *e, const FlowSource *s, const RuleInput *input)
{
        char buf[EXPANDED_MAX];
        const char *text;
        bool ok;

        if (!s->parameters)
                return s->constant;
        text = text_expand(s->flow->source, input->parameters, input->n_parameters, buf, sizeof(buf));
        /* Nobody has set the parameter: then the rule has nothing to say. */
        return text ? load_constant(e->arena, s->flow->target, arena_strdup(e->arena, text), &ok)
                    : VALUE_NULL;
}

static int expression_value(FlowEval *e, const FlowSource *s, size_t input, Value *ret_value)
{
        Diag why = DIAG_INIT;
        ExprResult result = { 0 };
        int r;

        r = expr_eval(s->flow->expr, &e->envs[input], e->arena, &result, &why);
        if (r) {
                diag_set(e->diag, "rule \"%s\": attribute \"%s\": %s (at character %zu of the expression)",
                         s->rule->name, s->flow->target, diag_text(&why), result.offset + 1);
                diag_deinit(&why);
                return RULE_E_FAILED;
        }
        diag_deinit(&why);
        if (result.due.ms && (!e->due.ms || result.due.ms < e->due.ms)) {
                e->due = result.due;
                e->due_of = s->flow->target;
        }
        *ret_value = result.value;
        return 0;
}

/* What one flow offers for one input. Return: 0, RULE_E_FAILED. */
static int flow_value(FlowEval *e, const FlowSource *s, size_t input, Value *ret_value)
{
        if (s->flow->apply_once && e->exists) {
                *ret_value = value_token(VALUE_IGNORE_THIS_FLOW);
                return 0;
        }
        switch (s->flow->type) {
        case FLOW_DIRECT:
                *ret_value = attribute_value(e->envs[input].object, s->flow->source);
                return 0;
        case FLOW_CONSTANT:
                *ret_value = constant_value(e, s, &e->inputs[input]);
                return 0;
        default:
                return expression_value(e, s, input, ret_value);
        }
}

static bool is_token(Value v, ValueToken token)
{
        return v.type == VALUE_TOKEN && v.token == token;
}

/* The source a value comes from. Outbound that is the forest which gave the metaverse the first of the
 * attributes that the flow reads and that has a value. */
static uint16_t source_of(const FlowEval *e, const FlowSource *s, size_t input)
{
        if (!e->metaverse)
                return e->inputs[input].source;
        for (size_t i = 0; i < s->n_reads; i++) {
                const FlowedValue *v = flowed_find(e->metaverse, s->reads[i]);

                if (v)
                        return v->source;
        }
        return 0;
}

static FlowedValue provenance(const FlowEval *e, const FlowSource *s, size_t input, Value v)
{
        return (FlowedValue){
                .name = s->flow->target,
                .value = v,
                .rule = s->rule->name,
                .precedence = s->rule->precedence,
                .mapping = s->flow->type,
                .source = source_of(e, s, input),
                .once = s->flow->apply_once,
        };
}

static void keep(FlowEval *e, const char *name)
{
        e->kept[e->n_kept++] = name;
}

static bool same_value(FlowMerge merge, Value a, Value b)
{
        if (value_is(a, b))
                return true;
        if (merge != FLOW_MERGE_MERGE_CASE_INSENSITIVE || a.type != VALUE_STRING || b.type != VALUE_STRING)
                return false;
        return text_is_nocase(a.s, b.s);
}

static void gather(FlowEval *e, const FlowTarget *t, Gathered *g, Value v)
{
        size_t n = value_count(v);

        for (size_t i = 0; i < n; i++) {
                Value one = value_at(v, i);
                size_t k = 0;

                while (k < g->n && !same_value(t->merge, g->values[k], one))
                        k++;
                if (k < g->n)
                        continue;
                if (g->n == g->size) {
                        size_t size = g->size ? g->size * 2 : 16;
                        Value *grown = arena_new_array(e->arena, Value, size);

                        if (g->n)
                                memcpy(grown, g->values, g->n * sizeof(*grown));
                        g->values = grown;
                        g->size = size;
                }
                g->values[g->n++] = one;
        }
}

/* All have been asked: what was gathered, or nothing, or "leave it". */
static int gathered_finish(FlowEval *e, const FlowTarget *t, Gathered *g, bool ignored)
{
        if (g->n) {
                if (t->schema ? !t->schema->multi_valued : g->n == 1)
                        g->first.value = g->values[0];
                else
                        g->first.value = value_list(g->values, g->n);
                e->values[e->n_values++] = g->first;
        } else if (ignored) {
                keep(e, t->name);
        }
        return 0;
}

/* Ask the rules in the order of precedence, and of one rule the inputs in the order of their sources. */
static int value_target(FlowEval *e, const FlowTarget *t)
{
        bool merges = t->merge == FLOW_MERGE_MERGE || t->merge == FLOW_MERGE_MERGE_CASE_INSENSITIVE;
        Gathered g = { 0 };
        bool ignored = false;

        for (size_t i = 0; i < t->n_sources; i++)
                for (size_t k = 0; k < e->n_inputs; k++) {
                        const FlowSource *s = &t->sources[i];
                        Value v;
                        int r;

                        if (!e->in_scope[k * e->table->n_rules + s->index])
                                continue;
                        r = flow_value(e, s, k, &v);
                        if (r)
                                return r;
                        if (is_token(v, VALUE_IGNORE_THIS_FLOW)) {
                                ignored = true;
                                continue;
                        }
                        if (is_token(v, VALUE_AUTHORITATIVE_NULL)) {
                                if (g.n == 0) {
                                        e->values[e->n_values] = provenance(e, s, k, VALUE_NULL);
                                        e->values[e->n_values++].authoritative_null = true;
                                        return 0;
                                }
                                return gathered_finish(e, t, &g, ignored);
                        }
                        v = truth(t, tidy(e, t, v));
                        if (value_is_none(v))
                                continue;
                        if (!merges) {
                                e->values[e->n_values++] = provenance(e, s, k, v);
                                return 0;
                        }
                        if (g.n == 0)
                                g.first = provenance(e, s, k, VALUE_NULL);
                        gather(e, t, &g, v);
                }
        return gathered_finish(e, t, &g, ignored);
}

/* ---- links ---- */

static void add_link(FlowEval *e, const FlowSource *s, size_t input, const FlowedLink *from, bool null)
{
        e->links[e->n_links++] = (FlowedLink){
                .name = s->flow->target,
                .from = s->flow->type == FLOW_DIRECT ? s->flow->source : NULL,
                .rule = s->rule->name,
                .precedence = s->rule->precedence,
                .source = from ? from->source : e->inputs[input].source,
                .authoritative_null = null || (from && from->authoritative_null),
        };
}

/* Does the input have links of this attribute? Not known counts as yes. */
static bool input_has_links(const FlowEval *e, size_t input, const char *attribute)
{
        Value count = strcmp(attribute, "member") == 0
                              ? object_get(e->inputs[input].object, RULES_COUNT_MEMBER)
                              : VALUE_NULL;

        return count.type != VALUE_INT || count.i > 0;
}

/* Links of the metaverse object flow on as they came. True: there are some. */
static bool links_onward(FlowEval *e, const FlowSource *s)
{
        size_t before = e->n_links;

        for (size_t i = 0; i < e->metaverse->n_links; i++)
                if (strcmp(e->metaverse->links[i].name, s->flow->source) == 0)
                        add_link(e, s, 0, &e->metaverse->links[i], false);
        return e->n_links > before;
}

/*
 * A link attribute. A flow that is in scope flows even if the group is empty, or a group that loses its last
 * member would keep it in the cloud; but a rule whose input has members is preferred to one whose has none,
 * as a value is to NULL.
 */
static int link_target(FlowEval *e, const FlowTarget *t)
{
        bool merges = t->merge == FLOW_MERGE_MERGE || t->merge == FLOW_MERGE_MERGE_CASE_INSENSITIVE;
        const FlowSource *empty = NULL;
        size_t empty_input = 0, before = e->n_links;
        bool ignored = false;

        for (size_t i = 0; i < t->n_sources; i++)
                for (size_t k = 0; k < e->n_inputs; k++) {
                        const FlowSource *s = &t->sources[i];
                        Value v = VALUE_NULL;

                        if (!e->in_scope[k * e->table->n_rules + s->index])
                                continue;
                        if (s->flow->type == FLOW_DIRECT && !(s->flow->apply_once && e->exists)) {
                                if (e->metaverse) {
                                        if (links_onward(e, s))
                                                return 0;
                                } else if (input_has_links(e, k, s->flow->source)) {
                                        add_link(e, s, k, NULL, false);
                                        if (!merges)
                                                return 0;
                                } else if (!empty) {
                                        empty = s;
                                        empty_input = k;
                                }
                                continue;
                        }
                        if (flow_value(e, s, k, &v))
                                return RULE_E_FAILED;
                        if (is_token(v, VALUE_IGNORE_THIS_FLOW)) {
                                ignored = true;
                        } else if (is_token(v, VALUE_AUTHORITATIVE_NULL)) {
                                if (e->n_links == before)
                                        add_link(e, s, k, NULL, true);
                                return 0;
                        } else if (!value_is_none(v)) {
                                diag_set(e->diag,
                                         "rule \"%s\": attribute \"%s\": an expression cannot make links; "
                                         "they "
                                         "flow directly, or not at all (NULL, AuthoritativeNull, "
                                         "IgnoreThisFlow)",
                                         s->rule->name, t->name);
                                return RULE_E_FAILED;
                        }
                }
        if (e->n_links == before && empty)
                add_link(e, empty, empty_input, NULL, false);
        else if (e->n_links == before && ignored)
                keep(e, t->name);
        return 0;
}

/* Room for one result per target attribute; merged links may come from every input. */
void flow_init(FlowEval *e)
{
        size_t n = e->table->n_targets, n_links = e->metaverse ? e->metaverse->n_links : 0;

        for (size_t i = 0; i < n; i++)
                if (rules_is_link(e->table->targets[i].name))
                        n_links += e->table->targets[i].n_sources * e->n_inputs;
        e->values = arena_alloc(e->arena, n * sizeof(*e->values) + 1);
        e->links = arena_alloc(e->arena, n_links * sizeof(*e->links) + 1);
        e->kept = arena_alloc(e->arena, n * sizeof(*e->kept) + 1);
}

/**
 * flow_target() - find the value of one target attribute
 * @e:          the evaluation; the result is added to its values, links or kept names
 * @t:          attribute, and who may supply it
 *
 * Return: 0, or RULE_E_FAILED: the diag names rule and attribute.
 */
int flow_target(FlowEval *e, const FlowTarget *t)
{
        return rules_is_link(t->name) ? link_target(e, t) : value_target(e, t);
}

/* The object. The table is sorted by name, and so is what was added. */
const FlowedObject *flow_finish(FlowEval *e)
{
        FlowedObject *o = arena_new_of(e->arena, FlowedObject);

        *o = (FlowedObject){
                .type = e->table->target_type,
                .values = e->values,
                .n_values = e->n_values,
                .links = e->links,
                .n_links = e->n_links,
                .kept = e->kept,
                .n_kept = e->n_kept,
                .due = e->due,
                .due_of = e->due_of,
        };
        return o;
}
