/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text: positions in UTF-8, as the functions count them
 *
 * A character is a Unicode character (code point). Values from a directory are UTF-8; should one not be, a
 * stray byte belongs to the character before it, and nothing reads beyond the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Number of characters. */
size_t text_count(const char *s, size_t n);

/* Byte at which the character number `chars` begins (the first is 0); n if there are fewer. */
size_t text_offset(const char *s, size_t n, uint64_t chars);

/* Length in bytes of the character at s, n > 0. */
size_t text_char(const char *s, size_t n);

/* White space of Unicode (property White_Space), which .NET trims; bytes of it at the start, or 0. */
size_t text_white(const char *s, size_t n);

/* The same at the end. */
size_t text_white_end(const char *s, size_t n);
