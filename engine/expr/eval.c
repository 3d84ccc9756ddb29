/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/eval.h"
#include "base/str.h"
#include "engine/expr/functions.h"

#include <assert.h>
#include <string.h>

/* A list where one value is wanted. */
static int map(Eval *v, const Node *node, const void *key, Value list, Value *ret)
{
        if (list.n == 1) {
                v->map.single = true;
                *ret = list.list[0];
                return 0;
        }
        if (v->map.key)
                return eval_fail_at(v, node->offset,
                                    "a second list of several values: only one can be taken value by value");
        v->map.wanted_key = key;
        v->map.wanted_list = list;
        return EVAL_E_MAP;
}

/* A value from a source that a mapping may have bound. */
static int eval_source(Eval *v, const Node *node, const void *key, Value value, Want want, Value *ret)
{
        if (v->map.key == key) {
                *ret = v->map.value;
                return 0;
        }
        if (value.type == VALUE_LIST && want == WANT_ONE)
                return map(v, node, key, value, ret);
        *ret = value;
        return 0;
}

static Value attribute(const Object *o, const char *name)
{
        const Attribute *found = o ? object_find(o, name) : NULL;

        if (found)
                return found->value;
        /* Rules ask for [dn] like for an attribute; no directory has one of this name. */
        if (o && o->dn && strcmp(name, "dn") == 0)
                return value_string(o->dn);
        return VALUE_NULL;
}

static int eval_parameter(Eval *v, const Node *node, Value *ret)
{
        for (size_t i = 0; i < v->env->n_parameters; i++) {
                if (str_is(v->env->parameters[i].name, node->name->text)) {
                        *ret = value_string(v->env->parameters[i].value);
                        return 0;
                }
        }
        return eval_fail_at(v, node->offset, "unknown parameter %%%s%%", node->name->text);
}

static const char *kind_wanted(char kind)
{
        switch (kind) {
        case 's':
                return "string";
        case 'n':
                return "integer";
        case 'b':
                return "boolean";
        case 'd':
                return "time";
        case 'r':
                return "reference";
        case 'y':
                return "binary";
        default:
                return "string or binary";
        }
}

static bool kind_is(char kind, ValueType type)
{
        switch (kind) {
        case 's':
                return type == VALUE_STRING;
        case 'n':
                return type == VALUE_INT;
        case 'b':
                return type == VALUE_BOOL;
        case 'd':
                return type == VALUE_TIME;
        case 'r':
                return type == VALUE_REF;
        case 'y':
                return type == VALUE_BYTES;
        case 'x':
                return type == VALUE_STRING || type == VALUE_BYTES;
        default:
                return type != VALUE_TOKEN;
        }
}

/* One argument of a builtin that is not lazy, checked against its row. */
static int eval_argument(Eval *v, const Function *f, size_t i, const Node *arg, Value *ret)
{
        char kind = f->params[i];
        int r;

        if (kind == 'm')
                r = eval_scope(v, arg, ret);
        else
                r = eval(v, arg, kind == 'v' ? WANT_ANY : WANT_ONE, ret);
        if (r || value_is_none(*ret) || kind_is(kind, (ValueType)ret->type))
                return r;
        if (ret->type == VALUE_TOKEN)
                return eval_fail_at(v, arg->offset, "argument %zu of %s cannot be %s", i + 1, f->name,
                                    value_type_name(*ret));
        return eval_fail_at(v, arg->offset, "argument %zu of %s must be %s, not %s", i + 1, f->name,
                            kind_wanted(kind), value_type_name(*ret));
}

static Value null_result(OnNull on_null)
{
        switch (on_null) {
        case ON_NULL_EMPTY:
                return value_string_n("", 0);
        case ON_NULL_ZERO:
                return value_int(0);
        case ON_NULL_FALSE:
                return value_bool(false);
        default:
                return VALUE_NULL;
        }
}

