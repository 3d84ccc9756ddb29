/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/value.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Where each byte of the text is in AD's binary form: the first three fields are little-endian. */
static const uint8_t guid_order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool has_dash_before(size_t i)
{
        return i == 4 || i == 6 || i == 8 || i == 10;
}

/**
 * guid_format() - text of a GUID
 * @buf:        at least GUID_TEXT_MAX bytes
 *
 * Return: buf, with 36 characters in lower case.
 */
const char *guid_format(const ObjectId *id, char *buf)
{
        static const char digits[] = "0123456789abcdef";
        char *p = buf;

        for (size_t i = 0; i < sizeof(guid_order); i++) {
                uint8_t b = id->bytes[guid_order[i]];

                if (has_dash_before(i))
                        *p++ = '-';
                *p++ = digits[b >> 4];
                *p++ = digits[b & 15];
        }
        *p = '\0';
        return buf;
}

/**
 * guid_parse() - GUID from its text, with or without braces, in either case
 *
 * Return: true; false if the text is anything else.
 */
bool guid_parse(const char *s, ObjectId *ret_id)
{
        ObjectId id;
        bool braces;

        if (!s)
                return false;
        braces = *s == '{';
        s += braces;

        for (size_t i = 0; i < sizeof(guid_order); i++) {
                int high, low;

                if (has_dash_before(i) && *s++ != '-')
                        return false;
                high = str_hex_digit(s[0]);
                low = high < 0 ? -1 : str_hex_digit(s[1]);
                if (low < 0)
                        return false;
                id.bytes[guid_order[i]] = (uint8_t)(high << 4 | low);
                s += 2;
        }
        if (braces && *s++ != '}')
                return false;
        if (*s)
                return false;

        *ret_id = id;
        return true;
}

/**
 * guid_random() - a new version 4 GUID
 *
 * Waits for the kernel's pool right after boot. A kernel without random numbers is a bug of the machine that
 * nothing can go on from.
 */
void guid_random(ObjectId *ret_id)
{
        size_t n = 0;

        while (n < sizeof(ret_id->bytes)) {
                ssize_t r = getrandom(ret_id->bytes + n, sizeof(ret_id->bytes) - n, 0);

                if (r < 0 && errno != EINTR)
                        abort();
                if (r > 0)
                        n += (size_t)r;
        }
        ret_id->bytes[7] = (uint8_t)((ret_id->bytes[7] & 0x0f) | 0x40); /* high byte of the third field */
        ret_id->bytes[8] = (uint8_t)((ret_id->bytes[8] & 0x3f) | 0x80);
}

bool guid_is_zero(const ObjectId *id)
{
        static const ObjectId zero;

        return memcmp(id, &zero, sizeof(zero)) == 0;
}

bool guid_is(const ObjectId *a, const ObjectId *b)
{
        return memcmp(a, b, sizeof(*a)) == 0;
}

int guid_compare(const ObjectId *a, const ObjectId *b)
{
        return memcmp(a, b, sizeof(*a));
}
