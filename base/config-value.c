/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-value.h"

#include "base/config-unit.h"
#include "base/suggest.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t config_type_size(ConfigType type)
{
        switch (type) {
        case CONFIG_TEXT:
        case CONFIG_PATH:
        case CONFIG_SECRET:
        case CONFIG_DN:
                return sizeof(const char *);
        case CONFIG_INT:
        case CONFIG_DURATION:
        case CONFIG_SIZE:
                return sizeof(int64_t);
        case CONFIG_NUMBER:
        case CONFIG_PERCENT:
                return sizeof(double);
        case CONFIG_BOOL:
                return sizeof(bool);
        case CONFIG_CHOICE:
                return sizeof(int);
        case CONFIG_LIST:
                return sizeof(ConfigList);
        case CONFIG_MAP:
        case CONFIG_MAP_OPTIONAL:
                break;
        }
        return 0;
}

void config_choices(const char *const *choices, uint32_t only, Str *out)
{
        size_t n = 0, last = 0;

        for (size_t i = 0; choices[i]; i++) {
                assert(i < 32);
                if (only & (uint32_t)1 << i)
                        last = i;
        }
        for (size_t i = 0; choices[i]; i++) {
                if (!(only & (uint32_t)1 << i))
                        continue;
                if (n++)
                        str_add(out, i == last ? " or " : ", ");
                str_add(out, choices[i]);
        }
}

/* min and max are in seconds for a duration, else in the unit of the value. */
static void add_bound(ConfigType type, double v, Str *out)
{
        if (type == CONFIG_DURATION)
                config_format_duration((int64_t)llround(v * 1e6), out);
        else if (type == CONFIG_SIZE)
                config_format_size((int64_t)v, out);
        else
                config_format_number(v, out);
}

static bool has_range(const ConfigField *f, ConfigType type)
{
        return (type == CONFIG_INT || type == CONFIG_NUMBER || type == CONFIG_DURATION ||
                type == CONFIG_SIZE) &&
               (f->min != 0 || f->max != 0);
}

static void add_range(const ConfigField *f, ConfigType type, Str *out)
{
        bool lower, upper;

        if (!has_range(f, type))
                return;
        lower = isfinite(f->min);
        upper = isfinite(f->max);
        if (lower && upper) {
                str_add(out, " from ");
                add_bound(type, f->min, out);
                str_add(out, " to ");
                add_bound(type, f->max, out);
        } else if (lower) {
                str_add(out, " of at least ");
                add_bound(type, f->min, out);
        } else if (upper) {
                str_add(out, " of at most ");
                add_bound(type, f->max, out);
        }
}

void config_expected(const ConfigField *f, ConfigType type, Str *out)
{
        switch (type) {
        case CONFIG_TEXT:
                str_add(out, "a text");
                break;
        case CONFIG_PATH:
                str_add(out, "a path");
                break;
        case CONFIG_SECRET:
                str_add(out, "the path of a file with the secret");
                break;
        case CONFIG_DN:
                str_add(out, "a distinguished name");
                break;
        case CONFIG_INT:
                str_add(out, "a whole number");
                break;
        case CONFIG_NUMBER:
                str_add(out, "a number");
                break;
        case CONFIG_BOOL:
                str_add(out, "true or false");
                break;
        case CONFIG_DURATION:
                str_add(out, "a duration");
                break;
        case CONFIG_SIZE:
                str_add(out, "a size");
                break;
        case CONFIG_PERCENT:
                str_add(out, "a percentage from 0% to 100%");
                break;
        case CONFIG_CHOICE:
                config_choices(f->choices, UINT32_MAX, out);
                break;
        case CONFIG_LIST:
                str_add(out, "a list");
                break;
        case CONFIG_MAP:
        case CONFIG_MAP_OPTIONAL:
                str_add(out, "a mapping");
                break;
        }
        add_range(f, type, out);
        if (type == CONFIG_DURATION && !has_range(f, type))
                str_add(out, " such as 500ms, 2s, 5m, 1h or 30d");
        else if (type == CONFIG_SIZE && !has_range(f, type))
                str_add(out, " such as 100kB, 64MiB or 2GiB");
}

static double as_double(ConfigType type, const void *field)
{
        if (type == CONFIG_NUMBER)
                return *(const double *)field;
        if (type == CONFIG_DURATION)
                return (double)*(const int64_t *)field / 1e6;
        return (double)*(const int64_t *)field;
}

bool config_in_range(const ConfigField *f, ConfigType type, const void *field)
{
        double v;

        if (!has_range(f, type))
                return true;
        v = as_double(type, field);
        return v >= f->min && v <= f->max;
}

/* "found" is wrong in the way that "problem" says; then what was expected, in the same words as the help. */
static bool refuse(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                   const ConfigNode *node, const char *problem)
{
        Str expected;

        str_init(&expected, 1024);
        config_expected(f, type, &expected);
        config_finding(r, node, path, "%s %s; expected %s", config_quote(r, node->text, node->n), problem,
                       expected.data);
        str_deinit(&expected);
        return false;
}

