/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "text.h"

static void text_reserve(Text *t, size_t n)
{
        size_t size = t->size ? t->size : 256;

        if (t->n + n + 1 <= t->size)
                return;
        while (size < t->n + n + 1)
                size *= 2;
        t->data = mem_grow(t->data, size, 1);
        t->size = size;
}

void text_add(Text *t, const char *s, size_t n)
{
        text_reserve(t, n);
        if (n)
                memcpy(t->data + t->n, s, n);
        t->n += n;
        t->data[t->n] = '\0';
}

void text_puts(Text *t, const char *s)
{
        text_add(t, s, strlen(s));
}

void text_printf(Text *t, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n < 0)
                abort();
        text_reserve(t, (size_t)n);
        va_start(args, format);
        vsnprintf(t->data + t->n, (size_t)n + 1, format, args);
        va_end(args);
        t->n += (size_t)n;
}

void text_reset(Text *t)
{
        t->n = 0;
        if (t->data)
                t->data[0] = '\0';
}

void text_deinit(Text *t)
{
        free(t->data);
        *t = (Text){ 0 };
}

/* The length of the well-formed UTF-8 sequence at s, or 0. Surrogates and overlong forms are refused. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t want = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
        uint32_t code;

        if (want == 1)
                return 1;
        if (want > n || (want == 4 && (s[0] & 0xf8) != 0xf0))
                return 0;
        code = s[0] & (0xffu >> (want + 1));
        for (size_t i = 1; i < want; ++i) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        if (code < least[want] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;
        return want;
}

void text_json_n(Text *t, const char *s, size_t n)
{
        size_t from = 0, step;

        text_add(t, "\"", 1);
        for (size_t i = 0; i < n; i += step) {
                unsigned char c = (unsigned char)s[i];

                step = c < 0x80 ? 1 : utf8_length((const unsigned char *)s + i, n - i);
                if (step && c >= 0x20 && c != '"' && c != '\\')
                        continue;
                text_add(t, s + from, i - from);
                if (!step) {
                        text_puts(t, "\\ufffd");
                        step = 1;
                } else if (c == '"' || c == '\\') {
                        text_add(t, c == '"' ? "\\\"" : "\\\\", 2);
                } else {
                        text_printf(t, "\\u%04x", (unsigned int)c);
                }
                from = i + step;
        }
        text_add(t, s + from, n - from);
        text_add(t, "\"", 1);
}

void text_json(Text *t, const char *s)
{
        if (s)
                text_json_n(t, s, strlen(s));
        else
                text_puts(t, "null");
}

static void text_value_object(Text *t, const json_t *v)
{
        const char *key;
        json_t *child;

        text_puts(t, "{");
        json_object_foreach((json_t *)(uintptr_t)v, key, child)
        {
                text_key(t, key);
                text_value(t, child);
        }
        text_puts(t, "}");
}

static void text_value_array(Text *t, const json_t *v)
{
        text_puts(t, "[");
        for (size_t i = 0; i < json_array_size(v); ++i) {
                text_comma(t);
                text_value(t, json_array_get(v, i));
        }
        text_puts(t, "]");
}

/* Depth is bounded: jansson refuses to load anything deeper than 2048 levels. */
void text_value(Text *t, const json_t *v)
{
        switch (v ? json_typeof(v) : JSON_NULL) {
        case JSON_STRING:
                text_json_n(t, json_string_value(v), json_string_length(v));
                break;
        case JSON_INTEGER:
                text_printf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
                break;
        case JSON_REAL:
                text_printf(t, "%.17g", json_real_value(v));
                break;
        case JSON_TRUE:
                text_puts(t, "true");
                break;
        case JSON_FALSE:
                text_puts(t, "false");
                break;
        case JSON_NULL:
                text_puts(t, "null");
                break;
        case JSON_ARRAY:
                text_value_array(t, v);
                break;
        case JSON_OBJECT:
                text_value_object(t, v);
                break;
        }
}

void text_comma(Text *t)
{
        if (t->n && t->data[t->n - 1] != '{' && t->data[t->n - 1] != '[')
                text_add(t, ",", 1);
}

void text_key(Text *t, const char *name)
{
        text_comma(t);
        text_json(t, name);
        text_add(t, ":", 1);
}
