/* SPDX-License-Identifier: Apache-2.0 */

#include "app/explain.h"

#include "engine/target/schema.h"

static const char *verdict(const Explain *e, Arena *a)
{
        const ExplainStage *last = e->has_out ? &e->out : &e->in;
        size_t n;

        if (last->error)
                return arena_printf(a, "Fails: %s", last->error);
        if (!last->result)
                return arena_printf(a, "Does not go to Entra ID: %s", last->why);
        target_attributes(last->type, &n);
        if (n == 0)
                return arena_printf(a,
                                    "Is not exported: Microsoft Graph has no way to write objects of type %s",
                                    last->type);
        return arena_printf(a, "Goes to Entra ID as a %s", last->type);
}

void explain_object(Explain *ret, const RuleSet *rules, const Look *look, Wall now, Arena *a)
{
        RuleInput input = {
                .object = look->object,
                .imported = look->imported,
                .connector = look->connector,
                .parameters = look->parameters,
                .n_parameters = look->n_parameters,
        };

        *ret = (Explain){ 0 };
        rules_explain_inbound(rules, &input, now, a, &ret->in);
        if (ret->in.result) {
                rules_explain_outbound(rules, ret->in.result, NULL, look->parameters, look->n_parameters, now,
                                       a, &ret->out);
                ret->has_out = true;
        }
        ret->verdict = verdict(ret, a);
}
