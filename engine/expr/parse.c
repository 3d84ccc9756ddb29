/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/parse.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/expr/functions.h"

#include <assert.h>
#include <string.h>

/*
 * A Pratt parser: what a token means at the start of an operand (prefix) and between two (level, operator) is
 * a row of one table.
 */

static_assert((int)EXPR_E_BASE_ == (int)ERROR_BASE_EXPR, "the ranges of conditions are in error.h");

typedef struct Grammar {
        int (*prefix)(Parser *p, const Node **ret);
        int level; /* 0: not an operator */
        Operator op;
} Grammar;

static const Grammar grammar[_TOKEN_KIND_N];

int parse_error(Parser *p, size_t offset, const char *format, ...)
{
        va_list ap;

        *p->ret_offset = offset;
        va_start(ap, format);
        diag_set(p->diag, "%s", arena_vprintf(p->arena, format, ap));
        va_end(ap);
        return EXPR_E_SYNTAX;
}

int parse_expected(Parser *p, const char *what)
{
        return parse_error(p, p->token.offset, "expected %s, found %s", what,
                           token_text(p->arena, &p->token));
}

int parse_advance(Parser *p, bool operand)
{
        return lex_next(&p->lexer, operand, &p->token);
}

Node *node_new(Parser *p, NodeKind kind, size_t offset)
{
        Node *node = arena_new_of(p->arena, Node);

        node->kind = kind;
        node->offset = (uint32_t)offset;
        return node;
}

static int parse_string(Parser *p, const Node **ret)
{
        Node *node = node_new(p, NODE_LITERAL, p->token.offset);

        node->value = value_string_n(arena_strndup(p->arena, p->token.text, p->token.n), p->token.n);
        *ret = node;
        return parse_advance(p, false);
}

static int parse_number(Parser *p, const Node **ret)
{
        Node *node = node_new(p, NODE_LITERAL, p->token.offset);

        /* Hexadecimal is a pattern of bits: &HFFFFFFFFFFFFFFFF is -1. */
        if (p->token.number > INT64_MAX && !p->token.hex)
                return parse_error(p, p->token.offset, "a number that does not fit into 64 bits");
        node->value = value_int((int64_t)p->token.number);
        node->hex = p->token.hex;
        *ret = node;
        return parse_advance(p, false);
}

/* Also -9223372036854775808, which has no positive twin. */
static int parse_minus(Parser *p, const Node **ret)
{
        size_t offset = p->token.offset;
        const Node *operand;
        Node *node;
        int r;

        r = parse_advance(p, true);
        if (r)
                return r;
        if (p->token.kind == TOKEN_NUMBER && !p->token.hex && p->token.number == (uint64_t)1 << 63) {
                node = node_new(p, NODE_LITERAL, offset);
                node->value = value_int(INT64_MIN);
                *ret = node;
                return parse_advance(p, false);
        }

        r = parse_expression(p, LEVEL_MATHS + 1, &operand);
        if (r)
                return r;
        if (!node_kinds_agree('n', node_kind(operand)))
                return parse_error(p, operand->offset, "after \"-\" must be a number, not %s",
                                   node_kind_name(node_kind(operand)));
        if (operand->kind == NODE_LITERAL && operand->value.i != INT64_MIN) {
                node = node_new(p, NODE_LITERAL, offset);
                node->value = value_int(-operand->value.i);
        } else {
                node = node_new(p, NODE_NEGATE, offset);
                node->operand = operand;
        }
        *ret = node;
        return 0;
}

static int parse_parentheses(Parser *p, const Node **ret)
{
        int r;

        r = parse_advance(p, true);
        if (r)
                return r;
        r = parse_expression(p, LEVEL_LOGIC, ret);
        if (r)
                return r;
        if (p->token.kind != TOKEN_CLOSE)
                return parse_expected(p, "an operator or \")\"");
        return parse_advance(p, false);
}

static int parse_named(Parser *p, NodeKind kind, const Node **ret)
{
        Node *node = node_new(p, kind, p->token.offset);

        node->name = names_add(&p->names, kind, p->token.text, p->token.n);
        *ret = node;
        return parse_advance(p, false);
}

static int parse_attribute(Parser *p, const Node **ret)
{
        return parse_named(p, NODE_ATTRIBUTE, ret);
}

