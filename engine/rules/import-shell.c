/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/import-shell.h"

#include "base/str.h"
#include "engine/rules/rules.h"

#include <string.h>

static int fail(ShellReader *r, const char *at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int fail(ShellReader *r, const char *at, const char *format, ...)
{
        DiagMark mark = { .file = r->name, .line = r->line, .column = (int)(at - r->line_start) + 1 };
        va_list ap;

        va_start(ap, format);
        diag_add_at(r->diag, mark, "%s", arena_vprintf(r->arena, format, ap));
        va_end(ap);
        return RULE_E_INVALID;
}

void shell_init(ShellReader *r, Arena *a, const char *name, const char *text, size_t n, Diag *diag)
{
        *r = (ShellReader){
                .arena = a,
                .name = name,
                .s = text,
                .end = text + n,
                .line_start = text,
                .line = 1,
                .diag = diag,
        };
}

static void count_line(ShellReader *r)
{
        r->line++;
        r->line_start = r->s;
}

/* A line end of any kind; the reader stands behind it. */
static bool skip_line_end(ShellReader *r)
{
        size_t n = r->s[0] == '\r' && r->s[1] == '\n' ? 2 : r->s[0] == '\n' || r->s[0] == '\r';

        if (!n)
                return false;
        r->s += n;
        count_line(r);
        return true;
}

/* Comments: # to the end of the line, <# ... #>. */
static bool skip_comment(ShellReader *r)
{
        if (*r->s == '#') {
                r->s += strcspn(r->s, "\r\n");
                return true;
        }
        if (r->s[0] != '<' || r->s[1] != '#')
                return false;
        while (*r->s && !(r->s[0] == '#' && r->s[1] == '>'))
                if (!skip_line_end(r))
                        r->s++;
        r->s += *r->s ? 2 : 0;
        return true;
}

/* Blanks, comments and joined lines; with `lines` also the ends of lines. */
static void skip_blanks(ShellReader *r, bool lines)
{
        for (;;) {
                size_t n = strspn(r->s, " \t");

                r->s += n;
                if (*r->s == '`') {
                        const char *behind = r->s + 1 + strspn(r->s + 1, " \t");

                        /* Blanks behind a backtick undo it in PowerShell; nobody ever means that. */
                        if (*behind != '\r' && *behind != '\n')
                                return;
                        r->s = behind;
                        skip_line_end(r);
                        continue;
                }
                if (skip_comment(r) || (lines && skip_line_end(r)))
                        continue;
                return;
        }
}

static bool is_word_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("-_.:", c));
}

static const char *take_word(ShellReader *r)
{
        const char *from = r->s;

        while (is_word_char(*r->s))
                r->s++;
        return arena_strndup(r->arena, from, (size_t)(r->s - from));
}

/* A quoted text; a quote in it is written twice. Line ends may stand in it. */
static int take_text(ShellReader *r, const char **ret_text)
{
        const char *from = r->s;
        char quote = *r->s++;
        size_t n = 0, size = 128;
        char *text = arena_alloc(r->arena, size);
        ShellReader start = *r;

        for (;;) {
                if (!*r->s)
                        return fail(&start, from, "this text has no end");
                if (*r->s == quote) {
                        if (r->s[1] != quote)
                                break;
                        r->s++;
                } else if (quote == '"' && (*r->s == '$' || *r->s == '`')) {
                        return fail(
                                r, r->s,
                                "\"%c\" in double quotes would be worked out by PowerShell; export the rule "
                                "from the Synchronization Rules Editor",
                                *r->s);
                }
                if (n + 2 > size) {
                        char *grown = arena_alloc(r->arena, 2 * size);

                        memcpy(grown, text, n);
                        text = grown;
                        size *= 2;
                }
                if (*r->s == '\n' || *r->s == '\r') {
                        text[n++] = '\n';
                        skip_line_end(r);
                } else {
                        text[n++] = *r->s++;
                }
        }
        r->s++;
        text[n] = '\0';
        *ret_text = text;
        return 0;
}

