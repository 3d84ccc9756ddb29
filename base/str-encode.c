/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A text that is longer than what it stands for: factor * n + 1 must not wrap. */
static char *alloc_text(Arena *a, size_t n, size_t factor)
{
        if (n > (SIZE_MAX - 8) / factor)
                error_oom(SIZE_MAX);
        return arena_alloc(a, n * factor + 5);
}

char *str_hex(Arena *a, const uint8_t *data, size_t n)
{
        char *text = alloc_text(a, n, 2);

        for (size_t i = 0; i < n; i++) {
                text[2 * i] = hex_digits[data[i] >> 4];
                text[2 * i + 1] = hex_digits[data[i] & 15];
        }
        text[2 * n] = '\0';
        return text;
}

/**
 * str_unhex() - bytes of an even number of hexadecimal digits, either case, nothing between them
 *
 * Return: false if it is anything else; the outputs are then unchanged.
 */
bool str_unhex(Arena *a, const char *s, uint8_t **ret_data, size_t *ret_n)
{
        size_t n = s ? strlen(s) : 1;
        uint8_t *data;

        if (n % 2)
                return false;
        data = arena_alloc(a, n / 2);
        for (size_t i = 0; i < n; i += 2) {
                int high = str_hex_digit(s[i]), low = str_hex_digit(s[i + 1]);

                if (high < 0 || low < 0)
                        return false;
                data[i / 2] = (uint8_t)(high << 4 | low);
        }
        *ret_data = data;
        *ret_n = n / 2;
        return true;
}

static char *encode_base64(Arena *a, const uint8_t *data, size_t n, const char *digits, bool padded)
{
        char *text = alloc_text(a, n, 2), *p = text;
        size_t i;

        for (i = 0; i + 3 <= n; i += 3) {
                uint32_t v = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

                *p++ = digits[v >> 18];
                *p++ = digits[v >> 12 & 63];
                *p++ = digits[v >> 6 & 63];
                *p++ = digits[v & 63];
        }
        if (i < n) {
                uint32_t v = (uint32_t)data[i] << 16 | (i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0);

                *p++ = digits[v >> 18];
                *p++ = digits[v >> 12 & 63];
                if (i + 1 < n)
                        *p++ = digits[v >> 6 & 63];
                else if (padded)
                        *p++ = '=';
                if (padded)
                        *p++ = '=';
        }
        *p = '\0';
        return text;
}

char *str_base64(Arena *a, const uint8_t *data, size_t n)
{
        return encode_base64(a, data, n, base64_digits, true);
}

char *str_base64url(Arena *a, const uint8_t *data, size_t n)
{
        return encode_base64(a, data, n, base64url_digits, false);
}

static int base64_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/**
 * str_unbase64() - bytes of RFC 4648 section 4, padded, without white space
 *
 * Bits that the last character has too many must be zero (section 3.5): otherwise two texts would name the
 * same bytes, and an anchor that is compared as text would not match itself.
 *
 * Return: false if it is anything else; the outputs are then unchanged.
 */
bool str_unbase64(Arena *a, const char *s, uint8_t **ret_data, size_t *ret_n)
{
        size_t n = s ? strlen(s) : 1, n_pad = 0, out = 0;
        uint8_t *data;

        if (n % 4)
                return false;
        while (n_pad < 2 && n_pad < n && s[n - 1 - n_pad] == '=')
                n_pad++;
        data = arena_alloc(a, n / 4 * 3);
        for (size_t i = 0; i < n; i += 4) {
                size_t pad = i + 4 == n ? n_pad : 0;
                uint32_t v = 0;

                for (size_t k = 0; k < 4; k++) {
                        int digit = k >= 4 - pad ? 0 : base64_value(s[i + k]);

                        if (digit < 0)
                                return false;
                        v = v << 6 | (uint32_t)digit;
                }
                if ((pad == 1 && v & 0xff) || (pad == 2 && v & 0xffff))
                        return false;
                data[out++] = (uint8_t)(v >> 16);
                if (pad < 2)
                        data[out++] = (uint8_t)(v >> 8);
                if (pad < 1)
                        data[out++] = (uint8_t)v;
        }
        *ret_data = data;
        *ret_n = out;
        return true;
}

char *str_urlencode(Arena *a, const char *s)
{
        size_t n = s ? strlen(s) : 0;
        char *text, *p;

        if (!s)
                return NULL;
        text = p = alloc_text(a, n, 3);
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];

                if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '.' || c == '_' || c == '~') {
                        *p++ = (char)c;
                } else {
                        *p++ = '%';
                        *p++ = "0123456789ABCDEF"[c >> 4];
                        *p++ = "0123456789ABCDEF"[c & 15];
                }
        }
        *p = '\0';
        return text;
}
