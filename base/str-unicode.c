/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"

#include <string.h>
#include <unicase.h>
#include <unistr.h>
#include <uniwidth.h>

/* Longest text for the terminal that anybody asks for at once; what is longer is cut. */
#define SAFE_MAX ((size_t)1 << 30)

/* One character of at most n bytes; an invalid byte counts as one, and its code is -1. */
static size_t next_char(const char *s, size_t n, int32_t *ret_code)
{
        ucs4_t code;
        int len;

        if ((unsigned char)*s < 0x80) {
                *ret_code = (unsigned char)*s;
                return 1;
        }
        len = u8_mbtoucr(&code, (const uint8_t *)s, n);
        if (len <= 0) {
                *ret_code = -1;
                return 1;
        }
        *ret_code = (int32_t)code;
        return (size_t)len;
}

/* What may reach a terminal or a line of a log as it is. */
static bool is_harmless(int32_t c)
{
        if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) /* invalid, C0, DEL, C1: a C1 CSI is as good as ESC [ */
                return false;
        if (c < 0x2000)
                return c != 0x61c && c != 0xad; /* Arabic letter mark, soft hyphen: not seen */
        if (c >= 0x200b && c <= 0x200f)         /* zero width, direction marks */
                return false;
        if (c >= 0x2028 &&
            c <= 0x202e) /* line and paragraph separator; embedding and override of direction */
                return false;
        if (c >= 0x2060 && c <= 0x206f) /* invisible operators, isolates */
                return false;
        if (c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb))
                return false;
        return c < 0xe0000 || c > 0xe007f; /* tags: text that nobody sees */
}

/**
 * str_add_safe() - append what came from outside, so that a line stays a line and a terminal stays safe
 *
 * Control characters, bytes that are not UTF-8, and characters that hide or reorder others are written as
 * \xNN, byte by byte. A backslash stays as it is: DNs are full of them, and this is for people to read.
 */
void str_add_safe(Str *s, const char *data, size_t n)
{
        size_t from = 0, at = 0;

        while (at < n) {
                int32_t code;
                size_t len = next_char(data + at, n - at, &code);

                if (!is_harmless(code)) {
                        str_add_n(s, data + from, at - from);
                        for (size_t i = 0; i < len; i++)
                                str_printf(s, "\\x%02x", (unsigned char)data[at + i]);
                        from = at + len;
                }
                at += len;
        }
        if (at > from)
                str_add_n(s, data + from, at - from);
}

/**
 * str_safe() - the same into an arena
 */
const char *str_safe(Arena *a, const char *data, size_t n)
{
        const char *text;
        Str s;

        str_init(&s, SAFE_MAX);
        str_add_safe(&s, data, n);
        text = arena_strdup(a, s.data);
        str_deinit(&s);
        return text;
}

bool str_is_utf8(const char *data, size_t n)
{
        return n == 0 || u8_check((const uint8_t *)data, n) == NULL;
}

static bool is_ascii(const char *s, size_t n)
{
        unsigned char all = 0;

        for (size_t i = 0; i < n; i++)
                all |= (unsigned char)s[i];
        return all < 0x80;
}

/* Upper and lower use the simple mapping, one character to one character: it is what the expressions of the
 * regular synchronisation do (.NET), where the German sharp s stays what it is in upper case. */
static char *map_chars(Arena *a, const char *s, ucs4_t (*map)(ucs4_t))
{
        size_t n, at = 0, out = 0;
        char *text;

        if (!s)
                return NULL;
        n = strlen(s);
        if (!is_ascii(s, n) && !str_is_utf8(s, n))
                return arena_strdup(a, s);
        /* A few characters have a twin that takes more bytes, never more than 3 for 1. */
        text = arena_alloc(a, 3 * n + 1);
        while (at < n) {
                int32_t code;

                at += next_char(s + at, n - at, &code);
                out += (size_t)u8_uctomb((uint8_t *)text + out, map((ucs4_t)code), 6);
        }
        text[out] = '\0';
        return text;
}

