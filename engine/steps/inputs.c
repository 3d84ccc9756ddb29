/* SPDX-License-Identifier: Apache-2.0 */

/* Inputs: who has a say in a metaverse object */

#include "engine/steps/steps.h"

static bool is_of(const RuleInput *input, const ObjectKey *key)
{
        return input && input->source == key->source && guid_is(&input->object->id, &key->id);
}

/* Return: 0, SPACE_E_NONE (it has no say), -errno. */
static int read_input(const RunJoined *j, const ObjectKey *key, Arena *a, RuleInput *ret_input, Diag *diag)
{
        const RunConnector *c = key->source < j->n_connectors ? &j->connectors[key->source] : NULL;
        const Object *o;
        Head head;
        int r;

        /* What a source that is not configured any more has said is not said any more. */
        if (!c || !c->scope)
                return SPACE_E_NONE;
        r = space_read_head(j->space, key, a, &head, NULL, diag);
        if (r < 0)
                return r;
        /* One that was seen as a tombstone neither: its successor may have the anchor. */
        if (r == 0 && head.deleted)
                return SPACE_E_NONE;
        r = space_read_import(j->space, key, a, &o, NULL, diag);
        if (r)
                return r < 0 ? r : SPACE_E_NONE; /* it can be rebuilt by importing again, and then joins in */
        *ret_input = (RuleInput){
                .object = o,
                .connector = c->name,
                .source = key->source,
                .parameters = c->parameters,
                .n_parameters = c->n_parameters,
        };
        return 0;
}

int run_inputs(const RunJoined *j, Arena *a, RuleInput **ret_inputs, size_t *ret_n, Diag *diag)
{
        RuleInput *inputs = arena_new_array(a, RuleInput, j->person->n_joined + 1);
        bool own = false;
        size_t n = 0;

        for (size_t i = 0; i < j->person->n_joined; i++) {
                const ObjectKey *key = &j->person->joined[i];
                int r = 0;

                if (is_of(j->own, key)) {
                        inputs[n] = *j->own;
                        own = true;
                } else {
                        r = read_input(j, key, a, &inputs[n], diag);
                }
                if (r < 0)
                        return r;
                n += r == 0;
        }
        if (j->own && !own)
                inputs[n++] = *j->own;
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && inputs[k - 1].source > inputs[k].source; k--) {
                        RuleInput swap = inputs[k];

                        inputs[k] = inputs[k - 1];
                        inputs[k - 1] = swap;
                }
        *ret_inputs = inputs;
        *ret_n = n;
        return 0;
}
