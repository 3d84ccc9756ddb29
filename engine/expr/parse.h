/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser: what the files of the parser share; private
 *
 * parse.c holds the grammar of operators and operands, parse-call.c that of calls, kinds.c what is known of
 * types before there is a value.
 */

#include "engine/expr/lex.h"
#include "engine/expr/names.h"

typedef struct Parser Parser;
typedef struct Scope Scope;

/* The variables that may be used here, innermost first. */
struct Scope {
        const Variable *variable;
        const Scope *outer;
};

struct Parser {
        Arena *arena;
        Lexer lexer;
        Token token; /* the next one */
        bool strict_operators;
        unsigned depth;
        const Scope *scope;
        size_t n_variables;
        Names names;
        size_t *ret_offset;
        Diag *diag;
};

enum {
        LEVEL_LOGIC = 1,
        LEVEL_COMPARE,
        LEVEL_MATHS,
};

/* Return of all: 0, EXPR_E_SYNTAX. */
int parse_expression(Parser *p, int level, const Node **ret);
int parse_call(Parser *p, const Token *name, const Node **ret); /* at its parenthesis */

int parse_error(Parser *p, size_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));
int parse_expected(Parser *p, const char *what);
int parse_unknown(Parser *p, const Token *name, const char *what, const char *suggestion);
int parse_advance(Parser *p, bool operand);
Node *node_new(Parser *p, NodeKind kind, size_t offset);

/* The kind of a value (functions.h) before there is one; 'v': not known, 't': a token. */
char node_kind(const Node *node);
const char *node_kind_name(char kind);
bool node_kinds_agree(char wanted, char kind);
