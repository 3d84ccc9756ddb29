/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/schema.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/target/schema-rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/**
 * target_attributes() - all rows of a type, sorted by name
 *
 * Return: the rows; NULL for a type that is not exported.
 */
const TargetAttribute *target_attributes(const char *type, size_t *ret_n)
{
        if (str_is(type, "user")) {
                *ret_n = schema_n_user_rows;
                return schema_user_rows;
        }
        if (str_is(type, "group")) {
                *ret_n = schema_n_group_rows;
                return schema_group_rows;
        }
        *ret_n = 0;
        return NULL;
}

static int compare_name(const void *key, const void *row)
{
        return strcmp(key, ((const TargetAttribute *)row)->name);
}

/**
 * target_attribute() - the row of an attribute of the Entra connector space
 *
 * Return: the row, or NULL if the name or the type is not known.
 */
const TargetAttribute *target_attribute(const char *type, const char *name)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(type, &n);

        return rows && name ? bsearch(name, rows, n, sizeof(*rows), compare_name) : NULL;
}

/**
 * target_attribute_of_property() - the row of a Graph property
 *
 * Return: the row, or NULL.
 */
const TargetAttribute *target_attribute_of_property(const char *type, const char *property)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(type, &n);

        for (size_t i = 0; i < n; ++i) {
                if (rows[i].property && str_is(rows[i].property, property))
                        return &rows[i];
        }
        return NULL;
}

/* A text without blanks at its ends. */
typedef struct Part {
        const char *s;
        size_t n;
} Part;

static Part trimmed(const char *s, size_t n)
{
        while (n > 0 && isspace((unsigned char)s[0])) {
                ++s;
                --n;
        }
        while (n > 0 && isspace((unsigned char)s[n - 1]))
                --n;
        return (Part){ s, n };
}

/* 100 ns between 1601 and 1970 (FILETIME). */
#define FILETIME_OF_1970 INT64_C(116444736000000000)

bool target_time_text(Value v, char *buf)
{
        char text[WALL_TEXT_MAX];
        Wall t;

        if (v.type == VALUE_TIME)
                t.ms = (v.i - FILETIME_OF_1970) / 10000;
        else if (v.type != VALUE_STRING || !wall_parse(v.s, &t))
                return false;
        wall_format(t, text);
        snprintf(buf, 32, "%.*sZ", (int)strcspn(text, ".Z"), text);
        return true;
}

/* Numbers become texts, since Graph has no number among these properties. buf: at least 32 bytes. */
static bool part_of(const TargetAttribute *at, Value v, char *buf, Part *ret)
{
        if (at->kind == TARGET_TIME && target_time_text(v, buf)) {
                *ret = (Part){ buf, strlen(buf) };
                return true;
        }
        if (v.type == VALUE_INT) {
                int n = snprintf(buf, 32, "%" PRId64, v.i);

                *ret = (Part){ buf, (size_t)n };
                return true;
        }
        if (v.type == VALUE_STRING) {
                *ret = trimmed(v.s, v.n);
                return true;
        }
        *ret = (Part){ "", 0 };
        return v.type == VALUE_NONE;
}

static Value first_of(Value v)
{
        return v.type == VALUE_LIST ? value_at(v, 0) : v;
}

/* What the service may write in its own way: codes, and the domain behind the last at sign. */
static bool part_is(const TargetAttribute *at, Part a, Part b)
{
        size_t exact = a.n;

        if (a.n != b.n)
                return false;
        if (str_is(at->property, "usageLocation") || str_is(at->property, "preferredLanguage"))
                exact = 0;
        if (str_is(at->property, "userPrincipalName") || str_is(at->property, "mail")) {
                while (exact > 0 && a.s[exact - 1] != '@')
                        --exact;
                if (exact == 0)
                        exact = a.n;
        }
        if (memcmp(a.s, b.s, exact) != 0)
                return false;
        for (size_t i = exact; i < a.n; ++i) {
                if (tolower((unsigned char)a.s[i]) != tolower((unsigned char)b.s[i]))
                        return false;
        }
        return true;
}

/* Rules may give a truth value as text. */
static bool bool_of(Value v, bool *ret)
{
        if (v.type == VALUE_BOOL)
                *ret = v.b;
        else if (v.type == VALUE_STRING && str_is_nocase(v.s, "true"))
                *ret = true;
        else if (v.type == VALUE_STRING && str_is_nocase(v.s, "false"))
                *ret = false;
        else
                return false;
        return true;
}