static int eval_builtin(Eval *v, const Node *node, Value *ret)
{
        const Function *f = node->call.function;
        Value args[FUNCTION_ARGS_MAX];
        size_t bytes = 0;
        bool null = false;
        int r;

        for (size_t i = 0; i < node->call.n_args; i++) {
                char kind = f->params[i];

                r = eval_argument(v, f, i, node->call.args[i], &args[i]);
                if (r)
                        return r;
                null |= value_is_none(args[i]) && kind != 'v' && kind != 'm';
                if (args[i].type == VALUE_STRING || args[i].type == VALUE_BYTES)
                        bytes += args[i].n;
        }
        if (null && f->on_null != ON_NULL_CALL) {
                *ret = null_result(f->on_null);
                return 0;
        }
        v->running = node->offset;
        /* Whatever a builtin makes of a text, it looks at it. */
        if (bytes >= 64) {
                r = eval_charge(v, bytes);
                if (r)
                        return r;
        }
        return f->call(v, args, node->call.n_args, ret);
}

static int eval_call(Eval *v, const Node *node, Want want, Value *ret)
{
        const Function *f = node->call.function;
        int r;

        if (v->map.key == node) {
                *ret = v->map.value;
                return 0;
        }
        r = f->lazy ? f->lazy(v, node, want, ret) : eval_builtin(v, node, ret);
        if (!r && want == WANT_ONE && ret->type == VALUE_LIST)
                r = map(v, node, node, *ret, ret);
        return r;
}

static int eval_negate(Eval *v, const Node *node, Value *ret)
{
        int64_t i;
        int r;

        r = eval(v, node->operand, WANT_ONE, ret);
        if (r || value_is_none(*ret))
                return r;
        if (ret->type != VALUE_INT)
                return eval_fail_at(v, node->operand->offset, "after \"-\" must be integer, not %s",
                                    value_type_name(*ret));
        if (__builtin_sub_overflow((int64_t)0, ret->i, &i))
                return eval_fail_at(v, node->offset, "the result does not fit into 64 bits");
        ret->i = i;
        if (ret->n == MOTION_UP || ret->n == MOTION_DOWN)
                ret->n = MOTION_UP + MOTION_DOWN - ret->n;
        return 0;
}

int eval(Eval *v, const Node *node, Want want, Value *ret)
{
        if (v->steps == 0) {
                v->running = node->offset;
                return eval_over_budget(v, "too many steps for one expression");
        }
        v->steps--;

        switch ((NodeKind)node->kind) {
        case NODE_LITERAL:
                *ret = node->value;
                return 0;
        case NODE_CONSTANT:
                *ret = node->constant->value;
                return 0;
        case NODE_ATTRIBUTE:
                return eval_source(v, node, node->name, attribute(v->env->object, node->name->text), want,
                                   ret);
        case NODE_IMPORTED:
                return eval_source(v, node, node->name, attribute(v->env->imported, node->name->text), want,
                                   ret);
        case NODE_VARIABLE:
                return eval_source(v, node, node->variable, v->variables[node->variable->slot], want, ret);
        case NODE_COUNT:
                *ret = value_int((int64_t)value_count(attribute(v->env->object, node->name->text)));
                return 0;
        case NODE_PARAMETER:
                return eval_parameter(v, node, ret);
        case NODE_NEGATE:
                return eval_negate(v, node, ret);
        case NODE_CHAIN:
                return eval_chain(v, node, ret);
        case NODE_CALL:
                return eval_call(v, node, want, ret);
        }
        return 0;
}

/* Whether the tokens among the results say all there is to say: only if there is nothing else. */
static Value token_or(const ListBuilder *l, size_t n_tokens, size_t n_null, Value token)
{
        if (l->n == 0 && n_tokens > 0 && n_null == 0)
                return token;
        return list_builder_value(l);
}

