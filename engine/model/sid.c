/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/value.h"

#include <stdio.h>

/* MS-DTYP 2.4.2.2: revision, count, 48-bit authority (big-endian), `count` 32-bit values (little-endian). */
#define SID_HEAD    8
#define SID_SUB_MAX 15

/**
 * sid_format() - text of a binary SID
 *
 * Return: "S-1-5-21-..." in the arena; NULL if the bytes are not a SID of revision 1 with exactly the length
 * that its count says.
 */
const char *sid_format(Arena *a, const uint8_t *data, size_t n)
{
        /* "S-1-" + authority (0x + 12 digits) + 15 times "-4294967295" */
        char text[4 + 14 + SID_SUB_MAX * 11 + 1];
        uint64_t authority = 0;
        size_t n_subs, at;

        if (n < SID_HEAD || data[0] != 1)
                return NULL;
        n_subs = data[1];
        if (n_subs > SID_SUB_MAX || n != SID_HEAD + 4 * n_subs)
                return NULL;

        for (size_t i = 2; i < SID_HEAD; i++)
                authority = authority << 8 | data[i];
        /* MS-DTYP 2.4.2.1: in hexadecimal where it does not fit into 32 bits. */
        at = (size_t)snprintf(text, sizeof(text), authority >> 32 ? "S-1-0x%llX" : "S-1-%llu",
                              (unsigned long long)authority);

        for (size_t i = 0; i < n_subs; i++) {
                const uint8_t *p = data + SID_HEAD + 4 * i;
                uint32_t sub =
                        (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

                at += (size_t)snprintf(text + at, sizeof(text) - at, "-%u", sub);
        }
        return arena_strndup(a, text, at);
}