static int parse_parameter(Parser *p, const Node **ret)
{
        return parse_named(p, NODE_PARAMETER, ret);
}

static int parse_variable(Parser *p, const Node **ret)
{
        for (const Scope *s = p->scope; s; s = s->outer) {
                if (strncmp(s->variable->name, p->token.text, p->token.n) == 0 &&
                    s->variable->name[p->token.n] == '\0') {
                        Node *node = node_new(p, NODE_VARIABLE, p->token.offset);

                        node->variable = s->variable;
                        *ret = node;
                        return parse_advance(p, false);
                }
        }
        return parse_error(p, p->token.offset,
                           "unknown variable %s: only Select, Where and With make variables",
                           token_text(p->arena, &p->token));
}

static int parse_name(Parser *p, const Node **ret)
{
        Token name = p->token;
        const Constant *constant;
        Node *node;
        int r;

        r = parse_advance(p, false);
        if (r)
                return r;
        if (p->token.kind == TOKEN_OPEN)
                return parse_call(p, &name, ret);

        constant = constant_find(name.text, name.n);
        if (!constant) {
                if (function_find(name.text, name.n))
                        return parse_expected(p, arena_printf(p->arena, "\"(\" after the function %s",
                                                              token_text(p->arena, &name)));
                return parse_unknown(p, &name, "name", constant_suggest(name.text, name.n));
        }
        node = node_new(p, NODE_CONSTANT, name.offset);
        node->constant = constant;
        *ret = node;
        return 0;
}

static const Grammar grammar[_TOKEN_KIND_N] = {
        [TOKEN_STRING] = { .prefix = parse_string },
        [TOKEN_NUMBER] = { .prefix = parse_number },
        [TOKEN_ATTRIBUTE] = { .prefix = parse_attribute },
        [TOKEN_PARAMETER] = { .prefix = parse_parameter },
        [TOKEN_VARIABLE] = { .prefix = parse_variable },
        [TOKEN_NAME] = { .prefix = parse_name },
        [TOKEN_OPEN] = { .prefix = parse_parentheses },
        [TOKEN_TIMES] = { .level = LEVEL_MATHS, .op = OPERATOR_TIMES },
        [TOKEN_PLUS] = { .level = LEVEL_MATHS, .op = OPERATOR_PLUS },
        [TOKEN_MINUS] = { .prefix = parse_minus, .level = LEVEL_MATHS, .op = OPERATOR_MINUS },
        [TOKEN_JOIN] = { .level = LEVEL_MATHS, .op = OPERATOR_JOIN },
        [TOKEN_EQUAL] = { .level = LEVEL_COMPARE, .op = OPERATOR_EQUAL },
        [TOKEN_NOT_EQUAL] = { .level = LEVEL_COMPARE, .op = OPERATOR_NOT_EQUAL },
        [TOKEN_LESS] = { .level = LEVEL_COMPARE, .op = OPERATOR_LESS },
        [TOKEN_LESS_EQUAL] = { .level = LEVEL_COMPARE, .op = OPERATOR_LESS_EQUAL },
        [TOKEN_GREATER] = { .level = LEVEL_COMPARE, .op = OPERATOR_GREATER },
        [TOKEN_GREATER_EQUAL] = { .level = LEVEL_COMPARE, .op = OPERATOR_GREATER_EQUAL },
        [TOKEN_AND] = { .level = LEVEL_LOGIC, .op = OPERATOR_AND },
        [TOKEN_OR] = { .level = LEVEL_LOGIC, .op = OPERATOR_OR },
};

static int level_of(const Parser *p)
{
        int level = grammar[p->token.kind].level;

        return level && p->strict_operators ? LEVEL_LOGIC : level;
}

