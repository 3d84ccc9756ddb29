/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Expr: the expression language of Entra Connect's sync rules
 *
 *      text --lex--> tokens --parse--> Expr (immutable, shared by all threads) --eval--> Value
 *                                        '--print--> text (parses to the same Expr)
 *
 * The language is a subset of VBA made of nested function calls: [attribute], %Parameter%, "text", &HFF,
 * True, NULL, IIF(...). Facts: Microsoft's "Functions Reference" and "Declarative Provisioning Expressions";
 * what those leave open is listed, with our choice, in this folder's README.
 *
 * Operators, tightest first: unary minus; * + - & (equal, left to right); < <= <> = > >=; && || (equal, left
 * to right, short circuit). The documentation says that all have one priority; the shipped rules only work
 * with these levels. `strict_operators` makes it one level, left to right.
 *
 * A function whose parameter takes one value, given a multi-valued attribute, makes the *whole* expression
 * run once per value; NULL results drop that value. The result is then a LIST, also of one value.
 *
 * Types are checked twice: what is known from the text alone (a number where a text must be, an unknown name)
 * is a syntax error, the rest an error of the evaluation.
 *
 * Evaluation has no side effects. It stops with EXPR_E_BUDGET after EXPR_STEPS_MAX steps, so no rule can hang
 * a worker. Everything it makes comes from the given arena; its result may also point into the objects, the
 * parameters and the Expr.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "engine/model/object.h"

typedef struct Expr Expr;
typedef struct ExprEnv ExprEnv;
typedef struct ExprOptions ExprOptions;
typedef struct ExprParameter ExprParameter;
typedef struct ExprResult ExprResult;

enum {
        EXPR_E_BASE_ = 1300, /* ERROR_BASE_EXPR */

        EXPR_E_SYNTAX, /* expr_parse: diag says what was expected; offset where */
        EXPR_E_RULE,   /* expr_eval: Error("...") was reached: the diag has its text */
        EXPR_E_TYPE,   /* expr_eval: wrong type, out of bounds, not a date, ... */
        EXPR_E_BUDGET, /* expr_eval: too many steps, or a value too large */
};

#define EXPR_TEXT_MAX  ((size_t)1 << 20) /* longer source text is a syntax error */
#define EXPR_DEPTH_MAX 200               /* nesting, checked by the parser */
#define EXPR_STEPS_MAX 1000000

struct ExprOptions {
        bool strict_operators;
};

struct ExprParameter {
        const char *name; /* "Domain.FQDN", without the % */
        const char *value;
};

/* What an expression sees. All borrowed for the call. */
struct ExprEnv {
        const Object *object;   /* [name]; [dn] is its DN if it has no attribute of this name */
        const Object *imported; /* ImportedValue("name"): the last confirmed import; NULL: none */
        const ExprParameter *parameters;
        size_t n_parameters;
        Wall now; /* Now() */
};

struct ExprResult {
        Value value;
        size_t offset; /* with an error: byte in the source text */
        Wall due; /* the instant at which the value may next change by itself (Now() was compared); 0: never
                   */
};

/*
 * Compile a text. The Expr and all it needs live in the arena (of a configuration).
 * Return: 0, EXPR_E_SYNTAX.
 */
int expr_parse(Arena *a, const char *text, const ExprOptions *options, const Expr **ret_expr,
               size_t *ret_offset, Diag *diag);

/* Return: 0, EXPR_E_RULE, EXPR_E_TYPE, EXPR_E_BUDGET; with an error, ret->offset is set. */
int expr_eval(const Expr *e, const ExprEnv *env, Arena *a, ExprResult *ret, Diag *diag);

/* Canonical text; expr_parse of it gives an equal Expr. */
const char *expr_print(Arena *a, const Expr *e);

/* What it reads, sorted, each once: attributes by their name, of ImportedValue() and ValueCount() too, and
 * parameters as "%name%". The list is in the arena, the attributes' names in the Expr. */
void expr_names(const Expr *e, Arena *a, const char *const **ret_attributes, size_t *ret_n);

/* The table of functions: for man page, `sosync eval --help` and the rules' check. */
typedef struct ExprFunction {
        const char *name;
        int min, max;          /* number of arguments; max -1: no limit */
        const char *signature; /* "num InStr(str s, str m[, num start[, compare]])" */
        const char *help;
} ExprFunction;

const ExprFunction *expr_functions(size_t *ret_n);
