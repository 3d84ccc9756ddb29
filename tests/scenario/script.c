/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scenario/script.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

#define SCRIPT_MAX ((size_t)1 << 20)

/* The words of one line; the quotation marks themselves go. False: a quotation does not end. */
static bool split(Arena *a, const char *text, ScriptLine *line)
{
        const char **words = arena_new_array(a, const char *, strlen(text) / 2 + 1);
        const char *p = text;

        for (;;) {
                char *word;
                size_t n = 0;
                bool quoted = false;

                while (*p == ' ' || *p == '\t')
                        p++;
                if (!*p)
                        break;
                word = arena_alloc(a, strlen(p) + 1);
                for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
                        if (*p == '"')
                                quoted = !quoted;
                        else
                                word[n++] = *p;
                }
                word[n] = '\0';
                if (quoted)
                        return false;
                words[line->n_words++] = word;
        }
        line->words = words;
        return true;
}

/**
 * script_load() - read a script whole
 *
 * Return: 0, -EINVAL (see *ret_line), -errno.
 */
int script_load(Arena *a, const char *path, Script *ret_script, int *ret_line)
{
        _cleanup_(cleanup_free) char *data = NULL;
        Script s = { .path = arena_strdup(a, path) };
        size_t n = 0, n_all = 1;
        char *p, *end;
        int r;

        *ret_line = 0;
        r = str_read_file(path, SCRIPT_MAX, &data, &n);
        if (r)
                return r;
        for (size_t i = 0; i < n; i++)
                n_all += data[i] == '\n';
        s.lines = arena_new_array(a, ScriptLine, n_all);
        for (p = data; p; p = end ? end + 1 : NULL) {
                ScriptLine *line = &s.lines[s.n_lines];
                const char *text;

                end = strchr(p, '\n');
                ++*ret_line;
                text = arena_strndup(a, p, end ? (size_t)(end - p) : strlen(p));
                *line = (ScriptLine){ .number = *ret_line, .text = text };
                if (*text == '#')
                        continue;
                if (!split(a, text, line))
                        return -EINVAL;
                s.n_lines += line->n_words > 0;
        }
        *ret_script = s;
        return 0;
}

bool script_pair(Arena *a, const char *word, const char **ret_name, const char **ret_value)
{
        const char *equals = strchr(word, '=');

        if (!equals || equals == word)
                return false;
        *ret_name = arena_strndup(a, word, (size_t)(equals - word));
        *ret_value = equals + 1;
        return true;
}

const char *const *script_parts(Arena *a, const char *text, char separator, size_t *ret_n)
{
        const char **parts = arena_new_array(a, const char *, strlen(text) + 1);
        size_t n = 0;

        while (*text) {
                const char *end = strchrnul(text, separator);

                parts[n++] = arena_strndup(a, text, (size_t)(end - text));
                text = *end ? end + 1 : end;
        }
        *ret_n = n;
        return parts;
}

bool script_time(const char *word, int64_t now_ms, int64_t *ret_ms)
{
        int h = 0, m = 0, s = 0, n = 0;
        long amount;
        char *end;

        if (*word != '+') {
                if ((sscanf(word, "%d:%d:%d%n", &h, &m, &s, &n) != 3 || word[n]) &&
                    (sscanf(word, "%d:%d%n", &h, &m, &n) != 2 || word[n]))
                        return false;
                *ret_ms = ((int64_t)h * 3600 + m * 60 + s) * 1000;
                return true;
        }
        amount = strtol(word + 1, &end, 10);
        if (str_is(end, "ms"))
                *ret_ms = now_ms + amount;
        else if (str_is(end, "s"))
                *ret_ms = now_ms + amount * 1000;
        else if (str_is(end, "m"))
                *ret_ms = now_ms + amount * 60000;
        else if (str_is(end, "h"))
                *ret_ms = now_ms + amount * 3600000;
        else
                return false;
        return end != word + 1;
}
