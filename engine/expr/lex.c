/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/lex.h"

#include "base/str.h"

#include <string.h>

static int lex_error(Lexer *l, size_t offset, const char *what)
{
        *l->ret_offset = offset;
        diag_set(l->diag, "%s", what);
        return EXPR_E_SYNTAX;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
        return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool is_hex_number(const char *s)
{
        return s[0] == '&' && (s[1] | 0x20) == 'h' && str_hex_digit(s[2]) >= 0;
}

/* Between two marks, on one side of which we are. No character escapes another: "\" is a backslash. */
static int lex_enclosed(Lexer *l, TokenKind kind, char close, Token *t)
{
        const char *start = l->text + l->at + 1;
        const char *end = strchr(start, close);

        if (!end)
                return lex_error(l, l->at,
                                 kind == TOKEN_STRING      ? "a text that is not closed: \" expected"
                                 : kind == TOKEN_ATTRIBUTE ? "an attribute that is not closed: ] expected"
                                                           : "a parameter that is not closed: % expected");
        t->kind = kind;
        t->text = start;
        t->n = (size_t)(end - start);
        l->at += t->n + 2;
        if (kind == TOKEN_STRING)
                return 0;

        if (t->n == 0)
                return lex_error(l, t->offset, "a name is missing");
        for (size_t i = 0; i < t->n; i++) {
                char c = start[i];

                if ((unsigned char)c < 0x20 || c == '[' || c == '"' || c == '(' || c == ')')
                        return lex_error(l, t->offset,
                                         kind == TOKEN_ATTRIBUTE
                                                 ? "an attribute that is not closed: ] expected"
                                                 : "a parameter that is not closed: % expected");
        }
        return 0;
}

static int lex_hex(Lexer *l, Token *t)
{
        const char *s = l->text + l->at + 2;
        size_t n = 0;

        t->kind = TOKEN_NUMBER;
        t->hex = true;
        for (; str_hex_digit(s[n]) >= 0; n++) {
                if (t->number >> 60)
                        return lex_error(l, l->at, "a number that does not fit into 64 bits");
                t->number = t->number << 4 | (unsigned)str_hex_digit(s[n]);
        }
        l->at += 2 + n;
        if (is_name(s[n]))
                return lex_error(l, l->at, "not a hexadecimal digit");
        return 0;
}

static int lex_number(Lexer *l, Token *t)
{
        size_t start = l->at;

        t->kind = TOKEN_NUMBER;
        for (; is_digit(l->text[l->at]); l->at++) {
                if (__builtin_mul_overflow(t->number, (uint64_t)10, &t->number) ||
                    __builtin_add_overflow(t->number, (uint64_t)(l->text[l->at] - '0'), &t->number))
                        return lex_error(l, start, "a number that does not fit into 64 bits");
        }
        if (l->text[l->at] == '.')
                return lex_error(l, l->at, "numbers are integers: no decimals");
        if (is_name(l->text[l->at]))
                return lex_error(l, l->at, "not a digit");
        return 0;
}

static int lex_word(Lexer *l, TokenKind kind, Token *t)
{
        const char *start = l->text + l->at + (kind == TOKEN_VARIABLE);
        size_t n = 0;

        while (is_name(start[n]))
                n++;
        if (n == 0)
                return lex_error(l, l->at, "a name is missing after $");
        t->kind = kind;
        t->text = start;
        t->n = n;
        l->at += n + (kind == TOKEN_VARIABLE);
        return 0;
}

static TokenKind lex_operator(const char *s, size_t *ret_n)
{
        static const struct {
                const char *text;
                TokenKind kind;
        } operators[] = {
                /* Longer ones first. */
                { "&&", TOKEN_AND },           { "||", TOKEN_OR },        { "<=", TOKEN_LESS_EQUAL },
                { ">=", TOKEN_GREATER_EQUAL }, { "<>", TOKEN_NOT_EQUAL }, { "<", TOKEN_LESS },
                { ">", TOKEN_GREATER },        { "=", TOKEN_EQUAL },      { "+", TOKEN_PLUS },
                { "-", TOKEN_MINUS },          { "*", TOKEN_TIMES },      { "&", TOKEN_JOIN },
                { "(", TOKEN_OPEN },           { ")", TOKEN_CLOSE },      { ",", TOKEN_COMMA },
        };

        for (size_t i = 0; i < N_ELEMENTS(operators); i++) {
                *ret_n = strlen(operators[i].text);
                if (strncmp(s, operators[i].text, *ret_n) == 0)
                        return operators[i].kind;
        }
        return _TOKEN_KIND_N;
}

static int lex_unknown(Lexer *l)
{
        const char *s = l->text + l->at;

        /* What word processors make of a quotation mark. */
        if (strncmp(s, "\xe2\x80\x9c", 3) == 0 || strncmp(s, "\xe2\x80\x9d", 3) == 0 ||
            strncmp(s, "\xe2\x80\x9e", 3) == 0)
                return lex_error(l, l->at, "a curly quotation mark; texts are written in straight ones: \"");
        if (*s == '\'')
                return lex_error(l, l->at, "texts are written in double quotation marks: \"");
        if (*s == '/')
                return lex_error(l, l->at, "there is no division, and there are no comments");
        if (*s == '!')
                return lex_error(l, l->at, "there is no \"not\": write = False, or <> for \"not equal\"");
        return lex_error(l, l->at, "a character that has no meaning here");
}

/**
 * lex_next() - the next token
 * @operand:    true where an operand may stand, false where an operator may
 *
 * Return: 0, also at the end of the text (TOKEN_END); EXPR_E_SYNTAX.
 */
int lex_next(Lexer *l, bool operand, Token *ret_token)
{
        Token t = { .kind = TOKEN_END };
        const char *s;
        int r = 0;

        l->at += strspn(l->text + l->at, " \t\r\n");
        s = l->text + l->at;
        t.offset = l->at;

        if (*s == '\0') {
                /* the end */
        } else if (*s == '"') {
                r = lex_enclosed(l, TOKEN_STRING, '"', &t);
        } else if (*s == '[') {
                r = lex_enclosed(l, TOKEN_ATTRIBUTE, ']', &t);
        } else if (*s == '%') {
                r = lex_enclosed(l, TOKEN_PARAMETER, '%', &t);
        } else if (*s == '$') {
                r = lex_word(l, TOKEN_VARIABLE, &t);
        } else if (operand && is_hex_number(s)) {
                r = lex_hex(l, &t);
        } else if (is_digit(*s)) {
                r = lex_number(l, &t);
        } else if (is_name(*s)) {
                r = lex_word(l, TOKEN_NAME, &t);
        } else {
                t.kind = lex_operator(s, &t.n);
                t.text = s;
                if (t.kind == _TOKEN_KIND_N)
                        return lex_unknown(l);
                l->at += t.n;
        }
        if (r)
                return r;
        *ret_token = t;
        return 0;
}

const char *token_text(Arena *a, const Token *t)
{
        switch (t->kind) {
        case TOKEN_END:
                return "the end of the text";
        case TOKEN_STRING:
                return "a text";
        case TOKEN_NUMBER:
                return "a number";
        case TOKEN_ATTRIBUTE:
                return arena_printf(a, "[%.*s]", (int)(t->n > 64 ? 64 : t->n), t->text);
        case TOKEN_PARAMETER:
                return arena_printf(a, "%%%.*s%%", (int)(t->n > 64 ? 64 : t->n), t->text);
        case TOKEN_VARIABLE:
                return arena_printf(a, "$%.*s", (int)(t->n > 64 ? 64 : t->n), t->text);
        default:
                return arena_printf(a, "\"%.*s\"", (int)(t->n > 64 ? 64 : t->n), t->text);
        }
}
