/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/text.h"

static bool is_continuation(char c)
{
        return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_count(const char *s, size_t n)
{
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += !is_continuation(s[i]) || i == 0;
        return count;
}

size_t text_char(const char *s, size_t n)
{
        size_t i = 1;

        while (i < n && is_continuation(s[i]))
                i++;
        return i;
}

size_t text_offset(const char *s, size_t n, uint64_t chars)
{
        size_t at = 0;

        if (chars >= n)
                return n;
        for (; chars > 0 && at < n; chars--)
                at += text_char(s + at, n - at);
        return at;
}

/*
 * The property is a short list that Unicode has promised not to change for the characters that exist: 9-13,
 * 32, 85, A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000.
 */
size_t text_white(const char *s, size_t n)
{
        const unsigned char *p = (const unsigned char *)s;

        if (n == 0)
                return 0;
        if (p[0] == ' ' || (p[0] >= 0x09 && p[0] <= 0x0d))
                return 1;
        if (n >= 2 && p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0))
                return 2;
        if (n < 3)
                return 0;
        if (p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80)
                return 3;
        if (p[0] == 0xe2 && p[1] == 0x80 &&
            ((p[2] >= 0x80 && p[2] <= 0x8a) || p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf))
                return 3;
        if (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0x9f)
                return 3;
        if (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80)
                return 3;
        return 0;
}

size_t text_white_end(const char *s, size_t n)
{
        for (size_t length = 1; length <= 3 && length <= n; length++)
                if (!is_continuation(s[n - length]))
                        return text_white(s + n - length, length) == length ? length : 0;
        return 0;
}
