/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Seen: what has happened and was not expected yet, in order
 *
 * Two kinds of things happen in a scenario: a request reaches Entra ID, and a run ends. Each is a line of
 * words and named values, in the spelling in which a script expects it:
 *
 *      create user ada displayName=ada ...
 *      set ada title="Boss" department=-
 *      link sales member ada,bob          unlink sales member bob          revoke ada
 *      outcome ada done reads=1 tries=1 ...
 */

#include "base/arena.h"

typedef struct Seen Seen;
typedef struct SeenLine SeenLine;
typedef struct SeenValue SeenValue;

struct SeenValue {
        const char *name;
        const char *value;
};

struct SeenLine {
        const char *words; /* "create user ada" */
        SeenValue *values;
        size_t n_values, size_values;
        bool open; /* more values than are expected are welcome */
};

struct Seen {
        Arena *arena;
        SeenLine *lines;
        size_t n_lines, size_lines;
        size_t next; /* the first that nobody has expected */
};

void seen_init(Seen *s, Arena *a);
SeenLine *seen_add(Seen *s, bool open, const char *format, ...) __attribute__((format(printf, 3, 4)));
void seen_value(Seen *s, SeenLine *line, const char *name, const char *value);

/* Does this line meet `words`, of which those with '=' are values? "-" is no value; a * is any text. */
bool seen_meets(Seen *s, const SeenLine *line, const char *const *words, size_t n_words);

const char *seen_text(Seen *s, const SeenLine *line);
