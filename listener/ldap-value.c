/* SPDX-License-Identifier: Apache-2.0 */

/* Single values and names of attributes: from what a server sends to what the engine takes. */

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "engine/model/civil.h"
#include "listener/ldap-entry.h"
#include "listener/ldap-schema.h"

static bool two_digits(const char *s, int *ret_n)
{
        if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
                return false;
        *ret_n = (s[0] - '0') * 10 + (s[1] - '0');
        return true;
}

/* Digits behind the point, to 100 ns; the rest is cut. */
static bool fraction(const char **at, const char *end, int64_t *ret_ticks)
{
        int64_t ticks = 0, unit = FILETIME_SECOND / 10;

        if (*at < end && (**at == '.' || **at == ','))
                for (++*at; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10)
                        ticks += (**at - '0') * unit;
        *ret_ticks = ticks;
        return *at == end - 1 && **at == 'Z';
}

/**
 * entry_time() - GeneralizedTime "20261122085419.0Z" or UTCTime "261122085419Z" as FILETIME
 *
 * Only UTC and whole seconds or finer, which is all that AD stores (MS-ADTS 3.1.1.2.2.2.10).
 */
bool entry_time(const char *data, size_t n, int64_t *ret_filetime)
{
        const char *end = data + n, *point = memchr(data, '.', n);
        size_t digits = (size_t)((point ? point : end - (n > 0)) - data);
        int part[7] = { 0 };
        const char *at = data;
        Civil c = { 0 };

        if (digits != 14 && digits != 12)
                return false;
        for (size_t i = digits == 14 ? 0 : 1; i < 7; i++, at += 2)
                if (!two_digits(at, &part[i]))
                        return false;
        if (!fraction(&at, end, &c.ticks))
                return false;
        if (digits == 12)
                part[0] = part[1] < 50 ? 20 : 19; /* RFC 5280 section 4.1.2.5.1 */
        c.year = part[0] * 100 + part[1];
        c.month = part[2];
        c.day = part[3];
        c.hour = part[4];
        c.minute = part[5];
        c.second = part[6];
        return civil_to_filetime(&c, ret_filetime);
}

bool entry_is_text(const char *data, size_t n)
{
        return !memchr(data, '\0', n) && str_is_utf8(data, n);
}

static Value text_value(const char *data, size_t n, Arena *a)
{
        if (entry_is_text(data, n))
                return value_string_n(arena_strndup(a, data, n), n);
        return value_bytes(arena_memdup(a, data, n), n);
}

static bool part_of(const char **at, const char *end, const char *name, const char **ret_value, size_t *ret_n)
{
        size_t n_name = strlen(name);
        const char *close;

        if ((size_t)(end - *at) < n_name || strncasecmp(*at, name, n_name) != 0)
                return false;
        close = memchr(*at, '>', (size_t)(end - *at));
        if (!close)
                return false;
        *ret_value = *at + n_name;
        *ret_n = (size_t)(close - *ret_value);
        *at = close + 1;
        if (*at < end && **at == ';')
                ++*at;
        return true;
}

/**
 * entry_ref() - "<GUID=01234567-...>;<SID=S-1-...>;CN=..." (MS-ADTS 3.1.1.3.4.1.5)
 *
 * Return: the reference; without id if there was none or it is no GUID, without text if it is no text.
 */
Ref entry_ref(const char *data, size_t n, Arena *a)
{
        const char *at = data, *end = data + n, *value = NULL;
        size_t n_value = 0;
        Ref ref = { 0 };
        char text[GUID_TEXT_MAX];

        if (part_of(&at, end, "<GUID=", &value, &n_value) && n_value < sizeof(text)) {
                memcpy(text, value, n_value);
                text[n_value] = '\0';
                if (strlen(text) != n_value || !guid_parse(text, &ref.id))
                        ref.id = (ObjectId){ 0 };
        }
        while (part_of(&at, end, "<", &value, &n_value))
                continue;
        if (entry_is_text(at, (size_t)(end - at)))
                ref.text = arena_strndup(a, at, (size_t)(end - at));
        return ref;
}

static Value ref_value(const char *data, size_t n, Arena *a)
{
        Ref *ref = arena_new_of(a, Ref);

        *ref = entry_ref(data, n, a);
        return ref->text ? value_ref(ref) : value_bytes(arena_memdup(a, data, n), n);
}

/**
 * entry_value() - one value of an attribute
 *
 * What does not have the form that the schema promises stays text (or bytes): it is shown as it came, and no
 * rule takes it for a number.
 */
Value entry_value(const SchemaAttribute *known, const char *data, size_t n, Arena *a)
{
        char number[24];
        int64_t i;

        switch (known ? known->syntax : SYNTAX_TEXT) {
        case SYNTAX_INT:
                if (n >= sizeof(number) || !entry_is_text(data, n))
                        break;
                memcpy(number, data, n);
                number[n] = '\0';
                if (str_to_int64(number, &i))
                        return value_int(i);
                break;
        case SYNTAX_BOOL:
                if (n == 4 && memcmp(data, "TRUE", 4) == 0)
                        return value_bool(true);
                if (n == 5 && memcmp(data, "FALSE", 5) == 0)
                        return value_bool(false);
                break;
        case SYNTAX_TIME:
                if (entry_time(data, n, &i))
                        return value_time(i);
                break;
        case SYNTAX_BYTES:
                return value_bytes(arena_memdup(a, data, n), n);
        case SYNTAX_REF:
                return ref_value(data, n, a);
        case SYNTAX_TEXT:
                break;
        }
        return text_value(data, n, a);
}

/* Without its options. */
size_t entry_name_length(const char *name, size_t n)
{
        const char *option = memchr(name, ';', n);

        return option ? (size_t)(option - name) : n;
}

static bool digits(const char **at, const char *end, uint32_t *ret_n)
{
        const char *start = *at;
        uint64_t n = 0;

        while (*at < end && **at >= '0' && **at <= '9' && n < UINT32_MAX / 16)
                n = n * 10 + (uint64_t)(*(*at)++ - '0');
        *ret_n = (uint32_t)n;
        return *at > start;
}

/**
 * entry_range() - take "member;range=0-1499" apart (MS-ADTS 3.1.1.3.1.3.3)
 *
 * Return: false if the name has no range, or one that no server could mean.
 */
bool entry_range(const char *name, size_t n, size_t *ret_n_name, uint32_t *ret_first, uint32_t *ret_next)
{
        size_t n_base = entry_name_length(name, n);
        const char *at = name + n_base, *end = name + n;
        uint32_t first = 0, last = 0;

        if (end - at < (ptrdiff_t)strlen(";range=") || strncasecmp(at, ";range=", strlen(";range=")) != 0)
                return false;
        at += strlen(";range=");
        if (!digits(&at, end, &first) || at == end || *at++ != '-')
                return false;
        if (at + 1 == end && *at == '*')
                *ret_next = 0;
        else if (digits(&at, end, &last) && at == end && last >= first)
                *ret_next = last + 1;
        else
                return false;
        *ret_n_name = n_base;
        *ret_first = first;
        return true;
}