static bool holds(const TargetAttribute *at, Value list, Value v)
{
        char buf[32], buf2[32];
        Part a, b;

        if (!part_of(at, v, buf, &a))
                return false;
        for (size_t i = 0; i < value_count(list); ++i) {
                if (part_of(at, value_at(list, i), buf2, &b) && part_is(at, a, b))
                        return true;
        }
        return false;
}

static bool texts_are(const TargetAttribute *at, Value ours, Value theirs)
{
        for (size_t i = 0; i < value_count(ours); ++i) {
                if (!holds(at, theirs, value_at(ours, i)))
                        return false;
        }
        for (size_t i = 0; i < value_count(theirs); ++i) {
                if (!holds(at, ours, value_at(theirs, i)))
                        return false;
        }
        return true;
}

/**
 * target_value_is() - would sending ours change nothing?
 *
 * Texts compare without blanks at their ends, an empty text is no value, a number is its text. Graph writes
 * usageLocation and preferredLanguage in its own case; domains have none. Collections compare as sets.
 *
 * Return: true if they are the same to Graph.
 */
bool target_value_is(const TargetAttribute *at, Value ours, Value theirs)
{
        char buf[32], buf2[32];
        bool x, y;
        Part a, b;

        if (at->kind == TARGET_TEXTS)
                return texts_are(at, ours, theirs);
        if (at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE)
                return value_is_set(ours, theirs);
        ours = first_of(ours);
        theirs = first_of(theirs);
        if (at->kind == TARGET_BOOL)
                return bool_of(ours, &x) && bool_of(theirs, &y) ? x == y : value_is(ours, theirs);
        if (!part_of(at, ours, buf, &a) || !part_of(at, theirs, buf2, &b))
                return value_is(ours, theirs);
        return part_is(at, a, b);
}

static const char *check_part(const TargetAttribute *at, Part p, Arena *a)
{
        const char *text = arena_strndup(a, p.s, p.n);
        size_t chars;

        if (!str_is_utf8(p.s, p.n))
                return "it is not valid UTF-8";
        if (str_is(at->property, "usageLocation") && p.n > 0 &&
            (p.n != 2 || !isalpha((unsigned char)text[0]) || !isalpha((unsigned char)text[1])))
                return arena_printf(a, "\"%s\" is not a country code of two letters (ISO 3166)",
                                    str_safe(a, text, strnlen(text, 40)));
        /* user-post-users and group-post-groups: not allowed in mailNickname, which is ASCII. */
        for (size_t i = 0; str_is(at->property, "mailNickname") && i < p.n; ++i) {
                if (strchr("@()\\[]\";:<>, ", text[i]) || (unsigned char)text[i] < 0x21 ||
                    (unsigned char)text[i] > 0x7e)
                        return arena_printf(a, "\"%s\" has a character that mailNickname does not allow",
                                            str_safe(a, text, p.n));
        }
        chars = at->max_chars && p.n > at->max_chars ? str_chars(text) : 0;
        if (chars > at->max_chars)
                return arena_printf(a, "it has %zu characters, Microsoft Graph takes %u", chars,
                                    at->max_chars);
        return NULL;
}

/**
 * target_value_check() - may this value be sent?
 * @a: for the text of the answer
 *
 * Return: NULL if it may; else why not, a sentence that follows the attribute's name in a report.
 */
const char *target_value_check(const TargetAttribute *at, Value v, Arena *a)
{
        char buf[32];
        bool b;
        Part p;

        if (at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE || value_is_none(v))
                return NULL;
        if (at->kind == TARGET_BOOL)
                return bool_of(first_of(v), &b) ? NULL : "it is neither true nor false";
        if (at->kind == TARGET_TIME && !target_time_text(first_of(v), buf))
                return "it is not a time, such as 2026-11-22T08:31:15Z";
        if (v.type == VALUE_LIST && v.n > 1 && at->kind != TARGET_TEXTS)
                return arena_printf(a, "it has %u values, Microsoft Graph takes one", v.n);
        for (size_t i = 0; i < value_count(v); ++i) {
                Value one = value_at(v, i);
                const char *why;

                if (!part_of(at, one, buf, &p))
                        return arena_printf(a, "it is of type %s, Microsoft Graph takes a text",
                                            value_type_name(one));
                why = check_part(at, p, a);
                if (why)
                        return why;
        }
        return NULL;
}
