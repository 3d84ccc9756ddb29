/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/functions.h"
#include "engine/expr/parse.h"

#include <string.h>

static int check_argument(Parser *p, const Function *f, size_t i, const Node *arg)
{
        char wanted = function_param(f, i), kind = node_kind(arg);

        if (node_kinds_agree(wanted, kind))
                return 0;
        return parse_error(p, arg->offset, "argument %zu of \"%s\" must be %s, not %s", i + 1, f->name,
                           node_kind_name(wanted), node_kind_name(kind));
}

static int parse_comma(Parser *p, const Function *f)
{
        if (p->token.kind != TOKEN_COMMA)
                return parse_error(p, p->token.offset, "expected \",\": \"%s\" takes %zu arguments, found %s",
                                   f->name, f->min, token_text(p->arena, &p->token));
        return parse_advance(p, true);
}

/* Select($item, [attribute], ...): the variable may be used in the last argument only. */
static int parse_binding(Parser *p, const Function *f, Node *node)
{
        const Node **args = arena_new_array(p->arena, const Node *, 2);
        Variable *variable;
        Scope scope;
        int r;

        if (p->token.kind != TOKEN_VARIABLE)
                return parse_error(p, p->token.offset,
                                   "the first argument of \"%s\" must be a variable like $item", f->name);
        variable = arena_new_of(p->arena, Variable);
        variable->name = arena_strndup(p->arena, p->token.text, p->token.n);
        variable->slot = p->n_variables++;
        r = parse_advance(p, false);
        if (r)
                return r;

        for (size_t i = 0; i < 2; i++) {
                r = parse_comma(p, f);
                if (r)
                        return r;
                scope = (Scope){ .variable = variable, .outer = p->scope };
                if (i == 1)
                        p->scope = &scope;
                r = parse_expression(p, LEVEL_LOGIC, &args[i]);
                if (i == 1)
                        p->scope = scope.outer;
                if (r)
                        return r;
                r = check_argument(p, f, i + 1, args[i]);
                if (r)
                        return r;
        }
        node->call.variable = variable;
        node->call.args = args;
        node->call.n_args = 2;
        return 0;
}

/* ImportedValue("name"): the name must be known before there is an object. */
static int parse_naming(Parser *p, const Function *f, Node *node)
{
        if (p->token.kind != TOKEN_STRING || p->token.n == 0)
                return parse_error(p, p->token.offset,
                                   "the argument of \"%s\" must be the name of an attribute as a text",
                                   f->name);
        node->kind = (uint8_t)f->names;
        node->name = names_add(&p->names, f->names, p->token.text, p->token.n);
        return parse_advance(p, false);
}

static int parse_arguments(Parser *p, const Function *f, Node *node)
{
        const Node **args = NULL;
        size_t n = 0, size = 0;
        int r;

        while (p->token.kind != TOKEN_CLOSE || n > 0) {
                if (n == size) {
                        const Node **more =
                                arena_new_array(p->arena, const Node *, size = size ? 2 * size : 4);

                        if (n)
                                memcpy(more, args, n * sizeof(*more));
                        args = more;
                }
                r = parse_expression(p, LEVEL_LOGIC, &args[n]);
                if (r)
                        return r;
                r = n < f->max ? check_argument(p, f, n, args[n]) : 0;
                if (r)
                        return r;
                n++;
                if (p->token.kind != TOKEN_COMMA)
                        break;
                r = parse_advance(p, true);
                if (r)
                        return r;
        }
        node->call.args = args;
        node->call.n_args = n;
        return 0;
}

static int check_count(Parser *p, const Function *f, const Node *node)
{
        size_t n = node->call.n_args + (f->form == FORM_BINDS);

        if (n >= f->min && n <= f->max)
                return 0;
        if (f->min == f->max)
                return parse_error(p, node->offset, "\"%s\" takes %zu argument%s, not %zu", f->name, f->min,
                                   f->min == 1 ? "" : "s", n);
        if (f->max == SIZE_MAX)
                return parse_error(p, node->offset, "\"%s\" takes at least %zu arguments, not %zu", f->name,
                                   f->min, n);
        return parse_error(p, node->offset, "\"%s\" takes %zu to %zu arguments, not %zu", f->name, f->min,
                           f->max, n);
}

int parse_unknown(Parser *p, const Token *name, const char *what, const char *suggestion)
{
        if (suggestion)
                return parse_error(p, name->offset, "unknown %s %s; did you mean \"%s\"?", what,
                                   token_text(p->arena, name), suggestion);
        return parse_error(p, name->offset, "unknown %s %s", what, token_text(p->arena, name));
}

int parse_call(Parser *p, const Token *name, const Node **ret)
{
        const Function *f = function_find(name->text, name->n);
        Node *node = node_new(p, NODE_CALL, name->offset);
        int r;

        if (!f)
                return parse_unknown(p, name, "function", function_suggest(name->text, name->n));
        r = parse_advance(p, true);
        if (r)
                return r;

        node->call.function = f;
        switch (f->form) {
        case FORM_BINDS:
                r = parse_binding(p, f, node);
                break;
        case FORM_NAMES:
                r = parse_naming(p, f, node);
                break;
        case FORM_PLAIN:
                r = parse_arguments(p, f, node);
                break;
        }
        if (r)
                return r;
        if (p->token.kind != TOKEN_CLOSE)
                return parse_error(p, p->token.offset,
                                   "expected \")\" after the arguments of \"%s\", found %s", f->name,
                                   token_text(p->arena, &p->token));
        r = f->form == FORM_NAMES ? 0 : check_count(p, f, node);
        if (r)
                return r;
        *ret = node;
        return parse_advance(p, false);
}
