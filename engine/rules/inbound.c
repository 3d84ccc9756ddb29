/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"

/* The source connected first has the better precedence where two forests' objects meet one rule. */
static RuleInput *inputs_sorted(Arena *a, const RuleInput *inputs, size_t n)
{
        RuleInput *sorted = arena_new_array(a, RuleInput, n);

        for (size_t i = 0; i < n; i++) {
                size_t k = i;

                for (; k > 0 && sorted[k - 1].source > inputs[i].source; k--)
                        sorted[k] = sorted[k - 1];
                sorted[k] = inputs[i];
        }
        return sorted;
}

/* Which rules of the table apply to one input. Without one that joins or provisions: none. */
static void input_scope(const FlowTable *t, const RuleInput *input, bool *in_scope)
{
        bool joined = false;

        for (size_t i = 0; i < t->n_rules; i++) {
                const Rule *r = t->rules[i];

                in_scope[i] = rule_takes(r, input->object, input->connector) &&
                              rule_in_scope(r, input->object, input->parameters, input->n_parameters);
                joined |= in_scope[i] && rule_decides(r);
        }
        for (size_t i = 0; i < t->n_rules && !joined; i++)
                in_scope[i] = false;
}

/**
 * rules_inbound() - compute a metaverse object
 * @set:        rules
 * @mv_type:    its type
 * @inputs:     all connector-space objects joined to it, in any order
 * @n_inputs:   their number; 0 gives an object without values
 * @before:     what it was; NULL: it is new
 * @now:        what Now() answers
 * @a:          the result lives here; its values are borrowed from @inputs and @set
 * @ret_mv:     the object, its values sorted by name, each with the rule that supplied it
 * @diag:       with RULE_E_FAILED: rule, attribute, what is wrong and where
 *
 * Return: 0, or RULE_E_FAILED.
 */
int rules_inbound(const RuleSet *set, const char *mv_type, const RuleInput *inputs, size_t n_inputs,
                  const FlowedObject *before, Wall now, Arena *a, const FlowedObject **ret_mv, Diag *diag)
{
        const FlowTable *t = set_find_table(set, RULE_INBOUND, NULL, mv_type);
        FlowEval e = { .table = t, .n_inputs = n_inputs, .exists = before != NULL, .arena = a, .diag = diag };
        bool *in_scope;
        ExprEnv *envs;

        if (!t) {
                FlowedObject *empty = arena_new_of(a, FlowedObject);

                empty->type = arena_strdup(a, mv_type);
                *ret_mv = empty;
                return 0;
        }
        e.inputs = inputs = inputs_sorted(a, inputs, n_inputs);
        in_scope = arena_new_array(a, bool, n_inputs * t->n_rules);
        envs = arena_new_array(a, ExprEnv, n_inputs);
        for (size_t i = 0; i < n_inputs; i++) {
                envs[i] = (ExprEnv){
                        .object = inputs[i].object,
                        .imported = inputs[i].imported ? inputs[i].imported : inputs[i].object,
                        .parameters = inputs[i].parameters,
                        .n_parameters = inputs[i].n_parameters,
                        .now = now,
                };
                input_scope(t, &inputs[i], &in_scope[i * t->n_rules]);
        }
        e.in_scope = in_scope;
        e.envs = envs;

        flow_init(&e);
        for (size_t i = 0; i < t->n_targets; i++) {
                int r = flow_target(&e, &t->targets[i]);

                if (r)
                        return r;
        }
        *ret_mv = flow_finish(&e);
        return 0;
}
