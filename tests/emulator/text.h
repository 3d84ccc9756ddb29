/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text: a byte buffer that grows, and the one place that writes JSON
 *
 * Answers are written straight into a Text. Going through a tree of json_t for each answer would cost more
 * than the rest of the request.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "mem.h"

typedef struct Text Text;

struct Text {
        char *data; /* always ends with a NUL that is not counted; NULL while empty */
        size_t n;
        size_t size;
};

void text_add(Text *t, const char *s, size_t n);
void text_puts(Text *t, const char *s);
void text_printf(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_reset(Text *t);
void text_deinit(Text *t);

/* JSON */
void text_json(Text *t, const char *s);             /* a quoted string, or null for NULL */
void text_json_n(Text *t, const char *s, size_t n); /* bytes that are not UTF-8 become U+FFFD */
void text_value(Text *t, const json_t *v);
void text_key(Text *t, const char *name); /* writes the comma when one is due, then "name": */
void text_comma(Text *t);                 /* the comma, unless an object or list has just been opened */
