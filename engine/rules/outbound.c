/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"

/*
 * The rule that puts the object into Entra ID's connector space. Provision decides where there is such a
 * rule: the shipped groups have join rules in seven more rules, which a filtered group still meets. Several
 * that lead to one type do not contradict each other; precedence does not settle which of two types it is to
 * be.
 */
static const Rule *find_decider(const RuleSet *set, const Object *mv, bool exists,
                                const ExprParameter *parameters, size_t n_parameters, Arena *a,
                                const char **ret_why, const Rule **ret_other)
{
        const Rule *nearest = NULL, *joiner = NULL, *decider = NULL;

        for (size_t i = 0; i < set->n_rules; i++) {
                const Rule *r = set->rules[i];
                const FlowTable *t;

                if (r->direction != RULE_OUTBOUND || r->disabled || !rule_decides(r) ||
                    !str_is(r->source_type, mv->type) || !rule_is_to_tenant(r))
                        continue;
                t = set_find_table(set, RULE_OUTBOUND, r->source_type, r->target_type);
                if (!t || (r->link != RULE_LINK_PROVISION && t->provisions))
                        continue;
                if (rule_in_scope(r, mv, parameters, n_parameters)) {
                        if (r->link != RULE_LINK_PROVISION && !exists)
                                joiner = r;
                        else if (!decider)
                                decider = r;
                        else if (!str_is(decider->target_type, r->target_type) && !*ret_other)
                                *ret_other = r;
                } else if (!nearest) {
                        nearest = r;
                }
        }
        if (decider)
                return decider;
        if (joiner)
                *ret_why = arena_printf(a, "rule \"%s\" only joins, and Entra ID has no such object",
                                        joiner->name);
        else if (nearest)
                *ret_why = rule_why_not(nearest, mv, parameters, n_parameters, a);
        else
                *ret_why = arena_printf(a, "no outbound rule provisions objects of metaverse type \"%s\"",
                                        mv->type);
        return NULL;
}

/**
 * rules_outbound() - compute what Entra ID's connector space should hold
 * @set:        rules
 * @mv:         metaverse object
 * @imported:   what Entra ID has now, by connector-space names; NULL: a new object
 * @parameters: for %Name%
 * @n_parameters: their number
 * @now:        what Now() answers
 * @a:          the result lives here; its values are borrowed from @mv and @set
 * @ret_target: the object, or NULL: it is not to be there
 * @ret_why:    with NULL: the first clause that was not met, for people
 * @diag:       with RULE_E_FAILED: rule, attribute, what is wrong and where; RULE_E_AMBIGUOUS: two rules
 *
 * Return: 0, RULE_E_FAILED, RULE_E_AMBIGUOUS.
 */
int rules_outbound(const RuleSet *set, const FlowedObject *mv, const Object *imported,
                   const ExprParameter *parameters, size_t n_parameters, Wall now, Arena *a,
                   const FlowedObject **ret_target, const char **ret_why, Diag *diag)
{
        const Object *object = flowed_object(a, mv);
        RuleInput input = { .object = object, .parameters = parameters, .n_parameters = n_parameters };
        ExprEnv env = {
                .object = object,
                .imported = imported,
                .parameters = parameters,
                .n_parameters = n_parameters,
                .now = now,
        };
        FlowEval e = {
                .inputs = &input,
                .n_inputs = 1,
                .envs = &env,
                .exists = imported != NULL,
                .metaverse = mv,
                .arena = a,
                .diag = diag,
        };
        const Rule *decider, *other = NULL;
        bool *in_scope;

        decider = find_decider(set, object, imported != NULL, parameters, n_parameters, a, ret_why, &other);
        if (other) {
                diag_set(diag, "rule \"%s\" makes it a %s, rule \"%s\" a %s", decider->name,
                         decider->target_type, other->name, other->target_type);
                return RULE_E_AMBIGUOUS;
        }
        if (!decider) {
                *ret_target = NULL;
                return 0;
        }
        e.table = set_find_table(set, RULE_OUTBOUND, decider->source_type, decider->target_type);
        in_scope = arena_new_array(a, bool, e.table->n_rules);
        for (size_t i = 0; i < e.table->n_rules; i++)
                in_scope[i] = rule_in_scope(e.table->rules[i], object, parameters, n_parameters);
        e.in_scope = in_scope;

        flow_init(&e);
        for (size_t i = 0; i < e.table->n_targets; i++) {
                int r = flow_target(&e, &e.table->targets[i]);

                if (r)
                        return r;
        }
        *ret_target = flow_finish(&e);
        return 0;
}
