/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Str: a growing text with a maximum, and the text encodings the house needs
 *
 * A Str owns its memory (malloc) and is always terminated. A write beyond its maximum is cut and remembered
 * in `cut`: nothing fails, and the border asks once at the end.
 */

#include "base/arena.h"
#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Str Str;

struct Str {
        char *data; /* never NULL after str_init */
        size_t n;
        size_t size;
        size_t max;
        bool cut;
};

void str_init(Str *s, size_t max);
void str_deinit(Str *s);
void str_reset(Str *s);
void str_add(Str *s, const char *text);
void str_add_n(Str *s, const char *data, size_t n);
void str_add_char(Str *s, char c);
void str_printf(Str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(Str *s, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
char *str_take(Str *s); /* the text, now the caller's (free); s is empty again */

/* Escape control characters, invalid UTF-8 and terminal sequences as \xNN: for logs and terminals. */
void str_add_safe(Str *s, const char *data, size_t n);
const char *str_safe(Arena *a, const char *data, size_t n);

static inline bool str_is(const char *a, const char *b)
{
        return a == b || (a && b && __builtin_strcmp(a, b) == 0);
}

bool str_is_nocase_behind(const char *a, const char *b); /* their first letters are the same */

/* ASCII. Of the names that one is looked for among, most differ in their first letter. */
static inline bool str_is_nocase(const char *a, const char *b)
{
        return a == b || (a && b && ((*a ^ *b) & ~0x20) == 0 && str_is_nocase_behind(a, b));
}

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* A whole decimal number and nothing else. */
bool str_to_int64(const char *s, int64_t *ret_value);

/* Unicode (libunistring): case folding without locale, for names and DNs; upper and lower for expressions.
 * Invalid UTF-8 is copied as it is. */
char *str_fold(Arena *a, const char *s);
char *str_lower(Arena *a, const char *s);
char *str_upper(Arena *a, const char *s);
bool str_is_utf8(const char *data, size_t n);
size_t str_chars(const char *s);                   /* Unicode characters */
const char *str_at(const char *s, size_t n_chars); /* pointer behind the first n characters, or the end */

/* The same in columns of a terminal: a letter of Chinese takes two, a combining accent none. */
size_t str_columns(const char *s);
const char *str_at_column(const char *s, size_t n_columns); /* behind what fits into so many */

/*
 * Words for a terminal: a line that has `at` columns already goes on, later ones begin behind `left`
 * spaces, none is longer than `columns`. A word that is longer than a line stays whole: a path, a DN or a URI
 * is copied.
 */
void str_add_wrapped(Str *s, const char *text, size_t at, size_t left, size_t columns);

char *str_hex(Arena *a, const uint8_t *data, size_t n); /* lower case */

/* The value of a hexadecimal digit, either case; -1: it is none. */
static inline int str_hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool str_unhex(Arena *a, const char *s, uint8_t **ret_data, size_t *ret_n);
char *str_base64(Arena *a, const uint8_t *data, size_t n);    /* RFC 4648 section 4, padded */
char *str_base64url(Arena *a, const uint8_t *data, size_t n); /* section 5, no padding */
bool str_unbase64(Arena *a, const char *s, uint8_t **ret_data, size_t *ret_n);
char *str_urlencode(Arena *a, const char *s); /* all but unreserved, RFC 3986 */

/* All of it, however often that takes. Return: 0, -errno; -ENOSPC if nothing more is taken. */
int str_write(int fd, const void *data, size_t n);

/* A whole file of at most max bytes, terminated. Return: 0, -errno, -EFBIG. */
int str_read_file(const char *path, size_t max, char **ret_data, size_t *ret_n);

/* Write to a temporary name in the same folder, fsync, rename, fsync the folder. */
int str_write_file(const char *path, const char *data, size_t n, unsigned mode);