static char *ascii_map(Arena *a, const char *s, size_t n, char first, int delta)
{
        char *text = arena_alloc(a, n + 1);

        for (size_t i = 0; i < n; i++)
                text[i] = (char)(s[i] >= first && s[i] <= first + 25 ? s[i] + delta : s[i]);
        text[n] = '\0';
        return text;
}

char *str_lower(Arena *a, const char *s)
{
        size_t n = s ? strlen(s) : 0;

        return s && is_ascii(s, n) ? ascii_map(a, s, n, 'A', 'a' - 'A') : map_chars(a, s, uc_tolower);
}

char *str_upper(Arena *a, const char *s)
{
        size_t n = s ? strlen(s) : 0;

        return s && is_ascii(s, n) ? ascii_map(a, s, n, 'a', 'A' - 'a') : map_chars(a, s, uc_toupper);
}

/**
 * str_fold() - full case folding without locale: two names that differ only in case become the same bytes
 *
 * It does not normalise: composed and decomposed letters stay different, as they are for the directory's
 * index.
 */
char *str_fold(Arena *a, const char *s)
{
        uint8_t *folded;
        size_t n, n_folded;
        char *text;

        if (!s)
                return NULL;
        n = strlen(s);
        if (is_ascii(s, n))
                return ascii_map(a, s, n, 'A', 'a' - 'A');
        if (!str_is_utf8(s, n))
                return arena_strdup(a, s);
        folded = u8_casefold((const uint8_t *)s, n, NULL, NULL, NULL, &n_folded);
        if (!folded)
                error_oom(n);
        text = arena_strndup(a, (const char *)folded, n_folded);
        free(folded);
        return text;
}

size_t str_chars(const char *s)
{
        size_t n = s ? strlen(s) : 0, at = 0, count = 0;

        for (; at < n; count++) {
                int32_t code;

                at += next_char(s + at, n - at, &code);
        }
        return count;
}

const char *str_at(const char *s, size_t n_chars)
{
        size_t n = strlen(s), at = 0;

        for (; at < n && n_chars; n_chars--) {
                int32_t code;

                at += next_char(s + at, n - at, &code);
        }
        return s + at;
}

/* Beyond ASCII by Unicode's widths, as terminals do it; what is no character shows as one. */
static size_t columns_of(int32_t code)
{
        int width = code < 0x80 ? 1 : uc_width((ucs4_t)code, "UTF-8");

        return width < 0 ? 1 : (size_t)width;
}

size_t str_columns(const char *s)
{
        size_t n = s ? strlen(s) : 0, at = 0, count = 0;

        while (at < n) {
                int32_t code;

                at += next_char(s + at, n - at, &code);
                count += columns_of(code);
        }
        return count;
}

const char *str_at_column(const char *s, size_t n_columns)
{
        size_t n = strlen(s), at = 0;

        while (at < n) {
                int32_t code;
                size_t len = next_char(s + at, n - at, &code);

                if (columns_of(code) > n_columns)
                        break;
                n_columns -= columns_of(code);
                at += len;
        }
        return s + at;
}

void str_add_wrapped(Str *s, const char *text, size_t at, size_t left, size_t columns)
{
        bool first = true;

        while (*text) {
                const char *end = text + strcspn(text, " ");
                size_t width = 0;

                for (const char *c = text; c < end;) {
                        int32_t code;

                        c += next_char(c, (size_t)(end - c), &code);
                        width += columns_of(code);
                }
                if (!first && at + 1 + width > columns) {
                        str_printf(s, "\n%*s", (int)left, "");
                        at = left;
                } else if (!first) {
                        str_add_char(s, ' ');
                        at++;
                }
                str_add_n(s, text, (size_t)(end - text));
                at += width;
                first = false;
                text = end + strspn(end, " ");
        }
}
