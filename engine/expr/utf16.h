/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* UTF-16: what .NET calls Unicode, lowest byte first. */

#include "engine/model/value.h"

/* Return: false if the bytes are not UTF-8. */
bool utf16_from_utf8(Arena *a, const char *s, size_t n, const uint8_t **ret_data, size_t *ret_n);

/* Return: false if the bytes are not UTF-16, or hold a NUL. */
bool utf16_to_utf8(Arena *a, const uint8_t *data, size_t n, Value *ret);
