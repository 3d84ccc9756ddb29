/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Script: a scenario as text
 *
 *      # comment: a line that begins with it
 *      AT 00:05
 *      OBJECT user ada title="Chief engineer" manager=bob
 *      CHANGE ada title
 *      EXPECT set ada title="Chief engineer"
 *
 * One command a line, words divided by blanks; quotation marks keep blanks together, anywhere in a word. The
 * commands are commands.h's affair.
 */

#include "base/arena.h"

typedef struct Script Script;
typedef struct ScriptLine ScriptLine;

struct ScriptLine {
        int number; /* 1-based */
        const char *text;
        const char *const *words;
        size_t n_words; /* at least one */
};

struct Script {
        const char *path;
        ScriptLine *lines; /* those that say something */
        size_t n_lines;
};

/* Everything lives in the arena. Return: 0, -errno; -EINVAL: *ret_line says where a quotation has no end. */
int script_load(Arena *a, const char *path, Script *ret_script, int *ret_line);

/* "name=value". False: it is no such word. The name may end in '+' or '-' (name+=value). */
bool script_pair(Arena *a, const char *word, const char **ret_name, const char **ret_value);

/* "a,b,c" in parts; *ret_n is 0 for an empty text. */
const char *const *script_parts(Arena *a, const char *text, char separator, size_t *ret_n);

/* "00:05", "00:05:30" since the beginning, "+30s", "+2m", "+1h" from now on. */
bool script_time(const char *word, int64_t now_ms, int64_t *ret_ms);
