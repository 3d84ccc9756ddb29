/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/error.h"

#include <assert.h>
#include <string.h>

/* A first size that holds most lines and DNs. */
#define STR_FIRST ((size_t)128)

/**
 * str_init() - an empty text
 * @max: most characters (bytes, without the terminator) it will ever hold; more than 0
 */
void str_init(Str *s, size_t max)
{
        assert(max > 0);

        *s = (Str){ .max = max, .size = STR_FIRST };
        s->data = malloc(s->size);
        if (!s->data)
                error_oom(s->size);
        s->data[0] = '\0';
}

void str_deinit(Str *s)
{
        free(s->data);
        *s = (Str){ 0 };
}

void str_reset(Str *s)
{
        s->n = 0;
        s->cut = false;
        s->data[0] = '\0';
}

/* Make room for n more bytes and the terminator; n is already within the maximum. */
static void str_grow(Str *s, size_t n)
{
        size_t size = s->size;
        char *data;

        if (s->size - s->n > n)
                return;
        while (size - s->n <= n)
                size = size > SIZE_MAX / 2 ? SIZE_MAX : size * 2;
        data = realloc(s->data, size);
        if (!data)
                error_oom(size);
        s->data = data;
        s->size = size;
}

/**
 * str_add_n() - append bytes
 *
 * What goes beyond the maximum is cut, not within a UTF-8 sequence, and nothing is appended after a cut: the
 * text is always a beginning of what it should have been.
 */
void str_add_n(Str *s, const char *data, size_t n)
{
        if (s->cut)
                return;
        if (n > s->max - s->n) {
                s->cut = true;
                n = s->max - s->n;
                for (size_t back = 0; back < 3 && n > 0 && ((unsigned char)data[n] & 0xc0) == 0x80; back++)
                        n--;
        }
        if (n == 0)
                return;
        str_grow(s, n);
        memcpy(s->data + s->n, data, n);
        s->n += n;
        s->data[s->n] = '\0';
}

void str_add(Str *s, const char *text)
{
        if (text)
                str_add_n(s, text, strlen(text));
}

void str_add_char(Str *s, char c)
{
        str_add_n(s, &c, 1);
}

void str_vprintf(Str *s, const char *format, va_list ap)
{
        size_t room;
        va_list again;
        char *text;
        int n;

        if (s->cut)
                return;
        room = s->size - s->n;
        va_copy(again, ap);
        n = vsnprintf(s->data + s->n, room, format, again);
        va_end(again);
        if (n < 0) {
                s->data[s->n] = '\0';
                return;
        }
        if ((size_t)n < room && (size_t)n <= s->max - s->n) {
                s->n += (size_t)n;
                return;
        }
        s->data[s->n] = '\0';
        if (vasprintf(&text, format, ap) < 0)
                error_oom((size_t)n);
        str_add_n(s, text, (size_t)n);
        free(text);
}

void str_printf(Str *s, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        str_vprintf(s, format, ap);
        va_end(ap);
}

/**
 * str_take() - the text, now the caller's; the Str is empty again and keeps its maximum
 */
char *str_take(Str *s)
{
        char *data = s->data;

        str_init(s, s->max);
        return data;
}

static char ascii_lower(char c)
{
        if (c >= 'A' && c <= 'Z')
                return (char)(c + ('a' - 'A'));
        return c;
}

bool str_is_nocase_behind(const char *a, const char *b)
{
        for (; ascii_lower(*a) == ascii_lower(*b); a++, b++) {
                if (!*a)
                        return true;
        }
        return false;
}

bool str_starts(const char *s, const char *prefix)
{
        return s && prefix && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
        size_t n, m;

        if (!s || !suffix)
                return false;
        n = strlen(s);
        m = strlen(suffix);
        return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/**
 * str_to_int64() - a whole decimal number: an optional minus and digits, nothing before or behind
 *
 * Return: false if it is not one or does not fit; @ret_value is then unchanged.
 */
bool str_to_int64(const char *s, int64_t *ret_value)
{
        bool minus;
        int64_t v = 0;

        if (!s)
                return false;
        minus = *s == '-';
        s += minus;
        if (!*s)
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return false;
                /* Counted downwards: the smallest number has no positive twin. */
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *s - '0', &v))
                        return false;
        }
        if (!minus && __builtin_sub_overflow((int64_t)0, v, &v))
                return false;
        *ret_value = v;
        return true;
}