/* What an operator takes, and whether its two sides go together. */
static int check_operand(Parser *p, Operator op, size_t offset, char left, const Node *operand)
{
        char right = node_kind(operand), wanted;

        switch (op) {
        case OPERATOR_TIMES:
        case OPERATOR_PLUS:
        case OPERATOR_MINUS:
                wanted = 'n';
                break;
        case OPERATOR_JOIN:
                wanted = 'x';
                break;
        case OPERATOR_AND:
        case OPERATOR_OR:
                wanted = 'b';
                break;
        default:
                if (left == 't' || right == 't' ||
                    (!node_kinds_agree(left, right) && !node_kinds_agree(right, left)))
                        return parse_error(p, offset, "\"%s\" compares %s with %s", operator_names[op],
                                           node_kind_name(left), node_kind_name(right));
                return 0;
        }
        if (!node_kinds_agree(wanted, left))
                return parse_error(p, offset, "before \"%s\" must be %s, not %s", operator_names[op],
                                   node_kind_name(wanted), node_kind_name(left));
        if (!node_kinds_agree(wanted, right))
                return parse_error(p, operand->offset, "after \"%s\" must be %s, not %s", operator_names[op],
                                   node_kind_name(wanted), node_kind_name(right));
        return 0;
}

/* All operators of one level, from left to right. */
static int parse_chain(Parser *p, int level, const Node **ret)
{
        Node *node = node_new(p, NODE_CHAIN, (*ret)->offset);
        char left = node_kind(*ret);
        Link *links = NULL;
        size_t n = 0, size = 0;
        int r;

        for (;;) {
                if (n == size) {
                        Link *more = arena_new_array(p->arena, Link, size = size ? 2 * size : 4);

                        if (n)
                                memcpy(more, links, n * sizeof(*more));
                        links = more;
                }
                if (n == 0) {
                        links[n++].operand = *ret;
                        continue;
                }
                if (level_of(p) != level)
                        break;
                links[n].op = grammar[p->token.kind].op;
                links[n].offset = p->token.offset;
                r = parse_advance(p, true);
                if (r)
                        return r;
                r = parse_expression(p, level + 1, &links[n].operand);
                if (r)
                        return r;
                r = check_operand(p, links[n].op, links[n].offset, left, links[n].operand);
                if (r)
                        return r;
                n++;
                node->chain.links = links;
                node->chain.n_links = n;
                left = node_kind(node);
        }
        *ret = node;
        return 0;
}

static int parse_operand(Parser *p, const Node **ret)
{
        int (*prefix)(Parser * p, const Node **ret) = grammar[p->token.kind].prefix;
        int r;

        if (!prefix)
                return parse_expected(p, "an operand");
        if (p->depth == EXPR_DEPTH_MAX)
                return parse_error(p, p->token.offset, "nested more than %d levels deep", EXPR_DEPTH_MAX);
        p->depth++;
        r = prefix(p, ret);
        p->depth--;
        return r;
}

int parse_expression(Parser *p, int level, const Node **ret)
{
        int r;

        r = parse_operand(p, ret);
        while (!r && level_of(p) >= level && level_of(p) > 0)
                r = parse_chain(p, level_of(p), ret);
        return r;
}

/**
 * expr_parse() - compile an expression
 * @options:    NULL: the defaults
 * @ret_offset: byte at which the error is; may be NULL
 *
 * Nothing of the text is kept.
 *
 * Return: 0; EXPR_E_SYNTAX: the diag says what is wrong.
 */
int expr_parse(Arena *a, const char *text, const ExprOptions *options, const Expr **ret_expr,
               size_t *ret_offset, Diag *diag)
{
        size_t offset = 0;
        Parser p = {
                .arena = a,
                .lexer = { .text = text, .ret_offset = &offset, .diag = diag },
                .strict_operators = options && options->strict_operators,
                .names = { .arena = a },
                .ret_offset = &offset,
                .diag = diag,
        };
        size_t n = strnlen(text, EXPR_TEXT_MAX + 1);
        const Node *root = NULL;
        Expr *e;
        int r = 0;

        if (n > EXPR_TEXT_MAX)
                r = parse_error(&p, EXPR_TEXT_MAX, "longer than 1 MB");
        else if (!str_is_utf8(text, n))
                r = parse_error(&p, 0, "not UTF-8");
        if (!r)
                r = parse_advance(&p, true);
        if (!r)
                r = parse_expression(&p, LEVEL_LOGIC, &root);
        if (!r && p.token.kind != TOKEN_END)
                r = parse_expected(&p, "an operator or the end of the text");
        if (r) {
                if (ret_offset)
                        *ret_offset = offset;
                return r;
        }

        e = arena_new_of(a, Expr);
        e->root = root;
        e->names = p.names.all;
        e->n_names = p.names.n_all;
        e->n_variables = p.n_variables;
        e->strict_operators = p.strict_operators;
        *ret_expr = e;
        return 0;
}
