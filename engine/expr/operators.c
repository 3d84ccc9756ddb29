/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/eval.h"

#include <string.h>

/* Texts that are joined one after the other grow in one buffer, so that a long chain copies each byte once.
 */
typedef struct Joiner {
        char *data;
        size_t size;
} Joiner;

/* How often a value is looked at again that moves with the clock in a way we cannot compute: each hour. */
#define DUE_OTHER ((int64_t)3600 * 10000000)

static int join(Eval *v, Joiner *j, Value *left, Value right, size_t offset)
{
        const void *bytes = left->type == VALUE_STRING ? (const void *)left->s : left->bytes;
        size_t n = (size_t)left->n + right.n;
        int r;

        if (j->data == NULL || bytes != j->data || n >= j->size) {
                size_t size = n < 32 ? 64 : 2 * n;
                char *data;

                if (size > VALUE_MAX)
                        size = n;
                v->running = offset;
                r = eval_buffer(v, size, &data);
                if (r)
                        return r;
                memcpy(data, bytes, left->n);
                j->data = data;
                j->size = size;
        }
        memcpy(j->data + left->n, right.type == VALUE_STRING ? (const void *)right.s : right.bytes, right.n);
        j->data[n] = '\0';
        *left = left->type == VALUE_STRING ? value_string_n(j->data, n) : value_bytes(j->data, n);
        return 0;
}

/* NULL is nothing to add, as in VBA: NULL & "x" is "x", NULL & NULL is NULL. */
static int eval_join(Eval *v, Joiner *j, const Link *link, Value *left, Value right)
{
        if ((left->type != VALUE_STRING && left->type != VALUE_BYTES && left->type != VALUE_NONE) ||
            (right.type != VALUE_STRING && right.type != VALUE_BYTES && right.type != VALUE_NONE) ||
            (left->type != right.type && left->type != VALUE_NONE && right.type != VALUE_NONE))
                return eval_fail_at(v, link->offset, "\"&\" joins two strings or two binaries, not %s and %s",
                                    value_type_name(*left), value_type_name(right));
        if (value_is_none(right))
                return 0;
        if (value_is_none(*left)) {
                *left = right;
                return 0;
        }
        return join(v, j, left, right, link->offset);
}

static uint32_t motion_of(Operator op, Value left, Value right)
{
        uint32_t other = right.n;

        if (left.n == MOTION_NONE && other == MOTION_NONE)
                return MOTION_NONE;
        if (op == OPERATOR_TIMES)
                return MOTION_OTHER;
        if (op == OPERATOR_MINUS && (other == MOTION_UP || other == MOTION_DOWN))
                other = MOTION_UP + MOTION_DOWN - other;
        if (left.n == MOTION_NONE)
                return other;
        if (other == MOTION_NONE)
                return left.n;
        return left.n + other == MOTION_UP + MOTION_DOWN && left.n != MOTION_OTHER && other != MOTION_OTHER
                       ? MOTION_NONE
                       : MOTION_OTHER;
}

static int eval_maths(Eval *v, const Link *link, Value *left, Value right)
{
        bool overflow;
        int64_t i;

        if ((left->type != VALUE_INT && !value_is_none(*left)) ||
            (right.type != VALUE_INT && !value_is_none(right)))
                return eval_fail_at(v, link->offset, "\"%s\" takes two integers, not %s and %s",
                                    operator_names[link->op], value_type_name(*left), value_type_name(right));
        if (value_is_none(*left) || value_is_none(right)) {
                *left = VALUE_NULL;
                return 0;
        }
        if (link->op == OPERATOR_TIMES)
                overflow = __builtin_mul_overflow(left->i, right.i, &i);
        else if (link->op == OPERATOR_PLUS)
                overflow = __builtin_add_overflow(left->i, right.i, &i);
        else
                overflow = __builtin_sub_overflow(left->i, right.i, &i);
        if (overflow)
                return eval_fail_at(v, link->offset, "the result does not fit into 64 bits");
        left->n = motion_of(link->op, *left, right);
        left->i = i;
        return 0;
}

