/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-flow.h"
#include "engine/expr/functions.h"

BUILTINS_FLOW(BUILTIN_DECLARE)
BUILTINS_LAZY(BUILTIN_DECLARE_LAZY)

static bool is_empty(Value v)
{
        return (v.type == VALUE_STRING || v.type == VALUE_BYTES) && v.n == 0;
}

int builtin_isnull(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool(value_is_none(args[0]));
        return 0;
}

int builtin_isempty(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool(is_empty(args[0]));
        return 0;
}

int builtin_isnullorempty(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool(value_is_none(args[0]) || is_empty(args[0]));
        return 0;
}

int builtin_ispresent(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool(!value_is_none(args[0]) && !is_empty(args[0]));
        return 0;
}

/* Whether CStr() would take it; a GUID as read from AD is binary, and the shipped rules tell it by that. */
int builtin_isstring(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        bool all = value_count(args[0]) > 0;

        for (size_t i = 0; all && i < value_count(args[0]); i++) {
                uint8_t type = value_at(args[0], i).type;

                all = type == VALUE_STRING || type == VALUE_INT || type == VALUE_BOOL || type == VALUE_REF;
        }
        *ret = value_bool(all);
        return eval_charge_values(v, args[0]);
}

int builtin_error(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        eval_fail(v, "%s", value_is_none(args[0]) ? "" : args[0].s);
        return EXPR_E_RULE;
}

int builtin_iif(Eval *v, const Node *node, Want want, Value *ret)
{
        bool condition;
        int r;

        r = eval_condition(v, node->call.args[0], &condition);
        if (r)
                return r;
        return eval(v, node->call.args[condition ? 1 : 2], want, ret);
}

/* All conditions are evaluated, says the reference, also those behind the one that decides; of the values
 * only one. */
int builtin_switch(Eval *v, const Node *node, Want want, Value *ret)
{
        const Node *chosen = NULL;

        if (node->call.n_args % 2)
                return eval_fail_at(v, node->offset, "Switch needs a value for each condition");
        for (size_t i = 0; i < node->call.n_args; i += 2) {
                bool condition;
                int r;

                r = eval_condition(v, node->call.args[i], &condition);
                if (r)
                        return r;
                if (condition && !chosen)
                        chosen = node->call.args[i + 1];
        }
        *ret = VALUE_NULL;
        return chosen ? eval(v, chosen, want, ret) : 0;
}

int builtin_with(Eval *v, const Node *node, Want want, Value *ret)
{
        int r;

        r = eval_scope(v, node->call.args[0], &v->variables[node->call.variable->slot]);
        if (r)
                return r;
        return eval(v, node->call.args[1], want, ret);
}

/* The collection of Select and Where. */
static int eval_collection(Eval *v, const Node *node, Value *ret)
{
        int r;

        r = eval_scope(v, node->call.args[0], ret);
        if (!r && ret->type == VALUE_TOKEN)
                return eval_fail_at(v, node->call.args[0]->offset, "%s is not a collection",
                                    value_type_name(*ret));
        return r;
}

int builtin_select(Eval *v, const Node *node, Want want, Value *ret)
{
        ListBuilder results = { 0 };
        Value list;
        int r;

        r = eval_collection(v, node, &list);
        for (size_t i = 0; !r && i < value_count(list); i++) {
                Value item;

                v->variables[node->call.variable->slot] = value_at(list, i);
                r = eval_scope(v, node->call.args[1], &item);
                if (!r && item.type == VALUE_TOKEN)
                        return eval_fail_at(v, node->call.args[1]->offset,
                                            "%s cannot be one of several values", value_type_name(item));
                if (!r)
                        r = list_builder_add(v, &results, item);
        }
        *ret = list_builder_value(&results);
        return r;
}

int builtin_where(Eval *v, const Node *node, Want want, Value *ret)
{
        ListBuilder results = { 0 };
        Value list;
        int r;

        r = eval_collection(v, node, &list);
        for (size_t i = 0; !r && i < value_count(list); i++) {
                Value item = value_at(list, i), holds;

                v->variables[node->call.variable->slot] = item;
                r = eval_scope(v, node->call.args[1], &holds);
                if (r)
                        return r;
                if (holds.type == VALUE_LIST && holds.n == 1)
                        holds = holds.list[0];
                if (!value_is_none(holds) && holds.type != VALUE_BOOL)
                        return eval_fail_at(v, node->call.args[1]->offset,
                                            "a condition must be one boolean, not %s",
                                            value_type_name(holds));
                if (holds.type == VALUE_BOOL && holds.b)
                        r = list_builder_add(v, &results, item);
        }
        *ret = list_builder_value(&results);
        return r;
}
