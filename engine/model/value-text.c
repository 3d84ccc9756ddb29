/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/model/civil.h"
#include "engine/model/value.h"

#include <string.h>

#define ELLIPSIS "..."

/* How much of `s` fits into `max` bytes without cutting a character in two. */
static size_t fit(const char *s, size_t n, size_t max)
{
        if (n <= max)
                return n;
        while (max > 0 && ((uint8_t)s[max] & 0xc0) == 0x80)
                max--;
        return max;
}

static const char *shortened(Arena *a, const char *s, size_t n, size_t max)
{
        size_t dots = max < strlen(ELLIPSIS) ? max : strlen(ELLIPSIS);
        size_t head;
        char *text;

        if (n <= max)
                return arena_strndup(a, s, n);
        head = fit(s, n, max - dots);
        text = arena_alloc(a, head + dots + 1);
        memcpy(text, s, head);
        memcpy(text + head, ELLIPSIS, dots);
        text[head + dots] = '\0';
        return text;
}

static const char *time_text(Arena *a, int64_t filetime)
{
        Civil c;
        char fraction[10] = "";

        civil_from_filetime(filetime, &c);
        if (c.ticks) {
                size_t n = (size_t)snprintf(fraction, sizeof(fraction), ".%07d", (int)c.ticks);

                while (fraction[n - 1] == '0')
                        fraction[--n] = '\0';
        }
        return arena_printf(a, "%04lld-%02d-%02dT%02d:%02d:%02d%sZ", (long long)c.year, c.month, c.day,
                            c.hour, c.minute, c.second, fraction);
}

static const char *bytes_text(Arena *a, Value v, size_t max)
{
        const char *sid;
        size_t n = v.n;

        if (n == sizeof(ObjectId)) {
                ObjectId id;
                char text[GUID_TEXT_MAX];

                memcpy(id.bytes, v.bytes, sizeof(id.bytes));
                return arena_strdup(a, guid_format(&id, text));
        }
        sid = sid_format(a, v.bytes, n);
        if (sid)
                return sid;
        /* Four characters for three bytes; of a photo only what will be shown is encoded. */
        if (n > max)
                n = (max / 4 + 1) * 3 < n ? (max / 4 + 1) * 3 : n;
        return str_base64(a, v.bytes, n);
}

static const char *ref_text(Arena *a, const Ref *ref)
{
        char text[GUID_TEXT_MAX];

        return ref->text ? ref->text : arena_strdup(a, guid_format(&ref->id, text));
}

static const char *single_text(Arena *a, Value v, size_t max)
{
        switch ((ValueType)v.type) {
        case VALUE_BOOL:
                return v.b ? "True" : "False";
        case VALUE_INT:
                return arena_printf(a, "%lld", (long long)v.i);
        case VALUE_TIME:
                return time_text(a, v.i);
        case VALUE_STRING:
                return v.s;
        case VALUE_BYTES:
                return bytes_text(a, v, max);
        case VALUE_REF:
                return ref_text(a, v.ref);
        case VALUE_TOKEN:
                return value_type_name(v);
        default:
                return "";
        }
}

/* "a, b, c"; if that is too long, as many whole values as fit, and how many there are: "a, b, ... (5)". */
static const char *list_text(Arena *a, Value v, size_t max)
{
        char count[24];
        size_t tail = (size_t)snprintf(count, sizeof(count), ", " ELLIPSIS " (%u)", v.n);
        size_t room = max > tail ? max - tail : 0;
        size_t n = 0, n_whole = 0, i;
        char *text = arena_alloc(a, max + sizeof(count));

        for (i = 0; i < v.n; i++) {
                const char *s = single_text(a, v.list[i], max);
                size_t length = strlen(s), comma = i ? 2 : 0;

                if (length + comma > max - n)
                        break;
                memcpy(text + n, ", ", comma);
                memcpy(text + n + comma, s, length);
                n += comma + length;
                if (n <= room)
                        n_whole = n;
        }
        text[n] = '\0';
        if (i == v.n)
                return text;

        if (n_whole == 0) { /* not even the first: what fits of it */
                const char *first = single_text(a, v.list[0], max);

                if (room == 0) {
                        first = arena_printf(a, "%s, " ELLIPSIS, first);
                        return shortened(a, first, strlen(first), max);
                }
                n_whole = fit(first, strlen(first), room);
                memcpy(text, first, n_whole);
        }
        memcpy(text + n_whole, count, tail + 1);
        return text;
}

/**
 * value_text() - a value for people
 * @max:        bytes, without the terminator
 *
 * Return: at most `max` bytes, cut at a character; in the arena.
 */
const char *value_text(Arena *a, Value v, size_t max)
{
        const char *s;

        if (v.type == VALUE_LIST) {
                size_t most = 0;

                /* Do not take a buffer of a caller's "no limit". */
                for (size_t i = 0; i < v.n && most < max; i++)
                        most += value_is_none(v.list[i]) ? 2 : 64 + 4 * (size_t)v.list[i].n;
                for (size_t i = 0; i < v.n && most < max; i++)
                        if (v.list[i].type == VALUE_REF && v.list[i].ref->text)
                                most += strlen(v.list[i].ref->text);
                return list_text(a, v, most < max ? most : max);
        }
        s = single_text(a, v, max);
        return shortened(a, s, strlen(s), max);
}