/* When two values of which one moves will be in another order than now. */
static void note_motion(Eval *v, Value left, Value right)
{
        int64_t distance;

        if (left.n == right.n)
                return;
        if (left.n == MOTION_OTHER || right.n == MOTION_OTHER) {
                eval_due(v, DUE_OTHER);
                return;
        }
        if (left.n == MOTION_UP || right.n == MOTION_DOWN) {
                if (!__builtin_sub_overflow(right.i, left.i, &distance))
                        eval_due(v, distance / (left.n && right.n ? 2 : 1));
        } else if (!__builtin_sub_overflow(left.i, right.i, &distance)) {
                eval_due(v, distance / (left.n && right.n ? 2 : 1));
        }
}

static bool holds(Operator op, int order)
{
        switch (op) {
        case OPERATOR_EQUAL:
                return order == 0;
        case OPERATOR_NOT_EQUAL:
                return order != 0;
        case OPERATOR_LESS:
                return order < 0;
        case OPERATOR_LESS_EQUAL:
                return order <= 0;
        case OPERATOR_GREATER:
                return order > 0;
        default:
                return order >= 0;
        }
}

/* Any comparison with NULL is False; texts are compared byte by byte, so with regard to case. */
static int eval_comparison(Eval *v, const Link *link, Value *left, Value right)
{
        bool ordered = link->op != OPERATOR_EQUAL && link->op != OPERATOR_NOT_EQUAL;

        if (value_is_none(*left) || value_is_none(right)) {
                *left = value_bool(false);
                return 0;
        }
        if (left->type != right.type || left->type == VALUE_TOKEN)
                return eval_fail_at(v, link->offset, "\"%s\" compares %s with %s", operator_names[link->op],
                                    value_type_name(*left), value_type_name(right));
        switch (left->type) {
        case VALUE_INT:
        case VALUE_TIME:
                if (left->n | right.n)
                        note_motion(v, *left, right);
                break;
        case VALUE_STRING:
        case VALUE_BYTES:
                if (left->n >= 64 && right.n >= 64) {
                        int r = eval_charge(v, left->n < right.n ? left->n : right.n);

                        if (r)
                                return r;
                }
                break;
        default:
                break;
        }
        if (ordered && left->type != VALUE_INT && left->type != VALUE_TIME && left->type != VALUE_STRING)
                return eval_fail_at(v, link->offset, "\"%s\" cannot order values of type %s",
                                    operator_names[link->op], value_type_name(*left));
        *left = value_bool(holds(link->op, value_compare(*left, right)));
        return 0;
}

static int condition(Eval *v, const Link *link, Value value, bool *ret)
{
        if (!value_is_none(value) && value.type != VALUE_BOOL)
                return eval_fail_at(v, link->offset, "\"%s\" takes two booleans, not %s",
                                    operator_names[link->op], value_type_name(value));
        *ret = value.type == VALUE_BOOL && value.b;
        return 0;
}

/* The right side is not looked at if the left one decides. */
static int eval_logic(Eval *v, const Link *link, Value *left)
{
        Value right;
        bool b = false;
        int r;

        r = condition(v, link, *left, &b);
        if (r)
                return r;
        if (b == (link->op == OPERATOR_AND)) {
                r = eval(v, link->operand, WANT_ONE, &right);
                if (!r)
                        r = condition(v, link, right, &b);
                if (r)
                        return r;
        }
        *left = value_bool(b);
        return 0;
}

int eval_chain(Eval *v, const Node *node, Value *ret)
{
        Joiner joiner = { 0 };
        Value left, right;
        int r;

        r = eval(v, node->chain.links[0].operand, WANT_ONE, &left);
        for (size_t i = 1; !r && i < node->chain.n_links; i++) {
                const Link *link = &node->chain.links[i];

                if (link->op == OPERATOR_AND || link->op == OPERATOR_OR) {
                        r = eval_logic(v, link, &left);
                        continue;
                }
                r = eval(v, link->operand, WANT_ONE, &right);
                if (r)
                        break;
                switch (link->op) {
                case OPERATOR_TIMES:
                case OPERATOR_PLUS:
                case OPERATOR_MINUS:
                        r = eval_maths(v, link, &left, right);
                        break;
                case OPERATOR_JOIN:
                        r = eval_join(v, &joiner, link, &left, right);
                        break;
                default:
                        r = eval_comparison(v, link, &left, right);
                        break;
                }
        }
        if (!r)
                *ret = left;
        return r;
}
