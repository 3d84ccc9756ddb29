/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of the functions on collections; see functions.h. */
#define BUILTINS_LIST(X)                                                                               \
        X("Contains", 2, 3, 'n', "mss", ZERO, builtin_contains,                                        \
          "num Contains(mvstr values, str find[, CaseSensitive|CaseInsensitive])",                     \
          "position of the first value that contains a text, or is this reference; 0: none")           \
        X("Count", 1, 1, 'n', "m", CALL, builtin_count, "num Count(mvstr values)", "number of values") \
        X("Item", 2, 2, 'v', "mn", CALL, builtin_item, "var Item(mvstr values, num index)",            \
          "the index-th value, 1 for the first; an error if there is none")                            \
        X("ItemOrNull", 2, 2, 'v', "mn", CALL, builtin_itemornull,                                     \
          "var ItemOrNull(mvstr values, num index)", "the index-th value; NULL if there is none")      \
        X("Join", 1, 2, 's', "ms", CALL, builtin_join, "str Join(mvstr values[, str delimiter])",      \
          "all values in one text; a blank between them if there is no delimiter")                     \
        X("RemoveDuplicates", 1, 1, 'v', "m", CALL, builtin_removeduplicates,                          \
          "mvstr RemoveDuplicates(mvstr values)", "each value once, where it occurs first")            \
        X("Split", 2, 3, 'v', "ssn", NULL, builtin_split,                                              \
          "mvstr Split(str text, str delimiter[, num limit])",                                         \
          "the parts between a character; of at most limit parts the last is the rest")