/* $name or $name[0] */
static int take_variable(ShellReader *r, const char **ret_name)
{
        const char *from = r->s++;
        size_t n = strspn(r->s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (n == 0)
                return fail(r, from, "this is not a variable");
        *ret_name = arena_strndup(r->arena, r->s, n);
        r->s += n;
        if (*r->s != '[')
                return 0;
        if (strncmp(r->s, "[0]", 3) != 0)
                return fail(r, r->s, "only [0] is written behind a variable");
        r->s += 3;
        return 0;
}

static int take_value(ShellReader *r, ShellArgument *argument, ShellValue ***tail)
{
        ShellValue *v = arena_new_of(r->arena, ShellValue);
        int result = 0;

        if (argument->n_values == SHELL_VALUES_MAX)
                return fail(r, r->s, "more than %d values", SHELL_VALUES_MAX);
        if (*r->s == '\'' || *r->s == '"') {
                result = take_text(r, &v->text);
        } else if (*r->s == '$') {
                v->kind = SHELL_VARIABLE;
                result = take_variable(r, &v->text);
        } else if (is_word_char(*r->s)) {
                v->text = take_word(r);
        } else {
                return fail(r, r->s, "a value was expected: a text in quotes, a number, a variable");
        }
        **tail = v;
        *tail = &v->next;
        argument->n_values++;
        return result;
}

/* Values with commas between them, to the closing bracket if there was an opening one. */
static int take_values(ShellReader *r, ShellArgument *argument)
{
        ShellValue **tail = &argument->values;
        bool array = r->s[0] == '@' && r->s[1] == '(';
        int result;

        if (array) {
                r->s += 2;
                skip_blanks(r, true);
                if (*r->s == ')') {
                        r->s++;
                        return 0;
                }
        }
        for (;;) {
                result = take_value(r, argument, &tail);
                if (result)
                        return result;
                skip_blanks(r, array);
                if (*r->s != ',')
                        break;
                r->s++;
                skip_blanks(r, true); /* a line may end behind a comma */
        }
        if (!array)
                return 0;
        if (*r->s != ')')
                return fail(r, r->s, "a comma or a closing bracket was expected");
        r->s++;
        return 0;
}

/* -Name value, -Name, -Name:value */
static int take_argument(ShellReader *r, ShellStatement *s)
{
        ShellArgument *argument;
        const char *from = r->s++;
        size_t n = strspn(r->s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (n == 0)
                return fail(r, from, "the name of an argument was expected");
        if (s->n_arguments == SHELL_ARGUMENTS_MAX)
                return fail(r, from, "more than %d arguments", SHELL_ARGUMENTS_MAX);
        argument = &s->arguments[s->n_arguments];
        *argument = (ShellArgument){
                .name = arena_strndup(r->arena, r->s, n),
                .line = r->line,
                .column = (int)(from - r->line_start) + 1,
        };
        if (shell_find(s, argument->name))
                return fail(r, from, "-%s is given twice", argument->name);
        r->s += n;
        s->n_arguments++;
        if (*r->s == ':')
                r->s++;
        skip_blanks(r, false);
        if (!*r->s || strchr("\r\n;|", *r->s) || *r->s == '-')
                return 0;
        return take_values(r, argument);
}

/* "| Out-Null" says only that nothing is to be shown. */
static int skip_pipe(ShellReader *r)
{
        const char *from = r->s++;

        skip_blanks(r, false);
        if (is_word_char(*r->s) && str_is_nocase(take_word(r), "Out-Null"))
                return 0;
        return fail(r, from, "the editor writes no pipes");
}

/**
 * shell_next() - read one statement
 * @r:          where it is
 * @ret:        the statement; without a command: the end of the text
 *
 * Return: 0, or RULE_E_INVALID: the diag has file, line and column.
 */
int shell_next(ShellReader *r, ShellStatement *ret)
{
        int result;

        ret->command = NULL;
        ret->n_arguments = 0;
        do {
                skip_blanks(r, true);
        } while (*r->s == ';' && r->s++);
        if (r->s == r->end)
                return 0;
        if (!is_word_char(*r->s) || *r->s == '-')
                return fail(r, r->s, "a cmdlet was expected, as the Synchronization Rules Editor writes it");
        ret->line = r->line;
        ret->column = (int)(r->s - r->line_start) + 1;
        ret->command = take_word(r);
        for (;;) {
                skip_blanks(r, false);
                if (r->s == r->end || strchr("\r\n;", *r->s))
                        return 0;
                if (*r->s == '|')
                        result = skip_pipe(r);
                else if (*r->s == '-')
                        result = take_argument(r, ret);
                else
                        result = fail(r, r->s, "an argument was expected: -Name value");
                if (result)
                        return result;
        }
}

const ShellArgument *shell_find(const ShellStatement *s, const char *name)
{
        for (size_t i = 0; i < s->n_arguments; i++)
                if (str_is_nocase(s->arguments[i].name, name))
                        return &s->arguments[i];
        return NULL;
}
