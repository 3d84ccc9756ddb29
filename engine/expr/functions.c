/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/functions.h"
#include "base/str.h"
#include "engine/expr/builtins-bytes.h"
#include "engine/expr/builtins-cert.h"
#include "engine/expr/builtins-date.h"
#include "engine/expr/builtins-flow.h"
#include "engine/expr/builtins-list.h"
#include "engine/expr/builtins-name.h"
#include "engine/expr/builtins-number.h"
#include "engine/expr/builtins-text.h"

#include <string.h>

#define BUILTINS_EAGER(X)  \
        BUILTINS_BYTES(X)  \
        BUILTINS_CERT(X)   \
        BUILTINS_DATE(X)   \
        BUILTINS_FLOW(X)   \
        BUILTINS_LIST(X)   \
        BUILTINS_NAME(X)   \
        BUILTINS_NUMBER(X) \
        BUILTINS_TEXT(X)

BUILTINS_EAGER(BUILTIN_DECLARE)
BUILTINS_LAZY(BUILTIN_DECLARE_LAZY)

static const Function functions[] = {
#define ROW(name_, min_, max_, result_, params_, null_, call_, signature_, help_) \
        { .name = name_,                                                          \
          .min = min_,                                                            \
          .max = max_,                                                            \
          .result = result_,                                                      \
          .params = params_,                                                      \
          .on_null = ON_NULL_##null_,                                             \
          .call = call_ },
        BUILTINS_EAGER(ROW)
#undef ROW
#define ROW(name_, min_, max_, result_, params_, form_, lazy_, signature_, help_) \
        { .name = name_,                                                          \
          .min = min_,                                                            \
          .max = max_,                                                            \
          .result = result_,                                                      \
          .params = params_,                                                      \
          .form = FORM_##form_,                                                   \
          .lazy = lazy_ },
                BUILTINS_LAZY(ROW)
#undef ROW
#define ROW(name_, node_, result_, signature_, help_) \
        { .name = name_,                              \
          .min = 1,                                   \
          .max = 1,                                   \
          .result = result_,                          \
          .params = "s",                              \
          .form = FORM_NAMES,                         \
          .names = node_ },
                        BUILTINS_NAMES(ROW)
#undef ROW
};

static const ExprFunction descriptions[] = {
#define ROW(name_, min_, max_, result_, params_, null_, call_, signature_, help_) \
        { .name = name_, .min = min_, .max = (int)(max_), .signature = signature_, .help = help_ },
        BUILTINS_EAGER(ROW) BUILTINS_LAZY(ROW)
#undef ROW
#define ROW(name_, node_, result_, signature_, help_) \
        { .name = name_, .min = 1, .max = 1, .signature = signature_, .help = help_ },
                BUILTINS_NAMES(ROW)
#undef ROW
};

static const Constant constants[] = {
        { "True", { .type = VALUE_BOOL, .b = true } },
        { "False", { .type = VALUE_BOOL, .b = false } },
        { "NULL", { .type = VALUE_NONE } },
        { "Nothing", { .type = VALUE_NONE } }, /* VBA's name, which the reference uses here and there */
        { "CRLF", { .type = VALUE_STRING, .n = 2, .s = "\r\n" } },
        { "IgnoreThisFlow", { .type = VALUE_TOKEN, .token = VALUE_IGNORE_THIS_FLOW } },
        { "AuthoritativeNull", { .type = VALUE_TOKEN, .token = VALUE_AUTHORITATIVE_NULL } },
/* Options are their own names: the functions know them, and nothing else does. */
#define OPTION(name_)                                                            \
        {                                                                        \
                name_,                                                           \
                {                                                                \
                        .type = VALUE_STRING, .n = sizeof(name_) - 1, .s = name_ \
                }                                                                \
        }
        OPTION("CaseInsensitive"),
        OPTION("CaseSensitive"),
        OPTION("vbBinaryCompare"),
        OPTION("vbTextCompare"),
        OPTION("ASCII"),
        OPTION("Unicode"),
        OPTION("UTF8"),
        OPTION("DC"),
#undef OPTION
};

static bool is_name(const char *candidate, const char *name, size_t n)
{
        return strncmp(candidate, name, n) == 0 && candidate[n] == '\0';
}

const Function *function_find(const char *name, size_t n)
{
        for (size_t i = 0; i < N_ELEMENTS(functions); i++)
                if (is_name(functions[i].name, name, n))
                        return &functions[i];
        return NULL;
}

const Constant *constant_find(const char *name, size_t n)
{
        for (size_t i = 0; i < N_ELEMENTS(constants); i++)
                if (is_name(constants[i].name, name, n))
                        return &constants[i];
        return NULL;
}

/* Edits (Levenshtein) between two short names, without regard to case. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
        size_t row[NAME_NEAR_MAX + 1];

        for (size_t k = 0; k <= n_b; k++)
                row[k] = k;
        for (size_t i = 1; i <= n_a; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t k = 1; k <= n_b; k++) {
                        bool same = (a[i - 1] | 0x20) == (b[k - 1] | 0x20);
                        size_t best = diagonal + !same;

                        diagonal = row[k];
                        if (row[k] + 1 < best)
                                best = row[k] + 1;
                        if (row[k - 1] + 1 < best)
                                best = row[k - 1] + 1;
                        row[k] = best;
                }
        }
        return row[n_b];
}

bool name_is_near(const char *name, size_t n, const char *candidate, size_t *best)
{
        size_t n_candidate = strlen(candidate), d;

        if (n > NAME_NEAR_MAX || n_candidate > NAME_NEAR_MAX)
                return false;
        d = distance(name, n, candidate, n_candidate);
        if (d >= *best || 3 * d > n_candidate)
                return false;
        *best = d;
        return true;
}

const char *function_suggest(const char *name, size_t n)
{
        const char *suggestion = NULL;
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < N_ELEMENTS(functions); i++)
                if (name_is_near(name, n, functions[i].name, &best))
                        suggestion = functions[i].name;
        return suggestion;
}

const char *constant_suggest(const char *name, size_t n)
{
        const char *suggestion = NULL;
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < N_ELEMENTS(constants); i++)
                if (name_is_near(name, n, constants[i].name, &best))
                        suggestion = constants[i].name;
        return suggestion;
}

/**
 * function_param() - kind of the i-th argument
 */
char function_param(const Function *f, size_t i)
{
        size_t n = strlen(f->params);

        if (n == 0)
                return 'v';
        return f->params[i < n ? i : n - 1];
}

/**
 * expr_functions() - all functions, in no particular order
 *
 * `max` of a function without a limit is -1.
 */
const ExprFunction *expr_functions(size_t *ret_n)
{
        *ret_n = N_ELEMENTS(descriptions);
        return descriptions;
}
