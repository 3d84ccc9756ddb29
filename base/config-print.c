/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-unit.h"
#include "base/config-value.h"
#include "base/config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistr.h>

/* Where the next line begins: so many spaces, and "- " in front of the first key of an item. */
typedef struct Margin {
        unsigned indent;
        bool dash;
} Margin;

static void begin_line(Margin *m, Str *out)
{
        for (unsigned i = 0; i + (m->dash ? 2 : 0) < m->indent; i++)
                str_add_char(out, ' ');
        if (m->dash)
                str_add(out, "- ");
        m->dash = false;
}

/* The key has a meaning: the choice that it depends on has one of the right values. */
static bool is_allowed(const ConfigField *fields, const ConfigField *f, const char *base)
{
        const ConfigField *tag;
        int choice;

        if (!f->tag)
                return true;
        tag = config_find_field(fields, f->tag);
        assert(tag);
        choice = *(const int *)(const void *)(base + tag->offset);
        return is_allowed(fields, tag, base) && (f->only_if & (uint32_t)1 << choice);
}

/* Without quotes only what no reader of YAML takes for anything but a text. */
static bool is_plain(const char *text)
{
        static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
        static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/_";
        static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/_0123456789.-+@:";
        size_t n = strlen(text);

        if (n == 0 || !strchr(first, *text) || strspn(text, rest) != n || text[n - 1] == ':')
                return false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                if (str_is_nocase(text, words[i]))
                        return false;
        }
        return true;
}

/* Characters that end a line, hide, or reorder others are written as escapes; the rest of Unicode is shown.
 */
static bool is_shown(ucs4_t c)
{
        if (c < 0x20 || (c >= 0x7f && c <= 0xa0))
                return false;
        if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f))
                return false;
        return c != 0xfeff && (c < 0xfff0 || c > 0xffff) && (c < 0xe0000 || c > 0xe007f);
}

static void print_text(const char *text, Str *out)
{
        size_t n = strlen(text);

        if (is_plain(text)) {
                str_add(out, text);
                return;
        }
        str_add_char(out, '"');
        for (size_t at = 0; at < n;) {
                ucs4_t c;
                int len = u8_mbtoucr(&c, (const uint8_t *)text + at, n - at);

                if (len <= 0) { /* not from a file: those are UTF-8 */
                        c = 0xfffd;
                        len = 1;
                }
                if (c == '"' || c == '\\')
                        str_printf(out, "\\%c", (char)c);
                else if (c == '\n')
                        str_add(out, "\\n");
                else if (is_shown(c))
                        str_add_n(out, text + at, (size_t)len);
                else if (c < 0x100)
                        str_printf(out, "\\x%02X", (unsigned)c);
                else if (c < 0x10000)
                        str_printf(out, "\\u%04X", (unsigned)c);
                else
                        str_printf(out, "\\U%08X", (unsigned)c);
                at += (size_t)len;
        }
        str_add_char(out, '"');
}

static void print_scalar(const ConfigField *f, ConfigType type, const void *field, Str *out)
{
        const char *text;

        switch (type) {
        case CONFIG_TEXT:
        case CONFIG_PATH:
        case CONFIG_SECRET:
        case CONFIG_DN:
                text = *(const char *const *)field;
                if (text)
                        print_text(text, out);
                else
                        str_add(out, "null");
                break;
        case CONFIG_INT:
                str_printf(out, "%" PRId64, *(const int64_t *)field);
                break;
        case CONFIG_NUMBER:
                config_format_number(*(const double *)field, out);
                break;
        case CONFIG_BOOL:
                str_add(out, *(const bool *)field ? "true" : "false");
                break;
        case CONFIG_DURATION:
                config_format_duration(*(const int64_t *)field, out);
                break;
        case CONFIG_SIZE:
                config_format_size(*(const int64_t *)field, out);
                break;
        case CONFIG_PERCENT:
                config_format_percent(*(const double *)field, out);
                break;
        case CONFIG_CHOICE:
                print_text(f->choices[*(const int *)field], out);
                break;
        case CONFIG_LIST:
        case CONFIG_MAP:
        case CONFIG_MAP_OPTIONAL:
                assert(!"not a scalar");
        }
}

static void print_map(const ConfigField *fields, const void *config, Margin m, Str *out);

static bool has_keys(const ConfigField *fields, const char *base)
{
        for (const ConfigField *f = fields; f->name; f++) {
                if (is_allowed(fields, f, base))
                        return true;
        }
        return false;
}

static void print_list(const ConfigField *f, const ConfigList *list, unsigned indent, Str *out)
{
        size_t size = f->item == CONFIG_MAP ? f->size : config_type_size(f->item);

        if (list->n_items == 0) {
                str_add(out, " []\n");
                return;
        }
        str_add_char(out, '\n');
        for (size_t i = 0; i < list->n_items; i++) {
                const char *item = (const char *)list->items + i * size;
                Margin m = { .indent = indent + 4, .dash = true };

                if (f->item == CONFIG_MAP && has_keys(f->fields, item)) {
                        print_map(f->fields, item, m, out);
                        continue;
                }
                begin_line(&m, out);
                if (f->item == CONFIG_MAP)
                        str_add(out, "{}");
                else
                        print_scalar(f, f->item, item, out);
                str_add_char(out, '\n');
        }
}

static void print_submap(const ConfigField *f, const void *map, unsigned indent, Str *out)
{
        if (!map) {
                str_add(out, " null\n");
        } else if (!has_keys(f->fields, map)) {
                str_add(out, " {}\n");
        } else {
                str_add_char(out, '\n');
                print_map(f->fields, map, (Margin){ .indent = indent + 2 }, out);
        }
}

static void print_map(const ConfigField *fields, const void *config, Margin m, Str *out)
{
        const char *base = config;

        for (const ConfigField *f = fields; f->name; f++) {
                const void *field = base + f->offset;

                if (!is_allowed(fields, f, base))
                        continue;
                begin_line(&m, out);
                str_printf(out, "%s:", f->name);
                if (f->type == CONFIG_LIST) {
                        print_list(f, field, m.indent, out);
                } else if (f->type == CONFIG_MAP) {
                        print_submap(f, field, m.indent, out);
                } else if (f->type == CONFIG_MAP_OPTIONAL) {
                        print_submap(f, *(const void *const *)field, m.indent, out);
                } else {
                        str_add_char(out, ' ');
                        /* Nothing was given, and there is no default: 0 stands for that, and is no value. */
                        if (config_in_range(f, f->type, field))
                                print_scalar(f, f->type, field, out);
                        else
                                str_add(out, "null");
                        str_add_char(out, '\n');
                }
        }
}

/**
 * config_print() - the effective values as YAML
 *
 * What is printed is read back as the same values; secrets appear as the paths of their files.
 */
void config_print(const ConfigField *fields, const void *config, Str *out)
{
        print_map(fields, config, (Margin){ 0 }, out);
}

bool config_is_same(const ConfigField *fields, const void *a, const void *b)
{
        Str x, y;
        bool same;

        str_init(&x, SIZE_MAX);
        str_init(&y, SIZE_MAX);
        config_print(fields, a, &x);
        config_print(fields, b, &y);
        same = x.n == y.n && memcmp(x.data, y.data, x.n) == 0;
        str_deinit(&x);
        str_deinit(&y);
        return same;
}
