/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scenario/seen.h"

#include "base/str.h"
#include "tests/scenario/script.h"

#include <fnmatch.h>
#include <string.h>

void seen_init(Seen *s, Arena *a)
{
        *s = (Seen){ .arena = a };
}

SeenLine *seen_add(Seen *s, bool open, const char *format, ...)
{
        va_list ap;

        if (s->n_lines == s->size_lines) {
                size_t size = s->size_lines ? s->size_lines * 2 : 64;
                SeenLine *lines = arena_new_array(s->arena, SeenLine, size);

                if (s->n_lines)
                        memcpy(lines, s->lines, s->n_lines * sizeof(*lines));
                s->lines = lines;
                s->size_lines = size;
        }
        va_start(ap, format);
        s->lines[s->n_lines] = (SeenLine){ .words = arena_vprintf(s->arena, format, ap), .open = open };
        va_end(ap);
        return &s->lines[s->n_lines++];
}

void seen_value(Seen *s, SeenLine *line, const char *name, const char *value)
{
        if (line->n_values == line->size_values) {
                size_t size = line->size_values ? line->size_values * 2 : 16;
                SeenValue *values = arena_new_array(s->arena, SeenValue, size);

                if (line->n_values)
                        memcpy(values, line->values, line->n_values * sizeof(*values));
                line->values = values;
                line->size_values = size;
        }
        line->values[line->n_values++] = (SeenValue){
                .name = arena_strdup(s->arena, name),
                .value = arena_strdup(s->arena, value ? value : "-"),
        };
}

static const char *find(const SeenLine *line, const char *name)
{
        for (size_t i = 0; i < line->n_values; i++)
                if (str_is(line->values[i].name, name))
                        return line->values[i].value;
        return "-";
}

bool seen_meets(Seen *s, const SeenLine *line, const char *const *words, size_t n_words)
{
        const char *expected = "", *name, *value;
        size_t n_values = 0;

        for (size_t i = 0; i < n_words; i++) {
                if (!script_pair(s->arena, words[i], &name, &value)) {
                        expected = arena_printf(s->arena, "%s%s%s", expected, *expected ? " " : "", words[i]);
                        continue;
                }
                n_values++;
                /* "name~=part": a part of a long text. */
                if (str_ends(name, "~")
                            ? !strstr(find(line, arena_strndup(s->arena, name, strlen(name) - 1)), value)
                            : !str_is(find(line, name), value))
                        return false;
        }
        return fnmatch(expected, line->words, 0) == 0 && (line->open || n_values == line->n_values);
}

const char *seen_text(Seen *s, const SeenLine *line)
{
        const char *text = line->words;

        for (size_t i = 0; i < line->n_values; i++) {
                const char *value = line->values[i].value;
                const char *quote = strchr(value, ' ') || !*value ? "\"" : "";

                text = arena_printf(s->arena, "%s %s=%s%.300s%s", text, line->values[i].name, quote, value,
                                    quote);
        }
        return text;
}
