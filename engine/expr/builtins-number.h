/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on numbers; see functions.h. */
#define BUILTINS_NUMBER(X)                                                                            \
        X("BitAnd", 2, 2, 'n', "nn", NULL, builtin_bitand, "num BitAnd(num a, num b)",                \
          "the bits that both have")                                                                  \
        X("BitOr", 2, 2, 'n', "nn", NULL, builtin_bitor, "num BitOr(num a, num b)",                   \
          "the bits that one of them has")                                                            \
        X("CBool", 1, 1, 'b', "o", CALL, builtin_cbool, "bool CBool(exp value)",                      \
          "True if the value is True or a number other than 0")                                       \
        X("CNum", 1, 1, 'n', "o", CALL, builtin_cnum, "num CNum(str text)",                           \
          "the number that a text says, or that binary holds with its lowest byte first")             \
        X("IsBitSet", 2, 2, 'b', "nn", FALSE, builtin_isbitset, "bool IsBitSet(num value, num mask)", \
          "whether a bit of the mask is set     ")                                                    \
        X("IsNumeric", 1, 1, 'b', "v", CALL, builtin_isnumeric, "bool IsNumeric(var value)",          \
          "whether CNum() would succeed")                                                             \
        X("RandomNum", 2, 2, 'n', "nn", NULL, builtin_randomnum, "num RandomNum(num low, num high)",  \
          "a random number from low to high")
