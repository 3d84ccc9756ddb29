/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on texts; see functions.h. */
#define BUILTINS_TEXT(X)                                                                                     \
        X("InStr", 2, 4, 'n', "ssns", ZERO, builtin_instr,                                                   \
          "num InStr(str text, str find[, num start[, vbTextCompare|vbBinaryCompare]])",                     \
          "where a text begins in another, 1 for its first character; 0: nowhere")                           \
        X("InStrRev", 2, 4, 'n', "ssns", ZERO, builtin_instrrev,                                             \
          "num InStrRev(str text, str find[, num start[, vbTextCompare|vbBinaryCompare]])",                  \
          "where the last occurrence begins, counted from the left; 0: nowhere")                             \
        X("LCase", 1, 1, 's', "s", NULL, builtin_lcase, "str LCase(str text)", "in small letters")           \
        X("LTrim", 1, 1, 's', "s", NULL, builtin_ltrim, "str LTrim(str text)",                               \
          "without white space at its beginning")                                                            \
        X("Left", 2, 2, 'x', "xn", EMPTY, builtin_left, "str Left(str text, num n)",                         \
          "the first n characters; all if n is negative")                                                    \
        X("Len", 1, 1, 'n', "x", ZERO, builtin_len, "num Len(str text)", "number of characters")             \
        X("Mid", 2, 3, 'x', "xnn", EMPTY, builtin_mid, "str Mid(str text, num start[, num n])",              \
          "n characters from the start-th on, or all of them; the whole text if start or n is out of range") \
        X("PCase", 1, 1, 's', "s", NULL, builtin_pcase, "str PCase(str text)",                               \
          "words with a capital first letter; a word all in capitals stays as it is")                        \
        X("PadLeft", 3, 3, 's', "sns", CALL, builtin_padleft, "str PadLeft(str text, num length, str c)",    \
          "filled up at its beginning with a character")                                                     \
        X("PadRight", 3, 3, 's', "sns", CALL, builtin_padright, "str PadRight(str text, num length, str c)", \
          "filled up at its end with a character")                                                           \
        X("RTrim", 1, 1, 's', "s", NULL, builtin_rtrim, "str RTrim(str text)",                               \
          "without white space at its end")                                                                  \
        X("Replace", 3, 3, 's', "sss", NULL, builtin_replace, "str Replace(str text, str old, str new)",     \
          "every old replaced by new; \\n, \\r and \\t mean line feed, carriage return and tabulator")       \
        X("ReplaceChars", 2, 2, 's', "ss", NULL, builtin_replacechars,                                       \
          "str ReplaceChars(str text, str \"x:y,x:y\")", "each character x replaced by the text y")          \
        X("Right", 2, 2, 'x', "xn", EMPTY, builtin_right, "str Right(str text, num n)",                      \
          "the last n characters; all if n is negative")                                                     \
        X("Trim", 1, 1, 's', "s", NULL, builtin_trim, "str Trim(str text)",                                  \
          "without white space at both ends")                                                                \
        X("UCase", 1, 1, 's', "s", NULL, builtin_ucase, "str UCase(str text)", "in capital letters")         \
        X("Word", 3, 3, 's', "sns", EMPTY, builtin_word, "str Word(str text, num n, str delimiters)",        \
          "the n-th word; any character of delimiters ends a word")
