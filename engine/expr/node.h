/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Node: the compiled form of an expression
 *
 * A tree in the arena of a configuration, immutable, shared by all workers. Operators of one level make one
 * node, a chain, however many there are: so the depth of the tree is bounded by the nesting of the text, and
 * neither evaluation nor printing can run out of stack.
 */

#include "engine/expr/expr.h"

typedef struct Constant Constant;
typedef struct Function Function;
typedef struct Link Link;
typedef struct Name Name;
typedef struct Node Node;
typedef struct Variable Variable;

typedef enum NodeKind {
        NODE_LITERAL,
        NODE_CONSTANT,  /* True, NULL, CRLF, vbTextCompare, ... */
        NODE_ATTRIBUTE, /* [name] */
        NODE_IMPORTED,  /* ImportedValue("name") */
        NODE_COUNT,     /* ValueCount("name") */
        NODE_PARAMETER, /* %name% */
        NODE_VARIABLE,  /* $name */
        NODE_NEGATE,    /* -x */
        NODE_CHAIN,     /* a & b & c */
        NODE_CALL,
} NodeKind;

typedef enum Operator {
        OPERATOR_TIMES,
        OPERATOR_PLUS,
        OPERATOR_MINUS,
        OPERATOR_JOIN,
        OPERATOR_EQUAL,
        OPERATOR_NOT_EQUAL,
        OPERATOR_LESS,
        OPERATOR_LESS_EQUAL,
        OPERATOR_GREATER,
        OPERATOR_GREATER_EQUAL,
        OPERATOR_AND,
        OPERATOR_OR,
        _OPERATOR_N,
} Operator;

/* Each occurs once in an expression, so that pointers can be compared. */
struct Name {
        NodeKind kind; /* ATTRIBUTE, IMPORTED, COUNT, PARAMETER */
        const char *text;
};

struct Variable {
        const char *name;
        size_t slot; /* in the evaluation's table of variables */
};

struct Constant {
        const char *name;
        Value value;
};

/* "operator operand"; of the first of a chain, only the operand counts. */
struct Link {
        Operator op;
        size_t offset;
        const Node *operand;
};

struct Node {
        uint8_t kind; /* NodeKind */
        bool hex;     /* LITERAL: was written so, for printing */
        uint32_t offset;
        union {
                Value value;              /* LITERAL */
                const Constant *constant; /* CONSTANT */
                const Name *name;         /* ATTRIBUTE, IMPORTED, COUNT, PARAMETER */
                const Variable *variable; /* VARIABLE */
                const Node *operand;      /* NEGATE */
                struct {
                        const Link *links;
                        size_t n_links;
                } chain;
                struct {
                        const Function *function;
                        const Variable *variable; /* Select, Where, With: what they bind */
                        const Node *const *args;  /* without the variable */
                        size_t n_args;
                } call;
        };
};

struct Expr {
        const Node *root;
        const Name *const *names;
        size_t n_names;
        size_t n_variables;
        bool strict_operators;
};

extern const char *const operator_names[_OPERATOR_N];

const Constant *constant_find(const char *name, size_t n);
const char *constant_suggest(const char *name, size_t n);
