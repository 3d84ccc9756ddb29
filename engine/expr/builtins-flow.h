/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions that test values, stop, or choose what is evaluated; see functions.h. */
#define BUILTINS_FLOW(X)                                                                                 \
        X("Error", 1, 1, 'v', "s", CALL, builtin_error, "void Error(str message)",                       \
          "stops: the object is in error, with this message")                                            \
        X("IsEmpty", 1, 1, 'b', "v", CALL, builtin_isempty, "bool IsEmpty(var value)",                   \
          "whether it is there, but empty")                                                              \
        X("IsNull", 1, 1, 'b', "v", CALL, builtin_isnull, "bool IsNull(var value)",                      \
          "whether it is not there")                                                                     \
        X("IsNullOrEmpty", 1, 1, 'b', "v", CALL, builtin_isnullorempty, "bool IsNullOrEmpty(var value)", \
          "whether it is not there or empty")                                                            \
        X("IsPresent", 1, 1, 'b', "v", CALL, builtin_ispresent, "bool IsPresent(var value)",             \
          "whether it is there and not empty")                                                           \
        X("IsString", 1, 1, 'b', "v", CALL, builtin_isstring, "bool IsString(var value)",                \
          "whether CStr() would succeed")

/* X(name, min, max, kind of the result, kinds of the arguments, form, function, signature, help) */
#define BUILTINS_LAZY(X)                                                                                   \
        X("IIF", 3, 3, 'v', "bvv", PLAIN, builtin_iif, "var IIF(exp condition, var then, var else)",       \
          "one of two values; the other is not evaluated")                                                 \
        X("Select", 3, 3, 'v', "vmv", BINDS, builtin_select,                                               \
          "mvstr Select($item, mvstr values, exp function)", "what the function makes of each value")      \
        X("Switch", 2, SIZE_MAX, 'v', "v", PLAIN, builtin_switch, "var Switch(exp, var[, exp, var ...])",  \
          "the value behind the first condition that is True; NULL if none is")                            \
        X("Where", 3, 3, 'v', "vmb", BINDS, builtin_where,                                                 \
          "mvstr Where($item, mvstr values, exp condition)", "the values for which the condition is True") \
        X("With", 3, 3, 'v', "vvv", BINDS, builtin_with, "var With($name, exp value, exp expression)",     \
          "an expression that uses a value by name")

/* X(name, what the call is compiled to, kind of the result, signature, help) */
#define BUILTINS_NAMES(X)                                                                           \
        X("ImportedValue", NODE_IMPORTED, 'v', "var ImportedValue(str attribute)",                  \
          "the attribute as it was last imported and confirmed, without what waits to be exported") \
        X("ValueCount", NODE_COUNT, 'n', "num ValueCount(str attribute)", "number of values of an attribute")