static bool refuse_unit(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                        const ConfigNode *node, ConfigUnitResult result)
{
        static const char *const nouns[] = {
                [CONFIG_NUMBER] = "is not a number",
                [CONFIG_DURATION] = "is not a duration",
                [CONFIG_SIZE] = "is not a size",
                [CONFIG_PERCENT] = "is not a percentage",
        };

        if (result == CONFIG_UNIT_MISSING)
                return refuse(r, path, f, type, node, "has no unit");
        if (result == CONFIG_UNIT_RANGE)
                return refuse(r, path, f, type, node, "is too large or has too many digits");
        return refuse(r, path, f, type, node, nouns[type]);
}

/* A relative path counts from the folder of the file that names it, not from where the program was started.
 */
static const char *resolve_path(const ConfigReader *r, const char *text)
{
        if (*text == '/' || !*r->doc->folder)
                return arena_strdup(r->a, text);
        return arena_printf(r->a, "%s%s", r->doc->folder, text);
}

static bool has_control(const char *text)
{
        for (; *text; text++) {
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        return true;
        }
        return false;
}

static bool set_text(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                     const ConfigNode *node, const char **out)
{
        if (strlen(node->text) != node->n)
                return refuse(r, path, f, type, node, "has a NUL character");
        if (type == CONFIG_TEXT) {
                if (f->required && !*node->text)
                        return refuse(r, path, f, type, node, "is empty");
                *out = node->text;
                return true;
        }
        if (has_control(node->text))
                return refuse(r, path, f, type, node, "has a control character");
        if (type == CONFIG_DN) {
                _cleanup_(diag_deinit) Diag why = DIAG_INIT;

                if (r->hooks && r->hooks->check_dn && !r->hooks->check_dn(node->text, &why)) {
                        config_finding(r, node, path, "%s is not a distinguished name: %s",
                                       config_quote(r, node->text, node->n), diag_text(&why));
                        return false;
                }
                *out = node->text;
                return true;
        }
        if (!*node->text)
                return refuse(r, path, f, type, node, "is empty");
        *out = resolve_path(r, node->text);
        return true;
}

static bool set_choice(ConfigReader *r, const ConfigPath *path, const ConfigField *f, const ConfigNode *node,
                       int *out)
{
        for (int i = 0; f->choices[i]; i++) {
                if (strlen(f->choices[i]) == node->n && memcmp(f->choices[i], node->text, node->n) == 0) {
                        *out = i;
                        return true;
                }
        }
        return refuse(r, path, f, CONFIG_CHOICE, node, "is not one of the choices");
}

static bool set_number(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                       const ConfigNode *node, void *out)
{
        ConfigUnitResult result = CONFIG_UNIT_OK;
        union {
                int64_t i;
                double d;
        } v = { 0 };

        switch (type) {
        case CONFIG_INT:
                if (!str_to_int64(node->text, &v.i))
                        return refuse(r, path, f, type, node, "is not a whole number");
                break;
        case CONFIG_NUMBER:
                result = config_parse_number(node->text, &v.d);
                break;
        case CONFIG_PERCENT:
                result = config_parse_percent(node->text, &v.d);
                break;
        case CONFIG_DURATION:
                result = config_parse_duration(node->text, &v.i);
                break;
        case CONFIG_SIZE:
                result = config_parse_size(node->text, &v.i);
                break;
        default:
                assert(!"not a number");
        }
        if (result != CONFIG_UNIT_OK)
                return refuse_unit(r, path, f, type, node, result);
        if (!config_in_range(f, type, &v))
                return refuse(r, path, f, type, node, "is out of range");
        memcpy(out, &v, config_type_size(type));
        return true;
}

bool config_set_scalar(ConfigReader *r, const ConfigPath *path, const ConfigField *f, ConfigType type,
                       const ConfigNode *node, void *out)
{
        switch (type) {
        case CONFIG_TEXT:
        case CONFIG_PATH:
        case CONFIG_SECRET:
        case CONFIG_DN:
                return set_text(r, path, f, type, node, out);
        case CONFIG_CHOICE:
                return set_choice(r, path, f, node, out);
        case CONFIG_BOOL:
        case CONFIG_INT:
        case CONFIG_NUMBER:
                if (!node->plain)
                        return refuse(r, path, f, type, node, "is in quotes, and so a text");
                if (type != CONFIG_BOOL)
                        return set_number(r, path, f, type, node, out);
                if (!str_is(node->text, "true") && !str_is(node->text, "false"))
                        return refuse(r, path, f, type, node, "is neither");
                *(bool *)out = *node->text == 't';
                return true;
        case CONFIG_DURATION:
        case CONFIG_SIZE:
        case CONFIG_PERCENT:
                if (strlen(node->text) != node->n)
                        return refuse(r, path, f, type, node, "has a NUL character");
                return set_number(r, path, f, type, node, out);
        case CONFIG_LIST:
        case CONFIG_MAP:
        case CONFIG_MAP_OPTIONAL:
                break;
        }
        assert(!"not a scalar");
        return false;
}

const ConfigField *config_find_field(const ConfigField *fields, const char *name)
{
        while (fields->name && !str_is(fields->name, name))
                fields++;
        return fields->name ? fields : NULL;
}

const char *config_suggest(const ConfigField *fields, const char *word)
{
        Suggest s;

        suggest_init(&s, word);
        for (; fields->name; fields++)
                suggest_offer(&s, fields->name);
        return s.found;
}
