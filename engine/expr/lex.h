/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lex: expression text into tokens, one at a time
 *
 * The language cannot be cut into tokens without knowing where one is: "&HFF" is a number where an operand
 * may stand, and "&" followed by a name elsewhere. So the parser says which of the two it is waiting for.
 */

#include "base/diag.h"
#include "engine/expr/expr.h"

typedef struct Lexer Lexer;
typedef struct Token Token;

typedef enum TokenKind {
        TOKEN_END,
        TOKEN_STRING,    /* text: between the quotation marks */
        TOKEN_NUMBER,    /* number */
        TOKEN_ATTRIBUTE, /* text: between the brackets */
        TOKEN_PARAMETER, /* text: between the per cent signs */
        TOKEN_VARIABLE,  /* text: without the $ */
        TOKEN_NAME,      /* text */
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_COMMA,
        TOKEN_TIMES,
        TOKEN_PLUS,
        TOKEN_MINUS,
        TOKEN_JOIN,
        TOKEN_EQUAL,
        TOKEN_NOT_EQUAL,
        TOKEN_LESS,
        TOKEN_LESS_EQUAL,
        TOKEN_GREATER,
        TOKEN_GREATER_EQUAL,
        TOKEN_AND,
        TOKEN_OR,
        _TOKEN_KIND_N,
} TokenKind;

struct Token {
        TokenKind kind;
        size_t offset; /* of its first byte */
        const char *text;
        size_t n;
        uint64_t number;
        bool hex;
};

struct Lexer {
        const char *text;
        size_t at;
        size_t *ret_offset; /* where an error is */
        Diag *diag;
};

/* Return: 0; EXPR_E_SYNTAX: diag and *ret_offset are set. */
int lex_next(Lexer *l, bool operand, Token *ret_token);

/* "end of text", "\"Left\"", "a number": for "expected ..., found ...". */
const char *token_text(Arena *a, const Token *t);
