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

static const char *verdict(const Explain *e, const Look *look, Arena *a)
{
        const ExplainStage *last = e->has_out ? &e->out : &e->in;
        size_t n;

        if (last->error)
                return arena_printf(a, "Fails: %s", last->error);
        if (!last->result)
                return arena_printf(a, "Does not go to Entra ID: %s%s", last->why, type_hint(look));
        target_attributes(last->type, &n);
        if (n == 0)
                return arena_printf(a,
                                    "Is not exported: Microsoft Graph has no way to write objects of type %s",
                                    last->type);
        return arena_printf(a, "Goes to Entra ID as a %s", last->type);
}

/* The object as the directory has it now, among the others as they were imported last. */
static void gather_inputs(Explain *e, const Look *look, const RulesKnown *known, Arena *a)
{
        size_t n_known = known ? known->n_inputs : 0;
        RuleInput *inputs = arena_new_array(a, RuleInput, n_known + 1);
        RuleInput own = {
                .object = look->object,
                .imported = look->imported,
                .connector = look->connector,
                .parameters = look->parameters,
                .n_parameters = look->n_parameters,
        };
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
}

void explain_object(Explain *ret, const RuleSet *rules, const Look *look, const RulesKnown *known, Wall now,
                    Arena *a)
{
        *ret = (Explain){ .cloud = known ? known->cloud.object : NULL };
        gather_inputs(ret, look, known, a);
        rules_explain_inbound(rules, ret->inputs, ret->n_inputs, ret->own, known ? known->before : NULL, now,
                              a, &ret->in);
        if (ret->in.result) {
                rules_explain_outbound(rules, ret->in.result, ret->cloud, look->parameters,
                                       look->n_parameters, now, a, &ret->out);
                ret->has_out = true;
        }
        ret->verdict = verdict(ret, look, a);
}
