/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/schema.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/target/schema-rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct TargetSchema {
        const TargetAttribute *users, *groups;
        size_t n_users, n_groups;
};

/* In the order of target_extension_kinds. */
static const TargetAttributeKind extension_kinds[] = { TARGET_TEXT, TARGET_TEXTS, TARGET_BOOL, TARGET_INTEGER,
                                                       TARGET_TIME };

const char *const target_extension_kinds[] = { "text", "texts", "bool", "integer", "time", NULL };

/* "String: 256 characters at most" (extensionProperty). */
#define EXTENSION_CHARS 256

const char *target_extension_check(const char *property)
{
        static const char start[] = "extension_";
        const char *id = property + strlen(start), *name = id + 33;

        if (!str_starts(property, start) || strlen(property) < strlen(start) + 34 ||
            strspn(id, "0123456789abcdefABCDEF") != 32 || id[32] != '_')
                return "it has the form extension_ID_NAME, ID being the 32 hexadecimal digits of the "
                       "application's id";
        for (const char *c = name; *c; ++c) {
                if (!isalnum((unsigned char)*c) && *c != '_')
                        return "its name consists of letters, digits and _";
        }
        return NULL;
}

static int compare_rows(const void *a, const void *b)
{
        return strcmp(((const TargetAttribute *)a)->name, ((const TargetAttribute *)b)->name);
}

static const TargetAttribute *merged(Arena *a, int of, const TargetExtension *list, size_t n,
                                     const TargetAttribute *rows, size_t n_rows, size_t *ret_n)
{
        TargetAttribute *all = arena_new_array(a, TargetAttribute, n_rows + n);
        size_t n_all = n_rows;

        memcpy(all, rows, n_rows * sizeof(*all));
        for (size_t i = 0; i < n; ++i) {
                if (list[i].of == of)
                        all[n_all++] = (TargetAttribute){
                                .type = of ? "group" : "user",
                                .name = list[i].property,
                                .property = list[i].property,
                                .kind = extension_kinds[list[i].kind],
                                .max_chars = EXTENSION_CHARS,
                                .writable = true,
                        };
        }
        qsort(all, n_all, sizeof(*all), compare_rows);
        *ret_n = n_all;
        return all;
}

const TargetSchema *target_schema_new(Arena *a, const TargetExtension *extensions, size_t n)
{
        TargetSchema *s = arena_new_of(a, TargetSchema);

        s->users = merged(a, 0, extensions, n, schema_user_rows, schema_n_user_rows, &s->n_users);
        s->groups = merged(a, 1, extensions, n, schema_group_rows, schema_n_group_rows, &s->n_groups);
        return s;
}

/**
 * target_attributes() - all rows of a type, sorted by name
 *
 * Return: the rows; NULL for a type that is not exported.
 */
const TargetAttribute *target_attributes(const TargetSchema *s, const char *type, size_t *ret_n)
{
        if (str_is(type, "user")) {
                *ret_n = s ? s->n_users : schema_n_user_rows;
                return s ? s->users : schema_user_rows;
        }
        if (str_is(type, "group")) {
                *ret_n = s ? s->n_groups : schema_n_group_rows;
                return s ? s->groups : schema_group_rows;
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
const TargetAttribute *target_attribute(const TargetSchema *s, const char *type, const char *name)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(s, type, &n);

        return rows && name ? bsearch(name, rows, n, sizeof(*rows), compare_name) : NULL;
}

/**
 * target_attribute_of_property() - the row of a Graph property
 *
 * Return: the row, or NULL.
 */
const TargetAttribute *target_attribute_of_property(const TargetSchema *s, const char *type,
                                                    const char *property)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(s, type, &n);

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

/* "20261122083115.0Z", as Active Directory has it (RFC 4517, 3.3.13). */
static bool generalized_time(const char *s, Wall *ret)
{
        char text[32];

        if (strlen(s) < 15 || strspn(s, "0123456789") != 14 || s[strlen(s) - 1] != 'Z')
                return false;
        snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s, s + 4, s + 6, s + 8, s + 10,
                 s + 12);
        return wall_parse(text, ret);
}

bool target_time_text(Value v, char *buf)
{
        char text[WALL_TEXT_MAX];
        Wall t;

        if (v.type == VALUE_TIME || v.type == VALUE_INT)
                t.ms = (v.i - FILETIME_OF_1970) / 10000;
        else if (v.type != VALUE_STRING || (!wall_parse(v.s, &t) && !generalized_time(v.s, &t)))
                return false;
        wall_format(t, text);
        snprintf(buf, 32, "%.*sZ", (int)strcspn(text, ".Z"), text);
        return true;
}

bool target_integer(Value v, int64_t *ret)
{
        if (v.type == VALUE_INT) {
                *ret = v.i;
                return true;
        }
        return v.type == VALUE_STRING && str_to_int64(v.s, ret);
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

static const char *check_part(const TargetAttribute *at, Part p, Arena *a, const char **ret_code)
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
        if (chars > at->max_chars) {
                *ret_code = "ExceededAllowedLength";
                return arena_printf(a, "it has %zu characters, Microsoft Graph takes %u", chars,
                                    at->max_chars);
        }
        return NULL;
}

/**
 * target_value_check() - may this value be sent?
 * @a: for the text of the answer
 *
 * Return: NULL if it may; else why not, a sentence that follows the attribute's name in a report.
 */
const char *target_value_check(const TargetAttribute *at, Value v, Arena *a, const char **ret_code)
{
        const char *ignored = NULL, **code = ret_code ? ret_code : &ignored;
        char buf[32];
        int64_t number;
        bool b;
        Part p;

        *code = "DataValidationFailed";
        if (at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE || value_is_none(v))
                return NULL;
        if (at->kind == TARGET_BOOL)
                return bool_of(first_of(v), &b) ? NULL : "it is neither true nor false";
        if (at->kind == TARGET_INTEGER && !target_integer(first_of(v), &number))
                return "it is not a number";
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
                why = check_part(at, p, a, code);
                if (why)
                        return why;
        }
        return NULL;
}