static int eval_mapped(Eval *v, const Node *node, Value *ret)
{
        Value list = v->map.wanted_list, token = VALUE_NULL;
        const void *key = v->map.wanted_key;
        size_t n_tokens = 0, n_null = 0;
        ListBuilder results = { 0 };

        for (size_t i = 0; i < list.n; i++) {
                Value item;
                int r;

                v->map = (Mapping){ .key = key, .value = list.list[i] };
                r = eval(v, node, WANT_ANY, &item);
                if (r)
                        return r;
                if (item.type == VALUE_TOKEN) {
                        /* IgnoreThisFlow for one value, something for another: this value is left out. */
                        token = item;
                        n_tokens++;
                        continue;
                }
                n_null += value_is_none(item);
                r = list_builder_add(v, &results, item);
                if (r)
                        return r;
        }
        *ret = token_or(&results, n_tokens, n_null, token);
        return 0;
}

/**
 * eval_scope() - value of an expression in which a list is taken value by value if need be
 *
 * Return: 0; an error of expr_eval().
 */
int eval_scope(Eval *v, const Node *node, Value *ret)
{
        Mapping outer = v->map;
        int r;

        v->map = (Mapping){ 0 };
        r = eval(v, node, WANT_ANY, ret);
        if (r == EVAL_E_MAP) {
                r = eval_mapped(v, node, ret);
        } else if (!r && v->map.single && !value_is_none(*ret) && ret->type != VALUE_LIST &&
                   ret->type != VALUE_TOKEN) {
                ListBuilder one = { 0 };

                r = list_builder_add(v, &one, *ret);
                if (!r)
                        *ret = list_builder_value(&one);
        }
        assert(r != EVAL_E_MAP);
        v->map = outer;
        return r;
}

int eval_condition(Eval *v, const Node *node, bool *ret)
{
        Value value;
        int r;

        r = eval(v, node, WANT_ONE, &value);
        if (r)
                return r;
        if (!value_is_none(value) && value.type != VALUE_BOOL)
                return eval_fail_at(v, node->offset,
                                    "a condition must be boolean, not %s (CBool() makes it so)",
                                    value_type_name(value));
        *ret = value.type == VALUE_BOOL && value.b;
        return 0;
}

/* The marks of motion are ours alone. */
static Value without_motion(Eval *v, Value value)
{
        if (value.type == VALUE_INT || value.type == VALUE_TIME)
                value.n = 0;
        if (value.type == VALUE_LIST) {
                for (size_t i = 0; i < value.n; i++) {
                        Value item = value.list[i];

                        if ((item.type == VALUE_INT || item.type == VALUE_TIME) && item.n) {
                                Value *list = arena_memdup(v->arena, value.list, value.n * sizeof(*list));

                                for (; i < value.n; i++)
                                        list[i] = without_motion(v, list[i]);
                                return value_list(list, value.n);
                        }
                }
        }
        return value;
}

/**
 * expr_eval() - value of an expression for one object
 * @a:          where everything new comes from
 * @ret:        the value may also point into the objects, the parameters and the expression
 *
 * Return: 0; EXPR_E_RULE: Error() was reached, the diag has its text; EXPR_E_TYPE: wrong type, out of bounds,
 * not a date, unknown parameter; EXPR_E_BUDGET: too many steps, or a value above VALUE_MAX. After an error
 * only ret->offset is set.
 */
int expr_eval(const Expr *e, const ExprEnv *env, Arena *a, ExprResult *ret, Diag *diag)
{
        Eval v = { .env = env, .arena = a, .diag = diag, .steps = EXPR_STEPS_MAX };
        Value value = VALUE_NULL;
        int r;

        if (e->n_variables)
                v.variables = arena_new_array(a, Value, e->n_variables);
        r = eval_scope(&v, e->root, &value);
        if (r) {
                *ret = (ExprResult){ .offset = v.offset };
                return r;
        }
        *ret = (ExprResult){ .value = without_motion(&v, value), .due = v.due };
        return 0;
}
