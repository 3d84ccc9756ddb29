/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Functions: the table of builtins
 *
 * Each subject has a file builtins-<subject>.c and beside it a header with its rows; functions.c makes the
 * table of them. A row says everything about a function but how it computes:
 *
 *      X("Left", 2, 2, 'x', "xn", EMPTY, builtin_left, "str Left(str text, num n)", "the first n ...")
 *         name  min max |    |     |         |           |                            help
 *                       |    |     |         |           signature as documented
 *                       |    |     |         int builtin_left(Eval *v, const Value *args, ...)
 *                       |    |     what a NULL in an argument of one value makes of the result
 *                       |    kinds of the arguments
 *                       kind of the result
 *
 * Kinds: s text, n number, b boolean, d date, r reference, y bytes, x text or bytes, o one value of any kind,
 * v anything; m (arguments only) the whole collection. The evaluator checks counts, kinds and NULL; a builtin
 * sees only what its row allows. A lazy builtin gets the unevaluated nodes instead. Builtins have no side
 * effects.
 */

#include "engine/expr/eval.h"
#include "engine/expr/node.h"

typedef int BuiltinCall(Eval *v, const Value *args, size_t n_args, Value *ret);
typedef int BuiltinLazy(Eval *v, const Node *node, Want want, Value *ret);

/* Prototypes of the builtins of a subject, for the file that defines them: BUILTINS_TEXT(BUILTIN_DECLARE) */
#define BUILTIN_DECLARE(name_, min_, max_, result_, params_, null_, call_, signature_, help_) \
        BuiltinCall call_;
#define BUILTIN_DECLARE_LAZY(name_, min_, max_, result_, params_, form_, lazy_, signature_, help_) \
        BuiltinLazy lazy_;

#define FUNCTION_ARGS_MAX 4 /* of a builtin that is not lazy */

/* What the result is when an argument of one value is NULL. */
typedef enum OnNull {
        ON_NULL_NULL,
        ON_NULL_EMPTY, /* "" */
        ON_NULL_ZERO,
        ON_NULL_FALSE,
        ON_NULL_CALL, /* the builtin decides */
} OnNull;

/* How the parser treats the arguments. */
typedef enum FunctionForm {
        FORM_PLAIN,
        FORM_BINDS, /* first argument: a variable that the third one may use */
        FORM_NAMES, /* only argument: the name of an attribute, as a literal */
} FunctionForm;

struct Function {
        const char *name;
        size_t min, max;
        char result;
        const char *params; /* of an eager one: a kind for each argument */
        OnNull on_null;
        FunctionForm form;
        NodeKind names; /* FORM_NAMES: what the call is compiled to */
        BuiltinCall *call;
        BuiltinLazy *lazy;
};

const Function *function_find(const char *name, size_t n);

/* A name that may have been meant; NULL if none is near. */
const char *function_suggest(const char *name, size_t n);

/* Whether `candidate` is nearer to the name than *best, in edits; up to a third of it may be wrong. */
#define NAME_NEAR_MAX 32

bool name_is_near(const char *name, size_t n, const char *candidate, size_t *best);

char function_param(const Function *f, size_t i);
