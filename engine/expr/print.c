/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"
#include "engine/expr/functions.h"

#include <string.h>

/* A text of EXPR_TEXT_MAX grows by blanks and parentheses, at most fourfold. */
#define PRINT_MAX (8 * EXPR_TEXT_MAX)

const char *const operator_names[_OPERATOR_N] = {
        [OPERATOR_TIMES] = "*",          [OPERATOR_PLUS] = "+",        [OPERATOR_MINUS] = "-",
        [OPERATOR_JOIN] = "&",           [OPERATOR_EQUAL] = "=",       [OPERATOR_NOT_EQUAL] = "<>",
        [OPERATOR_LESS] = "<",           [OPERATOR_LESS_EQUAL] = "<=", [OPERATOR_GREATER] = ">",
        [OPERATOR_GREATER_EQUAL] = ">=", [OPERATOR_AND] = "&&",        [OPERATOR_OR] = "||",
};

static int level_of(const Expr *e, Operator op)
{
        if (e->strict_operators)
                return 1;
        return op <= OPERATOR_JOIN ? 3 : op <= OPERATOR_GREATER_EQUAL ? 2 : 1;
}

static void print(const Expr *e, const Node *node, int level, Str *out);

static void print_chain(const Expr *e, const Node *node, int level, Str *out)
{
        int own = level_of(e, node->chain.links[1].op);

        if (own < level)
                str_add_char(out, '(');
        for (size_t i = 0; i < node->chain.n_links; i++) {
                const Link *link = &node->chain.links[i];

                if (i)
                        str_printf(out, " %s ", operator_names[link->op]);
                print(e, link->operand, own + 1, out);
        }
        if (own < level)
                str_add_char(out, ')');
}

static void print_call(const Expr *e, const Node *node, Str *out)
{
        str_add(out, node->call.function->name);
        str_add_char(out, '(');
        if (node->call.variable)
                str_printf(out, "$%s, ", node->call.variable->name);
        for (size_t i = 0; i < node->call.n_args; i++) {
                if (i)
                        str_add(out, ", ");
                print(e, node->call.args[i], 0, out);
        }
        str_add_char(out, ')');
}

/* level: what binds less tightly needs parentheses here. */
static void print(const Expr *e, const Node *node, int level, Str *out)
{
        switch ((NodeKind)node->kind) {
        case NODE_LITERAL:
                if (node->value.type == VALUE_STRING)
                        str_printf(out, "\"%s\"", node->value.s);
                else if (node->hex)
                        str_printf(out, "&H%llX", (unsigned long long)node->value.i);
                else
                        str_printf(out, "%lld", (long long)node->value.i);
                break;
        case NODE_CONSTANT:
                str_add(out, node->constant->name);
                break;
        case NODE_ATTRIBUTE:
                str_printf(out, "[%s]", node->name->text);
                break;
        case NODE_IMPORTED:
                str_printf(out, "ImportedValue(\"%s\")", node->name->text);
                break;
        case NODE_COUNT:
                str_printf(out, "ValueCount(\"%s\")", node->name->text);
                break;
        case NODE_PARAMETER:
                str_printf(out, "%%%s%%", node->name->text);
                break;
        case NODE_VARIABLE:
                str_printf(out, "$%s", node->variable->name);
                break;
        case NODE_NEGATE:
                str_add_char(out, '-');
                print(e, node->operand, 4, out);
                break;
        case NODE_CHAIN:
                print_chain(e, node, level, out);
                break;
        case NODE_CALL:
                print_call(e, node, out);
                break;
        }
}

/**
 * expr_print() - the expression as canonical text
 *
 * Return: a text in the arena; parsed with the same options it gives an equal expression.
 */
const char *expr_print(Arena *a, const Expr *e)
{
        const char *text;
        Str out;

        str_init(&out, PRINT_MAX);
        print(e, e->root, 0, &out);
        text = arena_strndup(a, out.data, out.n);
        str_deinit(&out);
        return text;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/**
 * expr_names() - what the expression reads, sorted, each once
 *
 * Attributes by their name, those of ImportedValue() and ValueCount() too; parameters as "%name%".
 */
void expr_names(const Expr *e, Arena *a, const char *const **ret_attributes, size_t *ret_n)
{
        const char **names = arena_new_array(a, const char *, e->n_names);
        size_t n = 0;

        for (size_t i = 0; i < e->n_names; i++)
                names[i] = e->names[i]->kind == NODE_PARAMETER ? arena_printf(a, "%%%s%%", e->names[i]->text)
                                                               : e->names[i]->text;
        qsort(names, e->n_names, sizeof(*names), compare_names);
        for (size_t i = 0; i < e->n_names; i++)
                if (n == 0 || strcmp(names[n - 1], names[i]) != 0)
                        names[n++] = names[i];
        *ret_attributes = names;
        *ret_n = n;
}
