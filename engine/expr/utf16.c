/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/utf16.h"
#include "base/str.h"

static uint8_t *add_unit(uint8_t *p, uint32_t unit)
{
        *p++ = (uint8_t)unit;
        *p++ = (uint8_t)(unit >> 8);
        return p;
}

bool utf16_from_utf8(Arena *a, const char *s, size_t n, const uint8_t **ret_data, size_t *ret_n)
{
        uint8_t *data, *p;

        if (!str_is_utf8(s, n))
                return false;
        data = p = arena_alloc(a, 2 * n + 1); /* one byte gives two, two to four give two or four */
        for (size_t i = 0; i < n;) {
                uint8_t c = (uint8_t)s[i];
                size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
                uint32_t code = length == 1 ? c : c & (0x7fU >> length);

                for (size_t k = 1; k < length; k++)
                        code = code << 6 | ((uint8_t)s[i + k] & 0x3f);
                if (code >= 0x10000) {
                        p = add_unit(p, 0xd7c0 + (code >> 10));
                        p = add_unit(p, 0xdc00 + (code & 0x3ff));
                } else {
                        p = add_unit(p, code);
                }
                i += length;
        }
        *ret_data = data;
        *ret_n = (size_t)(p - data);
        return true;
}

static char *add_code(char *p, uint32_t code)
{
        if (code < 0x80) {
                *p++ = (char)code;
        } else if (code < 0x800) {
                *p++ = (char)(0xc0 | code >> 6);
                *p++ = (char)(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
                *p++ = (char)(0xe0 | code >> 12);
                *p++ = (char)(0x80 | (code >> 6 & 0x3f));
                *p++ = (char)(0x80 | (code & 0x3f));
        } else {
                *p++ = (char)(0xf0 | code >> 18);
                *p++ = (char)(0x80 | (code >> 12 & 0x3f));
                *p++ = (char)(0x80 | (code >> 6 & 0x3f));
                *p++ = (char)(0x80 | (code & 0x3f));
        }
        return p;
}

bool utf16_to_utf8(Arena *a, const uint8_t *data, size_t n, Value *ret)
{
        char *text, *p;

        if (n % 2)
                return false;
        text = p = arena_alloc(a, n / 2 * 3 + 1);
        for (size_t i = 0; i < n; i += 2) {
                uint32_t code = (uint32_t)data[i] | (uint32_t)data[i + 1] << 8;

                if (code >= 0xd800 && code < 0xdc00 && i + 4 <= n) {
                        uint32_t low = (uint32_t)data[i + 2] | (uint32_t)data[i + 3] << 8;

                        if (low < 0xdc00 || low > 0xdfff)
                                return false;
                        code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
                        i += 2;
                } else if (code == 0 || (code >= 0xd800 && code < 0xe000)) {
                        return false;
                }
                p = add_code(p, code);
        }
        *p = '\0';
        *ret = value_string_n(text, (size_t)(p - text));
        return true;
}
