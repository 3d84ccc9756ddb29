/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Eval: one evaluation of an expression, seen from inside
 *
 * Multi-valued mapping. The root of an expression, and every argument that takes a whole collection, is a
 * *scope*. When within a scope a list meets a place for one value (WANT_ONE), the evaluation of the scope is
 * given up with EVAL_E_MAP, and the scope is evaluated again once for each value of that list, with the
 * list's source (its key: an attribute, a variable, a call) bound to the value everywhere in the scope. The
 * results, without NULL, are the scope's value. A list of one value is not worth that: its value is taken,
 * and the scope's result becomes a list.
 *
 *      RemoveDuplicates(Trim(ImportedValue("proxyAddresses")))
 *                       '------------ scope ------------'       Trim runs for each value,
 *      '----------------------- scope -----------------------'  RemoveDuplicates once
 *
 * Two lists of several values cannot be mapped in one scope: it is an error.
 *
 * The clock. A date that comes from Now() moves, and so does a number made of it. While a TIME or an INT is
 * inside the evaluator, its otherwise unused `n` says how (Motion); a comparison of one that moves with one
 * that does not tells when its outcome will change, and the earliest of these instants is the result's `due`.
 */

#include "engine/expr/node.h"

typedef struct Eval Eval;
typedef struct ListBuilder ListBuilder;

enum {
        EVAL_E_MAP = EXPR_E_BASE_ + 90, /* evaluate the scope value by value; never leaves eval.c */
};

typedef enum Want {
        WANT_ANY,
        WANT_ONE, /* a list is mapped */
} Want;

typedef enum Motion {
        MOTION_NONE,
        MOTION_UP,    /* as fast as the clock */
        MOTION_DOWN,  /* as fast, backwards */
        MOTION_OTHER, /* somehow */
} Motion;

typedef struct Mapping {
        const void *key; /* NULL: not mapping */
        Value value;     /* what the key stands for just now */
        const void *wanted_key;
        Value wanted_list; /* with EVAL_E_MAP: what to map */
        bool single;       /* a list of one value was taken for its value */
} Mapping;

struct Eval {
        const ExprEnv *env;
        Arena *arena;
        Diag *diag;
        size_t steps;   /* that are left */
        size_t offset;  /* of the error */
        size_t running; /* offset of the call that is running, for its errors */
        Value *variables;
        Mapping map;
        Wall due; /* 0: never */
};

struct ListBuilder {
        Value *items;
        size_t n, size;
};

int eval(Eval *v, const Node *node, Want want, Value *ret);
int eval_scope(Eval *v, const Node *node, Value *ret);

/* A condition: True or False; NULL is False. */
int eval_condition(Eval *v, const Node *node, bool *ret);

/* A chain of operators, operators.c. */
int eval_chain(Eval *v, const Node *node, Value *ret);

/* Error of the running call; a format without values of attributes, which may be private. */
int eval_fail(Eval *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
int eval_fail_at(Eval *v, size_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));

int eval_over_budget(Eval *v, const char *what); /* EXPR_E_BUDGET */

/* Work in proportion to data: a step for each 64 bytes, or for each 4 values that are looked at. The texts
 * that a builtin is given are charged before it runs. Return: 0, EXPR_E_BUDGET. */
int eval_charge(Eval *v, size_t bytes);
int eval_charge_values(Eval *v, Value list);

/* Room for a text of n bytes and its terminator, charged. Return: 0, EXPR_E_BUDGET (also: above VALUE_MAX).
 */
int eval_buffer(Eval *v, size_t n, char **ret);

/* The part of a text from its n-th byte on, or up to it: copied only if it must be. */
int eval_prefix(Eval *v, Value text, size_t n, Value *ret);
Value eval_suffix(Value text, size_t from);

int list_builder_add(Eval *v, ListBuilder *l, Value item); /* a list: its values; NULL: nothing */
Value list_builder_value(const ListBuilder *l);

/* The result changes by itself at this FILETIME: keep the earliest. */
void eval_due(Eval *v, int64_t filetime_from_now);
